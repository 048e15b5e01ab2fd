//! Programs alone, without a chain: what they find, and their bounds.

use super::engine::{About, Engine, Hook};
use super::moment::{Moment, Shared};
use alloy_primitives::{Address, U256};
use evm_kernel::native::simulate::Interrupt;
use pvm::Durable;
use revm::interpreter::SharedMemory;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

const MOST: usize = 25_000_000;

fn moment() -> Shared {
    let mut moment = Moment::new(Durable::new());
    let step = &mut moment.step;
    step.op = 0x60;
    step.depth = 1;
    step.gas = 100;
    step.cost = 3;
    step.stack = vec![U256::from(7), U256::MAX];
    let mut memory = SharedMemory::new();
    memory.resize(64);
    memory.set_u256(32, U256::from(0x1234));
    step.memory = Some(memory);
    step.address = Address::repeat_byte(0xab);
    moment.precompiles.insert(Address::with_last_byte(9));
    Rc::new(RefCell::new(moment))
}

/// The result of a tracer whose function `step` is called once.
fn traced(program: &str) -> Result<Option<String>, String> {
    let engine = Engine::new(program, "{}", moment(), &Interrupt::default())?;
    engine.call(Hook::Step)?;
    engine.result(&About::default(), MOST)
}

/// The value of an expression in `result`.
fn value(expression: &str) -> String {
    let program =
        format!("{{fault: function() {{}}, result: function() {{ return {expression} }}}}");
    traced(&program).unwrap().unwrap()
}

/// The value that `step(log, db)` leaves in `this.seen`.
fn seen(body: &str) -> Result<String, String> {
    let program = format!(
        "{{seen: [], step: function(log, db) {{ {body} }}, fault: function() {{}}, \
         result: function() {{ return this.seen }}}}"
    );
    traced(&program).map(Option::unwrap)
}

