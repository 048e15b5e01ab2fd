// permissionless with the bundler Alto (ERC-4337, EntryPoint 0.7): an account that is created by its first operation,
// batches, receipts, refusals. Without Alto's safe mode, which wants tracers in JavaScript.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createSmartAccountClient } from "permissionless";
import { toSimpleSmartAccount } from "permissionless/accounts";
import { createPublicClient, createWalletClient, http, parseEther } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { endpoint, KEYS, run, version } from "../steps.mjs";

const url = endpoint();
const [deployer, owner, stranger] = KEYS.map((key) => privateKeyToAccount(key));
const chain = {
  id: 1337, name: "devnet", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } },
};
const open = createPublicClient({ chain, transport: http(url), pollingInterval: 50 });
const wallet = createWalletClient({ chain, transport: http(url), account: deployer });
const RECEIVERS = ["0x00000000000000000000000000000000c0ffee01", "0x00000000000000000000000000000000c0ffee02"];
const contracts = new URL("node_modules/@account-abstraction/contracts/artifacts/", import.meta.url);
let entryPoint;
let factory;
let bundler;
let alto;
let account;
let client;
let first;
process.on("exit", () => bundler?.kill("SIGKILL"));

async function deployed(name, args) {
  const { abi, bytecode } = JSON.parse(readFileSync(new URL(`${name}.json`, contracts)));
  const receipt = await open.waitForTransactionReceipt({ hash: await wallet.deployContract({ abi, bytecode, args }) });
  assert.equal(receipt.status, "success");
  return receipt.contractAddress;
}
const freePort = () => new Promise((found) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => found(port));
  });
});
async function ask(method, params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const answer = await fetch(alto, { method: "POST", headers: { "content-type": "application/json" }, body });
  return answer.json();
}
const accountOf = (signer) => toSimpleSmartAccount({ client: open, owner: signer, entryPoint: { address: entryPoint, version: "0.7" }, factoryAddress: factory });
async function estimateFeesPerGas() {
  const { maxFeePerGas, maxPriorityFeePerGas } = await open.estimateFeesPerGas();
  return { maxFeePerGas: maxFeePerGas * 2n, maxPriorityFeePerGas: maxPriorityFeePerGas + 1_000_000_000n };
}
async function done(calls) {
  const hash = await client.sendUserOperation({ calls });
  const receipt = await client.waitForUserOperationReceipt({ hash, timeout: 30_000 });
  return { hash, receipt };
}

await run("bundler", version("@pimlico/alto", "bundler/"), [
  ["the entry point and a factory of accounts", async () => {
    entryPoint = await deployed("EntryPoint", []);
    factory = await deployed("SimpleAccountFactory", [entryPoint]);
  }],
  ["Alto starts, and deploys what it simulates with", async () => {
    const port = await freePort();
    alto = `http://127.0.0.1:${port}`;
    const program = new URL("node_modules/@pimlico/alto/esm/cli/alto.js", import.meta.url).pathname;
    bundler = spawn(process.execPath, [program, "run", "--entrypoints", entryPoint, "--rpc-url", url, "--port", String(port),
      "--executor-private-keys", KEYS[3], "--utility-private-key", KEYS[4], "--min-executor-balance", "0",
      "--safe-mode", "false", "--deploy-simulations-contract", "true", "--log-level", "error"], { stdio: ["ignore", 2, 2] });
    for (let tries = 0; ; tries += 1) {
      const answer = await ask("eth_supportedEntryPoints", []).catch(() => undefined);
      if (answer?.result) {
        assert.equal(answer.result[0].toLowerCase(), entryPoint.toLowerCase());
        break;
      }
      assert.ok(tries < 250, "Alto does not answer");
      await new Promise((next) => setTimeout(next, 200));
    }
  }],
  ["an account that is not there yet, with a balance", async () => {
    account = await accountOf(owner);
    const paid = await wallet.sendTransaction({ to: account.address, value: parseEther("10") });
    await open.waitForTransactionReceipt({ hash: paid });
    assert.equal(await account.isDeployed(), false);
    client = createSmartAccountClient({ account, chain, client: open, bundlerTransport: http(alto), pollingInterval: 100, userOperation: { estimateFeesPerGas } });
  }],
  ["its first operation creates it and pays", async () => {
    first = await done([{ to: RECEIVERS[0], value: parseEther("1") }]);
    assert.ok(first.receipt.success);
    assert.equal(await open.getBalance({ address: RECEIVERS[0] }), parseEther("1"));
    assert.notEqual(await open.getCode({ address: account.address }), undefined);
  }],
  ["two calls in one operation", async () => {
    const { receipt } = await done(RECEIVERS.map((to) => ({ to, value: parseEther("2") })));
    assert.ok(receipt.success);
    const balances = await Promise.all(RECEIVERS.map((address) => open.getBalance({ address })));
    assert.deepEqual(balances, [parseEther("3"), parseEther("2")]);
  }],
  ["what became of an operation", async () => {
    const { result } = await ask("eth_getUserOperationByHash", [first.hash]);
    assert.equal(result.userOperation.sender.toLowerCase(), account.address.toLowerCase());
    assert.equal(result.transactionHash, first.receipt.receipt.transactionHash);
    assert.ok(first.receipt.actualGasUsed > 100_000n);
  }],
  ["an operation that another key signed is refused", async () => {
    const others = await accountOf(stranger);
    const foreign = { ...account, signUserOperation: (operation) => others.signUserOperation(operation) };
    const thief = createSmartAccountClient({ account: foreign, chain, client: open, bundlerTransport: http(alto), userOperation: { estimateFeesPerGas } });
    await assert.rejects(thief.sendUserOperation({ calls: [{ to: stranger.address, value: 1n }] }), /AA24|ignature/);
  }],
]);
