// Hardhat's network helpers against the devnet: run by `hardhat run`, one line for each that passed.

import assert from "node:assert/strict";
import { network } from "hardhat";

const connection = await network.create("devnet");
const { provider, networkHelpers: helpers } = connection;
const SOMEONE = "0x00000000000000000000000000000000c0ffee00";
const ask = (method, ...params) => provider.request({ method, params });
const block = () => ask("eth_getBlockByNumber", "latest", false);
const [from] = await ask("eth_accounts");
const send = () => ask("eth_sendTransaction", { from, to: SOMEONE, value: "0x1", gas: "0x5208" });

const steps = {
  mine: async () => {
    const before = Number((await block()).number);
    await helpers.mine(5);
    assert.equal(Number((await block()).number), before + 5);
  },
  mineUpTo: async () => {
    const to = Number((await block()).number) + 4;
    await helpers.mineUpTo(to);
    assert.equal(Number((await block()).number), to);
  },
  setBalance: async () => {
    await helpers.setBalance(SOMEONE, 9n);
    assert.equal(await ask("eth_getBalance", SOMEONE, "latest"), "0x9");
  },
  setCode: async () => {
    await helpers.setCode(SOMEONE, "0x6001");
    assert.equal(await ask("eth_getCode", SOMEONE, "latest"), "0x6001");
    await helpers.setCode(SOMEONE, "0x");
  },
  setNonce: async () => {
    await helpers.setNonce(SOMEONE, 11);
    assert.equal(await ask("eth_getTransactionCount", SOMEONE, "latest"), "0xb");
  },
  setStorageAt: async () => {
    await helpers.setStorageAt(SOMEONE, 3, 4);
    assert.equal(Number(await helpers.getStorageAt(SOMEONE, 3)), 4);
  },
  impersonateAccount: async () => {
    await helpers.setBalance(SOMEONE, 10n ** 18n);
    await helpers.impersonateAccount(SOMEONE);
    await ask("eth_sendTransaction", { from: SOMEONE, to: from, value: "0x1" });
  },
  stopImpersonatingAccount: async () => {
    await helpers.stopImpersonatingAccount(SOMEONE);
    await assert.rejects(ask("eth_sendTransaction", { from: SOMEONE, to: from, value: "0x1" }));
  },
  setBlockGasLimit: async () => {
    await helpers.setBlockGasLimit(14_000_000);
    await helpers.mine();
    assert.equal(Number((await block()).gasLimit), 14_000_000);
  },
  setCoinbase: async () => {
    await helpers.setCoinbase(SOMEONE);
    await helpers.mine();
    assert.equal((await block()).miner, SOMEONE);
  },
  setNextBlockBaseFeePerGas: async () => {
    await helpers.setNextBlockBaseFeePerGas(5_000_000_000n);
    await helpers.mine();
    assert.equal(Number((await block()).baseFeePerGas), 5_000_000_000);
  },
  setPrevRandao: async () => {
    await helpers.setPrevRandao(7);
    await helpers.mine();
    assert.equal(BigInt((await block()).mixHash), 7n);
  },
  dropTransaction: async () => {
    await ask("evm_setAutomine", false);
    const hash = await send();
    assert.equal(await helpers.dropTransaction(hash), true);
    await ask("evm_setAutomine", true);
  },
  takeSnapshot: async () => {
    const snapshot = await helpers.takeSnapshot();
    const before = await block();
    await helpers.mine(2);
    await snapshot.restore();
    assert.deepEqual(await block(), before);
  },
  loadFixture: async () => {
    const fixture = async () => send();
    const first = await helpers.loadFixture(fixture);
    await helpers.mine(3);
    assert.equal(await helpers.loadFixture(fixture), first);
  },
  "time.increase": async () => {
    const before = await helpers.time.latest();
    await helpers.time.increase(500);
    assert.ok((await helpers.time.latest()) >= before + 500);
  },
  "time.increaseTo, time.setNextBlockTimestamp, time.latestBlock": async () => {
    const to = (await helpers.time.latest()) + 900;
    await helpers.time.increaseTo(to);
    assert.equal(await helpers.time.latest(), to);
    await helpers.time.setNextBlockTimestamp(to + 50);
    await helpers.mine();
    assert.equal(await helpers.time.latest(), to + 50);
    assert.equal(await helpers.time.latestBlock(), Number((await block()).number));
  },
  clearSnapshots: async () => {
    await helpers.clearSnapshots();
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`passed ${name}`);
  } catch (error) {
    console.log(`failed ${name}: ${error.stack ?? error}`);
  }
}
