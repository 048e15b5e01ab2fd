// How long the views take on a long chain, how large they are, and what an open page costs a flood of transactions:
// node measure.mjs [BLOCKS]

import { existsSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { client, fill, start } from "./devnet.mjs";

const BLOCKS = Number(process.argv[2] ?? 100_000);
const TIMES = 21;
const FLOOD = 2_000;
const ROUNDS = 11;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

const devnet = await start("--accounts", "20", "--keep-states", "4096");
const { url } = devnet;
const { rpc } = client(url);
await fill(url);
for (let mined = 0; mined < BLOCKS; mined += 1_000) await rpc("anvil_mine", `0x${(1_000).toString(16)}`);
const made = await fill(url);
await rpc("rollup_deposit", { receiver: made.me, amount: "1000000" });

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const views = {
  "newest blocks": "/",
  "a block": `/block/${Number(made.swapped.blockNumber)}`,
  "an old block": `/block/${Math.floor(BLOCKS / 2)}`,
  "a transaction with its trace": `/tx/${made.swapped.transactionHash}`,
  "a failed transaction": `/tx/${made.failed.transactionHash}`,
  "a transaction with many logs": `/tx/${made.flood.transactionHash}`,
  "all calls of a transaction": `/tx/${made.deep.transactionHash}/calls`,
  "all that it changed": `/tx/${made.swapped.transactionHash}/changes`,
  "a transaction in pieces": `/tx/${made.pieces}`,
  "all of its call data": `/tx/${made.pieces}/data/input`,
  "what was dropped": "/dropped",
  "a dropped transaction": `/tx/${made.dropped}`,
  "a message with a batch": `/level/${made.batch.level}/message/${made.batch.message}`,
  "slots of a contract": `/address/${made.tokens[0]}/storage`,
  "an account": `/address/${made.me}`,
  "a quiet account": "/address/0x00000000000000000000000000000000c0ffee00",
  "a contract's logs": `/address/${made.tokens[0]}/logs`,
  "a contract's code": `/address/${made.tokens[0]}/code`,
  "tokens of an account": `/address/${made.me}/tokens`,
  "a level": `/level/${await rpc("rollup_getLevelOf", "latest")}`,
  bridge: "/bridge",
};
console.log(`${Number(await rpc("eth_blockNumber")).toLocaleString("en")} blocks; median of ${TIMES}, and the first`);
for (const [name, path] of Object.entries(views)) {
  const took = [];
  let bytes = 0;
  for (let time = 0; time < TIMES; time++) {
    const begin = performance.now();
    const answer = await fetch(url + path);
    bytes = (await answer.arrayBuffer()).byteLength;
    took.push(performance.now() - begin);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  }
  console.log(`${name.padEnd(30)} ${median(took).toFixed(1).padStart(8)} ms  first ${took[0].toFixed(1).padStart(8)} ms  ${(bytes / 1000).toFixed(1).padStart(7)} kB`);
}

/** The processor time that the devnet took so far, in seconds (Linux). */
function processor() {
  const [user, system] = readFileSync(`/proc/${devnet.pid}/stat`, "utf8").split(") ")[1].split(" ").slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** So many transactions, sent and mined: in seconds, and in seconds of the devnet's processor time. */
async function flood() {
  const accounts = await rpc("eth_accounts");
  await rpc("evm_setAutomine", true);
  const [begin, worked] = [performance.now(), processor()];
  const each = FLOOD / accounts.length;
  await Promise.all(accounts.map(async (from) => {
    const nonce = Number(await rpc("eth_getTransactionCount", from, "pending"));
    const calls = Array.from({ length: each }, (_, index) => ({
      jsonrpc: "2.0", id: index, method: "eth_sendTransaction",
      params: [{ from, to: made.friend, value: "0x1", gas: "0x5208", gasPrice: "0x174876e800", nonce: `0x${(nonce + index).toString(16)}` }],
    }));
    for (let start = 0; start < calls.length; start += 50) {
      const answers = await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(calls.slice(start, start + 50)) })).json();
      const failed = answers.find(({ error }) => error);
      if (failed) throw new Error(failed.error.message);
    }
  }));
  while (Number((await rpc("txpool_status")).pending) > 0) await new Promise((next) => setTimeout(next, 5));
  return { wall: (performance.now() - begin) / 1000, work: processor() - worked };
}

/** What the script of the page asks for at most, without a browser beside it that takes the same processors. */
function follower() {
  const timer = setInterval(async () => (await fetch(`${url}/rows`)).text(), 500);
  return { stop: () => clearInterval(timer) };
}

await flood();
const without = [];
const followed = [];
const open = [];
const browser = existsSync(CHROMIUM) ? await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] }) : null;
for (let round = 0; round < ROUNDS; round++) {
  without.push(await flood());
  const rows = follower();
  followed.push(await flood());
  rows.stop();
  if (browser) {
    const page = await browser.newPage();
    await page.goto(url);
    open.push(await flood());
    await page.close();
  }
}
const told = (name, floods) => {
  if (floods.length === 0) return;
  for (const [what, of] of [["time", ({ wall }) => wall], ["processor time of the node", ({ work }) => work]]) {
    const all = floods.map(of);
    const more = (median(all) / median(without.map(of)) - 1) * 100;
    console.log(`${name.padEnd(30)} ${median(all).toFixed(2)} s ${what} (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}), ${more.toFixed(1)} %`);
  }
};
console.log(`${FLOOD} transactions, median of ${ROUNDS}`);
told("no page", without);
told("what an open page asks for", followed);
told("a page in Chromium", open);
await browser?.close();
await devnet.stop();
process.exit(0);
