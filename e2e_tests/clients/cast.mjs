// Foundry's cast against the devnet: send, call, receipt, logs, storage, run, as a person would type them.

import assert from "node:assert/strict";
import { program } from "./foundry.mjs";
import { KEYS, artifact, endpoint, run, version } from "./steps.mjs";

const url = endpoint();
const cast = program("cast", url);
const ME = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"; // KEYS[3]
const SOMEONE = "0x00000000000000000000000000000000c0FFEE00";
const MOST = 1_000_000;
let counter;
let sent;

const send = async (...args) => JSON.parse(await cast("send", "--json", "--private-key", KEYS[3], ...args));

await run("cast", version("@foundry-rs/cast"), [
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

  ["every type of transaction", async () => {
    const types = { "0x0": ["--legacy"], "0x1": ["--legacy", "--access-list"], "0x2": ["--priority-gas-price", "1gwei"] };
    for (const [type, flags] of Object.entries(types)) {
      const receipt = await send(counter, "increment()", ...flags);
      assert.deepEqual([receipt.type, receipt.status], [type, "0x1"]);
    }
    const receipt = await send(ME, "increment()", "--auth", counter);
    assert.equal(receipt.type, "0x4");
    assert.equal(await cast("code", ME), `0xef0100${counter.slice(2).toLowerCase()}`);
    assert.equal((await send(ME, "--auth", "0x0000000000000000000000000000000000000000")).type, "0x4");
    assert.equal(await cast("code", ME), "0x");
  }],

  ["mktx and publish", async () => {
    const raw = await cast("mktx", "--private-key", KEYS[3], counter, "increment()");
    const published = JSON.parse(await cast("publish", raw));
    assert.equal(published.transactionHash, await cast("keccak", raw));
    assert.equal(published.status, "0x1");
  }],

  ["storage, estimate, access-list, nonce", async () => {
    const number = await cast("call", counter, "number()(uint256)");
    assert.equal(BigInt(await cast("storage", counter, "0")), BigInt(number));
    assert.equal(BigInt(await cast("storage", counter, "0", "--block", String(Number(sent.blockNumber)))), 1n);
    const gas = Number(await cast("estimate", counter, "increment()", "--from", ME));
    assert.ok(gas > 21_000 && gas < 60_000, `estimated ${gas}`);
    assert.match(await cast("access-list", counter, "increment()", "--from", ME), new RegExp(counter, "i"));
    assert.ok(Number(await cast("nonce", ME)) > 5);
    assert.equal(BigInt(await cast("rpc", "--raw", "eth_getTransactionCount", `["${ME}","latest"]`).then(JSON.parse)), BigInt(await cast("nonce", ME)));
  }],

  ["run replays a transaction", async () => {
    const trace = await cast("run", sent.transactionHash);
    assert.match(trace, /Transaction successfully executed/);
    assert.match(trace, new RegExp(`Gas used: ${Number(sent.gasUsed)}`));
    const failing = ["--async", "--gas-limit", "100000", "--private-key", KEYS[3]];
    const hash = await cast("send", ...failing, counter, "set(uint256)", String(MOST + 1));
    assert.equal(JSON.parse(await cast("receipt", "--json", hash)).status, "0x0");
    assert.match(await cast("run", hash), /677fd0e3/);
  }],

  ["reverts are shown", async () => {
    await assert.rejects(cast("call", counter, "set(uint256)", String(MOST + 1)), /execution reverted.*677fd0e3/);
    await assert.rejects(cast("call", counter, "divide(uint256)", "0"), /panic|division/i);
  }],
]);
