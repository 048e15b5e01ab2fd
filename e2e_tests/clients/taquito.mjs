// Micheline as `messages` writes it, read and written again by Taquito's two codecs: bytes to
// values, values to text. Standard input is a list of nodes, [{"kind":…,"hex":…,"json":…}], each
// with the JSON that the devnet shows of it; a step is a kind.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Parser, emitMicheline, packDataBytes, unpackDataBytes } from "@taquito/michel-codec";
import { CODEC, Uint8ArrayConsumer, decoders, encoders } from "@taquito/local-forging";
import { run, version } from "./steps.mjs";

const parser = new Parser();

/** Behind its length in bytes, as operations hold it. */
const sized = (hex) => (hex.length / 2).toString(16).padStart(8, "0") + hex;

function check({ hex, json }) {
  // Forged operations.
  assert.deepEqual(decoders[CODEC.VALUE](Uint8ArrayConsumer.fromHexString(sized(hex))), json);
  assert.equal(encoders[CODEC.VALUE](json), sized(hex));
  // PACK and UNPACK.
  assert.deepEqual(unpackDataBytes({ bytes: `05${hex}` }), json);
  assert.equal(packDataBytes(json).bytes, `05${hex}`);
  // What people read and write.
  const read = parser.parseMichelineExpression(emitMicheline(json));
  // Without the places of the text that it was read from.
  assert.deepEqual(JSON.parse(JSON.stringify(read)), json);
}

const nodes = JSON.parse(readFileSync(0, "utf8"));
const kinds = [...new Set(nodes.map(({ kind }) => kind))];
await run("taquito", version("@taquito/michel-codec"), kinds.map((kind) => [
  kind,
  async () => nodes.filter((node) => node.kind === kind).forEach(check),
]));
