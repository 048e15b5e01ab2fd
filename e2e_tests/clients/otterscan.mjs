// What Otterscan asks for its pages, in its order: home, a block, a transaction, an address, a contract.

import assert from "node:assert/strict";
import { createPublicClient, createWalletClient, http, parseEther } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { artifact, endpoint, KEYS, run, version } from "./steps.mjs";

const url = endpoint();
const { abi, bytecode } = artifact("Counter");
const open = createPublicClient({ transport: http(url), pollingInterval: 50 });
const wallet = createWalletClient({ transport: http(url), account: privateKeyToAccount(KEYS[3]) });
const me = wallet.account.address;
const SOMEONE = "0x00000000000000000000000000000000c0ffee00";
const ask = (method, ...params) => open.request({ method, params });
const mined = async (hash) => open.waitForTransactionReceipt({ hash: await hash });
let deployed;
let counted;
let failed;
let paid;

await run("otterscan", version("viem"), [
  ["something to look at", async () => {
    deployed = await mined(wallet.deployContract({ abi, bytecode, chain: null }));
    const counter = { address: deployed.contractAddress, abi, chain: null };
    counted = await mined(wallet.writeContract({ ...counter, functionName: "increment" }));
    failed = await mined(wallet.writeContract({ ...counter, functionName: "divide", args: [0n], gas: 100_000n }));
    paid = await mined(wallet.sendTransaction({ to: SOMEONE, value: parseEther("1"), chain: null }));
  }],
  ["the start", async () => {
    assert.equal(await ask("erigon_getHeaderByNumber", 1).then((header) => Number(header.number)), 1);
    assert.ok((await ask("ots_getApiLevel")) >= 8);
    assert.equal(Number(await ask("eth_chainId")), 1337);
  }],
  ["a block", async () => {
    const number = Number(deployed.blockNumber);
    const { block, issuance } = await ask("ots_getBlockDetails", number);
    assert.equal(Number(block.transactionCount), 1);
    assert.ok(issuance);
    const { fullblock, receipts } = await ask("ots_getBlockTransactions", number, 0, 25);
    assert.equal(fullblock.transactions[0].hash, deployed.transactionHash);
    assert.equal(receipts[0].transactionHash, deployed.transactionHash);
    const same = await ask("ots_getBlockDetailsByHash", deployed.blockHash);
    assert.equal(same.block.number, block.number);
  }],
  ["a transaction", async () => {
    const trace = await ask("ots_traceTransaction", deployed.transactionHash);
    assert.equal(trace[0].type, "CREATE");
    assert.deepEqual(await ask("ots_getInternalOperations", paid.transactionHash), []);
    assert.equal(await ask("ots_getTransactionError", paid.transactionHash), "0x");
    assert.match(await ask("ots_getTransactionError", failed.transactionHash), /^0x4e487b71/);
  }],
  ["an address", async () => {
    assert.equal(await ask("ots_hasCode", me, "latest"), false);
    const { txs, firstPage, lastPage } = await ask("ots_searchTransactionsBefore", me, 0, 25);
    assert.deepEqual(txs.map((tx) => tx.hash), [paid, failed, counted, deployed].map((one) => one.transactionHash));
    assert.ok(firstPage && lastPage);
    const after = await ask("ots_searchTransactionsAfter", me, 0, 25);
    assert.equal(after.txs.length, 4);
    assert.equal(await ask("ots_getTransactionBySenderAndNonce", me, 0), deployed.transactionHash);
  }],
  ["a contract", async () => {
    assert.equal(await ask("ots_hasCode", deployed.contractAddress, "latest"), true);
    const creator = await ask("ots_getContractCreator", deployed.contractAddress);
    assert.equal(creator.hash, deployed.transactionHash);
    assert.equal(creator.creator, me.toLowerCase());
  }],
]);
