// The pages in a headless Chromium: every view, with the keyboard, in light, dark and at a phone's width; contracts
// that want to run in them; what a user does. Prints a line for each step, and leaves pictures in target/page.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { HOSTILE, artifactPath, client, fill, start } from "./devnet.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PICTURES = new URL("../../target/page/", import.meta.url).pathname;
const STEP_MS = 60_000;

if (!existsSync(CHROMIUM)) {
  console.error(`no browser at ${CHROMIUM}: install Debian's package chromium, or name another one by CHROMIUM`);
  process.exit(2);
}
mkdirSync(PICTURES, { recursive: true });

const devnet = await start();
const { url } = devnet;
const { rpc, input } = client(url);
// So long a chain comes before all that is looked at.
const BLOCKS = Number(process.env.BLOCKS ?? 10_000);
for (let mined = 0; mined < BLOCKS; mined += 1_000) await rpc("anvil_mine", `0x${(1_000).toString(16)}`);
const made = await fill(url);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
const complaints = [];

/** A page that tells of everything that goes wrong in it. */
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" && !expected(message.text())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:") && !request.url().startsWith("blob:")) complaints.push(`asks ${request.url()}`);
  });
  return page;
}

/** Chromium tells of answers that are no page, which some steps ask for. */
const expected = (text) => /status of (400|404|500|503)/.test(text);

const page = await open();
const go = async (path) => page.goto(url + path);
const text = async (selector = "main") => page.locator(selector).first().innerText();
const has = async (...wanted) => {
  const shown = await text();
  for (const one of wanted) assert.ok(one instanceof RegExp ? one.test(shown) : shown.includes(one), `${one} is not in: ${shown.slice(0, 2_000)}`);
};
const search = async (what) => {
  await page.fill("#q", what);
  await page.press("#q", "Enter");
  await page.waitForLoadState();
};
/** A form of a method: what is typed into it by label, and what it says. */
const fillIn = async (method, fields) => {
  const form = page.locator(`form.rpc[data-method="${method}"]`).first();
  for (const [label, value] of Object.entries(fields)) await form.getByLabel(label, { exact: false }).fill(value);
  await form.locator("button[type=submit]").click();
  const output = form.locator("output");
  await output.filter({ hasText: /[✓✗]/ }).waitFor();
  return output.innerText();
};
const newest = async () => Number(await rpc("eth_blockNumber"));

const VIEWS = {
  home: "/",
  block: `/block/${Number(made.swapped.blockNumber)}`,
  swap: `/tx/${made.swapped.transactionHash}`,
  failed: `/tx/${made.failed.transactionHash}`,
  deep: `/tx/${made.deep.transactionHash}`,
  deepest: `/tx/${made.deepest.transactionHash}`,
  account: `/address/${made.me}`,
  contract: `/address/${made.tokens[0]}`,
  code: `/address/${made.tokens[0]}/code`,
  storage: `/address/${made.tokens[0]}/storage`,
  logs: `/address/${made.tokens[0]}/logs`,
  tokens: `/address/${made.me}/tokens`,
  workbench: `/address/${made.tokens[0]}/contract?abi=ERC-20`,
  hostile: `/address/${made.token}/contract?f=number()`,
  level: "/level/newest",
  bridge: "/bridge",
  names: "/abis",
  control: "/control",
  search: "/search?q=transfer",
  found: "/search?q=withdraw",
  older: "/?before=10",
  waiting: "/waiting",
  blockFailed: `/block/${Number(made.failed.blockNumber)}?failed=1`,
  missing: "/block/999999",
  pieces: `/tx/${made.pieces}`,
  calls: `/tx/${made.deep.transactionHash}/calls`,
  data: `/tx/${made.pieces}/data/input`,
  message: `/level/${made.batch.level}/message/${made.batch.message}`,
  dropped: `/tx/${made.dropped}`,
  droppedList: "/dropped",
  flood: `/tx/${made.flood.transactionHash}`,
  dispute: "/dispute",
  source: `/address/${made.tokens[0]}/source`,
};

const steps = [];
const step = (name, run) => steps.push([name, run]);

