import { ponder } from "ponder:registry";
import { step } from "ponder:schema";

ponder.on("Counter:Incremented", async ({ event, context }) => {
  const number = await context.client.readContract({
    abi: context.contracts.Counter.abi, address: event.log.address, functionName: "number",
  });
  await context.db.insert(step).values({
    id: `event ${event.id}`, kind: "event", block: event.block.number, by: event.transaction.from, number: number as bigint,
  });
});

ponder.on("Counter.increment()", async ({ event, context }) => {
  await context.db.insert(step).values({
    id: `call ${event.id}`, kind: "call", block: event.block.number, by: event.trace.from, number: null,
  });
});
