// Hardhat 3 against the devnet: build, run a script, deploy, write, read, events, reverts, a fork.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { KEYS, artifact, endpoint, run, version } from "../steps.mjs";

const url = endpoint();
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const project = path("../../../target/clients/hardhat");
Object.assign(process.env, { DEVNET_URL: url, DEVNET_KEY: KEYS[4], HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", HARDHAT_IGNITION_CONFIRM_DEPLOYMENT: "false" });

async function hardhat(...args) {
  const command = ["node_modules/hardhat/dist/src/cli.js", ...args];
  const options = { cwd: project, timeout: 50_000 };
  const { stdout } = await promisify(execFile)(process.execPath, command, options);
  return stdout;
}

let hre;
let viem;
let counter;
let open;

await run("hardhat", version("hardhat", "hardhat/"), [
  ["build with the pinned solc", async () => {
    for (const folder of ["contracts", "scripts"]) mkdirSync(`${project}/${folder}`, { recursive: true });
    rmSync(`${project}/node_modules`, { recursive: true, force: true });
    symlinkSync(path("node_modules"), `${project}/node_modules`, "dir");
    for (const name of ["package.json", "hardhat.config.js"]) copyFileSync(path(name), `${project}/${name}`);
    for (const name of ["deploy.mjs", "helpers.mjs"]) copyFileSync(path(name), `${project}/scripts/${name}`);
    copyFileSync(path("../../../solidity_fixtures/contracts/Counter.sol"), `${project}/contracts/Counter.sol`);
    await hardhat("build");
    assert.ok(existsSync(`${project}/artifacts/contracts/Counter.sol/Counter.json`));
  }],

  ["run a script on the devnet", async () => {
    assert.match(await hardhat("run", "scripts/deploy.mjs", "--network", "devnet"), /deployed 0x[0-9a-f]{40} with 40/i);
  }],

  ["deploy by Ignition", async () => {
    rmSync(`${project}/ignition`, { recursive: true, force: true });
    mkdirSync(`${project}/ignition/modules`, { recursive: true });
    copyFileSync(path("ignition.mjs"), `${project}/ignition/modules/Counting.js`);
    const flags = ["--network", "devnet", "--build-profile", "default"];
    const printed = await hardhat("ignition", "deploy", "ignition/modules/Counting.js", ...flags);
    assert.match(printed, /Counting#Counter - 0x[0-9a-f]{40}/i);
  }],

  ["connect", async () => {
    process.chdir(project);
    // Hardhat's own copy of itself, as its scripts see it.
    hre = (await import(pathToFileURL(`${project}/node_modules/hardhat/dist/src/index.js`))).default;
    ({ viem } = await hre.network.create("signing"));
    open = await viem.getPublicClient();
    const { bytecode } = await hre.artifacts.readArtifact("Counter");
    assert.equal(bytecode, artifact("Counter").bytecode);
    const [wallet] = await viem.getWalletClients();
    assert.equal(wallet.account.address, "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65");
  }],

  ["deploy, write, read", async () => {
    counter = await viem.deployContract("Counter");
    const hash = await counter.write.increment();
    const receipt = await open.waitForTransactionReceipt({ hash });
    assert.deepEqual([receipt.status, receipt.logs.length], ["success", 1]);
    assert.equal(await counter.read.number(), 1n);
    assert.equal(await open.getCode({ address: counter.address }), artifact("Counter").deployedBytecode);
  }],

  ["events and errors", async () => {
    await open.waitForTransactionReceipt({ hash: await counter.write.set([7n]) });
    const [event] = await counter.getEvents.Set({}, { fromBlock: 0n });
    assert.deepEqual([event.args.from, event.args.to], [1n, 7n]);
    await assert.rejects(counter.write.set([1_000_001n]), /TooLarge/);
    await assert.rejects(counter.read.divide([0n]), /division|Panic|0x12/i);
  }],

  ["the node's accounts", async () => {
    const { viem: remote } = await hre.network.create("devnet");
    const wallets = await remote.getWalletClients();
    assert.equal(wallets.length, 10);
    const mine = await remote.getContractAt("Counter", counter.address, { client: { wallet: wallets[5] } });
    const receipt = await open.waitForTransactionReceipt({ hash: await mine.write.increment() });
    assert.equal(receipt.from, wallets[5].account.address);
    assert.equal(await counter.read.number(), 8n);
  }],

  ["raw requests", async () => {
    const { provider } = await hre.network.create("devnet");
    assert.match(await provider.request({ method: "web3_clientVersion" }), /.+/);
    const filter = await provider.request({ method: "eth_newBlockFilter" });
    await open.waitForTransactionReceipt({ hash: await counter.write.increment() });
    const hashes = await provider.request({ method: "eth_getFilterChanges", params: [filter] });
    assert.ok(hashes.length >= 1);
    await assert.rejects(provider.request({ method: "no_such_method" }));
  }],

  ["the test client", async () => {
    const { viem: remote } = await hre.network.create("devnet");
    const test = await remote.getTestClient();
    const snapshot = await test.snapshot();
    const { timestamp } = await open.getBlock();
    await test.increaseTime({ seconds: 86_400 });
    await test.mine({ blocks: 1 });
    assert.ok((await open.getBlock()).timestamp >= timestamp + 86_400n);
    await test.setBalance({ address: counter.address, value: 77n });
    assert.equal(await open.getBalance({ address: counter.address }), 77n);
    await test.setNextBlockTimestamp({ timestamp: timestamp + 100_000n });
    await test.mine({ blocks: 1 });
    assert.equal((await open.getBlock()).timestamp, timestamp + 100_000n);
    await test.revert({ id: snapshot });
    assert.equal(await open.getBalance({ address: counter.address }), 0n);
  }],

  ["network helpers", async () => {
    const lines = (await hardhat("run", "--no-compile", "--network", "devnet", "scripts/helpers.mjs")).split("\n");
    assert.deepEqual(lines.filter((line) => line.startsWith("failed")), []);
    assert.equal(lines.filter((line) => line.startsWith("passed")).length, 18);
  }],

  ["a fork of the devnet", async () => {
    const { viem: forked } = await hre.network.create("fork");
    const there = await forked.getContractAt("Counter", counter.address);
    const before = await there.read.number();
    await there.write.increment();
    assert.equal(await there.read.number(), before + 1n);
    assert.equal(await counter.read.number(), before);
  }],
]);
