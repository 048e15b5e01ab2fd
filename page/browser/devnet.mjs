// A devnet with something to look at: 200 blocks and more, markets, a swap that fails, a reorganisation, contracts
// that say of themselves what is hostile.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const root = new URL("../../", import.meta.url);

/** What nobody may get into a page. */
export const HOSTILE = `"><script>window.hacked=1</script><img src=x onerror="window.hacked=1">`;

/** What `make fixtures` compiled. */
export const artifact = (name) => JSON.parse(readFileSync(new URL(`solidity_fixtures/artifacts/${name}.json`, root), "utf8"));

export const artifactPath = (name) => new URL(`solidity_fixtures/artifacts/${name}.json`, root).pathname;

/** Starts a devnet; gives its URL and what ends it. */
export async function start(...options) {
  const program = (process.env.EVM_ROLLUP ?? new URL("target/debug/evm-rollup", root).pathname);
  const kernel = new URL("target/kernel/evm_kernel.wasm", root).pathname;
  const child = spawn(program, ["devnet", "--port", "0", "--json", "--kernel", kernel, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  // Whatever ends this process ends that one, too.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise((found, failed) => {
    lines.on("line", (line) => {
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
      if (match) found(match[0]);
    });
    child.once("exit", (code) => failed(new Error(`the devnet ended with ${code}`)));
    setTimeout(() => failed(new Error("the devnet does not start in 60 s")), 60_000).unref();
  });
  return { url, pid: child.pid, async stop() { child.kill("SIGTERM"); await once(child, "exit"); } };
}

/** Calls of a node. */
export function client(url) {
  let id = 0;
  const rpc = async (method, ...params) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params });
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body, signal: AbortSignal.timeout(60_000) });
    const { error, result } = await answer.json();
    if (error) throw Object.assign(new Error(`${method}: ${error.message}`), error);
    return result;
  };
  const hex = (text) => `0x${Buffer.from(text).toString("hex")}`;
  /** A word: of a number, or of an address. */
  const word = (value) => (typeof value === "string" && value.startsWith("0x") ? value.slice(2) : BigInt(value).toString(16)).padStart(64, "0");
  const selector = async (signature) => (await rpc("web3_sha3", hex(signature))).slice(0, 10);
  const input = async (signature, ...words) => (await selector(signature)) + words.map(word).join("");
  const send = async (transaction) => {
    const hash = await rpc("eth_sendTransaction", { gas: "0xb71b00", ...transaction });
    return rpc("eth_getTransactionReceipt", hash);
  };
  const deploy = async (from, bytecode, ...words) => {
    const receipt = await send({ from, data: bytecode + words.map(word).join("") });
    if (receipt.status !== "0x1") throw new Error("a contract is not deployed");
    return receipt.contractAddress;
  };
  return { rpc, word, input, send, deploy };
}

/** Initcode of a contract that logs a transfer of tokens to `to` when it is called, and gives back or reverts
 * with a text. */
function saying(to, topic, bytes, end) {
  const size = (bytes.length / 2).toString(16).padStart(4, "0");
  const head = to ? `73${to.slice(2)}307f${topic.slice(2)}60205fa3` : "";
  const at = (8 + head.length / 2 + 5).toString(16).padStart(4, "0");
  const runtime = `61${size}61${at}5f39${head}61${size}5f${end}${bytes}`;
  const length = (runtime.length / 2).toString(16).padStart(4, "0");
  return `0x61${length}80600c6000396000f3${runtime}`;
}

function encoded(text) {
  const bytes = Buffer.from(text).toString("hex");
  const word = (number) => number.toString(16).padStart(64, "0");
  return word(32) + word(bytes.length / 2) + bytes.padEnd(Math.ceil(bytes.length / 64) * 64, "0");
}

/** Sixty transactions in one block; gives its number, its level and the first message that brought some. */
async function batched(rpc, from, to) {
  const nonce = Number(await rpc("eth_getTransactionCount", from, "latest"));
  await rpc("evm_setAutomine", false);
  let hash;
  for (let index = 0; index < 60; index++) hash = await rpc("eth_sendTransaction", { from, to, value: "0x1", gas: "0x5208", gasPrice: "0x174876e800", nonce: `0x${(nonce + index).toString(16)}` });
  await rpc("evm_mine");
  await rpc("evm_setAutomine", true);
  const block = Number((await rpc("eth_getTransactionReceipt", hash)).blockNumber);
  const level = await rpc("rollup_getLevelOf", `0x${block.toString(16)}`);
  const { messages } = await rpc("rollup_inbox", level);
  // As many as a message has room for.
  const { id, transactions } = messages.find(({ transactions }) => transactions > 50);
  return { block, level, message: id, transactions };
}