// Blocks.
step("the newest blocks are there, as many as a page has", async () => {
  await go("/");
  assert.equal(await page.locator("#rows tr:not(.empty)").count(), 25);
  await has("Newest block", "Base fee");
  assert.match(await page.locator("#rows tr").first().locator("meter").last().getAttribute("aria-label"), /^base fee: [\d.]+ %$/);
});
step("a block shows up by itself, and nothing moves", async () => {
  await page.waitForFunction(() => document.querySelector("#live").textContent.includes("as they come"));
  const box = async () => page.locator("table.blocks").boundingBox();
  const before = await box();
  await rpc("evm_mine");
  const number = (await newest()).toLocaleString("en");
  await page.locator("#rows tr").first().getByText(number, { exact: true }).waitFor();
  assert.deepEqual(await box(), before);
  assert.equal(await page.locator("#rows tr:not(.empty)").count(), 25);
});
step("the cards move with the table, and failures are counted in it", async () => {
  await rpc("eth_sendTransaction", { from: made.me, to: made.reverting, gas: "0xb71b00" });
  const number = (await newest()).toLocaleString("en");
  await page.locator("#facts dd").first().getByText(number, { exact: true }).waitFor();
  assert.match(await text("#rows tr"), /1 \(1 ✗\s*failed\s*\)/);
});
step("paused, it stays; then it catches up", async () => {
  await page.click("#pause");
  const first = await text("#rows tr");
  await rpc("evm_mine");
  await page.waitForTimeout(800);
  assert.equal(await text("#rows tr"), first);
  await page.click("#pause");
  await page.locator("#rows tr").first().getByText((await newest()).toLocaleString("en"), { exact: true }).waitFor();
});
step("a page that stays open tells of trouble, and that it is over", async () => {
  const view = await open();
  await view.clock.install();
  await view.goto(url);
  assert.equal(await view.locator("#trouble").isVisible(), false);
  await view.route("**/health", (route) => route.fulfill({ status: 503, json: { ready: false, trouble: "5 levels are still to run" } }));
  await view.clock.runFor(11_000);
  await view.locator("#trouble").getByText("The node has trouble: 5 levels are still to run").waitFor();
  await view.unroute("**/health");
  await view.clock.runFor(11_000);
  await view.locator("#trouble").waitFor({ state: "hidden" });
  await view.context().close();
});
step("rows do not change under who stands in them with the keyboard", async () => {
  await page.focus("#rows tr a");
  const first = await text("#rows tr");
  await rpc("evm_mine");
  await page.waitForTimeout(800);
  assert.equal(await text("#rows tr"), first);
  await page.focus("#q");
  await page.locator("#rows tr").first().getByText((await newest()).toLocaleString("en"), { exact: true }).waitFor();
});
step("a reorganisation is shown", async () => {
  const before = await page.locator("#rows tr").first().getAttribute("data-hash");
  await rpc("anvil_reorg", 3, []);
  await page.waitForFunction((hash) => document.querySelector("#rows tr").dataset.hash !== hash, before);
});
step("a page that is not seen asks for nothing, and catches up", async () => {
  const view = await open();
  await view.goto(url);
  await view.waitForFunction(() => document.querySelector("#live").textContent.includes("as they come"));
  let asked = 0;
  view.on("request", (request) => { if (request.url().endsWith("/rows")) asked += 1; });
  const hide = (hidden) => view.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  await rpc("evm_mine");
  await view.waitForTimeout(1_200);
  assert.equal(asked, 0);
  await hide(false);
  await view.locator("#rows tr").first().getByText((await newest()).toLocaleString("en"), { exact: true }).waitFor();
  await view.waitForTimeout(1_500);
  assert.ok(asked <= 3, `${asked} times`);
  await view.context().close();
});
step("older blocks have pages, and the way back", async () => {
  await go("/");
  await page.click("text=older →");
  await page.waitForURL(/before=/);
  await page.click("text=← newer");
  await page.waitForURL(`${url}/`);
});
step("the oldest blocks, and an account without transactions, are at hand on a long chain", async () => {
  assert.ok((await newest()) >= BLOCKS);
  await go("/?before=30");
  await has("29");
  await page.click("text=older →");
  await page.waitForURL(/before=5$/);
  await go("/address/0x00000000000000000000000000000000c0ffee77");
  await has("None.", `in blocks 0 to ${(await newest()).toLocaleString("en")}`);
  assert.equal(await page.locator("text=older →").count(), 0);
});
step("times in UTC and where the reader is, without a jump", async () => {
  const view = await open({ timezoneId: "Asia/Kolkata" });
  await view.goto(url);
  const time = view.locator("#rows time").first();
  const [utc, box] = [await time.innerText(), async () => (await view.locator("table.blocks").boundingBox()).height];
  const before = await box();
  assert.match(utc, /UTC$/);
  await view.click("#local");
  const local = await time.innerText();
  assert.match(local, /\+05:30$/);
  const at = (text) => Date.parse(text.replace(" UTC", "Z").replace(" +05:30", "+05:30").replace(" ", "T"));
  assert.equal(at(local), at(utc));
  assert.equal(await time.getAttribute("title"), utc);
  assert.equal(await box(), before);
  await view.reload();
  assert.match(await time.innerText(), /\+05:30$/);
  await view.context().close();
});
step("exact values on demand, and they stay so", async () => {
  await go("/");
  assert.match(await text("#rows tr"), /gwei/);
  await page.click("#exact");
  assert.match(await text("#rows tr"), /\d wei/);
  await page.reload();
  assert.match(await text("#rows tr"), /\d wei/);
  await page.click("#exact");
  assert.match(await text("#rows tr"), /gwei/);
});
step("a block has its header, level and transactions", async () => {
  await go(VIEWS.block);
  await has("State commitment", "Gas used", /level \d+/, "✓ done");
});
step("gas and work stand as bars", async () => {
  await has(/Work\s+[\d,]+ units for its transactions, of [\d,]+ that a level has/);
  assert.ok((await page.locator("table.facts meter").count()) >= 2);
});
step("its neighbours are a link away", async () => {
  await page.click("a[rel=prev]");
  await page.waitForURL(`${url}/block/${Number(made.swapped.blockNumber) - 1}`);
});
step("by its hash it is the same", async () => {
  await go(`/block/${made.swapped.blockHash}`);
  await has(`Block ${Number(made.swapped.blockNumber).toLocaleString("en")}`);
});

