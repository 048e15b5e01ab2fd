// anvil as the other end: the devnet as a fork of anvil, anvil as a fork of the devnet, dumps both ways.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createTestClient, http, publicActions, walletActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { artifact, endpoint, KEYS, run, version, within } from "../steps.mjs";

const url = endpoint();
const { abi, bytecode } = artifact("Counter");
const account = privateKeyToAccount(KEYS[0]);
const running = [];

/** anvil on a port of its own. */
async function anvil(...args) {
  const machine = process.arch === "x64" ? "amd64" : process.arch;
  const file = fileURLToPath(new URL(`node_modules/@foundry-rs/anvil-${process.platform}-${machine}/bin/anvil`, import.meta.url));
  // Packages are installed without their scripts.
  chmodSync(file, 0o755);
  const child = spawn(file, ["--port", "0", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  let text = "";
  const listening = new Promise((resolve, reject) => {
    child.on("exit", () => reject(new Error(`anvil ended: ${text}`)));
    child.stdout.on("data", (bytes) => {
      text += bytes;
      const found = text.match(/Listening on (127\.0\.0\.1:\d+)/);
      if (found) resolve(`http://${found[1]}`);
    });
  });
  return within(20_000, "anvil", listening);
}
process.on("exit", () => running.forEach((child) => child.kill()));

const client = (url) =>
  createTestClient({ mode: "anvil", account, transport: http(url), pollingInterval: 50 }).extend(publicActions).extend(walletActions);
const ours = client(url);
let theirs;
let counter;

const mined = async (chain, hash) => {
  const receipt = await chain.waitForTransactionReceipt({ hash: await hash });
  assert.equal(receipt.status, "success");
  return receipt;
};
const write = (chain, address, functionName) => mined(chain, chain.writeContract({ address, abi, functionName, chain: null }));
const number = (chain, address, blockNumber) => chain.readContract({ address, abi, functionName: "number", blockNumber });

await run("anvil", version("@foundry-rs/anvil", "anvil/"), [
  ["a chain of anvil's", async () => {
    theirs = client(await anvil());
    counter = (await mined(theirs, theirs.deployContract({ abi, bytecode, chain: null }))).contractAddress;
    await write(theirs, counter, "increment");
    await write(theirs, counter, "increment");
    assert.equal(await number(theirs, counter), 2n);
  }],
  ["the devnet goes on from it", async () => {
    await ours.reset({ jsonRpcUrl: theirs.transport.url });
    assert.equal(await ours.getChainId(), await theirs.getChainId());
    assert.equal(await ours.getBlockNumber(), await theirs.getBlockNumber());
    assert.equal(await number(ours, counter), 2n);
    assert.equal(await ours.getTransactionCount({ address: account.address }), 3);
  }],
  ["transactions on what is there", async () => {
    const receipt = await write(ours, counter, "increment");
    assert.equal(receipt.blockNumber, (await theirs.getBlockNumber()) + 1n);
    assert.equal(await number(ours, counter), 3n);
    assert.equal(await number(theirs, counter), 2n);
    const block = await ours.getBlock({ blockNumber: receipt.blockNumber });
    assert.equal(block.parentHash, (await theirs.getBlock()).hash);
  }],
  ["its blocks, receipts and states", async () => {
    const block = await theirs.getBlock({ blockNumber: 2n, includeTransactions: true });
    assert.deepEqual(await ours.getBlock({ blockNumber: 2n, includeTransactions: true }), block);
    const hash = block.transactions[0].hash;
    assert.deepEqual(await ours.getTransactionReceipt({ hash }), await theirs.getTransactionReceipt({ hash }));
    assert.equal(await number(ours, counter, 2n), 1n);
    const proof = { address: counter, storageKeys: [], blockNumber: 3n };
    assert.deepEqual(await ours.getProof(proof), await theirs.getProof(proof));
  }],
  ["logs of both", async () => {
    const logs = await ours.getLogs({ address: counter, fromBlock: 0n });
    assert.deepEqual(logs.map((log) => log.blockNumber), [2n, 3n, 4n]);
  }],
  ["another block of it", async () => {
    await ours.reset({ jsonRpcUrl: theirs.transport.url, blockNumber: 2n });
    assert.equal(await number(ours, counter), 1n);
    await write(ours, counter, "increment");
    assert.equal(await number(ours, counter), 2n);
  }],
  ["anvil goes on from the devnet", async () => {
    await ours.reset();
    const here = (await mined(ours, ours.deployContract({ abi, bytecode, chain: null }))).contractAddress;
    await write(ours, here, "increment");
    const fork = client(await anvil("--fork-url", url));
    assert.equal(await fork.getBlockNumber(), await ours.getBlockNumber());
    assert.equal(await number(fork, here), 1n);
    await write(fork, here, "increment");
    assert.equal(await number(fork, here), 2n);
    assert.equal(await number(ours, here), 1n);
  }],
  ["anvil loads the devnet's dump", async () => {
    await ours.setBalance({ address: "0x00000000000000000000000000000000c0ffee00", value: 7n });
    const empty = client(await anvil());
    await empty.loadState({ state: await ours.dumpState() });
    assert.equal(await empty.getBalance({ address: "0x00000000000000000000000000000000c0ffee00" }), 7n);
  }],
  ["the devnet loads anvil's", async () => {
    await ours.reset();
    await ours.loadState({ state: await theirs.dumpState() });
    assert.equal(await number(ours, counter), 2n);
  }],
]);
