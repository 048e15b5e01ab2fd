//! The kernels of `vectors/kernels.json`: which are accepted, and how those
//! that run end.

use pvm::{
    Durable, Error, Inbox, Kernel, KernelError, Machine, Metering, Options, Status, Version,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    hex: String,
    reference_verdict: String,
}

fn vectors() -> Vec<Vector> {
    let file: File = serde_json::from_str(include_str!("vectors/kernels.json")).unwrap();
    assert_eq!(file.vectors.len(), 29);
    file.vectors
}

fn wasm(name: &str) -> Vec<u8> {
    let vector = vectors()
        .into_iter()
        .find(|vector| vector.name == name)
        .unwrap();
    hex::decode(vector.hex).unwrap()
}

fn inbox() -> Inbox {
    Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: Vec::new(),
    }
}

#[test]
fn kernels_have_the_verdict_of_the_reference() {
    for vector in vectors() {
        let loaded = Kernel::load(&hex::decode(&vector.hex).unwrap(), Version::V5);
        let verdict = match &loaded {
            Ok(_) => "ok",
            Err(KernelError::Decode(_)) => "decode_error",
            Err(KernelError::Link(_)) => "link_error",
            Err(KernelError::Init(_)) => "init_error",
            Err(_) => "stuck",
        };
        let expected = match vector.name.as_str() {
            // Strict: what only the slow machine takes is refused.
            "float simd f64x2.floor (decoder leak)" | "multi-value result" => "decode_error",
            // It loads; that it gets stuck is the next test's.
            "deep recursion" => "ok",
            _ => vector
                .reference_verdict
                .split([' ', ',', ';'])
                .next()
                .unwrap(),
        };
        assert_eq!(verdict, expected, "{}: {loaded:?}", vector.name);
    }
}

#[test]
fn every_accepted_kernel_runs_with_and_without_metering() {
    for vector in vectors() {
        let wasm = hex::decode(&vector.hex).unwrap();
        if Kernel::load(&wasm, Version::V5).is_err() {
            continue;
        }
        for metering in [Metering::Off, Metering::Full] {
            let options = Options {
                metering,
                ..Options::default()
            };
            let machine = Machine::new(&wasm, options);
            let mut machine = machine.unwrap();
            let report = machine.run_level(&inbox()).unwrap();
            let (runs, trapped) = match vector.name.as_str() {
                "unreachable (trap)" | "write then trap (write is kept)" => (1, true),
                "reboot forever" => (1001, false),
                _ => (1, false),
            };
            assert_eq!(report.runs.len(), runs, "{}", vector.name);
            assert_eq!(report.runs[0].trapped(), trapped, "{}", vector.name);
            let stuck_flag = machine.durable().get("/readonly/kernel/env/stuck").unwrap();
            assert_eq!(stuck_flag.is_some(), trapped, "{}", vector.name);
        }
    }
}

#[test]
fn a_write_before_a_trap_is_kept() {
    let wasm = wasm("write then trap (write is kept)");
    let mut machine = Machine::new(&wasm, Options::default()).unwrap();
    let report = machine.run_level(&inbox()).unwrap();
    assert_eq!(report.status, Status::Yielded);
    assert_eq!(
        machine.durable().get("/x").unwrap().unwrap().to_vec(),
        b"/x"
    );
}

#[test]
fn a_kernel_that_always_reboots_runs_1001_times_and_is_told() {
    let mut machine = Machine::new(&wasm("reboot forever"), Options::default()).unwrap();
    let report = machine.run_level(&inbox()).unwrap();
    assert_eq!(report.status, Status::TooManyReboots);
    assert_eq!(report.runs.len(), 1001);
    assert!(
        machine
            .durable()
            .get("/readonly/kernel/env/too_many_reboot")
            .unwrap()
            .is_some()
    );
}

#[test]
fn too_deep_calls_stick_the_rollup_forever_where_calls_are_counted() {
    let options = Options {
        metering: Metering::Full,
        ..Options::default()
    };
    let mut machine = Machine::new(&wasm("deep recursion"), options).unwrap();
    let report = machine.run_level(&inbox()).unwrap();
    assert!(
        matches!(report.status, Status::Stuck { .. }),
        "{:?}",
        report.status
    );
    assert_eq!(report.runs[0].max_call_depth, 60_000);
    let later = machine.run_level(&inbox()).unwrap();
    assert!(matches!(later.status, Status::Stuck { .. }));
    assert!(later.runs.is_empty());
}

#[test]
fn a_kernel_that_is_none_is_refused_with_the_reason() {
    let refused = Machine::new(&wasm("f64.const"), Options::default()).unwrap_err();
    assert!(refused.to_string().contains("F64Const"), "{refused}");
    let refused = Machine::new(b"no module", Options::default()).unwrap_err();
    assert!(
        matches!(refused, Error::Kernel(KernelError::Decode(_))),
        "{refused}"
    );
    let refused = Machine::from_durable(Durable::new(), Options::default()).unwrap_err();
    assert_eq!(refused, Error::NoKernel);
}

/// A kernel as it was built in 2022.
fn legacy() -> Vec<u8> {
    wat::parse_str(
        r#"(module
          (import "rollup_safe_core" "store_write"
            (func $write (param i32 i32 i32 i32 i32) (result i32)))
          (memory (export "m") 1) (data (i32.const 0) "/ran")
          (func (export "kernel_next")
            (drop (call $write (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 4)))))"#,
    )
    .unwrap()
}

#[test]
fn a_kernel_of_2022_runs_on_request_alone() {
    let refused = Machine::new(&legacy(), Options::default()).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("without the feature `legacy-abi`"),
        "{refused}"
    );
    let options = Options {
        legacy: true,
        ..Options::default()
    };
    let mut machine = Machine::new(&legacy(), options).unwrap();
    let report = machine.run_level(&inbox()).unwrap();
    assert_eq!(report.status, Status::Yielded);
    assert_eq!(
        machine.durable().get("/ran").unwrap().unwrap().to_vec(),
        b"/ran"
    );
    // It stays refused where it was not asked for, also once it was loaded.
    assert!(Machine::new(&legacy(), Options::default()).is_err());
}
