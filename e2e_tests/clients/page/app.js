// The page: wagmi with a wallet that is injected as extensions do it, over HTTP and over a WebSocket. What
// fails and what passes goes into `window.report`.

import {
  connect, createConfig, deployContract, getAccount, getBalance, http, injected, readContract, sendTransaction, signMessage,
  signTypedData, switchChain, waitForTransactionReceipt, watchBlockNumber, watchContractEvent, webSocket, writeContract,
} from "@wagmi/core";
import { verifyMessage, verifyTypedData } from "viem";

const { url, abi, bytecode } = window.devnet;
const SOMEONE = "0x00000000000000000000000000000000c0ffee00";
const chain = {
  id: 1337, name: "devnet", nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } },
};
const is = (actual, expected) => {
  if (actual !== expected) throw new Error(`${actual} instead of ${expected}`);
};

const steps = (name, transport) => {
  const config = createConfig({ chains: [chain], connectors: [injected()], transports: { [chain.id]: transport }, pollingInterval: 50 });
  let account;
  let counter;
  const mined = async (hash) => {
    const receipt = await waitForTransactionReceipt(config, { hash: await hash });
    is(receipt.status, "success");
    return receipt;
  };
  return [
    ["connect", async () => {
      const { accounts, chainId } = await connect(config, { connector: config.connectors[0] });
      is(chainId, 1337);
      account = getAccount(config).address;
      is(account, accounts[0]);
      await switchChain(config, { chainId: 1337 });
    }],
    ["sign", async () => {
      const signature = await signMessage(config, { message: "hello" });
      is(await verifyMessage({ address: account, message: "hello", signature }), true);
      const data = {
        domain: { name: "page", version: "1", chainId: 1337 },
        types: { Mail: [{ name: "to", type: "address" }, { name: "text", type: "string" }] },
        primaryType: "Mail",
        message: { to: SOMEONE, text: "hello" },
      };
      is(await verifyTypedData({ ...data, address: account, signature: await signTypedData(config, data) }), true);
    }],
    ["send", async () => {
      const before = await getBalance(config, { address: SOMEONE });
      await mined(sendTransaction(config, { to: SOMEONE, value: 7n }));
      is((await getBalance(config, { address: SOMEONE })).value, before.value + 7n);
    }],
    ["deploy, write, read", async () => {
      counter = (await mined(deployContract(config, { abi, bytecode }))).contractAddress;
      await mined(writeContract(config, { address: counter, abi, functionName: "set", args: [41n] }));
      is(await readContract(config, { address: counter, abi, functionName: "number" }), 41n);
    }],
    ["watch blocks and events", async () => {
      const seen = new Promise((resolve, reject) => {
        let blocks = 0;
        let events = 0;
        const look = () => blocks > 0 && events > 0 && resolve();
        watchBlockNumber(config, { onBlockNumber: () => { blocks += 1; look(); }, onError: reject });
        watchContractEvent(config, { address: counter, abi, eventName: "Incremented", onLogs: (logs) => { events += logs.length; look(); }, onError: reject });
      });
      await new Promise((next) => setTimeout(next, 300));
      await mined(writeContract(config, { address: counter, abi, functionName: "increment" }));
      await seen;
      is(await readContract(config, { address: counter, abi, functionName: "number" }), 42n);
    }],
  ].map(([step, run]) => [`${name}: ${step}`, run]);
};

const report = { passed: [], failed: [] };
for (const [name, step] of [...steps("HTTP", http(url)), ...steps("WebSocket", webSocket(url.replace("http", "ws")))]) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("nothing after 20 s")), 20_000));
  try {
    await Promise.race([step(), late]);
    report.passed.push(name);
  } catch (error) {
    report.failed.push({ name, why: String(error.stack ?? error) });
  }
}
window.report = report;