#[test]
fn a_step_is_what_the_machine_has() {
    let of = |expression: &str| seen(&format!("this.seen = {expression}")).unwrap();
    assert_eq!(
        of("[log.op.toString(), log.op.toNumber(), log.op.isPush()]"),
        r#"["PUSH1",96,true]"#
    );
    assert_eq!(
        of("[log.getGas(), log.getCost(), log.getDepth(), log.getPC(), log.getRefund()]"),
        "[100,3,1,0,0]"
    );
    assert_eq!(of("[log.stack.length(), log.stack.peek(1)]"), r#"[2,"7"]"#);
    assert_eq!(
        of("log.stack.peek(0).toString(16)"),
        format!("\"{}\"", "f".repeat(64))
    );
    assert_eq!(
        of("[log.memory.length(), log.memory.getUint(32)]"),
        r#"[64,"4660"]"#
    );
    assert_eq!(of("toHex(log.memory.slice(62, 66))"), "\"0x12340000\"");
    assert_eq!(of("toHex(log.memory.slice(3, 3))"), "\"0x\"");
    assert_eq!(
        of("toHex(log.contract.getAddress())"),
        format!("\"0x{}\"", "ab".repeat(20))
    );
    assert_eq!(of("typeof log.getError()"), "\"undefined\"");
    assert_eq!(
        of("[db.exists(log.contract.getAddress()), db.getBalance(log.contract.getAddress())]"),
        r#"[false,"0"]"#
    );
}

#[test]
fn what_is_out_of_bounds_ends_the_trace_in_the_words_of_go_ethereum() {
    let fails = |body: &str, words: &str| {
        let why = seen(body).unwrap_err();
        assert_eq!(
            why,
            format!("{words}    in server-side tracer function 'step'")
        );
    };
    fails(
        "log.stack.peek(-1)",
        "tracer accessed out of bound stack: size 2, index -1",
    );
    fails(
        "log.stack.peek(2)",
        "tracer accessed out of bound stack: size 2, index 2",
    );
    fails(
        "log.memory.slice(-1, -2)",
        "tracer accessed out of bound memory: offset -1, end -2",
    );
    fails(
        "log.memory.getUint(-64)",
        "tracer accessed out of bound memory: available 64, offset -64, size 32",
    );
    fails(
        "log.memory.getUint(33)",
        "tracer accessed out of bound memory: available 64, offset 33, size 32",
    );
    fails(
        "log.memory.slice(5, 1025 * 1024)",
        "tracer reached limit for padding memory slice: end 1049600, memorySize 64",
    );
    fails("toHex({})", "invalid buffer type");
    // It cannot be caught.
    fails(
        "try { log.stack.peek(9) } catch (e) {}",
        "tracer accessed out of bound stack: size 2, index 9",
    );
}

#[test]
fn helpers_give_what_those_of_go_ethereum_do() {
    let word = value("toHex(toWord('0xffaa'))");
    assert_eq!(word, format!("\"0x{}ffaa\"", "0".repeat(60)));
    assert!(value("toWord('0xffaa')").starts_with(r#"{"0":0,"1":0"#));
    assert_eq!(
        value("toHex(toAddress('0x1'))"),
        format!("\"0x{}1\"", "0".repeat(39))
    );
    assert_eq!(value("toHex([1, 255])"), "\"0x01ff\"");
    assert_eq!(
        value("toHex(slice(toAddress('0x0102'), 18, 20))"),
        "\"0x0102\""
    );
    // From the examples of the EIP, and of the yellow paper's address.
    assert_eq!(
        value("toHex(toContract2('0xdeadbeef00000000000000000000000000000000', '0x00', '0x00'))"),
        "\"0xb928f69bb1d91cd65274e3c79d8986362984fda3\""
    );
    assert_eq!(
        value("toHex(toContract('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', 1))"),
        "\"0x343c43a37d37dff08ae8c4a11544c718abb4fcf8\""
    );
    assert_eq!(
        value("[isPrecompiled(toAddress('0x09')), isPrecompiled(toAddress('0x99'))]"),
        "[true,false]"
    );
    assert_eq!(
        value("Array.prototype.slice.call(toAddress('0x05')).length"),
        "20"
    );
}

#[test]
fn integers_are_those_of_big_integer() {
    for (expression, expected) in [
        ("bigInt('0xff').add(1).toString()", "\"256\""),
        ("bigInt(2).pow(200).mod(97).toJSNumber()", "62"),
        ("bigInt('ff', 16)", "\"255\""),
        ("bigInt('-7').divmod(2).remainder", "\"-1\""),
        ("bigInt('1e3').equals(1000)", "true"),
        ("bigInt(5).minus(7).abs().compare(2)", "0"),
        (
            "bigInt(5).shiftLeft(4).and(0x50).toString(2)",
            "\"1010000\"",
        ),
        ("bigInt(3).modInv(11)", "\"4\""),
        ("bigInt(3).modPow(-1, 11)", "\"4\""),
        (
            "bigInt('170141183460469231731687303715884105727').isPrime()",
            "true",
        ),
        (
            "bigInt('170141183460469231731687303715884105729').isPrime()",
            "false",
        ),
        ("bigInt.lcm(4, 6).plus(bigInt.gcd(12, 18))", "\"18\""),
        ("bigInt(10).toArray(3).value", "[1,0,1]"),
        ("bigInt.fromArray([1, 0, 1], 3) + 1", "11"),
        ("bigInt(7) > 3", "true"),
        ("bigInt.isInstance(bigInt()) && bigInt().isZero()", "true"),
        ("bigInt(255).bitLength()", "\"8\""),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
    let why = traced("{fault: function() {}, result: function() { return bigInt('x') }}");
    assert!(
        why.unwrap_err()
            .starts_with("Error: Invalid integer: x at ")
    );
}

#[test]
fn a_tracer_has_the_functions_that_it_must_have() {
    let refused =
        |program: &str| Engine::new(program, "{}", moment(), &Interrupt::default()).unwrap_err();
    assert_eq!(
        refused("{}"),
        "trace object must expose a function result()"
    );
    assert_eq!(
        refused("{result: function() {}}"),
        "trace object must expose a function fault()"
    );
    assert_eq!(
        refused("{result: function() {}, fault: function() {}, enter: function() {}}"),
        "trace object must expose either both or none of enter() and exit()"
    );
    assert!(refused("{step: function() {").starts_with("SyntaxError: "));
    assert!(refused("nosuchTracer").starts_with("ReferenceError: nosuchTracer is not defined"));
    assert_eq!(refused("7"), "the tracer is not an object");
    let setup = "{setup: function(config) { throw JSON.parse(config).why }, result: function() {}, fault: function() {}}";
    let why = Engine::new(setup, r#"{"why":"no"}"#, moment(), &Interrupt::default());
    assert_eq!(why.unwrap_err(), "no");
}

#[test]
fn errors_name_their_function() {
    let tracer = |name: &str| {
        let all = ["step", "fault", "enter", "exit", "result"];
        let functions = all.map(|function| match function == name {
            true => format!("{function}: function() {{ throw new TypeError('oh') }}"),
            false => format!("{function}: function() {{}}"),
        });
        let program = format!("{{{}}}", functions.join(", "));
        let engine = Engine::new(&program, "{}", moment(), &Interrupt::default()).unwrap();
        [Hook::Step, Hook::Fault, Hook::Enter, Hook::Exit]
            .into_iter()
            .try_for_each(|hook| engine.call(hook))
            .and_then(|()| engine.result(&About::default(), MOST).map(drop))
            .unwrap_err()
    };
    for name in ["step", "fault", "enter", "exit", "result"] {
        let why = tracer(name);
        assert!(why.starts_with("TypeError: oh at "), "{why}");
        assert!(
            why.ends_with(&format!("    in server-side tracer function '{name}'")),
            "{why}"
        );
    }
}

/// Runs a tracer that has to end soon, and tells how it failed.
fn bounded(program: &str) -> String {
    bounded_in(Duration::from_millis(500), program)
}

/// The same, if it is told to end after `time`.
fn bounded_in(time: Duration, program: &str) -> String {
    let interrupt = Interrupt::default();
    let timer = interrupt.clone();
    let start = Instant::now();
    let late = std::thread::spawn(move || {
        std::thread::park_timeout(time);
        timer.set();
    });
    let engine = Engine::new(program, "{}", moment(), &interrupt);
    let ended = engine.and_then(|engine| {
        engine.call(Hook::Step)?;
        engine.result(&About::default(), MOST)
    });
    let took = start.elapsed();
    late.thread().unpark();
    late.join().unwrap();
    assert!(took < time + Duration::from_secs(10), "{program}: {took:?}");
    match ended {
        Ok(Some(text)) => format!("{} bytes", text.len()),
        Ok(None) => "too long".into(),
        Err(why) => why,
    }
}

fn step(body: &str) -> String {
    bounded(&stepping(body))
}

/// The same, with time for a machine that has other things to do.
fn patient(body: &str) -> String {
    bounded_in(Duration::from_secs(60), &stepping(body))
}

/// A program with this body of its step.
fn stepping(body: &str) -> String {
    format!(
        "{{step: function(log, db) {{ {body} }}, fault: function() {{}}, result: function() {{}}}}"
    )
}

#[test]
fn what_does_not_end_is_ended() {
    for body in [
        "while (true) {}",
        "for (;;) { try { for (;;) {} } catch (e) {} finally { for (;;) {} } }",
        "/(a+)+$/.test('a'.repeat(40) + 'b')",
        "[].indexOf.call({length: Math.pow(2, 53) - 1}, 1)",
        "for (;;) { new Array(1 << 20).reverse() }",
        "for (;;) { try { 'a'.repeat(1 << 13).indexOf('a'.repeat(1 << 12) + 'b') } catch (e) {} }",
    ] {
        let why = step(body);
        assert!(why.contains("interrupted"), "{body}: {why}");
    }
    let program =
        "{setup: function() { for (;;) {} }, fault: function() {}, result: function() {}}";
    assert!(bounded(program).contains("interrupted"));
    assert!(bounded("(function() { for (;;) {} })()").contains("interrupted"));
}

#[test]
fn functions_of_the_language_that_do_not_look_have_bounds() {
    for body in [
        "[].fill.call({length: Math.pow(2, 53) - 1}, 1)",
        "[].concat.call([], {length: Math.pow(2, 53) - 1, [Symbol.isConcatSpreadable]: true})",
        "[].reverse.call({length: Math.pow(2, 53) - 1})",
        "new Array(4294967295).join()",
        "new Array(4294967295).sort()",
        "[].concat(new Array(4294967295))",
        "String(new Array(4294967295))",
        "'a'.repeat(3e7).indexOf('a'.repeat(1.5e7) + 'b')",
        "'a'.repeat(3e7).split({toString: function() { return 'a'.repeat(1.5e7) + 'b' }})",
    ] {
        let why = patient(body);
        assert!(
            why.contains("RangeError") || why.contains("TypeError"),
            "{body}: {why}"
        );
    }
}

#[test]
fn memory_and_stack_have_bounds() {
    let full = |why: String| {
        assert!(
            why.contains("out of memory") || why.contains("null    in"),
            "{why}"
        );
    };
    full(patient(
        "var all = []; for (;;) { all.push(new Uint8Array(1 << 20)) }",
    ));
    full(patient(
        "var all = []; for (;;) { all.push({a: all.length}) }",
    ));
    full(patient(
        "var s = 'abcdefgh'; for (;;) { s += s; s.charCodeAt(0) }",
    ));
    full(patient(
        "for (;;) { try { var all = []; for (;;) all.push(new Array(99).fill(all)) } catch (e) { throw e } }",
    ));
    for body in [
        "(function f() { f() })()",
        "var a = []; for (var i = 0; i < 1e5; i++) a = [a]; JSON.stringify(a)",
        "var o = {toString: function() { return '' + o }}; '' + o",
        "JSON.parse('['.repeat(1e6))",
        "new RegExp('('.repeat(1e6))",
        "eval('('.repeat(1e6))",
    ] {
        let why = patient(body);
        assert!(
            why.contains("stack") || why.contains("Error"),
            "{body}: {why}"
        );
    }
    // It goes on within the bounds.
    assert_eq!(
        patient(
            "for (;;) { try { var all = []; for (;;) all.push(new Uint8Array(1 << 20)) } catch (e) { break } }"
        ),
        "4 bytes"
    );
}

#[test]
fn a_giant_result_is_refused() {
    let result = |body: &str| {
        bounded(&format!(
            "{{fault: function() {{}}, result: function() {{ {body} }}}}"
        ))
    };
    // Whichever bound is first.
    let long = result("return 'a'.repeat(26e6)");
    assert!(
        long == "too long" || long.contains("out of memory"),
        "{long}"
    );
    assert!(result("return 'a'.repeat(60e6)").contains("out of memory"));
    let program = "{fault: function() {}, result: function() { return 'a'.repeat(1000) }}";
    let engine = Engine::new(program, "{}", moment(), &Interrupt::default()).unwrap();
    assert_eq!(engine.result(&About::default(), 1_001), Ok(None));
    assert!(engine.result(&About::default(), 1_002).unwrap().is_some());
    assert!(result("var a = {}; a.a = a; return a").contains("circular"));
    assert!(result("return 1n").contains("TypeError"));
    assert_eq!(result("return undefined"), "4 bytes");
    assert!(result("return {toJSON: function() { for (;;) {} }}").contains("interrupted"));
}

#[test]
fn hostile_errors_do_no_more_than_other_programs() {
    let why = step("throw {get message() { for (;;) {} }, get name() { throw 1 }}");
    assert!(why.ends_with("'step'"), "{why}");
    let why = step("throw {toString: function() { throw this }}");
    assert!(why.starts_with("an object that is no error"), "{why}");
    let why = step("throw new Error('x'.repeat(1e6))");
    assert!(why.len() < 1_200);
    assert!(step("throw null").starts_with("null"));
    assert!(step("throw Symbol('a')").ends_with("'step'"));
    let why = step(
        "Error.prototype.toString = null; Error.prepareStackTrace = function() { for (;;) {} }; null.x",
    );
    assert!(why.ends_with("'step'"), "{why}");
}

#[test]
fn nothing_of_the_machine_is_there() {
    for name in [
        "require",
        "process",
        "console",
        "fetch",
        "setTimeout",
        "std",
        "os",
        "print",
        "WebAssembly",
        "performance",
        "Proxy",
        "Atomics",
        "SharedArrayBuffer",
        "WeakRef",
        "host",
    ] {
        assert_eq!(value(&format!("typeof {name}")), "\"undefined\"", "{name}");
    }
    assert!(step("import('fs').x.y").contains("TypeError"));
    let why = bounded("import 'fs'");
    assert!(why.starts_with("SyntaxError"), "{why}");
}

#[test]
fn any_bound_of_memory_is_kept_without_harm() {
    let program = "{all: [], step: function(log, db) { \
        this.all.push(log.stack.peek(0).add(1), toHex(log.memory.slice(0, 64)), {a: [1, 'b']}); \
        var m = new Map(); m.set(this, m); this.m = m; eval('this.f = function(x) { return x + 1 }') }, \
        fault: function() {}, result: function() { return this.all }}";
    let mut worked = 0;
    for memory in (1 << 10..1 << 20).step_by(1_531) {
        let moment = moment();
        let engine = Engine::within(memory, (program, "{}"), moment, &Interrupt::default());
        let ended = engine.and_then(|engine| {
            (0..40).try_for_each(|_| engine.call(Hook::Step))?;
            engine.result(&About::default(), MOST)
        });
        worked += u32::from(ended.is_ok());
    }
    assert!(worked > 100, "{worked}");
}
