// viem 2 against the devnet: deploy, write, read, watch, simulate, batches, every type of transaction.

import assert from "node:assert/strict";
import {
  BaseError, ContractFunctionRevertedError, createPublicClient, createTestClient, createWalletClient, custom,
  decodeEventLog, encodeFunctionData, getContract, http, keccak256, numberToHex, parseEther, parseGwei, toHex, webSocket,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { KEYS, artifact, endpoint, run, version, within } from "./steps.mjs";

const url = endpoint();
const { abi, bytecode, deployedBytecode } = artifact("Counter");
const [account, other] = KEYS.map((key) => privateKeyToAccount(key));
const SOMEONE = "0x00000000000000000000000000000000c0ffee00";
const MOST = 1_000_000n;

const id = Number(await createPublicClient({ transport: http(url) }).getChainId());
const chain = {
  id, name: "devnet", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } },
};
const options = { chain, transport: http(url), pollingInterval: 50, cacheTime: 0 };
const open = createPublicClient(options);
const wallet = createWalletClient({ ...options, account });
const test = createTestClient({ ...options, mode: "anvil" });
const socket = createPublicClient({ chain, transport: webSocket(url.replace("http://", "ws://")), cacheTime: 0 });
let counter;

async function mined(hash) {
  const receipt = await open.waitForTransactionReceipt({ hash: await hash, timeout: 10_000 });
  assert.equal(receipt.status, "success");
  return receipt;
}

const write = (functionName, ...args) => mined(wallet.writeContract({ address: counter, abi, functionName, args }));
const read = (functionName, blockNumber) => open.readContract({ address: counter, abi, functionName, blockNumber });

/** The custom error, panic or reason that a promise ends with. */
async function reverted(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof BaseError, String(error));
    return error.walk((cause) => cause instanceof ContractFunctionRevertedError) ?? error;
  }
  throw new Error("it did not revert");
}

/** The first value that `watch` hands out, and what `act` made until then: it is repeated, for a
 * watcher does not say when it began to watch. */
async function first(what, watch, act) {
  let stop;
  let done = false;
  const made = [];
  const seen = new Promise((resolve, reject) => {
    stop = watch(resolve, reject);
  }).finally(() => {
    done = true;
  });
  const acting = (async () => {
    while (!done) {
      made.push(await act());
      await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    }
  })();
  try {
    return [await within(20_000, what, seen), made];
  } finally {
    done = true;
    await acting;
    stop();
  }
}

