// Ponder indexes a counter on the devnet: events, reads at their blocks, calls by traces; what was and what comes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createPublicClient, createWalletClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { artifact, endpoint, KEYS, run, version } from "../steps.mjs";

const url = endpoint();
const { abi, bytecode } = artifact("Counter");
const account = privateKeyToAccount(KEYS[1]);
const open = createPublicClient({ transport: http(url), pollingInterval: 50 });
const wallet = createWalletClient({ transport: http(url), account });
const folder = mkdtempSync(join(tmpdir(), "ponder-"));
let counter;
let ponder;
let site;
process.on("exit", () => {
  ponder?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const mined = async (hash) => {
  const receipt = await open.waitForTransactionReceipt({ hash: await hash });
  assert.equal(receipt.status, "success");
  return receipt;
};
const increment = () => mined(wallet.writeContract({ address: counter, abi, functionName: "increment", chain: null }));
const freePort = () => new Promise((found) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => found(port));
  });
});

/** The steps that are indexed, once there are so many. */
async function steps(kind, count) {
  const query = `{ steps(where: { kind: "${kind}" }, orderBy: "block", limit: 1000) { items { block by number } } }`;
  for (let tries = 0; ; tries += 1) {
    try {
      const answer = await fetch(`${site}/graphql`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query }) });
      const { data } = await answer.json();
      if (data?.steps.items.length >= count) return data.steps.items;
    } catch { /* It is not there yet. */ }
    assert.ok(tries < 250, `no ${count} steps of kind ${kind}`);
    await new Promise((next) => setTimeout(next, 200));
  }
}

await run("ponder", version("ponder", "ponder/"), [
  ["a counter with a past", async () => {
    counter = (await mined(wallet.deployContract({ abi, bytecode, chain: null }))).contractAddress;
    for (let count = 0; count < 5; count += 1) await increment();
  }],
  ["ponder starts", async () => {
    const port = await freePort();
    site = `http://127.0.0.1:${port}`;
    const cwd = fileURLToPath(new URL(".", import.meta.url));
    const program = fileURLToPath(new URL("node_modules/ponder/dist/esm/bin/ponder.js", import.meta.url));
    const env = { ...process.env, DEVNET_URL: url, COUNTER: counter, INDEX_FOLDER: folder, PONDER_TELEMETRY_DISABLED: "true", DATABASE_URL: "" };
    ponder = spawn(process.execPath, [program, "dev", "--disable-ui", "--port", String(port), "--hostname", "127.0.0.1"], { cwd, env, stdio: ["ignore", 2, 2] });
    await steps("event", 1);
  }],
  ["events of the past, each with the number at its block", async () => {
    const events = await steps("event", 5);
    assert.deepEqual(events.map((event) => event.number), ["1", "2", "3", "4", "5"]);
    assert.ok(events.every((event) => event.by === account.address.toLowerCase()));
  }],
  ["calls, by traces", async () => {
    const calls = await steps("call", 5);
    assert.equal(calls.length, 5);
  }],
  ["events that come", async () => {
    await increment();
    await increment();
    const events = await steps("event", 7);
    assert.deepEqual(events.at(-1).number, "7");
  }],
  ["calls that come", async () => {
    assert.equal((await steps("call", 7)).length, 7);
  }],
]);
