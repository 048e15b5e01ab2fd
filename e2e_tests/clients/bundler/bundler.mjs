// permissionless with the bundler Alto (ERC-4337, EntryPoint 0.7): an account that is created by its first operation,
// batches, receipts, refusals; then the tracer of its safe mode, a program in JavaScript.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer as createProxy } from "node:http";
import { createServer } from "node:net";
import { tracerResultParserV07 } from "./node_modules/@pimlico/alto/esm/rpc/validation/TracerResultParserV07.js";
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
const bundlers = [];
const traces = [];
let alto;
let account;
let client;
let first;
process.on("exit", () => bundlers.forEach((bundler) => bundler.kill("SIGKILL")));

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

async function start({ safe, rpc = url }) {
  const port = await freePort();
  alto = `http://127.0.0.1:${port}`;
  const program = new URL("node_modules/@pimlico/alto/esm/cli/alto.js", import.meta.url).pathname;
  bundlers.push(spawn(process.execPath, [program, "run", "--entrypoints", entryPoint, "--rpc-url", rpc, "--port", String(port),
    "--executor-private-keys", KEYS[3], "--utility-private-key", KEYS[4], "--min-executor-balance", "0",
    "--safe-mode", String(safe), "--deploy-simulations-contract", "true", "--log-level", "error"], { stdio: ["ignore", 2, 2] }));
  for (let tries = 0; ; tries += 1) {
    const answer = await ask("eth_supportedEntryPoints", []).catch(() => undefined);
    if (answer?.result) {
      assert.equal(answer.result[0].toLowerCase(), entryPoint.toLowerCase());
      return;
    }
    assert.ok(tries < 250, "Alto does not answer");
    await new Promise((next) => setTimeout(next, 200));
  }
}
// The devnet behind a proxy that keeps what is traced.
async function recording() {
  const port = await freePort();
  createProxy((request, response) => {
    let body = "";
    request.on("data", (part) => { body += part; });
    request.on("end", async () => {
      const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
      const text = await answer.text();
      const calls = [JSON.parse(body)].flat();
      if (calls.some((call) => call.method === "debug_traceCall")) traces.push([calls, JSON.parse(text)]);
      response.writeHead(200, { "content-type": "application/json" }).end(text);
    });
  }).listen(port, "127.0.0.1").unref();
  return `http://127.0.0.1:${port}`;
}
// Sends an operation of the account; gives it with the trace that Alto asked for.
async function traced() {
  const known = traces.length;
  const fees = await estimateFeesPerGas();
  client = clientOf(account);
  const operation = await client.prepareUserOperation({
    account, calls: [{ to: RECEIVERS[1], value: 1n }], ...fees,
    callGasLimit: 100_000n, verificationGasLimit: 500_000n, preVerificationGas: 100_000n,
  });
  operation.signature = await account.signUserOperation(operation);
  await client.sendUserOperation(operation).catch(() => undefined);
  assert.ok(traces.length > known, "nothing was traced");
  const [[call], answer] = traces.at(-1);
  assert.match(call.params[2].tracer, /callsFromEntryPoint/);
  assert.equal(answer.error, undefined);
  return { operation, trace: answer.result };
}
// Alto's rules (ERC-7562) for a trace.
function rules(operation, trace) {
  const info = (addr) => addr && { addr, stake: 0n, unstakeDelaySec: 0n };
  tracerResultParserV07(operation, trace, {
    returnInfo: {}, senderInfo: info(operation.sender), factoryInfo: info(operation.factory), paymasterInfo: undefined,
  }, entryPoint.toLowerCase());
}
const clientOf = (of) => createSmartAccountClient({
  account: of, chain, client: open, bundlerTransport: http(alto), pollingInterval: 100, userOperation: { estimateFeesPerGas },
});

await run("bundler", version("@pimlico/alto", "bundler/"), [
  ["the entry point and a factory of accounts", async () => {
    entryPoint = await deployed("EntryPoint", []);
    factory = await deployed("SimpleAccountFactory", [entryPoint]);
  }],
  ["Alto starts, and deploys what it simulates with", async () => {
    await start({ safe: false });
  }],
  ["an account that is not there yet, with a balance", async () => {
    account = await accountOf(owner);
    const paid = await wallet.sendTransaction({ to: account.address, value: parseEther("10") });
    await open.waitForTransactionReceipt({ hash: paid });
    assert.equal(await account.isDeployed(), false);
    client = clientOf(account);
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
  // Alto 0.0.20 refuses every operation of an EntryPoint 0.7 in safe mode: it takes the last frame that a tracer is told
  // of for the outermost one, of which none is told. So what it sends is tried, and what its rules make of the trace.
  ["Alto in safe mode starts, and traces an operation by a program that it sends", async () => {
    bundlers.pop().kill("SIGKILL");
    await start({ safe: true, rpc: await recording() });
    account = await accountOf(stranger);
    const paid = await wallet.sendTransaction({ to: account.address, value: parseEther("10") });
    await open.waitForTransactionReceipt({ hash: paid });
    const { operation, trace } = await traced();
    assert.deepEqual(trace.callsFromEntryPoint.map((call) => call.topLevelTargetAddress).slice(1), [account.address.toLowerCase()]);
    assert.ok(trace.callsFromEntryPoint[0].opcodes.CREATE2 === 1);
    rules(operation, trace);
  }],
  ["an account that looks at the time while it validates is refused, by what the trace shows", async () => {
    const unsafe = await accountOf(owner);
    // TIMESTAMP, then what the account's proxy does.
    const slot = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
    const implementation = (await open.getStorageAt({ address: unsafe.address, slot })).slice(-40);
    const code = `0x4250365f5f375f5f365f73${implementation}5af43d5f5f3e602b573d5ffd5b3d5ff3`;
    account = unsafe;
    const before = await traced();
    rules(before.operation, before.trace);
    await open.request({ method: "anvil_setCode", params: [unsafe.address, code] });
    const { operation, trace } = await traced();
    assert.throws(() => rules(operation, trace), /account uses banned opcode: TIMESTAMP/);
  }],
]);
