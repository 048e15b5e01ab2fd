// viem's test client against the devnet: every action, in the modes of anvil and Hardhat.

import assert from "node:assert/strict";
import { createPublicClient, createTestClient, createWalletClient, http, parseEther, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { KEYS, artifact, endpoint, run, version } from "./steps.mjs";

const url = endpoint();
const { bytecode, deployedBytecode } = artifact("Counter");
const SOMEONE = "0x00000000000000000000000000000000c0ffee00";
const id = Number(await createPublicClient({ transport: http(url) }).getChainId());
const chain = {
  id, name: "devnet", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } },
};
const options = { chain, transport: http(url), pollingInterval: 50, cacheTime: 0 };
const open = createPublicClient(options);
const wallet = createWalletClient({ ...options, account: privateKeyToAccount(KEYS[0]) });

const send = (account = KEYS[1]) => createWalletClient({ ...options, account: privateKeyToAccount(account) })
  .sendTransaction({ to: SOMEONE, value: 1n, gas: 21_000n });
const included = async (hash) => (await open.getTransactionReceipt({ hash }).catch(() => undefined)) !== undefined;

function steps(mode) {
  const test = createTestClient({ ...options, mode });
  return [
    ["snapshot, revert", async () => {
      const before = await open.getBalance({ address: SOMEONE });
      const snapshot = await test.snapshot();
      await test.setBalance({ address: SOMEONE, value: parseEther("2") });
      assert.equal(await open.getBalance({ address: SOMEONE }), parseEther("2"));
      await test.revert({ id: snapshot });
      assert.equal(await open.getBalance({ address: SOMEONE }), before);
    }],
    ["mine, increaseTime, setNextBlockTimestamp", async () => {
      const before = await open.getBlock();
      await test.mine({ blocks: 3, interval: 5 });
      const after = await open.getBlock();
      assert.equal(after.number, before.number + 3n);
      await test.increaseTime({ seconds: 1_000 });
      await test.mine({ blocks: 1 });
      assert.ok((await open.getBlock()).timestamp >= after.timestamp + 1_000n);
      const next = (await open.getBlock()).timestamp + 77n;
      await test.setNextBlockTimestamp({ timestamp: next });
      await test.mine({ blocks: 1 });
      assert.equal((await open.getBlock()).timestamp, next);
    }],
    ["setAutomine, getAutomine, pool", async () => {
      await test.setAutomine(false);
      assert.equal(await test.getAutomine(), false);
      const hash = await send();
      assert.equal((await test.getTxpoolStatus()).pending, 1);
      assert.equal(Object.keys((await test.getTxpoolContent()).pending).length, 1);
      assert.equal(Object.keys((await test.inspectTxpool()).pending).length, 1);
      await test.dropTransaction({ hash });
      assert.equal((await test.getTxpoolStatus()).pending, 0);
      await test.setAutomine(true);
      assert.equal(await test.getAutomine(), true);
    }],
    ["setIntervalMining", async () => {
      // In Hardhat's mode viem sends milliseconds to a method that both have.
      await test.setIntervalMining({ interval: mode === "hardhat" ? 0.001 : 1 });
      const before = await open.getBlockNumber();
      while ((await open.getBlockNumber()) < before + 2n) await new Promise((next) => setTimeout(next, 100));
      await test.setIntervalMining({ interval: 0 });
      await test.setAutomine(true);
    }],
    ["setBlockTimestampInterval, removeBlockTimestampInterval", async () => {
      await test.setBlockTimestampInterval({ interval: 9 });
      await test.mine({ blocks: 1 });
      const before = (await open.getBlock()).timestamp;
      await test.mine({ blocks: 1 });
      assert.equal((await open.getBlock()).timestamp, before + 9n);
      await test.removeBlockTimestampInterval();
    }],
    ["setBalance, setCode, setNonce, setStorageAt", async () => {
      await test.setBalance({ address: SOMEONE, value: 5n });
      await test.setCode({ address: SOMEONE, bytecode: deployedBytecode });
      await test.setNonce({ address: SOMEONE, nonce: 7 });
      await test.setStorageAt({ address: SOMEONE, index: 2, value: toHex(42, { size: 32 }) });
      assert.equal(await open.getBalance({ address: SOMEONE }), 5n);
      assert.equal(await open.getCode({ address: SOMEONE }), deployedBytecode);
      assert.equal(await open.getTransactionCount({ address: SOMEONE }), 7);
      assert.equal(await open.getStorageAt({ address: SOMEONE, slot: toHex(2) }), toHex(42, { size: 32 }));
      await test.setCode({ address: SOMEONE, bytecode: "0x" });
    }],
    ["setCoinbase, setBlockGasLimit, setMinGasPrice, setNextBlockBaseFeePerGas", async () => {
      await test.setCoinbase({ address: SOMEONE });
      await test.setBlockGasLimit({ gasLimit: 15_000_000n });
      await test.setMinGasPrice({ gasPrice: 2_000_000_000n });
      await test.mine({ blocks: 1 });
      const block = await open.getBlock();
      assert.equal(block.miner, SOMEONE);
      assert.equal(block.gasLimit, 15_000_000n);
      assert.equal(block.baseFeePerGas, 2_000_000_000n);
      await test.setNextBlockBaseFeePerGas({ baseFeePerGas: 3_000_000_000n });
      await test.mine({ blocks: 1 });
      assert.equal((await open.getBlock()).baseFeePerGas, 3_000_000_000n);
    }],
    ["impersonateAccount, sendUnsignedTransaction", async () => {
      await test.setBalance({ address: SOMEONE, value: parseEther("1") });
      await test.impersonateAccount({ address: SOMEONE });
      const hash = await createWalletClient({ ...options, account: SOMEONE }).sendTransaction({ to: wallet.account.address, value: 1n });
      assert.ok(await included(hash));
      await test.stopImpersonatingAccount({ address: SOMEONE });
      await assert.rejects(createWalletClient({ ...options, account: SOMEONE }).sendTransaction({ to: wallet.account.address, value: 1n }));
      assert.ok(await included(await test.sendUnsignedTransaction({ from: SOMEONE, to: wallet.account.address, value: 1n })));
    }],
    ["dumpState, loadState", async () => {
      const state = await test.dumpState();
      await test.setBalance({ address: SOMEONE, value: 1n });
      await test.loadState({ state });
      assert.ok(await open.getBalance({ address: SOMEONE }) > 1n);
    }],
    ["setLoggingEnabled, setRpcUrl", async () => {
      await test.setLoggingEnabled(false);
      await test.setLoggingEnabled(true);
      await test.setRpcUrl("http://127.0.0.1:1");
    }],
    ["reset", async () => {
      assert.ok(await included(await wallet.deployContract({ abi: [], bytecode })));
      await test.reset();
      assert.equal(await open.getBlockNumber(), 0n);
      assert.ok(await included(await send()));
    }],
  ].map(([name, step]) => [`${mode}: ${name}`, step]);
}

await run("test client", version("viem"), [...steps("anvil"), ...steps("hardhat")]);
