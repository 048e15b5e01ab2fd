// Subsquid's processor reads a counter on the devnet: logs, transactions, calls and changed slots; what was, what
// comes, and what is taken back.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createPublicClient, createWalletClient, http, numberToHex, pad } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { artifact, endpoint, KEYS, run, version } from "../steps.mjs";

const url = endpoint();
const { abi, bytecode } = artifact("Counter");
const account = privateKeyToAccount(KEYS[2]);
const open = createPublicClient({ transport: http(url), pollingInterval: 50 });
const wallet = createWalletClient({ transport: http(url), account });
const processors = [];
let counter;
const hashes = [];
process.on("exit", () => processors.forEach(({ child }) => child.kill("SIGKILL")));

const mined = async (hash) => {
  const receipt = await open.waitForTransactionReceipt({ hash: await hash });
  assert.equal(receipt.status, "success");
  return receipt;
};
async function increment() {
  const receipt = await mined(wallet.writeContract({ address: counter, abi, functionName: "increment", chain: null }));
  hashes.push(receipt.transactionHash);
}

/** A processor; what it found stands by block, the last word about a block counts. */
function start(calls) {
  const env = { ...process.env, DEVNET_URL: url, CONTRACT: counter, CALLS: calls, FORCE_PRETTY_LOGGER: "false" };
  const child = fork(fileURLToPath(new URL("processor.mjs", import.meta.url)), { env, stdio: ["ignore", 2, 2, "ipc"] });
  const found = new Map();
  child.on("message", (message) => found.set(message.block.number, message));
  const processor = { child, all: (kind) => [...found.values()].sort((a, b) => a.block.number - b.block.number).flatMap((block) => block[kind]), found };
  processors.push(processor);
  return processor;
}

/** Waits until something holds. */
async function until(what, holds) {
  for (let tries = 0; !holds(); tries += 1) {
    assert.ok(tries < 250, what);
    await new Promise((next) => setTimeout(next, 100));
  }
}

let traced;
let debugged;

await run("squid", version("@subsquid/evm-processor", "squid/"), [
  ["a counter with a past", async () => {
    counter = (await mined(wallet.deployContract({ abi, bytecode, chain: null }))).contractAddress;
    for (let count = 0; count < 5; count += 1) await increment();
  }],
  ["logs of the past", async () => {
    debugged = start("debug_traceBlockByHash");
    await until("no five logs", () => debugged.all("logs").length >= 5);
    assert.deepEqual(debugged.all("logs").map((log) => log.hash), hashes);
  }],
  ["its transactions, with their receipts", async () => {
    const transactions = debugged.all("transactions").filter((one) => hashes.includes(one.hash));
    assert.deepEqual(transactions.map((one) => [one.from, one.status]), hashes.map(() => [account.address.toLowerCase(), 1]));
    const receipt = await open.getTransactionReceipt({ hash: hashes[0] });
    assert.equal(transactions[0].gas, String(receipt.gasUsed));
  }],
  ["calls and slots, by debug_traceBlockByHash", async () => {
    assert.equal(debugged.all("calls").length, 5);
    assert.ok(debugged.all("calls").every((call) => call.from === account.address.toLowerCase()));
    const slots = debugged.all("slots").filter((slot) => slot.key.startsWith("0x"));
    assert.deepEqual(slots.at(-1).next, pad(numberToHex(5)));
  }],
  ["calls, by trace_block", async () => {
    traced = start("trace_block");
    await until("no five calls", () => traced.all("calls").length >= 5);
    assert.deepEqual(traced.all("calls").map((call) => call.sighash), debugged.all("calls").map((call) => call.sighash));
  }],
  ["what comes", async () => {
    await increment();
    await increment();
    await until("no seven logs", () => [traced, debugged].every((one) => one.all("logs").length >= 7));
  }],
  ["what is taken back", async () => {
    const tip = Number(await open.getBlockNumber());
    await open.request({ method: "anvil_reorg", params: [2, []] });
    const { hash } = await open.getBlock({ blockNumber: BigInt(tip) });
    await increment();
    await until("the old block stays", () => [traced, debugged].every((one) => one.found.get(tip)?.block.hash === hash));
  }],
]);
