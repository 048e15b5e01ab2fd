// Compiles contracts/*.sol with the pinned solc into artifacts/*.json: the same bytes on every machine.
// `make fixtures` runs it; CI checks that nothing changes.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const solc = createRequire(import.meta.url)("solc");

const settings = {
  // Cancun: every engine that we compare with runs it.
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 200 },
  // No hash of sources and settings in the code: it is what it does.
  metadata: { appendCBOR: false, bytecodeHash: "none" },
};
const outputSelection = { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } };

const files = readdirSync(join(here, "contracts")).filter((name) => name.endsWith(".sol")).sort();
const sources = Object.fromEntries(
  files.map((name) => [`contracts/${name}`, { content: readFileSync(join(here, "contracts", name), "utf8") }]),
);
const library = (path) => {
  try {
    return { contents: readFileSync(join(here, "node_modules", path), "utf8") };
  } catch (error) {
    return { error: String(error) };
  }
};
// The bridges have more parameters than the stack has room for without the IR.
const bridge = (path) => path.endsWith("Bridge.sol");
// The contracts of the benchmarks have the opcodes that other rollups were measured with.
const evmVersion = (path) => (path === "contracts/Bench.sol" ? "paris" : settings.evmVersion);
const settingsOf = (path) => ({ ...settings, evmVersion: evmVersion(path) });
const output = { contracts: {}, errors: [] };
const groups = new Map();
for (const [path, source] of Object.entries(sources)) {
  const options = { ...settingsOf(path), ...(bridge(path) && { viaIR: true }) };
  const group = groups.get(JSON.stringify(options)) ?? { options, chosen: {} };
  group.chosen[path] = source;
  groups.set(JSON.stringify(options), group);
}
for (const { options, chosen } of groups.values()) {
  const input = { language: "Solidity", sources: chosen, settings: { ...options, outputSelection } };
  const { contracts, errors } = JSON.parse(solc.compile(JSON.stringify(input), { import: library }));
  Object.assign(output.contracts, contracts);
  output.errors.push(...(errors ?? []));
}

let failed = false;
for (const { severity, formattedMessage, sourceLocation } of output.errors) {
  if (severity === "warning" && sourceLocation?.file.startsWith("@openzeppelin/")) continue;
  // SELFDESTRUCT is there on purpose: EIP-6780 is a rule to test.
  if (severity === "warning" && formattedMessage.includes('"selfdestruct" has been deprecated')) continue;
  // So is transient storage that outlives its frame: that it does is EIP-1153.
  if (severity === "warning" && formattedMessage.includes("Transient storage as defined by EIP-1153")) continue;
  console.error(formattedMessage);
  failed ||= severity === "error";
}
if (failed) process.exit(1);

// The contracts that the kernel brings along, as the bytes that it includes.
const kernel = join(here, "..", "evm_kernel", "src", "bridge");
const predeployed = { NativeBridge: join(kernel, "native.bin"), FaBridge: join(kernel, "fa.bin") };

const artifacts = join(here, "artifacts");
rmSync(artifacts, { recursive: true, force: true });
mkdirSync(artifacts);
for (const source of Object.keys(sources)) {
  for (const [contract, { abi, evm }] of Object.entries(output.contracts[source]).sort()) {
    // Interfaces and abstract contracts cannot be deployed.
    if (evm.bytecode.object === "") continue;
    const artifact = {
      contract,
      source,
      compiler: solc.version(),
      settings: settingsOf(source),
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`,
    };
    writeFileSync(join(artifacts, `${contract}.json`), `${JSON.stringify(artifact, null, 2)}\n`);
    if (contract in predeployed) writeFileSync(predeployed[contract], evm.deployedBytecode.object, "hex");
    console.log(`${contract}: ${evm.deployedBytecode.object.length / 2} bytes (solc ${solc.version()})`);
  }
}
