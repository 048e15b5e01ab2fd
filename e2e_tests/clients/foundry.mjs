// How the programs of Foundry, from npm, are run: without the wrappers, which hide exit codes.

import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { arch, platform } from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** `cast` or `forge`, bound to an endpoint: takes arguments, gives standard output. */
export function program(name, url, options = {}) {
  const system = platform === "win32" ? "win32" : platform;
  const machine = arch === "x64" ? "amd64" : arch;
  const file = fileURLToPath(new URL(`node_modules/@foundry-rs/${name}-${system}-${machine}/bin/${name}`, import.meta.url));
  // Packages are installed without their scripts.
  chmodSync(file, 0o755);
  const env = { ...process.env, ETH_RPC_URL: url, FOUNDRY_DISABLE_NIGHTLY_WARNING: "1", NO_COLOR: "1" };
  return async (...args) => {
    try {
      const { stdout } = await promisify(execFile)(file, args, { env, timeout: 60_000, maxBuffer: 1 << 26, ...options });
      return stdout.trim();
    } catch (error) {
      throw new Error(`${name} ${args.slice(0, 3).join(" ")}: ${error.stderr || error.stdout || error}`);
    }
  };
}
