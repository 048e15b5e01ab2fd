// What is indexed: a counter's events and the calls of it, by traces.

import { createConfig } from "ponder";
import { readFileSync } from "node:fs";

const { abi } = JSON.parse(readFileSync("../../../solidity_fixtures/artifacts/Counter.json", "utf8"));

export default createConfig({
  database: { kind: "pglite", directory: process.env.INDEX_FOLDER },
  chains: { devnet: { id: 1337, rpc: process.env.DEVNET_URL, pollingInterval: 200, disableCache: true } },
  contracts: {
    Counter: { chain: "devnet", abi, address: process.env.COUNTER as `0x${string}`, startBlock: 1, includeCallTraces: true },
  },
});
