// Foundry's forge against the devnet: build, create, script --broadcast, test on a fork.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { program } from "./foundry.mjs";
import { KEYS, artifact, endpoint, run, version } from "./steps.mjs";

const url = endpoint();
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const ME = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"; // KEYS[4]
const project = path("../../target/clients/forge");
const forge = program("forge", url, { cwd: project });
const cast = program("cast", url);
const compiler = ["--use", path("forge/solc.mjs"), "--offline"];
const signer = ["--rpc-url", url, "--private-key", KEYS[4], "--broadcast"];
let created;

/** What a script's broadcast left behind. */
function broadcast(script, chain) {
  return JSON.parse(readFileSync(`${project}/broadcast/${script}/${chain}/run-latest.json`, "utf8"));
}

await run("forge", version("@foundry-rs/forge"), [
  ["build with the pinned solc", async () => {
    rmSync(`${project}/broadcast`, { recursive: true, force: true });
    for (const folder of ["src", "script", "test"]) mkdirSync(`${project}/${folder}`, { recursive: true });
    copyFileSync(path("forge/foundry.toml"), `${project}/foundry.toml`);
    for (const name of ["Counter", "Factory"]) {
      copyFileSync(path(`../../solidity_fixtures/contracts/${name}.sol`), `${project}/src/${name}.sol`);
    }
    copyFileSync(path("forge/Deploy.s.sol"), `${project}/script/Deploy.s.sol`);
    copyFileSync(path("forge/Fork.t.sol"), `${project}/test/Fork.t.sol`);
    await forge("build", ...compiler);
    const { bytecode } = JSON.parse(readFileSync(`${project}/out/Counter.sol/Counter.json`, "utf8"));
    assert.equal(bytecode.object, artifact("Counter").bytecode);
  }],

  ["create --broadcast", async () => {
    created = JSON.parse(await forge("create", "src/Counter.sol:Counter", "--json", ...compiler, ...signer));
    assert.equal(created.deployer, ME);
    assert.equal(await cast("code", created.deployedTo), artifact("Counter").deployedBytecode);
    const receipt = JSON.parse(await cast("receipt", "--json", created.transactionHash));
    assert.deepEqual([receipt.status, receipt.contractAddress], ["0x1", created.deployedTo.toLowerCase()]);
  }],

  ["create with arguments, legacy", async () => {
    const args = ["--json", "--legacy", "--value", "3", ...compiler, ...signer, "--constructor-args", "77"];
    const child = JSON.parse(await forge("create", "src/Factory.sol:Child", ...args));
    assert.equal(await cast("call", child.deployedTo, "value()(uint256)"), "77");
    assert.equal(await cast("balance", child.deployedTo), "3");
    const { type } = JSON.parse(await cast("tx", "--json", child.transactionHash));
    assert.equal(Number(type), 0);
  }],

  ["script, dry", async () => {
    const before = await cast("nonce", ME);
    await forge("script", "script/Deploy.s.sol", "--rpc-url", url, "--sender", ME, ...compiler);
    assert.equal(await cast("nonce", ME), before);
  }],

  ["script --broadcast", async () => {
    await forge("script", "script/Deploy.s.sol", ...compiler, ...signer);
    const { transactions, receipts } = broadcast("Deploy.s.sol", await cast("chain-id"));
    assert.equal(transactions.length, 7);
    assert.deepEqual(receipts.map(({ status }) => status), Array(7).fill("0x1"));
    assert.equal(await cast("call", transactions[0].contractAddress, "number()(uint256)"), "42");
    const child = transactions.find(({ additionalContracts }) => additionalContracts.length > 0).additionalContracts[0];
    assert.equal(await cast("call", child.address, "value()(uint256)"), "6");
    assert.equal(await cast("balance", "0x0000000000000000000000000000000000c0ffee"), "7");
  }],

  ["script --slow --legacy", async () => {
    await forge("script", "script/Deploy.s.sol", "--slow", "--legacy", ...compiler, ...signer);
    const { receipts } = broadcast("Deploy.s.sol", await cast("chain-id"));
    assert.deepEqual(receipts.map(({ status, type }) => [status, type]), Array(7).fill(["0x1", "0x0"]));
  }],

  ["create and script with the node's accounts", async () => {
    const unlocked = ["--rpc-url", url, "--unlocked", "--broadcast"];
    const made = JSON.parse(await forge("create", "src/Counter.sol:Counter", "--json", "--from", ME, ...compiler, ...unlocked));
    assert.equal(await cast("code", made.deployedTo), artifact("Counter").deployedBytecode);
    await forge("script", "script/Deploy.s.sol", "--sender", ME, ...compiler, ...unlocked);
    const { receipts } = broadcast("Deploy.s.sol", await cast("chain-id"));
    assert.deepEqual(receipts.map(({ status, from }) => [status, from]), Array(7).fill(["0x1", ME.toLowerCase()]));
  }],

  ["a failing script sends nothing", async () => {
    const before = await cast("nonce", ME);
    const poor = ["--rpc-url", url, "--private-key", `0x${"11".repeat(32)}`, "--broadcast"];
    await assert.rejects(forge("script", "script/Deploy.s.sol", ...compiler, ...poor), /script failed/);
    assert.equal(await cast("nonce", ME), before);
  }],

  ["test on a fork of the devnet", async () => {
    const env = { COUNTER: created.deployedTo };
    const fork = program("forge", url, { cwd: project, env: { ...process.env, ...env, NO_COLOR: "1" } });
    assert.match(await fork("test", "--fork-url", url, ...compiler), /1 tests? passed|1 passed/);
  }],
]);
