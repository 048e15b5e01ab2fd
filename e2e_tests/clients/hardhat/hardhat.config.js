// The settings of solidity_fixtures/build.mjs; the compiler is the pinned npm package, as hardhat's own are downloads.

import ignition from "@nomicfoundation/hardhat-ignition-viem";
import networkHelpers from "@nomicfoundation/hardhat-network-helpers";
import hardhatViem from "@nomicfoundation/hardhat-viem";
import { defineConfig } from "hardhat/config";

const url = process.env.DEVNET_URL ?? "http://127.0.0.1:8545";

export default defineConfig({
  plugins: [hardhatViem, ignition, networkHelpers],
  solidity: {
    version: "0.8.37",
    path: new URL("node_modules/solc/soljson.js", import.meta.url).pathname,
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 200 },
      metadata: { appendCBOR: false, bytecodeHash: "none" },
    },
  },
  // What the fork's EVM runs on the devnet's blocks.
  chainDescriptors: {
    1337: { name: "devnet", hardforkHistory: { osaka: { blockNumber: 0 } } },
  },
  networks: {
    // The node signs with its own accounts.
    devnet: { type: "http", url },
    // Hardhat signs.
    signing: { type: "http", url, accounts: [process.env.DEVNET_KEY ?? `0x${"01".repeat(32)}`] },
    // Hardhat's own EVM, on top of the devnet's state.
    fork: { type: "edr-simulated", forking: { url } },
  },
});
