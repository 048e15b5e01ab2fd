// wagmi in a page of a headless Chromium: what a site and a wallet's extension do, from another origin than the
// devnet's. Needs /usr/bin/chromium.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { artifact, endpoint, run, version } from "../steps.mjs";

const url = endpoint();
const { abi, bytecode } = artifact("Counter");
let page;
let browser;

/** The wallet: what the page asks it goes to the devnet, which has the keys. */
function wallet({ url }) {
  let id = 0;
  window.ethereum = {
    isMetaMask: true,
    async request({ method, params = [] }) {
      if (method === "wallet_switchEthereumChain") return null;
      const body = JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params });
      const answer = await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
      if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
      return answer.result;
    },
    on() {},
    removeListener() {},
  };
}

let report;
await run("wagmi in a page", version("@wagmi/core", "page/"), [
  ["the page is built and opened", async () => {
    const bundled = await build({
      entryPoints: [fileURLToPath(new URL("app.js", import.meta.url))],
      bundle: true, write: false, format: "esm", target: "chrome120", logLevel: "error",
    });
    const script = bundled.outputFiles[0].text;
    const site = createServer((request, response) => {
      const [type, text] = request.url === "/app.js"
        ? ["text/javascript", script]
        : ["text/html", "<!doctype html><title>page</title><script type=module src=/app.js></script>"];
      response.writeHead(200, { "content-type": type }).end(text);
    });
    await new Promise((listening) => site.listen(0, "127.0.0.1", listening));
    site.unref();
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
    page = await browser.newPage();
    page.on("pageerror", (error) => console.error(String(error)));
    await page.addInitScript((devnet) => { window.devnet = devnet; }, { url, abi, bytecode });
    await page.addInitScript(wallet, { url });
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    await page.waitForFunction(() => window.report, undefined, { timeout: 50_000 });
    report = await page.evaluate(() => window.report);
    await browser.close();
  }],
  ...["HTTP", "WebSocket"].flatMap((transport) =>
    ["connect", "sign", "send", "deploy, write, read", "watch blocks and events"].map((step) => `${transport}: ${step}`))
    .map((name) => [name, async () => {
      const failed = report.failed.find((one) => one.name === name);
      assert.equal(failed?.why, undefined);
      assert.ok(report.passed.includes(name));
    }]),
]);
