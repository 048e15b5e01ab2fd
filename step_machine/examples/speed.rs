//! Measures the machine's steps, in memory, beside wasmi: `cargo run --release --example
//! speed`.

use std::sync::Arc;
use std::time::Duration;
use step_machine::{Bounds, End, Plain, decode};

const BOUNDS: Bounds = Bounds {
    stack: 1 << 20,
    frames: 59_999,
};

const CALLS: &str = r#"(module (memory (export "memory") 1)
  (func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add
        (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "run") (drop (call $fib (i32.const 29)))))"#;

const MEMORY: &str = r#"(module (memory (export "memory") 16)
  (func (export "run") (local $i i32) (local $n i32) (local $sum i64)
    (loop $again
      (local.set $i (i32.const 0))
      (loop $l
        (i64.store (local.get $i) (i64.add (i64.load (local.get $i)) (i64.extend_i32_u (local.get $n))))
        (local.set $sum (i64.add (local.get $sum) (i64.load8_u offset=3 (local.get $i))))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 1000000))))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20))))))"#;

const NUMBERS: &str = r#"(module (memory (export "memory") 1)
  (func (export "run") (local $i i32) (local $a i64) (local $b i64)
    (local.set $b (i64.const 88172645463325252))
    (loop $l
      (local.set $b (i64.xor (local.get $b) (i64.shl (local.get $b) (i64.const 13))))
      (local.set $b (i64.xor (local.get $b) (i64.shr_u (local.get $b) (i64.const 7))))
      (local.set $b (i64.xor (local.get $b) (i64.shl (local.get $b) (i64.const 17))))
      (local.set $a (i64.add (local.get $a) (i64.rem_u (local.get $b) (i64.const 1000003))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2000000))))))"#;

/// The time that this thread was at work (Linux): others take no part in the figures.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    Duration::from_nanos(first.expect("nanoseconds"))
}

fn main() {
    for (name, text) in [("calls", CALLS), ("memory", MEMORY), ("numbers", NUMBERS)] {
        let wasm = wat::parse_str(text).expect("a module");
        let image = Arc::new(decode(&wasm, "run").expect("a kernel"));
        let start = busy();
        let mut plain = Plain::new(image, BOUNDS);
        let end = plain.run(|_, _| Err(End::NoInstruction), || Ok(()));
        assert_eq!(end, Ok(End::Returned));
        let stepped = busy() - start;
        let instructions = u128::from(plain.state().instructions);
        let before_hash = busy();
        let root = plain.root();
        let hashed = busy() - before_hash;

        let engine = wasmi::Engine::default();
        let module = wasmi::Module::new(&engine, &wasm).expect("a module");
        let mut store = wasmi::Store::new(&engine, ());
        let linker = wasmi::Linker::new(&engine);
        let instance = linker
            .instantiate_and_start(&mut store, &module)
            .expect("an instance");
        let run = instance
            .get_typed_func::<(), ()>(&store, "run")
            .expect("run");
        let start = busy();
        run.call(&mut store, ()).expect("it returns");
        let interpreted = busy() - start;
        // Instructions a microsecond are millions a second.
        let speed = |time: Duration| instructions / time.as_micros().max(1);
        println!(
            "{name}: {} M instructions; step machine {} M a second, wasmi {}; root {:02x}… in {} µs",
            instructions / 1_000_000,
            speed(stepped),
            speed(interpreted),
            root[0],
            hashed.as_micros(),
        );
    }
}