// Transactions.
step("a swap: done, paid, tokens moved", async () => {
  await go(VIEWS.swap);
  await has("✓ It is done", "Who paid what", "Tokens that moved", "FIX");
  assert.ok((await page.locator("#logs ~ ol.logs li").count()) >= 3);
});
step("calls fold and unfold with the keyboard", async () => {
  const call = page.locator("ul.calls details").first();
  await call.locator("> summary").focus();
  await page.keyboard.press("Enter");
  assert.equal(await call.evaluate((details) => details.open), false);
  await page.keyboard.press("Enter");
  assert.equal(await call.evaluate((details) => details.open), true);
});
step("the state before and after", async () => {
  await has("State that it changed", "Before", "After", /slot 0x/);
});
step("a failed swap without its ABI: bytes are bytes", async () => {
  await go(VIEWS.failed);
  await has("✗ It failed", "bytes that no known error has");
  assert.equal(await page.locator("div.why a[href='/abis']").count() > 0, true);
});
step("the router's artefact is chosen, and names come", async () => {
  await go("/abis");
  await page.setInputFiles("#files", [artifactPath("Router"), artifactPath("Errors"), artifactPath("Pair")]);
  await page.click("#artefacts button");
  await page.locator("#artefacts output").filter({ hasText: "✓ Errors" }).waitFor();
  await page.locator("#lists").getByText("Router").first().waitFor();
  await page.reload();
  await has("Router", "Errors", "Pair");
});
step("why the swap failed: its error, with arguments", async () => {
  await go(VIEWS.failed);
  await has("It reverted with TooLittle", "least", "1,000,000,000,000,000,000", "swap(address,bool,uint256,uint256,uint256)");
});
step("a stranger: why did the swap fail", async () => {
  let clicks = 0;
  const click = async (locator) => { await locator.click(); await page.waitForLoadState(); clicks += 1; };
  await go(`/?before=${Number(made.failed.blockNumber) + 5}`);
  const row = page.locator("#rows tr", { has: page.locator(`a[href="/block/${Number(made.failed.blockNumber)}"]`) });
  assert.match(await row.innerText(), /1 ✗/);
  await click(row.locator("th a"));
  await click(page.locator("main tbody tr", { hasText: "✗ failed" }).first().locator("th a"));
  const why = page.locator("div.why");
  assert.match(await why.innerText(), /TooLittle[\s\S]*least/);
  const { y, height } = await why.boundingBox();
  assert.ok(clicks === 2 && y + height < 500, `${clicks} clicks, ${y + height} pixels down`);
});
step("an artefact that is none is told so", async () => {
  await go("/abis");
  await page.setInputFiles("#files", [{ name: "broken.json", mimeType: "application/json", buffer: Buffer.from("{") }]);
  await page.click("#artefacts button");
  await page.locator("#artefacts output").filter({ hasText: "✗ broken.json" }).waitFor();
});
step("a panic has words", async () => {
  await go(`/tx/${made.panicked.transactionHash}`);
  await has("Panic 0x11: arithmetic overflow or underflow");
});
step("out of gas is said so", async () => {
  await go(`/tx/${made.starved.transactionHash}`);
  await has(/out of gas.*the transaction's gas limit, 200,000/);
});
step("a failure far inside is found with the way to it", async () => {
  await go(VIEWS.deep);
  await has("5 deep", "a reason");
});
step("how it was posted leads to its message", async () => {
  await page.click("#posted ~ p a[href*='/message/']");
  await page.waitForURL(/\/level\/\d+\/message\/\d+/);
  await has("external", "Transactions in it");
  assert.ok((await page.locator(`a[href="${VIEWS.deep}"]`).count()) >= 1);
});
step("a batch is taken apart into its transactions, by pages", async () => {
  await go(`/level/${made.batch.level}`);
  await page.click(`text=${made.batch.transactions} transactions`);
  await page.waitForURL(/\/message\/\d+/);
  await has(`Transactions in it (${made.batch.transactions})`, "account 0", "transfer");
  assert.equal(await page.locator("main tbody tr th a[href^='/tx/']").count(), 50);
  await page.click("text=later →");
  await page.waitForURL(/from=50/);
  assert.equal(await page.locator("main tbody tr th a[href^='/tx/']").count(), made.batch.transactions - 50);
  await page.locator("main tbody tr th a[href^='/tx/']").last().click();
  await page.waitForURL(/\/tx\//);
  await has("✓ It is done");
});
step("a block of 60 transactions has three pages, and all are there", async () => {
  await go(`/block/${made.batch.block}`);
  const seen = new Set();
  for (let turn = 0; turn < 3; turn++) {
    for (const link of await page.locator("tbody th a[href^='/tx/']").evaluateAll((links) => links.map(({ href }) => href))) seen.add(link);
    if (turn < 2) await Promise.all([page.waitForURL(new RegExp(`from=${25 * (turn + 1)}`)), page.click("text=older →")]);
  }
  assert.equal(seen.size, 60);
  assert.equal(await page.locator("text=older →").count(), 0);
});
step("a transaction in pieces has all of its messages", async () => {
  await go(VIEWS.pieces);
  await has("came in 3 pieces", "announcement", "piece 3 of 3");
  await page.locator("#posted ~ div a[href*='/message/']").last().click();
  await page.waitForURL(/\/level\/\d+\/message\/\d+/);
  await has("piece of");
  await page.locator(`main a[href="${VIEWS.pieces}"]`).first().click();
  await page.waitForURL(/\/tx\//);
});
step("long call data goes on, by pages", async () => {
  await go(VIEWS.pieces);
  await page.locator("#input ~ details a", { hasText: "all of them" }).first().evaluate((link) => link.click());
  await page.waitForURL(/data\/input/);
  await page.click("text=later →");
  await page.waitForURL(/bytes=8192/);
});
step("calls beyond those that are shown are one a line, by pages", async () => {
  await go(`${VIEWS.deep}/calls`);
  await has(/[\d,]+ calls, in the order/, "#0", "depth 0");
  await go(`${VIEWS.swap}/changes`);
  await has(/[\d,]+ changes, by accounts/, "Before", "After");
  await go(`${VIEWS.swap}/tokens`);
  await has("FIX");
});
step("calls as deep as gas allows are there, and the innermost says why", async () => {
  await go(VIEWS.deepest);
  await has(/That was in a call [\d,]{3,} deep/, /[\d,]+ more/, "out of gas");
  await page.locator("#calls ~ p a", { hasText: "The calls from number" }).click();
  await page.waitForURL(/calls\?from=\d+/);
  await page.locator("nav.pager a[rel=next]").click();
  await page.waitForURL(/calls\?from=\d{3}/);
  await has(/depth \d{3}, by #\d{3}/);
});
step("what a level's messages made is a link away", async () => {
  await go(`/level/${made.batch.level}`);
  await page.locator(`main tbody td a[href="/block/${made.batch.block}"]`).first().click();
  await page.waitForURL(new RegExp(`/block/${made.batch.block}`));
});
step("the witness of a transaction is a file", async () => {
  await go(VIEWS.swap);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Its witness")]);
  assert.equal(download.suggestedFilename(), `${made.swapped.transactionHash}.witness`);
  const bytes = readFileSync(await download.path());
  assert.equal(bytes.subarray(0, 8).toString(), "ROLLPAYM");
});
step("the logs of a transaction have pages, however many there are", async () => {
  await go(VIEWS.flood);
  const count = made.flood.logs.length;
  assert.ok(count > 1_000);
  await has(`Logs (${count.toLocaleString("en")})`);
  const shown = await page.locator("#logs ~ ol.logs > li").count();
  assert.ok(shown > 20 && shown <= 50, `${shown}`);
  await page.locator("nav[aria-label=Logs] a").click();
  await page.waitForURL(new RegExp(`logs=${shown}#logs`));
  assert.match(await text("#logs ~ ol.logs > li"), new RegExp(`#${shown}`));
});
step("a dropped transaction says why, and is found", async () => {
  await go(VIEWS.dropped);
  await has("✗ It is in no block", "dropped by the kernel", "which said");
  await page.click("text=Others that were dropped");
  await page.waitForURL(`${url}/dropped`);
  await has("replaced by another one with its nonce");
  await search(made.dropped);
  await page.waitForURL(new RegExp(`/tx/${made.dropped}`));
});
step("bytes of a message on demand", async () => {
  await go("/level/newest");
  const bytes = page.locator("details.bytes").first();
  assert.equal(await bytes.evaluate((details) => details.open), false);
  await bytes.locator("summary").click();
  assert.ok(await bytes.locator("pre").isVisible());
});

// Accounts.
step("an account: balance, and its transactions by pages", async () => {
  await go(VIEWS.account);
  await has("tez", "Nonce", "transfer");
  await page.click("text=older →");
  await page.waitForURL(/block=\d+/);
  await has("Transactions");
});
step("a contract's logs, by name", async () => {
  await go(VIEWS.logs);
  await has("Transfer", "Approval");
});
step("a contract's code, and its functions", async () => {
  await go(VIEWS.code);
  await has("PUSH1", "transfer(address,uint256)");
  await page.click("text=later →");
  await page.waitForURL(/from=400/);
});
step("a contract's storage, and what proves it as a file", async () => {
  await go(VIEWS.storage);
  assert.ok((await page.locator("main tbody tr").count()) > 2);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=What proves this account")]);
  const proof = JSON.parse(readFileSync(await download.path(), "utf8"));
  assert.ok(proof.storageProof.length > 2 && proof.accountProof.length > 0);
});
step("build information brings sources, which are text", async () => {
  await go("/abis");
  const { abi, deployedBytecode } = JSON.parse(readFileSync(artifactPath("Erc20"), "utf8"));
  const content = `// ${HOSTILE}\ncontract Erc20 {}`;
  const metadata = JSON.stringify({ sources: { "contracts/Erc20.sol": {}, "lib/Other.sol": {} } });
  const info = { input: { sources: { "contracts/Erc20.sol": { content }, "lib/Other.sol": { content: "library Other {}" } } }, output: { contracts: { "contracts/Erc20.sol": { Erc20: { abi, metadata, evm: { deployedBytecode: { object: deployedBytecode.replace("0x", "") } } } } } } };
  await page.setInputFiles("#files", [{ name: "info.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(info)) }]);
  await page.fill("#artefact-address", made.tokens[0]);
  await page.click("#artefacts button");
  await page.locator("#artefacts output").filter({ hasText: "✓ Erc20" }).waitFor();
  assert.match(await text("#artefacts output"), /[\d,]+ bytes of code, 2 files of sources/);
  await go(VIEWS.code);
  await page.click("text=Source");
  await page.waitForURL(/\/source$/);
  await has("<script>window.hacked=1</script>", "contract Erc20 {}", "✓ its code matches", "nobody compiled them anew");
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await page.click("text=lib/Other.sol");
  await has("library Other {}");
});
step("a contract with the same code is known by it, and a source of another code is not shown", async () => {
  await go(`/address/${made.tokens[1]}`);
  await has(/Contract .?Erc20/, "✓ its code matches");
  const { abi, deployedBytecode } = JSON.parse(readFileSync(artifactPath("Counter"), "utf8"));
  await rpc("rollup_addAbi", { abi, deployedBytecode, sources: { "Pretender.sol": "contract Pretender {}" } }, "Pretender", made.errors);
  await go(`/address/${made.errors}/source`);
  await has("are not shown as those of this contract", "another than the code at this address");
  assert.equal((await text()).includes("contract Pretender {}"), false);
});
step("the tokens of an account", async () => {
  await go(VIEWS.tokens);
  await has("FIX", /999,\d{3}/);
});

// Contracts.
step("reading a function, whose result has an address", async () => {
  await go(VIEWS.workbench);
  const form = page.locator("details.function", { hasText: "balanceOf(address)" });
  await form.locator("summary").click();
  await form.locator("input[name=a0]").fill(made.me);
  await form.getByText("Read", { exact: true }).click();
  await page.waitForURL(/f=balanceOf/);
  assert.match(await text("div.result"), /999,\d{3}/);
});
step("arguments are checked as they are typed", async () => {
  const field = page.locator("details.function[open] input[name=a0]");
  await field.fill("0x12");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await page.locator("details.function[open]").getByText("Read", { exact: true }).click();
  assert.equal(await field.evaluate((input) => document.activeElement === input), true);
  await field.fill(made.friend);
  assert.equal(await field.getAttribute("aria-invalid"), "false");
});
step("numbers with a fraction, and addresses with another checksum, are told before they are sent", async () => {
  assert.deepEqual(await page.evaluate(() => ["5.5", "5", "1.5 ether", "2 gwei"].map((text) => fits("uint256", text))), [false, true, true, true]);
  // Account 0 with a capital letter too many.
  const mistyped = "0xF39fd6e51aad88f6f4ce6ab8827279cfffb92266";
  await go(`${VIEWS.workbench}&f=balanceOf(address)&a0=${mistyped}`);
  assert.match(await text("details.function[open] p.wrong"), /checksum/);
  await go(`${VIEWS.workbench}&f=balanceOf(address)&a0=${made.me.toLowerCase()}`);
  assert.match(await text("div.result"), /999,\d{3}/);
});
step("what is wrong is said in words, lists and structs looked into", async () => {
  const field = page.locator("details.function[open] input[name=a0]");
  const said = page.locator("details.function[open] p.wrong").first();
  await field.fill("0x12");
  assert.match(await said.innerText(), /✗ This is no address: it is 0x and 40 hex digits/);
  await field.fill("");
  await page.locator("details.function[open]").getByText("Read", { exact: true }).click();
  assert.match(await said.innerText(), /✗ It is missing/);
  const right = await page.evaluate(() => [
    ["uint256[]", "[1,x]"], ["uint256[]", "[1,2]"], ["uint256[2]", "[1]"], ["(uint8,bool)[]", "[(1,true),(2,false)]"], ["(uint8,bool)[]", "[(1,2)]"], ["uint256[]", "[]"], ["uint8[][]", "[[1],[256]]"],
  ].map(([type, text]) => fits(type, text)));
  assert.deepEqual(right, [false, true, false, true, false, true, false]);
  await field.fill(made.friend);
  assert.equal(await said.innerText(), "");
});
step("what takes nothing is read when the page opens", async () => {
  assert.match(await text("table.now"), /decimals\s+18/);
});
step("a failing transaction is sent with a gas limit, and its outcome told", async () => {
  await go(VIEWS.workbench);
  const form = page.locator("details.function", { hasText: "transferFrom(address,address,uint256)" }).first();
  await form.locator("summary").click();
  for (const [name, value] of [["a0", made.friend], ["a1", made.me], ["a2", "5,000"], ["gas", "300,000"]]) await form.locator(`input[name=${name}]`).fill(value);
  await form.getByText("Send", { exact: true }).click();
  await form.locator("output .worked").filter({ hasText: "✓ Sent" }).waitFor();
  await form.locator("output .failed").filter({ hasText: /It failed: block/ }).waitFor();
  await go(VIEWS.workbench);
});
step("trying what would fail shows its error", async () => {
  const form = page.locator("details.function", { hasText: "transferFrom(address,address,uint256)" }).first();
  await form.locator("summary").click();
  for (const [name, value] of [["a0", made.friend], ["a1", made.me], ["a2", "5"]]) await form.locator(`input[name=${name}]`).fill(value);
  await form.getByText("Try", { exact: true }).click();
  await page.waitForURL(/transferFrom/);
  assert.match(await text("div.result"), /ERC20InsufficientAllowance/);
});
step("who writes stays chosen, and a call that cannot be sent says why by name", async () => {
  await go(VIEWS.workbench);
  const second = await page.locator("#sender option").nth(1).getAttribute("value");
  await page.selectOption("#sender", second);
  const form = page.locator("details.function", { hasText: "transferFrom(address,address,uint256)" }).first();
  await form.locator("summary").click();
  for (const [name, value] of [["a0", made.friend], ["a1", made.me], ["a2", "5"]]) await form.locator(`input[name=${name}]`).fill(value);
  await form.getByText("Try", { exact: true }).click();
  await page.waitForURL(/from=0x/);
  assert.equal(await page.locator("#sender").inputValue(), second);
  const again = page.locator("details.function[open]");
  assert.equal(await again.locator("div.result").count(), 1);
  await again.getByText("Send", { exact: true }).click();
  await again.locator("output.failed").waitFor();
  await again.locator("div.result").getByText("ERC20InsufficientAllowance").first().waitFor();
  assert.equal(await again.locator("div.result").count(), 1);
});
step("the wallet stays chosen, too", async () => {
  await go(VIEWS.workbench);
  await page.selectOption("#sender", "wallet");
  const form = page.locator("details.function", { hasText: "transferFrom(address,address,uint256)" }).first();
  await form.locator("summary").click();
  for (const [name, value] of [["a0", made.friend], ["a1", made.me], ["a2", "5"]]) await form.locator(`input[name=${name}]`).fill(value);
  await form.getByText("Try", { exact: true }).click();
  await page.waitForURL(/from=wallet/);
  assert.equal(await page.locator("#sender").inputValue(), "wallet");
});
step("after a success no old error stays, and what the contract says of itself is new", async () => {
  const { abi } = JSON.parse(readFileSync(artifactPath("Counter"), "utf8"));
  await rpc("rollup_addAbi", { abi }, "Counting", made.counter);
  await go(`/address/${made.counter}/contract?f=set(uint256)&a0=2000000`);
  await page.locator("div.result").getByText("TooLarge").first().waitFor();
  const form = page.locator("details.function[open]");
  await form.locator("input[name=a0]").fill("41");
  await form.getByText("Send", { exact: true }).click();
  await form.locator("output .worked").filter({ hasText: /It is done/ }).waitFor();
  assert.equal((await form.innerText()).includes("TooLarge"), false);
  await page.locator("table.now").getByText("41", { exact: true }).waitFor();
  await form.locator("input[name=a0]").fill("");
  await form.getByText("Send", { exact: true }).click();
  assert.match(await form.locator("p.wrong").first().innerText(), /It is missing/);
  assert.equal(await form.locator("output").innerText(), "");
});
const transfer = async () => {
  const form = page.locator("details.function", { hasText: "transfer(address,uint256)" }).first();
  if (!(await form.evaluate((details) => details.open))) await form.locator("summary").click();
  await form.locator("input[name=a0]").fill(made.friend);
  await form.locator("input[name=a1]").fill("7");
  await form.getByText("Send", { exact: true }).click();
  await form.locator("output a").waitFor();
  await form.locator("output a").click();
  await page.waitForURL(/\/tx\//);
  await has("✓ It is done", "transfer(address,uint256)");
};
step("writing with an account of the devnet", async () => {
  await go(VIEWS.workbench);
  await transfer();
});
step("writing with the browser's wallet", async () => {
  await go(VIEWS.workbench);
  await page.evaluate((account) => {
    window.asked = [];
    window.ethereum = {
      async request({ method, params = [] }) {
        window.asked.push(method);
        if (method === "eth_requestAccounts") return [account];
        const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
        const answer = await (await fetch("/", { method: "POST", headers: { "content-type": "application/json" }, body })).json();
        return answer.result;
      },
    };
  }, made.me);
  await page.selectOption("#sender", "wallet");
  await transfer();
});
step("without a wallet it says so", async () => {
  await go(VIEWS.workbench);
  await page.selectOption("#sender", "wallet");
  const form = page.locator("details.function", { hasText: "transfer(address,uint256)" }).first();
  await form.locator("summary").click();
  await form.locator("input[name=a0]").fill(made.friend);
  await form.locator("input[name=a1]").fill("7");
  await form.getByText("Send", { exact: true }).click();
  await form.locator("output").filter({ hasText: "no wallet" }).waitFor();
});

// Search.
for (const [what, where] of [
  ["a transaction's hash", [made.failed.transactionHash, /\/tx\/0x/]],
  ["a block's hash", [made.swapped.blockHash, /\/block\/0x/]],
  ["a number", ["17", /\/block\/17$/]],
  ["a level", ["level 5", /\/level\/5$/]],
  ["an address", [made.me, /\/address\//]],
  ["a selector", ["0xa9059cbb", /\/selector\//]],
  ["an account of layer 1", ["tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx", /\/layer1\/tz1/]],
]) {
  step(`search: ${what}`, async () => {
    await go("/");
    await search(where[0]);
    await page.waitForURL(where[1]);
  });
}
step("search: a name", async () => {
  await search("Swap");
  await has("Functions", "Events", "swap(");
});
step("search: errors, of the list and added", async () => {
  await search("erc20insufficientbalance");
  await has("Errors", "ERC20InsufficientBalance(address,uint256,uint256)");
  await search("TooLittle");
  await has("Errors", "TooLittle(");
});
step("search: a hash that nothing has", async () => {
  await search(`0x${"17".repeat(32)}`);
  await has("Not found", "No transaction, block or event");
});
step("search: what the page itself calls accounts, parts of names, and a hash without 0x", async () => {
  await search("account 1");
  await page.waitForURL(new RegExp(`/address/${made.friend}`, "i"));
  await search("bridge of tez");
  await page.waitForURL(/\/address\/0xff0+1$/i);
  await search("exchanger");
  await page.waitForURL(/\/layer1\/KT1/);
  await has("exchanger", "makes tickets of tez");
  await search("withdraw_bas");
  await has("Functions", "withdraw_base58(string)");
  await search(made.swapped.transactionHash.slice(2));
  await page.waitForURL(new RegExp(VIEWS.swap));
  await search("tz1KqTpEZ7");
  await has("Not understood", "36 letters and digits");
});
step("search: nothing is found, in words", async () => {
  await search("<b>nothing</b>");
  await has("Not found", "<b>nothing</b>");
});

// The bridge.
let withdrawn;
step("a deposit, and what became of it", async () => {
  await go("/bridge");
  assert.match(await fillIn("rollup_deposit", { Receiver: made.me, Amount: "12.5" }), /✓ It was sent as message \d+ of level [\d,]+\./);
  await page.locator("#lists").getByText("12.5 tez").waitFor();
  await has("12.5 tez", "✓ credited", "account 0");
});
step("a deposit that its receiver refuses is kept, and may be claimed by anybody", async () => {
  await rpc("rollup_deposit", { receiver: made.reverting, amount: "7000000" });
  await page.reload();
  await has("7 tez", "kept");
  await page.click("text=anybody may claim it");
  await page.waitForURL(/claimDeposit/);
  const form = page.locator("details.function[open]", { hasText: "claimDeposit" });
  assert.match(await form.locator("input[name=a0]").inputValue(), /^\d+$/);
  assert.ok(await form.getByText("Send", { exact: true }).isVisible());
  await has("It reverted with");
  const { y } = await form.boundingBox();
  assert.ok(y > -20 && y < 600, `the form is ${y} pixels down`);
  await go("/bridge");
});
const holder = "0x00000000000000000000000000000000c0ffee12";
step("a deposit whose routing nobody can read is for governance, and tickets are an account's", async () => {
  await rpc("rollup_deposit", { routing: "0x1234", amount: "1000000" });
  await rpc("rollup_depositTokens", { receiver: holder, amount: "700" });
  await page.reload();
  await has("governance alone can hand it over", "700 tickets");
  await go(`/address/${holder}/tokens`);
  await has("700 tickets with the hash");
});
step("a level's inbox says what contracts of layer 1 ask for, and what came of it", async () => {
  const { level } = await rpc("rollup_deposit", { receiver: holder, amount: "2500000" });
  await go(`/level/${level}`);
  const row = page.locator("main tbody tr", { hasText: "deposit of" });
  assert.match(await row.innerText(), /deposit of 2.5 tez for .* from the bridge of layer 1/);
  assert.equal(await row.locator("td a[href^='/block/']").count(), 1);
  const tokens = await rpc("rollup_depositTokens", { receiver: holder, amount: "3" });
  await go(`/level/${tokens.level}`);
  await has("deposit of 3 tickets for");
  const signed = await rpc("eth_signTransaction", { from: made.friend, to: made.me, value: "0x1", gas: "0x5208", gasPrice: "0x174876e800", nonce: await rpc("eth_getTransactionCount", made.friend, "latest") });
  const forced = await rpc("rollup_sendDelayed", signed.raw ?? signed);
  await go(`/level/${forced.level}`);
  await has("a forced transaction follows", "forced transaction 0x", "the delayed inbox");
  const whole = page.locator("main tbody tr", { hasText: "forced transaction 0x" });
  assert.equal(await whole.locator("td a[href^='/block/']").count(), 1);
  await whole.locator("td.number a").first().click();
  await page.waitForURL(/\/message\//);
  await has("Transactions in it (1)", "account 1", "account 0");
  const poor = await rpc("eth_signTransaction", { from: made.friend, to: made.me, value: `0x${(20_000n * 10n ** 18n).toString(16)}`, gas: "0x5208", gasPrice: "0x174876e800", nonce: await rpc("eth_getTransactionCount", made.friend, "latest") });
  const dropped = await rpc("rollup_sendDelayed", poor.raw ?? poor).catch((error) => error);
  const gone = await rpc("web3_sha3", poor.raw ?? poor);
  await go(`/tx/${gone}`);
  await has("✗ It is in no block", "A contract of layer 1 forced it in", "account 1", "20,000 tez", /it may cost 20,000[.\d…]* tez/);
  assert.ok(dropped);
  await page.locator("main a[href*='/message/']").first().click();
  await has("forced transaction 0x");
  await go("/bridge");
});
step("a withdrawal on its way", async () => {
  const selector = (await rpc("web3_sha3", `0x${Buffer.from("withdraw_base58(string)").toString("hex")}`)).slice(0, 10);
  const target = Buffer.from("tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN").toString("hex");
  const data = `${selector}${(32).toString(16).padStart(64, "0")}${(36).toString(16).padStart(64, "0")}${target.padEnd(128, "0")}`;
  withdrawn = await rpc("eth_sendTransaction", { from: made.me, to: "0xff00000000000000000000000000000000000001", value: "0x53444835ec580000", data });
  await page.reload();
  await has("6 tez", /It left; the commitment|can still be refuted/, /[Tt]he commitment of level [\d,]+/, /It can be executed from level [\d,]+ on, once \d+ levels? more (is|are) over/, /account 0 asked for it by 0x\w+…\w+ in block [\d,]+/);
  assert.equal(await page.locator(`section.withdrawal a[href="/tx/${withdrawn}"]`).count(), 1);
  assert.match(await text("section.withdrawal li[aria-current]"), /✓ in (the outbox|a commitment)/);
});
step("a stranger: where is the withdrawal", async () => {
  await go(`/tx/${withdrawn}`);
  await page.click("text=how far that is");
  await page.waitForURL(/bridge#withdrawals/);
  let clicks = 0;
  await go("/");
  await page.locator("header nav").getByText("Bridge", { exact: true }).click();
  clicks += 1;
  const where = page.locator("section.withdrawal").first();
  await where.getByText(/It left; the commitment|can still be refuted/).waitFor();
  const { y } = await where.boundingBox();
  assert.ok(clicks === 1 && y < 700, `${clicks} clicks, ${y} pixels down`);
});
step("levels run until it can be executed", async () => {
  await page.locator("section.withdrawal button").first().click();
  await page.locator("#said").filter({ hasText: /✓ \d+ levels? ran/ }).waitFor();
  await page.locator("section.withdrawal").getByText(/Anybody can execute it now: the commitment of/).waitFor();
  // What came of a button stands where the button is.
  await page.locator("section.withdrawal").first().locator("output.worked").filter({ hasText: /✓ \d+ levels? ran/ }).waitFor();
});
step("it is executed, and layer 1 paid", async () => {
  await page.locator("section.withdrawal button", { hasText: /^Execute/ }).click();
  await page.locator("#said").filter({ hasText: /✓ It was executed at level/ }).waitFor();
  await page.locator("section.withdrawal").first().locator("output.worked").filter({ hasText: "✓ It was executed" }).waitFor();
  await page.locator("section.withdrawal").getByText(/It was executed at level [\d,]+, covered by the commitment of/).waitFor();
  for (const path of await page.locator("main a[href^='/level/']").evaluateAll((links) => links.map((link) => link.getAttribute("href")))) assert.equal((await fetch(url + path)).status, 200, path);
  await go("/layer1/tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN");
  await has("tez");
});

step("a withdrawal of more than was deposited says that layer 1 refuses it", async () => {
  const selector = (await rpc("web3_sha3", `0x${Buffer.from("withdraw_base58(string)").toString("hex")}`)).slice(0, 10);
  const target = Buffer.from("tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN").toString("hex");
  const data = `${selector}${(32).toString(16).padStart(64, "0")}${(36).toString(16).padStart(64, "0")}${target.padEnd(128, "0")}`;
  await rpc("eth_sendTransaction", { from: made.me, to: "0xff00000000000000000000000000000000000001", value: `0x${(500n * 10n ** 18n).toString(16)}`, data });
  await go("/bridge");
  const card = page.locator("section.withdrawal").first();
  await card.getByText(/Layer 1 cannot pay it as things are: the rollup has [\d.]+ tez there. Somebody has to deposit [\d.]+ tez more first/).waitFor();
  await card.locator("button", { hasText: "Run levels" }).click();
  await card.locator("button", { hasText: /^Execute/ }).waitFor();
  assert.equal((await card.innerText()).includes("Anybody can execute"), false);
  await card.locator("button", { hasText: /^Execute/ }).click();
  const said = card.locator("output.failed");
  await said.filter({ hasText: /✗ the rollup has [\d.]+ tez on layer 1, and this takes 500 tez/ }).waitFor();
  // The list is made anew behind it.
  await page.waitForTimeout(1_000);
  const [button, answer] = [await card.locator("button", { hasText: /^Execute/ }).boundingBox(), await said.boundingBox()];
  assert.ok(Math.abs(answer.y - button.y) < 120, `${answer.y - button.y} pixels from the button`);
});

step("a list that is made anew takes no click and no answer with it", async () => {
  const card = page.locator("section.withdrawal").first();
  const execute = card.locator("button", { hasText: /^Execute/ });
  // The lists of another form are slow to come.
  let slow;
  await page.route(`${url}/bridge`, (route) => (slow ? route.continue() : (slow = route)));
  await page.evaluate(() => void refresh(document.querySelector("form.rpc")));
  while (!slow) await page.waitForTimeout(20);
  const { x, y } = await execute.boundingBox();
  await page.mouse.move(x + 5, y + 5);
  await page.mouse.down();
  await slow.continue();
  await page.waitForTimeout(500);
  await page.mouse.up();
  await card.locator("output.failed").filter({ hasText: "✗ the rollup has" }).waitFor();
  slow = undefined;
  await page.evaluate(() => void refresh(document.querySelector("form.rpc")));
  while (!slow) await page.waitForTimeout(20);
  await execute.click();
  await page.waitForTimeout(500);
  await slow.continue();
  await page.waitForTimeout(1_000);
  await card.locator("output.failed").filter({ hasText: "✗ the rollup has" }).waitFor();
  await page.unroute(`${url}/bridge`);
});

step("what somebody else executes shows without a block", async () => {
  const data = await input("withdraw_base58(string)");
  const target = Buffer.from("tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN").toString("hex");
  const text = `${(32).toString(16).padStart(64, "0")}${(36).toString(16).padStart(64, "0")}${target.padEnd(128, "0")}`;
  await rpc("eth_sendTransaction", { from: made.me, to: "0xff00000000000000000000000000000000000001", value: "0xde0b6b3a7640000", data: data + text });
  await rpc("rollup_advanceLevels");
  await go("/bridge");
  const card = page.locator("section.withdrawal").first();
  await card.getByText(/Anybody can execute it now/).waitFor();
  const one = (await rpc("rollup_withdrawals")).find(({ status, amount }) => status === "executable" && amount === "1000000");
  await rpc("rollup_executeOutboxMessage", one.outboxLevel, one.messageIndex);
  await card.getByText(/It was executed at level/).waitFor({ timeout: 10_000 });
});

step("the deposit is among its receiver's transactions", async () => {
  await rpc("rollup_deposit", { receiver: made.quiet, amount: "3000000" });
  await go(`/address/${made.quiet}`);
  assert.equal(await page.locator("main tbody tr").count(), 1);
  await has("bridge of tez");
});

// Disputes.
step("a dispute begins, and its moves show up", async () => {
  await go("/dispute");
  await has("None was played");
  const form = page.locator('form.rpc[data-method="rollup_dispute"]');
  await form.getByLabel("What is wrong").fill("nonsense");
  await form.locator("button[type=submit]").click();
  await page.locator("#said, form.rpc output").filter({ hasText: "✗" }).first().waitFor();
  await form.getByLabel("What is wrong").fill("root");
  await form.getByLabel("Level", { exact: false }).first().fill(String(made.batch.level));
  await form.locator("button[type=submit]").click();
  await page.locator("#lists").getByText(/It is being played|It is decided|could not be played/).waitFor();
  await has(`about level ${made.batch.level.toLocaleString("en")}`, "Fault root");
});

// Control.
step("mining shows its call and makes blocks", async () => {
  await go("/control");
  const call = page.locator('form.rpc[data-method="anvil_mine"] .call code');
  assert.equal(await call.innerText(), 'anvil_mine ["0x1"]');
  const before = await newest();
  assert.match(await fillIn("anvil_mine", { "How many": "3" }), /✓/);
  assert.equal(await newest(), before + 3);
});
step("when blocks are made is said, and a transaction that waits is shown once it no longer does", async () => {
  await has("Now a block is made as soon as a transaction arrives");
  await page.locator('form.rpc[data-method="evm_setAutomine"] input').uncheck();
  await fillIn("evm_setAutomine", {});
  await page.locator("#facts").getByText("on request alone").waitFor();
  await go("/");
  await page.waitForFunction(() => document.querySelector("#live").textContent.includes("as they come"));
  const hash = await rpc("eth_sendTransaction", { from: made.me, to: made.friend, value: "0x1", gas: "0x5208" });
  await page.locator("#facts").getByText("1 for the next block").waitFor();
  await go(`/tx/${hash}`);
  await has("It waits");
  await rpc("evm_setAutomine", true);
  await rpc("evm_mine");
  await page.getByText("✓ It is done").waitFor();
  await go("/control");
});
step("forms of what is set show how it is, after a reload, too", async () => {
  await fillIn("evm_setIntervalMining", { Seconds: "300" });
  await page.reload();
  const [automine, interval] = ["evm_setAutomine", "evm_setIntervalMining"].map((method) => page.locator(`form.rpc[data-method="${method}"] input`));
  assert.deepEqual([await automine.isChecked(), await interval.inputValue()], [false, "300"]);
  await fillIn("evm_setIntervalMining", { Seconds: "0" });
  await page.locator("#facts").getByText("on request alone").waitFor();
  assert.equal(await automine.isChecked(), false);
  await automine.check();
  await fillIn("evm_setAutomine", {});
  await page.locator("#facts").getByText("as soon as a transaction arrives").waitFor();
  assert.deepEqual([await automine.isChecked(), await interval.inputValue()], [true, "0"]);
});
step("what waits has a list", async () => {
  await rpc("evm_setAutomine", false);
  const hash = await rpc("eth_sendTransaction", { from: made.me, to: made.friend, value: "0x1", gas: "0x5208" });
  await go("/waiting");
  assert.equal(await page.locator(`main a[href="/tx/${hash}"]`).count(), 1);
  await has("the next block", "account 0");
  await rpc("evm_setAutomine", true);
  await rpc("evm_mine");
  await page.getByText("None.", { exact: true }).waitFor();
  await go("/control");
});
step("money, a snapshot, time, and back", async () => {
  const someone = "0x00000000000000000000000000000000c0ffee00";
  const [snapshot] = /0x[\da-f]+/.exec(await fillIn("evm_snapshot", {}));
  await fillIn("anvil_setBalance", { Account: someone, tez: "2.5" });
  assert.equal(BigInt(await rpc("eth_getBalance", someone, "latest")), 25n * 10n ** 17n);
  await fillIn("evm_increaseTime", { Seconds: "60" });
  await fillIn("evm_revert", { number: snapshot });
  assert.equal(await rpc("eth_getBalance", someone, "latest"), "0x0");
});
step("what the node refuses is told", async () => {
  assert.match(await fillIn("anvil_setBalance", { Account: "0x12", tez: "1" }), /✗/);
  assert.match(await fillIn("evm_revert", { number: "0x7777" }), /✗ There is no snapshot/);
  assert.match(await fillIn("anvil_mine", { "How many": "abc" }), /✗ abc is no whole number/);
  assert.match(await fillIn("anvil_mine", { "How many": "-1" }), /✗ -1 is no whole number/);
  const selector = (await rpc("web3_sha3", `0x${Buffer.from("fail(uint256,uint256)").toString("hex")}`)).slice(0, 10);
  const said = await fillIn("eth_sendTransaction", { From: made.me, To: made.errors, Amount: "0", Data: selector.padEnd(138, "0") });
  assert.match(said, /✗ execution reverted\. It reverted with Plain/);
});
step("sending for an account that is impersonated", async () => {
  const someone = "0x00000000000000000000000000000000000beef0";
  await rpc("anvil_setBalance", someone, "0x8ac7230489e80000");
  await fillIn("anvil_impersonateAccount", { Account: someone });
  assert.match(await fillIn("eth_sendTransaction", { From: someone, To: made.me, Amount: "1" }), /✓ Sent/);
  await page.locator('form.rpc[data-method="eth_sendTransaction"] output a').click();
  await has("Nobody signed it");
});

// Strangers.
step("what a token, an error and an ABI say stays text", async () => {
  for (const path of [VIEWS.hostile, `/address/${made.token}`, `/tx/${made.lied.transactionHash}`, `/tx/${made.hostile.transactionHash}`, `/address/${made.me}/tokens`, "/abis", `/search?q=${encodeURIComponent(HOSTILE)}`]) {
    await go(path);
    assert.equal(await page.evaluate(() => window.hacked), undefined, path);
    assert.equal(await page.locator("main img, main script").count(), 0, path);
  }
  await go(`/tx/${made.hostile.transactionHash}`);
  await has("<script>window.hacked=1</script>");
});
step("no view has an element or an attribute that is not ours", async () => {
  const ours = new Set("A ASIDE BODY BUTTON CAPTION CODE DATALIST DD DETAILS DIV DL DT FOOTER FORM H1 H2 H3 HEAD HEADER HTML INPUT LABEL LI LINK MAIN META METER NAV OL OPTION OUTPUT P PRE Q SCRIPT SECTION SELECT SPAN STRONG SUMMARY TABLE TBODY TD TH THEAD TIME TITLE TR UL".split(" "));
  const known = new Set("accept action autocomplete charset checked class colspan content datetime defer download for hidden href id lang list max method min multiple name open placeholder rel required role scope selected spellcheck src start tabindex title type value".split(" "));
  for (const path of Object.values(VIEWS)) {
    await go(path);
    const found = await page.evaluate(() => [...document.querySelectorAll("*")].map(({ tagName, attributes }) => [tagName, [...attributes].map(({ name }) => name)]));
    for (const [element, attributes] of found) {
      assert.ok(ours.has(element), `${element} in ${path}`);
      for (const name of attributes) assert.ok(known.has(name) || /^(data|aria)-/.test(name), `${name} of ${element} in ${path}`);
    }
  }
});
step("no other page may frame it", async () => {
  const answer = await fetch(url);
  assert.match(answer.headers.get("content-security-policy"), /frame-ancestors 'none'/);
});
step("what is not there is a page with words", async () => {
  for (const path of ["/block/999999", "/nowhere", "/tx/0x12"]) {
    const answer = await go(path);
    assert.ok([400, 404].includes(answer.status()));
    assert.ok((await text()).length > 30);
  }
});

// Everybody.
step("the keyboard gets past the head", async () => {
  await go("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
});
for (const [name, path] of Object.entries(VIEWS)) {
  step(`axe finds nothing serious: ${name}`, async () => {
    for (const colorScheme of ["light", "dark"]) {
      const view = await open({ colorScheme, bypassCSP: true });
      await view.goto(url + path);
      await view.evaluate(axe);
      const { violations } = await view.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
      const found = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      const words = found.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ")}`);
      assert.deepEqual(words, [], colorScheme);
      await view.context().close();
    }
  });
}
for (const [look, options] of [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["phone", { viewport: { width: 390, height: 844 } }],
]) {
  step(`pictures: ${look}`, async () => {
    const view = await open(options);
    for (const [name, path] of Object.entries(VIEWS)) {
      await view.goto(url + path);
      await view.screenshot({ path: `${PICTURES}${name}-${look}.png`, fullPage: look !== "phone" });
      const wide = await view.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${name} is ${wide} pixels too wide`);
      const cut = await view.evaluate(() => [...document.querySelectorAll("table.blocks time")].filter(({ parentElement: cell }) => cell.scrollWidth > cell.clientWidth).length);
      assert.equal(cut, 0, `times of ${name} are cut`);
      const inside = await view.evaluate(() => Math.max(0, ...[...document.querySelectorAll("table.blocks")].map((table) => table.parentElement.scrollWidth - table.parentElement.clientWidth)));
      const why = await view.evaluate(() => [...document.querySelectorAll("table.dropped td:last-child")].filter((cell) => cell.getBoundingClientRect().right > innerWidth).length);
      assert.ok(look !== "phone" || why === 0, `why transactions were dropped is out of sight in ${name}`);
      const narrow = await view.evaluate(() => Math.min(999, ...[...document.querySelectorAll("table.blocks th:nth-child(3)")].map((cell) => cell.getBoundingClientRect().width)));
      assert.ok(narrow > 50, `columns of ${name} are ${narrow} pixels wide`);
      assert.ok(look !== "phone" || inside <= 0, `the blocks of ${name} are ${inside} pixels too wide`);
    }
    await view.context().close();
  });
}
step("nothing complained, and nothing was asked for elsewhere", async () => {
  assert.deepEqual(complaints, []);
});

const within = (run) => {
  let timer;
  const late = new Promise((_, failed) => { timer = setTimeout(() => failed(new Error(`nothing after ${STEP_MS} ms`)), STEP_MS); });
  return Promise.race([run(), late]).finally(() => clearTimeout(timer));
};

let failures = 0;
for (const [name, run] of steps) {
  try {
    await within(run);
    console.log(`ok    ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).split("\n").slice(0, 6).join("\n      ")}`);
  }
}
await browser.close();
await devnet.stop();
console.log(`${steps.length - failures} passed, ${failures} failed; pictures in ${PICTURES}`);
process.exit(failures === 0 ? 0 : 1);
