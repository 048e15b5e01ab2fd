// A processor of Subsquid for one contract; what it finds goes to the parent process, block by block.
// CALLS says where calls come from: trace_block or debug_traceBlockByHash. Blocks may still be taken back.

import { createRequire } from "node:module";

const { EvmBatchProcessor } = createRequire(import.meta.url)("@subsquid/evm-processor");
const { DEVNET_URL: url, CONTRACT: contract, CALLS: calls } = process.env;

const processor = new EvmBatchProcessor()
  .setRpcEndpoint({ url, retryAttempts: 3 })
  .setRpcDataIngestionSettings({ headPollInterval: 200, preferTraceApi: calls === "trace_block", useDebugApiForStateDiffs: calls !== "trace_block" })
  .setFinalityConfirmation(3)
  // Genesis cannot be traced, here as in go-ethereum.
  .setBlockRange({ from: 1 })
  .setPrometheusPort(0)
  .setFields({
    log: { topics: true, data: true, transactionHash: true },
    transaction: { from: true, hash: true, status: true, gasUsed: true },
    trace: { callFrom: true, callTo: true, callSighash: true, callResultOutput: true },
    stateDiff: { kind: true, next: true },
  })
  .addLog({ address: [contract], transaction: true })
  .addTransaction({ to: [contract] })
  .addTrace({ type: ["call"], callTo: [contract] })
  .addStateDiff({ address: [contract] });

/** Nothing is kept: what is found is told. */
const database = {
  supportsHotBlocks: true,
  connect: async () => ({ height: -1, hash: "0x", top: [] }),
  transact: (info, act) => act(info),
  transactHot: async (info, act) => {
    for (const block of info.newBlocks) await act(info, block);
  },
};

processor.run(database, async ({ blocks }) => {
  for (const { header, logs, transactions, traces, stateDiffs } of blocks) {
    process.send({
      block: { number: header.height, hash: header.hash },
      logs: logs.map((log) => ({ topic: log.topics[0], data: log.data, hash: log.transactionHash })),
      transactions: transactions.map((one) => ({ hash: one.hash, from: one.from, status: one.status, gas: String(one.gasUsed) })),
      calls: traces.map((trace) => ({ from: trace.action.from, sighash: trace.action.sighash, output: trace.result?.output })),
      slots: stateDiffs.map((diff) => ({ key: diff.key, kind: diff.kind, next: diff.next })),
    });
  }
});
