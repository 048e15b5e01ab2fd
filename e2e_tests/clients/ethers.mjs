// ethers 6 against the devnet: deploy, write, read, events over HTTP and WebSocket, batches, errors.

import assert from "node:assert/strict";
import { AbiCoder, Contract, ContractFactory, JsonRpcProvider, NonceManager, Wallet, WebSocketProvider, parseEther } from "ethers";
import { KEYS, artifact, endpoint, run, version, within } from "./steps.mjs";

const url = endpoint();
const http = new JsonRpcProvider(url, undefined, { cacheTimeout: -1, pollingInterval: 50 });
const ws = new WebSocketProvider(url.replace("http://", "ws://"));
const wallet = new Wallet(KEYS[0], http);
const other = new Wallet(KEYS[1], http);
const MOST = 1_000_000n;
let counter;

async function deploy(name, ...args) {
  const { abi, bytecode } = artifact(name);
  const contract = await new ContractFactory(abi, bytecode, wallet).deploy(...args);
  return contract.waitForDeployment();
}

async function send(promise) {
  const receipt = await (await promise).wait();
  assert.equal(receipt.status, 1);
  return receipt;
}

/** The error that a call ends with. */
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/** JSON-RPC as it goes over the wire. */
async function raw(body) {
  const origin = "http://dapp.example";
  const headers = { "content-type": "application/json", origin };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(response.status, 200);
  assert.ok(["*", origin].includes(response.headers.get("access-control-allow-origin")), "CORS is open");
  return response.json();
}

const request = (id, method, ...params) => ({ jsonrpc: "2.0", id, method, params });

