//! Tracers in JavaScript over JSON-RPC, at what ran in the compiled kernel.

use crate::common::forwarded::{scene, send};
use crate::common::{COUNTER, call, deploy, devnet, number, try_call};
use alloy_primitives::{Address, hex};
use node::Handle;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The tree of calls, as go-ethereum's first call tracer made it: by enter and exit.
const TREE: &str = r#"{
    stack: [{}],
    fault: function(log, db) {},
    enter: function(frame) {
        var call = { type: frame.getType(), from: toHex(frame.getFrom()), to: toHex(frame.getTo()),
            input: toHex(frame.getInput()), gas: '0x' + bigInt(frame.getGas()).toString(16) };
        if (frame.getValue() !== undefined) call.value = '0x' + bigInt(frame.getValue()).toString(16);
        this.stack.push(call);
    },
    exit: function(result) {
        var call = this.stack.pop();
        call.gasUsed = '0x' + bigInt(result.getGasUsed()).toString(16);
        if (result.getError() === undefined) call.output = toHex(result.getOutput());
        else call.error = result.getError();
        var top = this.stack[this.stack.length - 1];
        top.calls = (top.calls || []).concat([call]);
    },
    result: function(ctx, db) {
        return { type: ctx.type, from: toHex(ctx.from), to: toHex(ctx.to), input: toHex(ctx.input),
            gas: '0x' + bigInt(ctx.gas).toString(16), gasUsed: '0x' + bigInt(ctx.gasUsed).toString(16),
            value: '0x' + ctx.value.toString(16), error: ctx.error,
            output: ctx.output.length ? toHex(ctx.output) : undefined, calls: this.stack[0].calls };
    }
}"#;

/// The number of runs of each opcode, as go-ethereum's documentation counts.
const COUNT: &str = "{hist: {}, nops: 0, step: function(log, db) { \
    var op = log.op.toString(); this.hist[op] = (this.hist[op] || 0) + 1; this.nops++; }, \
    fault: function(log, db) {}, result: function(ctx) { return {nops: this.nops, hist: this.hist}; }}";

async fn traced(devnet: &Handle, hash: &Value, tracer: &str) -> Value {
    let params = json!([hash, { "tracer": tracer }]);
    call(devnet, "debug_traceTransaction", params).await
}

async fn fails(devnet: &Handle, hash: &Value, tracer: &str) -> String {
    let params = json!([hash, { "tracer": tracer }]);
    let error = try_call(devnet, "debug_traceTransaction", params).await;
    let error = error.unwrap_err();
    assert_eq!(error.code, -32000, "{error:?}");
    error.message
}

