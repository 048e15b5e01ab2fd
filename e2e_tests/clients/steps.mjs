// Runs a client's steps one after another, each with a time limit, and ends with one line of JSON:
// {"client":…,"version":…,"passed":[{"name":…,"ms":…}],"failed":[{"name":…,"why":…}]}. Exits with 1 if one failed.

import { readFileSync } from "node:fs";

/** The accounts of the devnet's mnemonic, "test test … junk". */
export const KEYS = [
  "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
  "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
  "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
  "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
];

const STEP_MS = 60_000;

/** What `make fixtures` compiled. */
export function artifact(name) {
  return JSON.parse(readFileSync(new URL(`../../solidity_fixtures/artifacts/${name}.json`, import.meta.url), "utf8"));
}

/** The endpoint, from the command line. */
export function endpoint() {
  const url = process.argv[2];
  if (!url?.startsWith("http://")) {
    console.error(`usage: node ${process.argv[1]} http://HOST:PORT`);
    process.exit(2);
  }
  return url;
}

/** Gives up on a promise that takes too long. */
export function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The version of a package as it is installed here, or in a folder beside. */
export function version(name, folder = "") {
  return JSON.parse(readFileSync(new URL(`${folder}node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
}

/** Runs `[name, async () => …]` in order; goes on after one that fails. */
export async function run(client, version, steps) {
  const passed = [];
  const failed = [];
  for (const [name, step] of steps) {
    const start = performance.now();
    try {
      await within(STEP_MS, name, step());
      passed.push({ name, ms: Math.round(performance.now() - start) });
    } catch (error) {
      console.error(`${client}: ${name}: ${error.stack ?? error}`);
      failed.push({ name, why: String(error.message ?? error) });
    }
  }
  console.log(JSON.stringify({ client, version, passed, failed }));
  process.exit(failed.length > 0 ? 1 : 0);
}
