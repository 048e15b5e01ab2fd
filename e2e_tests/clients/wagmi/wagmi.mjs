// wagmi's core with a wallet as pages have them, which hands all on to the devnet, which has the keys:
// connect, sign, send, deploy, write, read, watch.

import assert from "node:assert/strict";
import {
  connect, createConfig, deployContract, disconnect, getAccount, getBalance, http, injected, readContract, sendTransaction,
  signMessage, signTypedData, simulateContract, waitForTransactionReceipt, watchBlockNumber, writeContract,
} from "@wagmi/core";
import { parseEther, verifyMessage, verifyTypedData } from "viem";
import { artifact, endpoint, run, version } from "../steps.mjs";

const url = endpoint();
const { abi, bytecode } = artifact("Counter");
const SOMEONE = "0x00000000000000000000000000000000c0ffee00";
const chain = {
  id: 1337, name: "devnet", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } },
};
let count = 0;
globalThis.window ??= new EventTarget();

/** A wallet in a page, as EIP-1193 has it. */
const provider = {
  async request({ method, params = [] }) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++count, method, params });
    const answer = await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer.result;
  },
  on() {},
  removeListener() {},
};
const config = createConfig({
  chains: [chain],
  connectors: [injected({ target: { id: "page", name: "Page", provider: () => provider } })],
  transports: { [chain.id]: http(url) },
  pollingInterval: 50,
});
let account;
let counter;

const mined = async (hash) => {
  const receipt = await waitForTransactionReceipt(config, { hash: await hash });
  assert.equal(receipt.status, "success");
  return receipt;
};

await run("wagmi", version("@wagmi/core", "wagmi/"), [
  ["connect", async () => {
    const { accounts, chainId } = await connect(config, { connector: config.connectors[0] });
    assert.equal(chainId, 1337);
    assert.equal(accounts.length, 10);
    account = getAccount(config).address;
    assert.equal(account, accounts[0]);
  }],
  ["sign a message", async () => {
    const signature = await signMessage(config, { message: "hello" });
    assert.ok(await verifyMessage({ address: account, message: "hello", signature }));
  }],
  ["sign typed data", async () => {
    const data = {
      domain: { name: "Test", chainId: 1337 }, primaryType: "Mail",
      types: { Mail: [{ name: "to", type: "address" }, { name: "parts", type: "Part[]" }], Part: [{ name: "text", type: "string" }] },
      message: { to: SOMEONE, parts: [{ text: "a" }, { text: "b" }] },
    };
    assert.ok(await verifyTypedData({ address: account, ...data, signature: await signTypedData(config, data) }));
  }],
  ["send", async () => {
    const before = (await getBalance(config, { address: SOMEONE })).value;
    await mined(sendTransaction(config, { to: SOMEONE, value: parseEther("1") }));
    assert.equal((await getBalance(config, { address: SOMEONE })).value, before + parseEther("1"));
  }],
  ["deploy", async () => {
    counter = (await mined(deployContract(config, { abi, bytecode }))).contractAddress;
  }],
  ["simulate, write, read", async () => {
    const { request } = await simulateContract(config, { address: counter, abi, functionName: "increment" });
    await mined(writeContract(config, request));
    assert.equal(await readContract(config, { address: counter, abi, functionName: "number" }), 1n);
  }],
  ["watch blocks", async () => {
    let stop;
    const seen = new Promise((resolve) => {
      stop = watchBlockNumber(config, { onBlockNumber: (number, before) => before !== undefined && resolve(number), poll: true });
    });
    const sending = setInterval(() => sendTransaction(config, { to: SOMEONE, value: 1n }).catch(() => {}), 200);
    await seen.finally(() => {
      stop();
      clearInterval(sending);
    });
  }],
  ["disconnect", async () => {
    await disconnect(config);
    assert.equal(getAccount(config).isConnected, false);
  }],
]);