/// The function `step`, and a result that is the list `seen`.
fn stepping(body: &str) -> String {
    format!(
        "{{seen: [], step: function(log, db) {{ {body} }}, fault: function(log, db) {{}}, \
         result: function(ctx, db) {{ return this.seen }}}}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn opcodes_are_counted_as_the_struct_logger_has_them() {
    let (devnet, _, _, hash) = scene().await;
    let steps = call(&devnet, "debug_traceTransaction", json!([hash, {}])).await;
    let steps = steps["structLogs"].as_array().unwrap().clone();
    let counted = traced(&devnet, &hash, COUNT).await;
    assert_eq!(counted["nops"], steps.len());
    let writes = steps.iter().filter(|step| step["op"] == "SSTORE").count();
    assert_eq!(counted["hist"]["SSTORE"], writes);
    // Each step, what it costs included, before it is done.
    let tracer = stepping(
        "this.seen.push({pc: log.getPC(), op: log.op.toString(), gas: log.getGas(), gasCost: log.getCost(), \
         depth: log.getDepth(), top: log.stack.length() ? '0x' + log.stack.peek(0).toString(16) : null, \
         size: log.stack.length()})",
    );
    let seen = traced(&devnet, &hash, &tracer).await;
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), steps.len());
    for (seen, step) in seen.iter().zip(&steps) {
        for name in ["pc", "op", "gas", "gasCost", "depth"] {
            assert_eq!(seen[name], step[name], "{name} of {step}");
        }
        let stack = step["stack"].as_array().unwrap();
        assert_eq!(seen["size"], stack.len());
        assert_eq!(seen["top"], stack.last().cloned().unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_of_calls_is_that_of_the_call_tracer() {
    let (devnet, _, forwarder, hash) = scene().await;
    let native = call(
        &devnet,
        "debug_traceTransaction",
        json!([hash, { "tracer": "callTracer" }]),
    )
    .await;
    assert_eq!(traced(&devnet, &hash, TREE).await, native);
    // One that reverts: the counter is not there.
    let data = [forwarder.into_word().as_slice(), &[0; 32]].concat();
    let failing = send(&devnet, forwarder, &data, "0x0").await;
    let native = call(
        &devnet,
        "debug_traceTransaction",
        json!([failing, { "tracer": "callTracer" }]),
    )
    .await;
    let tree = traced(&devnet, &failing, TREE).await;
    for name in ["type", "from", "to", "gas", "gasUsed", "error", "input"] {
        assert_eq!(tree[name], native[name], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_that_of_the_moment() {
    let (devnet, counter, forwarder, _) = scene().await;
    let data = [counter.into_word().as_slice(), &[0; 32]].concat();
    let hash = send(&devnet, forwarder, &data, "0x0").await;
    let tracer = format!(
        "{{seen: [], counter: toAddress('{counter:#x}'), at: function(db) {{ \
         return bigInt(toHex(db.getState(this.counter, toWord('0x0'))).slice(2), 16).toString() }}, \
         step: function(log, db) {{ if (log.op.toString() === 'SSTORE' || log.op.toString() === 'LOG1') \
         this.seen.push(this.at(db), log.getDepth(), toHex(log.contract.getAddress()), toHex(log.contract.getCaller()), \
         toHex(log.contract.getInput()).length) }}, \
         fault: function() {{}}, result: function(ctx, db) {{ return {{seen: this.seen, after: this.at(db), \
         code: toHex(db.getCode(this.counter)), nonce: db.getNonce(ctx.from), rich: db.getBalance(ctx.from).gt(1), \
         none: db.exists(toAddress('0x1234')), index: ctx.txIndex, hash: toHex(ctx.txHash), block: ctx.block}} }}}}"
    );
    let trace = traced(&devnet, &hash, &tracer).await;
    let (counter, forwarder) = (format!("{counter:#x}"), format!("{forwarder:#x}"));
    assert_eq!(
        trace["seen"],
        json!([
            "1", 2, counter, forwarder, 66, "2", 2, counter, forwarder, 66
        ])
    );
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(trace["after"], "2");
    assert_eq!(trace["code"], hex::encode_prefixed(COUNTER));
    assert_eq!(trace["nonce"], 4);
    assert_eq!(
        (&trace["rich"], &trace["none"]),
        (&json!(true), &json!(false))
    );
    assert_eq!((&trace["index"], &trace["hash"]), (&json!(0), &hash));
    assert_eq!(trace["block"], number(&receipt["blockNumber"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_as_go_ethereum_tells_them() {
    let devnet = devnet(|_| {}).await;
    let told = async |code: &[u8]| {
        let contract = deploy(&devnet, &[], code).await;
        let hash = send(&devnet, contract, &[], "0x0").await;
        let tracer = "{seen: [], step: function(log) { if (log.getError() !== undefined) this.seen.push('step', log.getError()) }, \
            fault: function(log) { this.seen.push('fault', log.op.toString(), log.getError()) }, \
            result: function(ctx) { return this.seen.concat([ctx.error]) }}";
        traced(&devnet, &hash, tracer).await
    };
    let reverted = json!([
        "fault",
        "REVERT",
        "execution reverted",
        "execution reverted"
    ]);
    assert_eq!(told(&hex!("60006000fd")).await, reverted);
    let jump = json!([
        "fault",
        "JUMP",
        "invalid jump destination",
        "invalid jump destination"
    ]);
    assert_eq!(told(&hex!("600056")).await, jump);
    let none = json!(["step", "stack underflow", "stack underflow"]);
    assert_eq!(told(&hex!("01")).await, none);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_a_call_are_traced_too() {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    for account in &devnet.accounts()[..3] {
        let request = json!([{ "from": account.address, "to": counter, "gas": "0x20000" }]);
        call(&devnet, "eth_sendTransaction", request).await;
    }
    call(&devnet, "evm_mine", json!([])).await;
    // An engine of its own for each: nothing of one is there for the next.
    let tracer = "{steps: 0, step: function() { this.steps++; globalThis.all = (globalThis.all || 0) + 1 }, \
        fault: function() {}, result: function(ctx) { return [this.steps, globalThis.all, toHex(ctx.output)] }}";
    let options = json!({ "tracer": tracer });
    let traces = call(
        &devnet,
        "debug_traceBlockByNumber",
        json!(["latest", options]),
    )
    .await;
    let outputs: Vec<&Value> = traces
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| &trace["result"])
        .collect();
    assert_eq!(outputs.len(), 3);
    for (count, output) in (1..).zip(outputs) {
        assert_eq!(output[0], output[1]);
        assert_eq!(number(&output[2]), count);
    }
    let slot = format!("{:#066x}", 0);
    let options = json!({
        "tracer": tracer,
        "stateOverrides": { format!("{counter:#x}"): { "stateDiff": { slot: format!("{:#066x}", 41) } } },
    });
    let trace = call(
        &devnet,
        "debug_traceCall",
        json!([{ "to": counter }, "latest", options]),
    )
    .await;
    assert_eq!(number(&trace[2]), 42);
    let options = json!({
        "tracer": "{setup: function(config) { this.config = JSON.parse(config) }, fault: function() {}, \
                    result: function(ctx) { return [this.config.a, ctx.type, ctx.txHash, ctx.block] }}",
        "tracerConfig": { "a": 7 }, "blockOverrides": { "number": "0x77" },
    });
    let trace = call(
        &devnet,
        "debug_traceCall",
        json!([{ "data": "0x00" }, "latest", options]),
    )
    .await;
    assert_eq!(trace, json!([7, "CREATE", null, 0x77]));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_function_and_end_the_trace() {
    let (devnet, _, _, hash) = scene().await;
    for name in ["step", "enter", "exit", "result"] {
        let functions = ["step", "fault", "enter", "exit", "result"].map(|function| {
            let body = if function == name { "null.x" } else { "" };
            format!("{function}: function() {{ {body} }}")
        });
        let why = fails(&devnet, &hash, &format!("{{{}}}", functions.join(", "))).await;
        assert!(why.starts_with("TypeError: "), "{why}");
        assert!(
            why.ends_with(&format!("    in server-side tracer function '{name}'")),
            "{why}"
        );
    }
    let why = fails(
        &devnet,
        &hash,
        "{setup: function() { throw 'no' }, fault: function() {}, result: function() {}}",
    )
    .await;
    assert_eq!(why, "no");
    let why = fails(&devnet, &hash, &stepping("log.stack.peek(1024)")).await;
    assert!(
        why.starts_with("tracer accessed out of bound stack: size 0, index 1024"),
        "{why}"
    );
    let why = fails(&devnet, &hash, "noSuchTracer").await;
    assert!(why.starts_with("ReferenceError"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_have_bounds() {
    let (devnet, _, _, hash) = scene().await;
    let start = Instant::now();
    let why = fails(&devnet, &hash, &stepping("for (;;) {}")).await;
    assert_eq!(why, "execution aborted (timeout = 5s)");
    assert!(start.elapsed() < Duration::from_secs(8));
    let why = fails(
        &devnet,
        &hash,
        &stepping("for (;;) { this.seen.push(new Uint8Array(1 << 20)) }"),
    )
    .await;
    assert!(why.contains("out of memory"), "{why}");
    let why = fails(&devnet, &hash, &stepping("(function f() { f() })()")).await;
    assert!(why.contains("stack"), "{why}");
    let long = "{fault: function() {}, result: function() { return 'a'.repeat(26e6) }}";
    let params = json!([hash, { "tracer": long }]);
    let error = try_call(&devnet, "debug_traceTransaction", params)
        .await
        .unwrap_err();
    let too_large = error.code == -32003 && error.message == "response too large";
    assert!(
        too_large || error.message.contains("out of memory"),
        "{error:?}"
    );
    // Others were not held up, and all is as it was.
    assert_eq!(traced(&devnet, &hash, COUNT).await["hist"]["SSTORE"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_program() {
    let (devnet, _, _, hash) = scene().await;
    let endless = stepping("for (;;) {}");
    for _ in 0..6 {
        let call = try_call(
            &devnet,
            "debug_traceTransaction",
            json!([hash, { "tracer": endless }]),
        );
        assert!(
            tokio::time::timeout(Duration::from_millis(200), call)
                .await
                .is_err()
        );
    }
    let start = Instant::now();
    traced(&devnet, &hash, COUNT).await;
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_want_programs_runs_none() {
    let devnet = devnet(|options| options.js_tracers = false).await;
    let hash = send(&devnet, Address::repeat_byte(7), &[], "0x1").await;
    let why = fails(&devnet, &hash, COUNT).await;
    assert!(why.contains("--js-tracers"), "{why}");
    let native = json!([hash, { "tracer": "callTracer" }]);
    assert_eq!(
        call(&devnet, "debug_traceTransaction", native).await["value"],
        "0x1"
    );
}