await run("viem", version("viem"), [
  ["network and fees", async () => {
    assert.ok((await open.getBalance({ address: account.address })) > parseEther("9000"));
    const { maxFeePerGas, maxPriorityFeePerGas } = await open.estimateFeesPerGas();
    assert.ok(maxFeePerGas > maxPriorityFeePerGas);
    assert.ok((await open.getGasPrice()) > 0n);
    const { baseFeePerGas, gasUsedRatio } = await open.getFeeHistory({ blockCount: 2, rewardPercentiles: [25, 75] });
    assert.equal(baseFeePerGas.length, gasUsedRatio.length + 1);
    assert.equal(typeof (await open.getBlobBaseFee()), "bigint");
  }],

  ["deploy", async () => {
    const receipt = await mined(wallet.deployContract({ abi, bytecode }));
    counter = receipt.contractAddress;
    assert.equal(await open.getCode({ address: counter }), deployedBytecode);
  }],

  ["write and read", async () => {
    const receipt = await write("increment");
    const { eventName, args } = decodeEventLog({ abi, ...receipt.logs[0] });
    assert.deepEqual([eventName, args], ["Incremented", { by: account.address, number: 1n }]);
    assert.equal(await read("number"), 1n);
    assert.equal(await read("number", receipt.blockNumber - 1n), 0n);
    assert.equal(BigInt(await open.getStorageAt({ address: counter, slot: "0x0" })), 1n);
    const contract = getContract({ address: counter, abi, client: { public: open, wallet } });
    await mined(contract.write.set([30n]));
    assert.equal(await contract.read.number(), 30n);
    const [event] = await contract.getEvents.Set({ by: account.address }, { fromBlock: 0n });
    assert.deepEqual(event.args, { by: account.address, from: 1n, to: 30n });
  }],

  ["simulate", async () => {
    const { request } = await open.simulateContract({ account, address: counter, abi, functionName: "set", args: [31n] });
    await mined(wallet.writeContract(request));
    assert.equal(await read("number"), 31n);
    const large = await reverted(open.simulateContract({ address: counter, abi, functionName: "set", args: [MOST + 1n] }));
    assert.deepEqual([large.data.errorName, large.data.args], ["TooLarge", [MOST + 1n, MOST]]);
    const zero = await reverted(open.readContract({ address: counter, abi, functionName: "divide", args: [0n] }));
    assert.equal(zero.data.errorName, "Panic");
    await write("set", 0n);
    const reason = await reverted(open.estimateContractGas({ account, address: counter, abi, functionName: "decrement" }));
    assert.match(reason.message, /already zero/);
  }],

  ["state overrides", async () => {
    const call = { address: counter, abi, functionName: "number" };
    const stateOverride = [{ address: counter, stateDiff: [{ slot: toHex(0, { size: 32 }), value: toHex(77, { size: 32 }) }] }];
    assert.equal(await open.readContract({ ...call, stateOverride }), 77n);
    assert.equal(await open.readContract(call), 0n);
    const poor = privateKeyToAccount(generatePrivateKey());
    const rich = [{ address: poor.address, balance: parseEther("2") }];
    const transfer = { account: poor, to: SOMEONE, value: parseEther("1") };
    assert.equal(await open.estimateGas({ ...transfer, stateOverride: rich }), 21_000n);
    await assert.rejects(open.estimateGas(transfer), /insufficient funds|exceeds/);
  }],

  ["access lists", async () => {
    const data = encodeFunctionData({ abi, functionName: "increment" });
    const { accessList, gasUsed } = await open.createAccessList({ account, to: counter, data });
    assert.deepEqual(accessList.map(({ address, storageKeys }) => [address.toLowerCase(), storageKeys.length]), [[counter.toLowerCase(), 1]]);
    assert.ok(gasUsed > 21_000n);
  }],

  ["legacy, 2930, 1559", async () => {
    const gasPrice = (await open.getGasPrice()) * 2n;
    const accessList = [{ address: counter, storageKeys: [toHex(0, { size: 32 })] }];
    const data = encodeFunctionData({ abi, functionName: "increment" });
    const kinds = { legacy: { gasPrice }, eip2930: { gasPrice, accessList }, eip1559: { maxFeePerGas: gasPrice, maxPriorityFeePerGas: parseGwei("1"), accessList } };
    for (const [type, fields] of Object.entries(kinds)) {
      const receipt = await mined(wallet.sendTransaction({ to: counter, data, type, ...fields }));
      assert.equal(receipt.type, type);
      const { type: found, hash, gasPrice: paid } = await open.getTransaction({ hash: receipt.transactionHash });
      assert.deepEqual([found, hash], [type, receipt.transactionHash]);
      assert.ok(paid === undefined || paid === gasPrice || type === "eip1559");
    }
  }],

  ["7702", async () => {
    const delegator = privateKeyToAccount(generatePrivateKey());
    const data = encodeFunctionData({ abi, functionName: "increment" });
    const delegate = async (contractAddress) => {
      const authorization = await wallet.signAuthorization({ account: delegator, contractAddress });
      return mined(wallet.sendTransaction({ to: delegator.address, data, authorizationList: [authorization] }));
    };
    const receipt = await delegate(counter);
    assert.deepEqual([receipt.type, receipt.logs.length], ["eip7702", 1]);
    assert.equal(await open.getCode({ address: delegator.address }), `0xef0100${counter.slice(2).toLowerCase()}`);
    const { authorizationList } = await open.getTransaction({ hash: receipt.transactionHash });
    assert.equal(authorizationList[0].address.toLowerCase(), counter.toLowerCase());
    assert.equal((await delegate("0x0000000000000000000000000000000000000000")).logs.length, 0);
    assert.equal(await open.getCode({ address: delegator.address }), undefined);
  }],

  ["raw transactions, sync too", async () => {
    const request = await wallet.prepareTransactionRequest({ to: SOMEONE, value: 3n });
    const serializedTransaction = await wallet.signTransaction(request);
    const hash = await wallet.sendRawTransaction({ serializedTransaction });
    assert.equal(hash, keccak256(serializedTransaction));
    await mined(hash);
    const next = await wallet.signTransaction(await wallet.prepareTransactionRequest({ to: SOMEONE, value: 4n }));
    const receipt = await wallet.sendRawTransactionSync({ serializedTransaction: next });
    assert.deepEqual([receipt.status, receipt.transactionHash], ["success", keccak256(next)]);
  }],

  ["refusals are understood", async () => {
    const poor = privateKeyToAccount(generatePrivateKey());
    const fees = await open.estimateFeesPerGas();
    const plain = { to: SOMEONE, gas: 21_000n, ...fees };
    const cause = async (promise) => (await reverted(promise)).cause?.name;
    assert.equal(await cause(wallet.sendTransaction({ ...plain, account: poor, value: 1n })), "InsufficientFundsError");
    assert.equal(await cause(wallet.sendTransaction({ ...plain, nonce: 0 })), "NonceTooLowError");
    assert.equal(await cause(wallet.sendTransaction({ ...plain, gas: 20_000n })), "IntrinsicGasTooLowError");
    assert.equal((await reverted(open.request({ method: "no_such_method" }))).name, "MethodNotFoundRpcError");
  }],

  ["logs and blocks", async () => {
    const logs = await open.getContractEvents({ address: counter, abi, fromBlock: 0n });
    assert.ok(logs.length >= 5 && logs.every(({ eventName }) => ["Incremented", "Set"].includes(eventName)));
    const receipt = await write("increment");
    const block = await open.getBlock({ blockHash: receipt.blockHash, includeTransactions: true });
    assert.equal(block.transactions[receipt.transactionIndex].hash, receipt.transactionHash);
    assert.equal(await open.getBlockTransactionCount({ blockNumber: receipt.blockNumber }), block.transactions.length);
    const byIndex = await open.getTransaction({ blockHash: receipt.blockHash, index: 0 });
    assert.equal(byIndex.hash, block.transactions[0].hash);
    assert.equal((await open.getTransactionConfirmations({ hash: receipt.transactionHash })) >= 1n, true);
    const raw = await open.request({ method: "eth_getBlockReceipts", params: [numberToHex(receipt.blockNumber)] });
    assert.equal(raw[receipt.transactionIndex].transactionHash, receipt.transactionHash);
  }],

  ["filters", async () => {
    const events = await open.createContractEventFilter({ address: counter, abi, eventName: "Set" });
    const blocks = await open.createBlockFilter();
    const pending = await open.createPendingTransactionFilter();
    const receipt = await write("set", 55n);
    const [log] = await open.getFilterChanges({ filter: events });
    assert.deepEqual([log.args.to, log.transactionHash], [55n, receipt.transactionHash]);
    assert.ok((await open.getFilterChanges({ filter: blocks })).includes(receipt.blockHash));
    assert.ok((await open.getFilterChanges({ filter: pending })).includes(receipt.transactionHash));
    assert.deepEqual(await open.getFilterChanges({ filter: events }), []);
    for (const filter of [events, blocks, pending]) assert.equal(await open.uninstallFilter({ filter }), true);
  }],

  ["watch over HTTP", async () => {
    const watch = (onLogs, onError) => open.watchContractEvent({
      address: counter, abi, eventName: "Set", onError, onLogs: ([log]) => onLogs(log.args.to),
    });
    assert.equal((await first("event", watch, () => write("set", 60n)))[0], 60n);
    const heads = (onBlock, onError) => open.watchBlocks({ onError, onBlock: ({ number }) => onBlock(number) });
    assert.equal(typeof (await first("block", heads, () => write("set", 61n)))[0], "bigint");
    const hashes = (done, onError) => open.watchPendingTransactions({ onError, onTransactions: ([hash]) => done(hash) });
    const [hash, made] = await first("pending", hashes, () => write("set", 62n));
    assert.ok(made.some(({ transactionHash }) => hash === transactionHash));
  }],

  ["watch over WebSocket", async () => {
    const watch = (onLogs, onError) => socket.watchContractEvent({
      address: counter, abi, eventName: "Set", onError, onLogs: ([log]) => onLogs(log.args.to),
    });
    assert.equal((await first("event", watch, () => write("set", 63n)))[0], 63n);
    const heads = (done, onError) => socket.watchBlockNumber({ onError, onBlockNumber: done });
    const [number, heights] = await first("head", heads, () => write("set", 64n));
    assert.ok(number <= heights.at(-1).blockNumber);
    const hashes = (done, onError) => socket.watchPendingTransactions({ onError, onTransactions: ([hash]) => done(hash) });
    const [hash, made] = await first("pending", hashes, () => write("set", 65n));
    assert.ok(made.some(({ transactionHash }) => hash === transactionHash));
  }],

  ["batches", async () => {
    const batched = createPublicClient({ ...options, transport: http(url, { batch: { wait: 10 } }) });
    const numbers = Array.from({ length: 25 }, (_, index) => BigInt(index % 4));
    const blocks = await Promise.all(numbers.map((blockNumber) => batched.getBlock({ blockNumber })));
    assert.deepEqual(blocks.map(({ number }) => number), numbers);
    const [value, balance, failed] = await Promise.allSettled([
      batched.readContract({ address: counter, abi, functionName: "number" }),
      batched.getBalance({ address: account.address }),
      batched.readContract({ address: counter, abi, functionName: "divide", args: [0n] }),
    ]);
    assert.deepEqual([value.status, balance.status, failed.status], ["fulfilled", "fulfilled", "rejected"]);
  }],

  ["many at once", async () => {
    const second = createWalletClient({ ...options, account: other });
    const start = await open.getTransactionCount({ address: other.address, blockTag: "pending" });
    const sent = Array.from({ length: 20 }, (_, index) => second.sendTransaction({ to: SOMEONE, value: 1n, nonce: start + 19 - index }));
    const receipts = await Promise.all((await Promise.all(sent)).map(mined));
    assert.equal(receipts.length, 20);
    assert.equal(await open.getTransactionCount({ address: other.address }), start + 20);
  }],

  ["an EIP-1193 wallet", async () => {
    const provider = { request: ({ method, params }) => open.request({ method, params }) };
    const [first] = await createWalletClient({ chain, transport: custom(provider) }).getAddresses();
    assert.equal(first, account.address);
    const managed = createWalletClient({ chain, account: first, transport: custom(provider) });
    await mined(managed.sendTransaction({ to: SOMEONE, value: 9n }));
  }],

  ["test client", async () => {
    const number = await read("number");
    const snapshot = await test.snapshot();
    await test.setBalance({ address: SOMEONE, value: parseEther("7") });
    assert.equal(await open.getBalance({ address: SOMEONE }), parseEther("7"));
    await test.setStorageAt({ address: counter, index: 0, value: toHex(99, { size: 32 }) });
    assert.equal(await read("number"), 99n);
    await test.impersonateAccount({ address: SOMEONE });
    const actor = createWalletClient({ ...options, account: SOMEONE });
    await mined(actor.sendTransaction({ to: account.address, value: parseEther("1") }));
    await test.stopImpersonatingAccount({ address: SOMEONE });
    const before = await open.getBlock();
    await test.increaseTime({ seconds: 3_600 });
    await test.mine({ blocks: 2 });
    const after = await open.getBlock();
    assert.equal(after.number, before.number + 2n);
    assert.ok(after.timestamp >= before.timestamp + 3_600n);
    await test.revert({ id: snapshot });
    assert.ok((await open.getBalance({ address: SOMEONE })) < parseEther("7"));
    assert.equal(await read("number"), number);
  }],
]);
