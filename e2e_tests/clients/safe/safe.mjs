// Safe's protocol kit: a multisig of two of three, signed by keys and by the node, executed on the devnet.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createPublicClient, createWalletClient, http, parseEther } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { endpoint, KEYS, run, version } from "../steps.mjs";

const url = endpoint();
const require = createRequire(import.meta.url);
const kit = require("@safe-global/protocol-kit");
const Safe = kit.default;
const contract = (path) => require(`@safe-global/safe-contracts/build/artifacts/contracts/${path}.json`);
const accounts = KEYS.slice(0, 3).map((key) => privateKeyToAccount(key));
const owners = accounts.map((account) => account.address);
const chain = {
  id: 1337, name: "devnet", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } },
};
const open = createPublicClient({ chain, transport: http(url), pollingInterval: 50 });
const wallet = createWalletClient({ chain, transport: http(url), account: accounts[0] });
const RECEIVER = "0x00000000000000000000000000000000c0ffee00";
const networks = { 1337: {} };
let address;

const mined = async (hash) => {
  const receipt = await open.waitForTransactionReceipt({ hash: await hash });
  assert.equal(receipt.status, "success");
  return receipt;
};
/** The multisig, used by an owner: by its key, or by its address, for which the node signs. */
const by = (signer) => Safe.init({ provider: url, signer, safeAddress: address, contractNetworks: networks });
const sent = async (executed) => mined(executed.hash);

await run("safe", version("@safe-global/protocol-kit", "safe/"), [
  ["the contracts of 1.4.1 are deployed", async () => {
    for (const [name, path] of [
      ["safeSingleton", "SafeL2.sol/SafeL2"],
      ["safeProxyFactory", "proxies/SafeProxyFactory.sol/SafeProxyFactory"],
      ["multiSend", "libraries/MultiSend.sol/MultiSend"],
      ["multiSendCallOnly", "libraries/MultiSendCallOnly.sol/MultiSendCallOnly"],
      ["fallbackHandler", "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler"],
      ["signMessageLib", "libraries/SignMessageLib.sol/SignMessageLib"],
      ["createCall", "libraries/CreateCall.sol/CreateCall"],
      ["simulateTxAccessor", "accessors/SimulateTxAccessor.sol/SimulateTxAccessor"],
    ]) {
      const { abi, bytecode } = contract(path);
      const receipt = await mined(wallet.deployContract({ abi, bytecode }));
      networks[1337][`${name}Address`] = receipt.contractAddress;
      networks[1337][`${name}Abi`] = abi;
    }
  }],
  ["a multisig is predicted and deployed", async () => {
    const predictedSafe = { safeAccountConfig: { owners, threshold: 2 }, safeDeploymentConfig: { saltNonce: "7", safeVersion: "1.4.1" } };
    const safe = await Safe.init({ provider: url, signer: KEYS[0], predictedSafe, contractNetworks: networks });
    address = await safe.getAddress();
    const { to, data, value } = await safe.createSafeDeploymentTransaction();
    await mined(wallet.sendTransaction({ to, data, value: BigInt(value) }));
    assert.ok(await (await by(KEYS[0])).isSafeDeployed());
  }],
  ["its owners and threshold", async () => {
    const safe = await by(KEYS[0]);
    assert.deepEqual((await safe.getOwners()).map((owner) => owner.toLowerCase()), owners.map((owner) => owner.toLowerCase()));
    assert.equal(await safe.getThreshold(), 2);
    assert.equal(await safe.getContractVersion(), "1.4.1");
  }],
  ["one signature is not enough", async () => {
    await mined(wallet.sendTransaction({ to: address, value: parseEther("1") }));
    const safe = await by(KEYS[0]);
    const transaction = await safe.createTransaction({ transactions: [{ to: RECEIVER, value: "5", data: "0x" }] });
    await assert.rejects(safe.executeTransaction(await safe.signTransaction(transaction)));
  }],
  ["two are, by keys", async () => {
    const safe = await by(KEYS[0]);
    const transaction = await safe.createTransaction({ transactions: [{ to: RECEIVER, value: "5", data: "0x" }] });
    const first = await safe.signTransaction(transaction);
    const both = await (await by(KEYS[1])).signTransaction(first);
    await sent(await safe.executeTransaction(both));
    assert.equal(await open.getBalance({ address: RECEIVER }), 5n);
  }],
  ["and by the node, as typed data", async () => {
    const safe = await by(owners[0]);
    const transaction = await safe.createTransaction({ transactions: [{ to: RECEIVER, value: "2", data: "0x" }] });
    const first = await safe.signTransaction(transaction, "eth_signTypedData_v4");
    const both = await (await by(owners[2])).signTransaction(first, "eth_signTypedData_v4");
    await sent(await (await by(KEYS[0])).executeTransaction(both));
    assert.equal(await open.getBalance({ address: RECEIVER }), 7n);
  }],
  ["many calls in one", async () => {
    const safe = await by(KEYS[0]);
    const transactions = [1, 2, 3].map((value) => ({ to: RECEIVER, value: String(value), data: "0x" }));
    const first = await safe.signTransaction(await safe.createTransaction({ transactions }));
    await sent(await safe.executeTransaction(await (await by(KEYS[1])).signTransaction(first)));
    assert.equal(await open.getBalance({ address: RECEIVER }), 13n);
  }],
  ["an owner goes, with the hash approved on chain", async () => {
    const safe = await by(KEYS[0]);
    const transaction = await safe.createRemoveOwnerTx({ ownerAddress: owners[2], threshold: 1 });
    const hash = await safe.getTransactionHash(transaction);
    await sent(await (await by(KEYS[1])).approveTransactionHash(hash));
    await sent(await safe.executeTransaction(transaction));
    assert.deepEqual(await safe.getThreshold(), 1);
    assert.equal((await safe.getOwners()).length, 2);
  }],
]);
