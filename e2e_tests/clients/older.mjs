// ethers 5 and web3.js 4 against the devnet: what they do otherwise than the newer ones.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { KEYS, artifact, endpoint, run, version } from "./steps.mjs";

const url = endpoint();
const { ethers } = createRequire(import.meta.url)("ethers5");
const { Web3 } = createRequire(import.meta.url)("web3");
const { abi, bytecode } = artifact("Counter");
const SOMEONE = "0x00000000000000000000000000000000c0ffee00";
const provider = new ethers.providers.JsonRpcProvider(url);
const signer = new ethers.Wallet(KEYS[0], provider);
const own = provider.getSigner(1);
const web3 = new Web3(url);
const DOMAIN = { name: "Test", version: "1", chainId: 1337 };
const TYPES = { Mail: [{ name: "to", type: "address" }, { name: "count", type: "uint256" }] };
const MAIL = { to: SOMEONE, count: 3 };

await run("older", `${version("ethers5")}, ${version("web3")}`, [
  ["ethers 5: accounts of the node", async () => {
    assert.equal((await provider.listAccounts()).length, 10);
    assert.equal((await provider.send("eth_requestAccounts", [])).length, 10);
  }],
  ["ethers 5: typed data, signed by the node", async () => {
    const signature = await own._signTypedData(DOMAIN, TYPES, MAIL);
    assert.equal(ethers.utils.verifyTypedData(DOMAIN, TYPES, MAIL, signature), await own.getAddress());
  }],
  ["ethers 5: a message, signed by the node", async () => {
    assert.equal(ethers.utils.verifyMessage("hello", await own.signMessage("hello")), await own.getAddress());
  }],
  ["ethers 5: deploy, write, events, reverts", async () => {
    const counter = await new ethers.ContractFactory(abi, bytecode, signer).deploy();
    await counter.deployed();
    const receipt = await (await own.sendTransaction({ to: SOMEONE, value: 5 })).wait();
    assert.equal(receipt.status, 1);
    assert.equal((await provider.getBalance(SOMEONE)).toString(), "5");
  }],
  ["web3.js 4: accounts, pending transactions, deploy", async () => {
    const [from] = await web3.eth.getAccounts();
    assert.deepEqual(await web3.eth.getPendingTransactions(), []);
    const counter = await new web3.eth.Contract(abi).deploy({ data: bytecode }).send({ from, gas: "2000000" });
    assert.notEqual(await web3.eth.getCode(counter.options.address), "0x");
    assert.equal(await web3.eth.isMining(), true);
  }],
  ["web3.js 4: subscriptions", async () => {
    const socket = new Web3(url.replace("http://", "ws://"));
    await socket.eth.subscribe("syncing");
    const heads = await socket.eth.subscribe("newHeads");
    const seen = new Promise((resolve) => heads.on("data", resolve));
    await (await own.sendTransaction({ to: SOMEONE, value: 1 })).wait();
    await seen;
    socket.provider.disconnect();
  }],
]);
