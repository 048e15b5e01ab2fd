//! The memory of traces: programs that make tracers keep as much as possible are sought, and
//! none takes more than a trace may.

// The system tells how much.
#![cfg(target_os = "linux")]

use crate::common::{call, devnet, try_call};
use node::Handle;
use serde_json::{Value, json};
use std::process::Command;

/// The most bytes that a trace may take, by `node/src/trace/budget.rs`.
const MOST: u64 = 256 << 20;

/// What else a call takes: its answer, the memory of its frames, and what the allocator keeps
/// for later.
const REST: u64 = 160 << 20;

/// Tells a process of this program that one test is all it runs.
const ALONE: &str = "TRACE_MEMORY_ALONE";

/// Runs a test of this file in a process of its own, whose memory is that of its traces: `true` there.
fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let test = format!("trace_memory::{test}");
    let ran = Command::new(program)
        .args([&test, "--exact", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let complaint = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}{complaint}"
    );
    println!("{said}");
    false
}

/// A loop: memory, then calls and steps of some kinds.
#[derive(Clone, Debug)]
struct Program {
    /// Bytes of memory, at the start.
    memory: u32,
    /// The parts of a round.
    round: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// Of an account without code, with so many bytes of input.
    Call {
        opcode: u8,
        input: u32,
    },
    /// Of itself: a deep tree.
    Recurse {
        input: u32,
    },
    /// Of the precompile that gives its input back.
    Identity {
        input: u32,
    },
    Log {
        topics: u8,
        data: u32,
    },
    Create {
        code: u16,
    },
    /// Copies within memory.
    Copy {
        size: u32,
    },
    /// Numbers on the stack, which are left there.
    Push {
        count: u8,
    },
    Steps {
        count: u8,
    },
    Store,
}

fn push(code: &mut Vec<u8>, value: u32) {
    code.push(0x63);
    code.extend(value.to_be_bytes());
}

impl Program {
    fn code(&self) -> Vec<u8> {
        let mut code = Vec::new();
        if self.memory > 0 {
            code.extend([0x60, 1]);
            push(&mut code, self.memory - 1);
            code.push(0x53);
        }
        let start = u8::try_from(code.len()).unwrap();
        code.push(0x5b);
        for part in &self.round {
            part.write(&mut code);
        }
        code.extend([0x60, start, 0x56]);
        code
    }
}

impl Part {
    fn write(self, code: &mut Vec<u8>) {
        match self {
            Self::Call { opcode, input } => Self::call(code, (opcode, input), &[0x60, 0xff]),
            Self::Recurse { input } => Self::call(code, (0xf1, input), &[0x30]),
            Self::Identity { input } => Self::call(code, (0xfa, input), &[0x60, 4]),
            Self::Log { topics, data } => {
                (0..topics).for_each(|_| code.push(0x5a));
                push(code, data);
                code.extend([0x5f, 0xa0 + topics]);
            }
            Self::Create { code: size } => {
                push(code, size.into());
                code.extend([0x5f, 0x5f, 0xf0, 0x50]);
            }
            Self::Copy { size } => {
                push(code, size);
                code.extend([0x5f, 0x5f, 0x5e]);
            }
            Self::Push { count } => (0..count).for_each(|_| code.push(0x30)),
            Self::Steps { count } => (0..count).for_each(|_| code.push(0x5b)),
            Self::Store => code.extend([0x5a, 0x5a, 0x55]),
        }
    }

    /// Without output, with all gas that there is.
    fn call(code: &mut Vec<u8>, (opcode, input): (u8, u32), to: &[u8]) {
        code.extend([0x5f, 0x5f]);
        push(code, input);
        code.push(0x5f);
        if matches!(opcode, 0xf1 | 0xf2) {
            code.push(0x5f);
        }
        code.extend(to);
        code.extend([0x5a, opcode, 0x50]);
    }
}

/// Numbers by xorshift: the search is the same each time.
struct Choices(u64);

impl Choices {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn size(&mut self) -> u32 {
        let most = 1_u32 << self.next(21);
        u32::try_from(self.next(u64::from(most) + 1)).unwrap()
    }

    fn part(&mut self) -> Part {
        match self.next(12) {
            0..=2 => {
                let opcode = [0xf1, 0xf2, 0xf4, 0xfa][self.next(4) as usize];
                let input = self.size();
                Part::Call { opcode, input }
            }
            3 => Part::Recurse { input: self.size() },
            4 => Part::Identity { input: self.size() },
            5 => Part::Log {
                topics: self.next(5) as u8,
                data: self.size(),
            },
            6 => Part::Create {
                code: self.next(49_153) as u16,
            },
            7 => Part::Copy { size: self.size() },
            8 => Part::Push {
                count: self.next(40) as u8,
            },
            9 | 10 => Part::Steps {
                count: self.next(40) as u8,
            },
            _ => Part::Store,
        }
    }