await run("ethers", version("ethers"), [
  ["network", async () => {
    const { chainId } = await http.getNetwork();
    assert.equal(await http.send("net_version", []), String(chainId));
    assert.match(await http.send("web3_clientVersion", []), /.+/);
    assert.equal(await http.send("eth_syncing", []), false);
    const accounts = (await http.send("eth_accounts", [])).map((account) => account.toLowerCase());
    assert.ok(accounts.includes(wallet.address.toLowerCase()));
    assert.ok((await http.getBalance(wallet.address)) > parseEther("9000"));
  }],

  ["deploy", async () => {
    counter = await deploy("Counter");
    assert.equal(await http.getCode(counter.target), artifact("Counter").deployedBytecode);
  }],

  ["write and read", async () => {
    const receipt = await send(counter.increment());
    const { name, args } = counter.interface.parseLog(receipt.logs[0]);
    assert.deepEqual([name, args.by, args.number], ["Incremented", wallet.address, 1n]);
    assert.equal(await counter.number(), 1n);
    assert.equal(BigInt(await http.getStorage(counter.target, 0)), 1n);
    const before = { blockTag: receipt.blockNumber - 1 };
    assert.equal(await counter.number(before), 0n, "state of the block before");
    await send(counter.set(41));
    await send(counter.decrement());
    assert.equal(await counter.number(), 40n);
  }],

  ["past events", async () => {
    const [event] = await counter.queryFilter(counter.filters.Set(wallet.address), 0, "latest");
    assert.deepEqual([...event.args], [wallet.address, 1n, 41n]);
    assert.deepEqual(await counter.queryFilter(counter.filters.Set(other.address), 0, "latest"), []);
  }],

  ["blocks and transactions", async () => {
    const receipt = await send(wallet.sendTransaction({ to: other.address, value: 5n }));
    assert.equal(receipt.gasUsed, 21_000n);
    const block = await http.getBlock(receipt.blockNumber, true);
    assert.equal(block.hash, receipt.blockHash);
    assert.deepEqual((await http.getBlock(block.hash)).transactions, [...block.transactions]);
    const transaction = block.prefetchedTransactions.find(({ hash }) => hash === receipt.hash);
    assert.deepEqual([transaction.from, transaction.to, transaction.value], [wallet.address, other.address, 5n]);
    assert.equal((await http.getTransaction(receipt.hash)).signature.serialized, transaction.signature.serialized);
    const parent = await http.getBlock(receipt.blockNumber - 1);
    assert.equal(block.parentHash, parent.hash);
    assert.ok(block.timestamp >= parent.timestamp);
    assert.equal((await http.send("eth_feeHistory", ["0x2", "latest", [50]])).baseFeePerGas.length, 3);
  }],

  ["every type of transaction", async () => {
    const to = counter.target;
    const data = counter.interface.encodeFunctionData("increment");
    const gasPrice = (await http.getFeeData()).gasPrice * 2n;
    const accessList = [{ address: to, storageKeys: [`0x${"00".repeat(32)}`] }];
    for (const fields of [{ type: 0, gasPrice }, { type: 1, gasPrice, accessList }, { type: 2, accessList }]) {
      const receipt = await send(wallet.sendTransaction({ to, data, ...fields }));
      assert.deepEqual([receipt.type, receipt.logs.length], [fields.type, 1]);
    }
    const delegator = Wallet.createRandom(http);
    const authorization = await delegator.authorize({ address: to, nonce: 0 });
    const receipt = await send(
      wallet.sendTransaction({ type: 4, to: delegator.address, data, authorizationList: [authorization] }),
    );
    assert.deepEqual([receipt.type, receipt.logs[0].address], [4, delegator.address]);
    assert.equal(await http.getCode(delegator.address), `0xef0100${to.slice(2).toLowerCase()}`);
  }],

  ["reverts are decoded", async () => {
    const large = await failure(counter.set.staticCall(MOST + 1n));
    assert.deepEqual([large.code, large.revert?.name], ["CALL_EXCEPTION", "TooLarge"]);
    assert.deepEqual([...large.revert.args], [MOST + 1n, MOST]);
    const estimate = await failure(counter.set.estimateGas(MOST + 1n));
    assert.equal(counter.interface.parseError(estimate.data).name, "TooLarge");
    await send(counter.set(0));
    assert.equal((await failure(counter.decrement.staticCall())).reason, "already zero");
    assert.equal((await failure(counter.divide(0))).revert?.name, "Panic");

    const { error } = await raw(request(1, "eth_call", {
      to: counter.target, data: counter.interface.encodeFunctionData("decrement"),
    }, "latest"));
    assert.deepEqual([error.code, error.message], [3, "execution reverted: already zero"]);
    const text = AbiCoder.defaultAbiCoder().encode(["string"], ["already zero"]);
    assert.equal(error.data, `0x08c379a0${text.slice(2)}`);

    const sent = await counter.set(MOST + 1n, { gasLimit: 100_000 });
    const failed = await failure(sent.wait());
    assert.deepEqual([failed.code, failed.receipt.status], ["CALL_EXCEPTION", 0]);
  }],

  ["what cannot be included is refused", async () => {
    const nonce = await http.getTransactionCount(wallet.address);
    const fee = (await http.getFeeData()).maxFeePerGas;
    const plain = { to: other.address, gasLimit: 21_000, maxFeePerGas: fee };
    assert.equal((await failure(wallet.sendTransaction({ ...plain, nonce: nonce - 1 }))).code, "NONCE_EXPIRED");
    const poor = Wallet.createRandom(http);
    assert.equal((await failure(poor.sendTransaction({ ...plain, value: 1n }))).code, "INSUFFICIENT_FUNDS");
    const gas = await failure(wallet.sendTransaction({ ...plain, gasLimit: 20_999 }));
    assert.match(gas.message, /intrinsic gas too low/);
    assert.equal(await http.getTransactionCount(wallet.address), nonce);
  }],

  ["nonces out of order", async () => {
    const nonce = await http.getTransactionCount(other.address, "pending");
    const fee = (await http.getFeeData()).maxFeePerGas;
    const plain = { to: wallet.address, value: 1n, gasLimit: 21_000, maxFeePerGas: fee };
    const second = await other.sendTransaction({ ...plain, nonce: nonce + 1 });
    assert.equal(await http.getTransactionReceipt(second.hash), null);
    const first = await other.sendTransaction({ ...plain, nonce });
    const receipts = await Promise.all([first.wait(), second.wait()]);
    assert.deepEqual(receipts.map(({ status }) => status), [1, 1]);
    assert.equal(await http.getTransactionCount(other.address, "pending"), nonce + 2);
  }],

  ["many at once", async () => {
    const sender = new NonceManager(other);
    const amounts = Array.from({ length: 20 }, (_, i) => BigInt(i));
    const sent = await Promise.all(amounts.map((value) => sender.sendTransaction({ to: wallet.address, value })));
    const receipts = await Promise.all(sent.map((transaction) => transaction.wait()));
    assert.ok(receipts.every(({ status }) => status === 1));
  }],

  ["events over HTTP", async () => {
    const seen = new Promise((resolve) => counter.on("Incremented", (by, number) => resolve([by, number])));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { args } = counter.interface.parseLog((await send(counter.increment())).logs[0]);
    assert.deepEqual(await within(10_000, "event", seen), [...args]);
    await counter.off("Incremented");
  }],

  ["events over WebSocket", async () => {
    const live = new Contract(counter.target, counter.interface, ws);
    assert.equal(await live.number(), await counter.number());
    const head = new Promise((resolve) => ws.on("block", resolve));
    const seen = new Promise((resolve) => live.on("Set", (by, from, to) => resolve([by, from, to])));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const receipt = await send(counter.set(7));
    const { args } = counter.interface.parseLog(receipt.logs[0]);
    assert.deepEqual(await within(5_000, "log", seen), [...args]);
    assert.ok((await within(5_000, "head", head)) <= receipt.blockNumber);
    await live.off("Set");
    await ws.off("block");
    const byWebSocket = await send(live.connect(wallet.connect(ws)).set(8));
    assert.equal(byWebSocket.logs.length, 1);
  }],

  ["batches", async () => {
    const answers = await raw([
      request(1, "eth_chainId"),
      request("two", "no_such_method"),
      request(3, "eth_getBalance", "not an address", "latest"),
      request(4, "eth_blockNumber"),
    ]);
    assert.deepEqual(answers.map(({ id }) => id), [1, "two", 3, 4]);
    assert.deepEqual(answers.map(({ error }) => error?.code), [undefined, -32601, -32602, undefined]);
    assert.equal((await raw([])).error.code, -32600);
    const blocks = await Promise.all(Array.from({ length: 30 }, (_, i) => http.getBlock(i % 3)));
    assert.deepEqual(blocks.map(({ number }) => number), blocks.map((_, i) => i % 3));
  }],

  ["ERC-20", async () => {
    const token = await deploy("Erc20", 1_000n);
    const receipt = await send(token.transfer(other.address, 10n));
    assert.equal(receipt.logs.length, 1);
    await send(token.approve(other.address, 7n));
    await send(token.connect(other).transferFrom(wallet.address, other.address, 7n));
    assert.deepEqual([await token.balanceOf(wallet.address), await token.balanceOf(other.address)], [983n, 17n]);
    assert.equal((await token.queryFilter("Transfer", receipt.blockNumber)).length, 2);
    const poor = await failure(token.transfer.staticCall(other.address, 5_000n));
    assert.deepEqual([poor.revert.name, ...poor.revert.args], ["ERC20InsufficientBalance", wallet.address, 983n, 5_000n]);
  }],

  ["ERC-721", async () => {
    const badge = await deploy("Erc721");
    await send(badge.mint(wallet.address, 5n));
    await send(badge["safeTransferFrom(address,address,uint256)"](wallet.address, other.address, 5n));
    assert.equal(await badge.ownerOf(5n), other.address);
    assert.equal((await failure(badge.ownerOf(6n))).revert.name, "ERC721NonexistentToken");
  }],

  ["CREATE2", async () => {
    const factory = await deploy("Factory");
    const salt = `0x${"07".repeat(32)}`;
    const address = await factory.predict(salt, 9n);
    const receipt = await send(factory.deploy(salt, 9n, { value: 3n }));
    assert.equal(factory.interface.parseLog(receipt.logs[0]).args.child, address);
    const child = new Contract(address, artifact("Child").abi, wallet);
    assert.deepEqual([await child.creator(), await child.value()], [factory.target, 9n]);
    assert.equal(await http.getBalance(address), 3n);
    assert.equal((await failure(factory.deploy.staticCall(salt, 9n))).code, "CALL_EXCEPTION");
  }],

  ["deep recursion", async () => {
    const recursion = await deploy("Recursion");
    assert.equal(await recursion.tree.staticCall(1_024n), 1_024n);
    const receipt = await send(recursion.dive(1_024n, { gasLimit: 16_777_216 }));
    const { args } = recursion.interface.parseLog(receipt.logs[0]);
    assert.ok(args.reached > 400n && args.reached < 1_024n, `reached ${args.reached}`);
    assert.equal(await recursion.reached(), args.reached);
  }],
]);
