// Hardhat 2 with network helpers 1 and OpenZeppelin's upgrades, as a project's scripts use them.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { endpoint, run, version } from "../steps.mjs";

process.env.DEVNET_URL = endpoint();
process.env.HARDHAT_NETWORK = "devnet";
process.env.HARDHAT_DISABLE_TELEMETRY_PROMPT = "true";
const folder = fileURLToPath(new URL(".", import.meta.url));
process.chdir(folder);
// What upgrades remembers of a chain is of this run alone.
const manifests = mkdtempSync(join(tmpdir(), "upgrades-"));
process.env.MANIFEST_DEFAULT_DIR = manifests;
process.on("exit", () => {
  rmSync(manifests, { recursive: true, force: true });
  rmSync(join(folder, ".openzeppelin"), { recursive: true, force: true });
});
const require = createRequire(import.meta.url);
const hre = require("hardhat");
const helpers = require("@nomicfoundation/hardhat-network-helpers");
const { ethers, upgrades } = hre;
const { time } = helpers;
const SOMEONE = "0x00000000000000000000000000000000C0FfeE00";
const open = ethers.provider;
let owner;
let proxy;

await run("hardhat 2", version("hardhat", "hardhat2/"), [
  ["compile", async () => {
    await hre.run("compile", { quiet: true });
    [owner] = await ethers.getSigners();
  }],
  ["a proxy is deployed", async () => {
    const box = await ethers.getContractFactory("Box");
    proxy = await upgrades.deployProxy(box, [42n]);
    await proxy.waitForDeployment();
    assert.equal(await proxy.value(), 42n);
  }],
  ["and upgraded", async () => {
    const two = await ethers.getContractFactory("BoxTwo");
    const before = await upgrades.erc1967.getImplementationAddress(await proxy.getAddress());
    const upgraded = await upgrades.upgradeProxy(proxy, two);
    await (await upgraded.increment()).wait();
    assert.equal(await upgraded.value(), 43n);
    assert.notEqual(await upgrades.erc1967.getImplementationAddress(await proxy.getAddress()), before);
  }],
  ["but not to what moves its slots", async () => {
    await assert.rejects(async () => upgrades.upgradeProxy(proxy, await ethers.getContractFactory("BoxMoved")), /not upgrade safe|incompatible/i);
  }],
  ["UUPS", async () => {
    const owned = await upgrades.deployProxy(await ethers.getContractFactory("OwnedBox"), [1n], { kind: "uups" });
    await owned.waitForDeployment();
    const two = await upgrades.upgradeProxy(owned, await ethers.getContractFactory("OwnedBoxTwo"));
    assert.equal(await two.version(), 2n);
    assert.equal(await two.owner(), owner.address);
  }],
  ["a beacon", async () => {
    const box = await ethers.getContractFactory("Box");
    const beacon = await upgrades.deployBeacon(box);
    await beacon.waitForDeployment();
    const first = await upgrades.deployBeaconProxy(beacon, box, [5n]);
    await first.waitForDeployment();
    const two = await ethers.getContractFactory("BoxTwo");
    await upgrades.upgradeBeacon(beacon, two);
    const same = two.attach(await first.getAddress());
    await (await same.increment()).wait();
    assert.equal(await same.value(), 6n);
  }],
  ["mine, mineUpTo", async () => {
    const before = await time.latestBlock();
    await helpers.mine(3, { interval: 10 });
    assert.equal(await time.latestBlock(), before + 3);
    await helpers.mineUpTo(before + 5);
    assert.equal(await time.latestBlock(), before + 5);
  }],
  ["time", async () => {
    const before = await time.latest();
    assert.equal(await time.increase(100), await time.latest());
    assert.ok((await time.latest()) >= before + 100);
    await time.increaseTo((await time.latest()) + 50);
    await time.setNextBlockTimestamp((await time.latest()) + 77);
    await helpers.mine();
    assert.ok((await time.latest()) >= before + 227);
  }],
  ["setBalance, setCode, setNonce, setStorageAt", async () => {
    await helpers.setBalance(SOMEONE, 5n);
    await helpers.setCode(SOMEONE, "0x6001");
    await helpers.setNonce(SOMEONE, 7);
    await helpers.setStorageAt(SOMEONE, 2, 9);
    assert.equal(await open.getBalance(SOMEONE), 5n);
    assert.equal(await open.getCode(SOMEONE), "0x6001");
    assert.equal(await open.getTransactionCount(SOMEONE), 7);
    assert.equal(BigInt(await helpers.getStorageAt(SOMEONE, 2)), 9n);
  }],
  ["setCoinbase, setPrevRandao, setBlockGasLimit, setNextBlockBaseFeePerGas", async () => {
    await helpers.setCoinbase(SOMEONE);
    await helpers.setPrevRandao(123);
    await helpers.setNextBlockBaseFeePerGas(2_000_000_000);
    await helpers.mine();
    const block = await open.send("eth_getBlockByNumber", ["latest", false]);
    assert.equal(block.miner, SOMEONE.toLowerCase());
    assert.equal(BigInt(block.mixHash), 123n);
    assert.equal(BigInt(block.baseFeePerGas), 2_000_000_000n);
    await helpers.setBlockGasLimit(15_000_000);
    await helpers.mine();
    assert.equal((await open.getBlock("latest")).gasLimit, 15_000_000n);
    await helpers.setBlockGasLimit(16_777_216);
  }],
  ["impersonateAccount, stopImpersonatingAccount", async () => {
    const address = "0x00000000000000000000000000000000c0ffee01";
    await helpers.impersonateAccount(address);
    await helpers.setBalance(address, ethers.parseEther("1"));
    const signer = await ethers.getSigner(address);
    await (await signer.sendTransaction({ to: SOMEONE, value: 1n, gasLimit: 50_000n })).wait();
    await helpers.stopImpersonatingAccount(address);
  }],
  ["takeSnapshot, loadFixture", async () => {
    const snapshot = await helpers.takeSnapshot();
    await helpers.setBalance(SOMEONE, 1n);
    await snapshot.restore();
    assert.notEqual(await open.getBalance(SOMEONE), 1n);
    let made = 0;
    async function fixture() {
      made += 1;
      const box = await ethers.deployContract("BoxTwo");
      await box.waitForDeployment();
      return box;
    }
    for (const expected of [1n, 1n]) {
      const box = await helpers.loadFixture(fixture);
      await (await box.increment()).wait();
      assert.equal(await box.value(), expected);
    }
    assert.equal(made, 1);
  }],
  ["dropTransaction", async () => {
    await open.send("evm_setAutomine", [false]);
    const sent = await owner.sendTransaction({ to: SOMEONE, value: 1n });
    await helpers.dropTransaction(sent.hash);
    await open.send("evm_setAutomine", [true]);
    assert.equal(await open.getTransactionReceipt(sent.hash), null);
  }],
  ["reset", async () => {
    await helpers.reset();
    assert.equal(await time.latestBlock(), 0);
  }],
]);
