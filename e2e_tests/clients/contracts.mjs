// Taquito's Michelson codec and the contracts of layer 1: the same Micheline of each script, types and values that fit,
// the same bytes of each parameter that the project's evaluator recorded. It needs no devnet.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Contract, Parser, emitMicheline, packDataBytes } from "@taquito/michel-codec";
import { run, version } from "./steps.mjs";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const recorded = JSON.parse(read("michelson/tests/scripts.json"));
const calls = read("michelson/tests/calls.jsonl").trim().split("\n").map((line) => JSON.parse(line));

/** The same node whatever the order of its keys, without empty lists and places in the text. */
function plain(node) {
  if (Array.isArray(node)) return node.map(plain);
  const { prim, args, annots, ...value } = node;
  if (prim === undefined) return Object.fromEntries(Object.entries(value));
  return { prim, ...(args?.length && { args: plain(args) }), ...(annots?.length && { annots }) };
}

/** The type of an entrypoint. */
function entrypoint(node, name) {
  if (node.annots?.includes(`%${name}`)) return node;
  return node.prim === "or" ? (entrypoint(node.args[0], name) ?? entrypoint(node.args[1], name)) : undefined;
}

const steps = Object.entries(recorded).map(([name, micheline]) => [
  name,
  async () => {
    const parsed = new Parser().parseScript(read(`contracts/layer1/${name}.tz`));
    assert.deepEqual(plain(parsed), plain(micheline));
    // And from the text that it prints.
    assert.deepEqual(plain(new Parser().parseScript(emitMicheline(micheline))), plain(micheline));
    // Its own typechecker.
    Contract.parse(micheline);
  },
]);

steps.push([
  "parameters",
  async () => {
    let packed = 0;
    for (const call of calls) {
      const parameter = recorded[call.script].find(({ prim }) => prim === "parameter").args[0];
      const found = entrypoint(parameter, call.entrypoint) ?? parameter;
      const { annots, ...type } = found;
      // The codec packs no tickets, as layer 1 does not.
      if (JSON.stringify(type).includes('"ticket"')) continue;
      assert.equal(packDataBytes(call.argument, type).bytes, call.packed, `${call.script} %${call.entrypoint}`);
      packed += 1;
    }
    assert.ok(packed > 40, `${packed} parameters`);
  },
]);

steps.push([
  "wrong scripts",
  async () => {
    const text = read("contracts/layer1/exchanger.tz");
    const refused = (from, to) => {
      assert.ok(text.includes(from), from);
      assert.throws(() => Contract.parse(new Parser().parseScript(text.replace(from, to))), from);
    };
    refused("SWAP ; UNIT ; TRANSFER_TOKENS", "UNIT ; TRANSFER_TOKENS");
    refused("DIP { DROP } ;", "DIP { DUP ; DROP 2 } ;");
    refused("PUSH mutez 1 ; MUL", "PUSH mutez 1 ; ADD");
  },
]);

await run("contracts", version("@taquito/michel-codec"), steps);