    fn program(&mut self) -> Program {
        let count = 1 + self.next(3);
        Program {
            memory: self.size(),
            round: (0..count).map(|_| self.part()).collect(),
        }
    }

    fn changed(&mut self, program: &Program) -> Program {
        let mut changed = program.clone();
        match self.next(4) {
            0 => changed.memory = self.size(),
            1 if changed.round.len() < 6 => changed.round.push(self.part()),
            2 if changed.round.len() > 1 => {
                changed.round.pop();
            }
            _ => {
                let place = self.next(changed.round.len() as u64) as usize;
                changed.round[place] = self.part();
            }
        }
        changed
    }
}

/// A field of this process's status, in bytes.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}

/// The requests of all kinds of traces.
fn requests() -> Vec<(&'static str, Value)> {
    let debug = |options: Value| ("debug_traceCall", options);
    vec![
        debug(json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } })),
        debug(json!({ "tracer": "flatCallTracer" })),
        debug(json!({ "tracer": "muxTracer", "tracerConfig": {
            "callTracer": { "withLog": true }, "flatCallTracer": {}, "4byteTracer": {},
        } })),
        debug(json!({ "tracer": "prestateTracer" })),
        debug(json!({ "tracer": "4byteTracer" })),
        debug(json!({ "tracer": "erc7562Tracer" })),
        debug(json!({ "enableMemory": true, "enableReturnData": true })),
        ("trace_call", json!(["trace"])),
        ("trace_call", json!(["vmTrace"])),
        ("trace_call", json!(["trace", "vmTrace", "stateDiff"])),
    ]
}

/// Calls without end, each with so many bytes of input.
fn calls(input: u32) -> Program {
    Program {
        memory: input,
        round: vec![Part::Call {
            opcode: 0xf1,
            input,
        }],
    }
}

/// Traces a program; gives the bytes that the process took for it, and the error.
async fn trace(devnet: &Handle, program: &Program, request: &(&str, Value)) -> (u64, String) {
    let contract = "0xc0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0";
    let code = alloy_primitives::hex::encode_prefixed(program.code());
    let overrides = json!({ contract: { "code": code } });
    let sent = json!({
        "from": devnet.accounts()[0].address, "to": contract, "gas": "0x2faf080",
    });
    let params = match request.0 {
        "trace_call" => json!([sent, request.1, "latest", overrides]),
        _ => {
            let mut options = request.1.clone();
            options["stateOverrides"] = overrides;
            json!([sent, "latest", options])
        }
    };
    // The peak from now on.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    let outcome = try_call(devnet, request.0, params).await;
    let error = outcome.err().map(|error| error.message).unwrap_or_default();
    (status("VmHWM").saturating_sub(before), error)
}

/// Looks for the programs that take most, by changes of the one that took most so far.
#[tokio::test(flavor = "multi_thread")]
async fn no_program_makes_a_trace_take_more_than_it_may() {
    if !is_alone("no_program_makes_a_trace_take_more_than_it_may") {
        return;
    }
    let rounds: u64 = match std::env::var("TRACE_ROUNDS") {
        Ok(rounds) => rounds.parse().unwrap(),
        Err(_) => 2,
    };
    let devnet = devnet(|_| {}).await;
    let bomb = calls(1 << 20);
    let empty = calls(0);
    let start = status("VmRSS");
    let mut choices = Choices(0x9e37_79b9_7f4a_7c15);
    for request in requests() {
        let (mut most, mut best) = (0, bomb.clone());
        let known = [bomb.clone(), empty.clone()];
        for round in 0..rounds + 2 {
            let program = match known.get(round as usize) {
                Some(program) => program.clone(),
                None if choices.next(3) == 0 => choices.program(),
                None => choices.changed(&best),
            };
            let (taken, error) = trace(&devnet, &program, &request).await;
            assert!(
                taken < MOST + REST,
                "{} MiB by {request:?} of {program:?}: {error}",
                taken >> 20
            );
            // With what the allocator keeps of traces before, thread by thread.
            let all = status("VmHWM").saturating_sub(start);
            assert!(all < 6 * MOST, "{} MiB with {request:?}", all >> 20);
            if taken > most {
                (most, best) = (taken, program);
            }
        }
        println!("{} MiB at most: {request:?}, {best:?}", most >> 20);
    }
    // It goes on.
    assert!(
        call(&devnet, "eth_blockNumber", json!([]))
            .await
            .is_string()
    );
}

#[tokio::test]
async fn a_trace_that_is_too_large_says_so() {
    let devnet = devnet(|_| {}).await;
    let bomb = calls(1 << 20);
    for request in [
        ("debug_traceCall", json!({ "tracer": "callTracer" })),
        ("trace_call", json!(["trace"])),
    ] {
        let (_, error) = trace(&devnet, &bomb, &request).await;
        let expected = "trace too large: the tracer would need more than 256 MiB for this \
                        transaction";
        assert_eq!(error, expected);
    }
}