/** A transaction that the kernel drops, since its nonce is another; one that is replaced before. */
async function dropping(rpc, from, to) {
  const nonce = Number(await rpc("eth_getTransactionCount", from, "latest"));
  const at = (nonce, gasPrice) => ({ from, to, value: "0x1", gas: "0x5208", gasPrice, nonce: `0x${nonce.toString(16)}` });
  await rpc("evm_setAutomine", false);
  await rpc("eth_sendTransaction", at(nonce, "0x174876e800"));
  await rpc("eth_sendTransaction", at(nonce, "0x2e90edd000"));
  await rpc("evm_mine");
  await rpc("evm_setAutomine", true);
  const { raw } = await rpc("eth_signTransaction", at(nonce + 999, "0x174876e800"));
  await rpc("rollup_sendDelayed", raw);
  await rpc("evm_mine");
  return rpc("web3_sha3", raw);
}

/** Fills a devnet; gives what there is to look at. */
export async function fill(url) {
  const { rpc, input, send, deploy } = client(url);
  const [me, friend] = await rpc("eth_accounts");
  for (let block = 0; block < 200; block++) await send({ from: me, to: friend, value: "0x1", gas: "0x5208" });
  const supply = 10n ** 24n;
  const code = (name) => {
    const { bytecode } = artifact(name);
    const text = bytecode.object ?? bytecode;
    return text.startsWith("0x") ? text : `0x${text}`;
  };
  const tokens = [await deploy(me, code("Erc20"), supply), await deploy(me, code("Erc20"), supply)];
  const pair = await deploy(me, code("Pair"), ...tokens);
  const router = await deploy(me, code("Router"));
  for (const token of tokens) await send({ from: me, to: token, data: await input("approve(address,uint256)", router, supply) });
  await send({ from: me, to: router, data: await input("add(address,uint256,uint256)", pair, 10n ** 21n, 10n ** 21n) });
  const swap = async (least) => send({ from: me, to: router, data: await input("swap(address,bool,uint256,uint256,uint256)", pair, 1, 10n ** 18n, least, 10n ** 12n) });
  const swapped = await swap(1n);
  const failed = await swap(10n ** 18n);
  const errors = await deploy(me, code("Errors"));
  const fail = async (kind, depth, gas = "0xb71b00") => send({ from: me, to: errors, gas, data: await input("fail(uint256,uint256)", kind, depth) });
  const [panicked, starved, deep] = [await fail(6, 2), await fail(10, 0, "0x30d40"), await fail(2, 5)];
  const topic = await rpc("web3_sha3", `0x${Buffer.from("Transfer(address,address,uint256)").toString("hex")}`);
  const token = await deploy(me, saying(me, topic, encoded(HOSTILE), "f3"));
  const lied = await send({ from: me, to: token });
  const reverting = await deploy(me, saying("", "", `08c379a0${encoded(HOSTILE)}`, "fd"));
  const hostile = await send({ from: me, to: reverting });
  await rpc("rollup_addAbi", artifact("Counter").abi ?? artifact("Counter"), HOSTILE, token);
  const counter = await deploy(me, code("Counter"));
  const batch = await batched(rpc, me, friend);
  const dropped = await dropping(rpc, me, friend);
  // JUMPDEST, LOG1 of nothing, as long as there is gas.
  const flooder = await deploy(me, "0x600f80600b6000396000f35b60015f5fa15a6113881060005700");
  const flood = await send({ from: me, to: flooder });
  // Calls itself, as long as there is gas, and fails as that does.
  const deepest = await send({ from: me, to: await deploy(me, "0x6a5f5f5f5f5f305af15f5ffd5f52600b6015f3") });
  // Longer than a message may be.
  const pieces = (await send({ from: me, to: friend, data: `0x${"07".repeat(9_000)}` })).transactionHash;
  const quiet = "0x00000000000000000000000000000000c0ffee11";
  return { me, friend, tokens, pair, router, swapped, failed, errors, panicked, starved, deep, deepest, token, lied, reverting, hostile, counter, batch, dropped, flood, pieces, quiet };
}
