import { onchainTable } from "ponder";

export const step = onchainTable("step", (t) => ({
  id: t.text().primaryKey(),
  kind: t.text().notNull(),
  block: t.bigint().notNull(),
  by: t.hex().notNull(),
  number: t.bigint(),
}));
