// Foundry's cast against the devnet: send, call, receipt, logs, balance, as a person would type them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { KEYS, artifact, endpoint, run } from "./steps.mjs";

const url = endpoint();
const program = fileURLToPath(new URL("node_modules/@foundry-rs/cast/bin.mjs", import.meta.url));
const ME = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"; // KEYS[3]
const SOMEONE = "0x00000000000000000000000000000000c0FFEE00";
const MOST = 1_000_000;
let counter;
let sent;

async function cast(...args) {
  const env = { ...process.env, ETH_RPC_URL: url, FOUNDRY_DISABLE_NIGHTLY_WARNING: "1", NO_COLOR: "1" };
  const options = { env, timeout: 15_000 };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, ...args], options);
  // The npm wrapper exits with 0 even when cast does not.
  if (stderr.includes("Error:")) throw new Error(`cast ${args.slice(0, 3).join(" ")}: ${stderr}`);
  return stdout.trim();
}

const send = async (...args) => JSON.parse(await cast("send", "--json", "--private-key", KEYS[3], ...args));

await run("cast", [
  ["chain-id, block-number, client", async () => {
    assert.match(await cast("chain-id"), /^\d+$/);
    assert.match(await cast("block-number"), /^\d+$/);
    assert.match(await cast("client"), /.+/);
    assert.ok(BigInt(await cast("gas-price")) > 0n);
  }],

  ["balance", async () => {
    assert.ok(BigInt(await cast("balance", ME)) > 9_000n * 10n ** 18n);
  }],

  ["send value", async () => {
    const before = BigInt(await cast("balance", SOMEONE));
    const receipt = await send(SOMEONE, "--value", "1.5ether");
    assert.deepEqual([receipt.status, BigInt(receipt.gasUsed)], ["0x1", 21_000n]);
    assert.equal(BigInt(await cast("balance", SOMEONE)) - before, 15n * 10n ** 17n);
  }],

  ["send --create", async () => {
    const receipt = await send("--create", artifact("Counter").bytecode);
    assert.equal(receipt.status, "0x1");
    counter = receipt.contractAddress;
    assert.equal(await cast("code", counter), artifact("Counter").deployedBytecode);
  }],

  ["send and call", async () => {
    sent = await send(counter, "increment()");
    assert.equal(sent.logs.length, 1);
    assert.equal(await cast("call", counter, "number()(uint256)"), "1");
    assert.equal(BigInt(await cast("storage", counter, "0")), 1n);
    assert.ok(Number(await cast("estimate", counter, "increment()", "--from", ME)) > 21_000);
  }],

  ["receipt and tx", async () => {
    const receipt = JSON.parse(await cast("receipt", "--json", sent.transactionHash));
    assert.deepEqual([receipt.status, receipt.to], ["0x1", counter.toLowerCase()]);
    assert.equal(await cast("receipt", sent.transactionHash, "blockNumber"), String(Number(sent.blockNumber)));
    assert.equal(await cast("tx", sent.transactionHash, "input"), "0xd09de08a");
    assert.equal(await cast("block", String(Number(sent.blockNumber)), "-f", "hash"), sent.blockHash);
  }],

  ["logs", async () => {
    const from = ["--from-block", "0", "--address", counter, "--json"];
    const logs = JSON.parse(await cast("logs", ...from, "Incremented(address indexed,uint256)"));
    assert.deepEqual(logs.map(({ transactionHash }) => transactionHash), [sent.transactionHash]);
    assert.equal(BigInt(logs[0].data), 1n);
    assert.deepEqual(JSON.parse(await cast("logs", ...from, "Set(address indexed,uint256,uint256)")), []);
  }],

  ["reverts are shown", async () => {
    await assert.rejects(cast("call", counter, "set(uint256)", String(MOST + 1)), /execution reverted.*677fd0e3/);
    await assert.rejects(cast("call", counter, "divide(uint256)", "0"), /panic|division/i);
  }],
]);
