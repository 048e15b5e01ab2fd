//! Any program ends as in the engine's own loop, after as much gas and work, with the same stack
//! and memory.

use super::*;
use crate::execute::engine::EngineContext;
use crate::execute::instructions::install;
use crate::execute::work::Work;
use crate::execute::world::World;
use alloy_primitives::{Address, Bytes};
use host::mock::MockHost;
use proptest::prelude::*;
use revm::context::Context;
use revm::context_interface::JournalTr;
use revm::context_interface::cfg::GasParams;
use revm::handler::instructions::EthInstructions;
use revm::interpreter::instructions::gas_table_spec;
use revm::interpreter::interpreter::{ExtBytecode, InputsImpl};
use revm::interpreter::{Gas, SharedMemory};
use revm::primitives::hardfork::SpecId;

/// A frame to run.
#[derive(Clone, Debug)]
struct Frame {
    code: Vec<u8>,
    stack: Vec<U256>,
    input: Vec<u8>,
    /// True if the input lies in the memory of the caller.
    shared: bool,
    is_static: bool,
    gas: u64,
    work: u64,
    spec: SpecId,
}

/// The rest of a frame.
#[derive(Debug, PartialEq)]
struct Left {
    action: InterpreterAction,
    gas: Gas,
    stack: Vec<U256>,
    memory: Vec<u8>,
    /// The place at which it continues, if it calls.
    at: Option<usize>,
    work: u64,
    exhausted: bool,
}

type Run<'s> = fn(
    &mut Interpreter<EthInterpreter>,
    &InstructionTable<EthInterpreter, EngineContext<'s, MockHost>>,
    &GasTable,
    &mut EngineContext<'s, MockHost>,
) -> InterpreterAction;

impl Frame {
    fn run<'s>(&self, store: &'s MockHost, run: Run<'s>) -> Left {
        let address = Address::repeat_byte(0xab);
        let mut host: EngineContext<'_, MockHost> =
            Context::new(World::new(store, None), self.spec);
        host.journaled_state.load_account(address).unwrap();
        host.db_mut().work = Work::new(self.work);
        let mut instructions = EthInstructions::new_mainnet_with_spec(self.spec);
        install(&mut instructions);
        let mut callers = SharedMemory::new();
        callers.resize(self.input.len());
        callers.set(0, &self.input);
        let input = InputsImpl {
            target_address: address,
            bytecode_address: Some(address),
            caller_address: Address::repeat_byte(0xcd),
            input: if self.shared {
                CallInput::SharedBuffer(0..self.input.len())
            } else {
                CallInput::Bytes(self.input.clone().into())
            },
            call_value: U256::from(0x1234),
            depth: 0,
        };
        let mut interpreter = Interpreter::new(
            callers.new_child_context(),
            ExtBytecode::new(Bytecode::new_legacy(self.code.clone().into())),
            input,
            self.is_static,
            self.spec,
            self.gas,
        );
        for word in &self.stack {
            assert!(interpreter.stack.push(*word));
        }
        interpreter.return_data.0 = Bytes::from_static(&[7; 40]);
        let action = run(
            &mut interpreter,
            instructions.instruction_table(),
            instructions.gas_table(),
            &mut host,
        );
        let work = host.db_mut().work;
        let calls = matches!(action, InterpreterAction::NewFrame(_));
        Left {
            action,
            gas: interpreter.gas,
            stack: interpreter.stack.data().clone(),
            memory: interpreter.memory.context_memory().to_vec(),
            at: calls.then(|| interpreter.bytecode.pc()),
            work: work.spent(),
            exhausted: work.is_exhausted(),
        }
    }

    fn check(&self) -> Left {
        let store = MockHost::default();
        let ours = self.run(&store, run);
        let engines = self.run(&store, |interpreter, instructions, gas, host| {
            interpreter.run_plain(instructions, gas, host)
        });
        assert_eq!(ours, engines, "{self:?}");
        ours
    }
}

/// Words that look like sizes, flags, masks, or anything.
fn words() -> impl Strategy<Value = U256> {
    prop_oneof![
        6 => (0..100_u64).prop_map(U256::from),
        1 => Just(U256::MAX),
        1 => any::<u64>().prop_map(U256::from),
        1 => any::<[u64; 4]>().prop_map(U256::from_limbs),
        1 => (0..256_usize).prop_map(|bit| U256::ONE << bit),
    ]
}

/// Parts of programs: instructions that are done in place, what they need, now and then any byte.
fn parts() -> impl Strategy<Value = Vec<u8>> {
    let common = prop_oneof![
        op::ADD..=op::SMOD,
        op::LT..=op::SAR,
        Just(op::CALLDATALOAD),
        Just(op::KECCAK256),
        op::POP..=op::MSTORE8,
        op::PC..=op::JUMPDEST,
        op::DUP1..=op::SWAP16,
        op::ADDRESS..=op::CALLDATASIZE,
        Just(op::RETURNDATASIZE),
        Just(op::PUSH0),
    ];
    prop_oneof![
        8 => common.prop_map(|opcode| vec![opcode]),
        6 => words().prop_map(|word| push(&word.to_be_bytes_trimmed_vec())),
        1 => prop::collection::vec(any::<u8>(), 1..=32).prop_map(|bytes| push(&bytes)),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(to, whether)| {
            vec![op::PUSH1, to, if whether { op::JUMPI } else { op::JUMP }]
        }),
        2 => Just(vec![op::JUMPDEST]),
        1 => any::<u8>().prop_map(|opcode| vec![opcode]),
    ]
}

fn push(bytes: &[u8]) -> Vec<u8> {
    let mut code = vec![op::PUSH0 + bytes.len() as u8];
    code.extend_from_slice(bytes);
    code
}

fn frames() -> impl Strategy<Value = Frame> {
    let code = prop::collection::vec(parts(), 0..60).prop_map(|parts| parts.concat());
    // Destinations of jumps that are ones, mostly.
    let code = code.prop_map(|mut code| {
        let places: Vec<u8> = (0..=u8::MAX)
            .filter(|at| code.get(usize::from(*at)) == Some(&op::JUMPDEST))
            .collect();
        for at in 1..code.len().saturating_sub(1) {
            let jumps = matches!(code[at + 1], op::JUMP | op::JUMPI) && code[at - 1] == op::PUSH1;
            if jumps && !places.is_empty() && code[at] < 230 {
                code[at] = places[usize::from(code[at]) % places.len()];
            }
        }
        code
    });
    let stack = prop_oneof![
        8 => prop::collection::vec(words(), 0..20),
        1 => prop::collection::vec(Just(U256::ONE), 1_015..=1_024),
    ];
    let gas = prop_oneof![3 => 0..300_u64, 3 => 0..20_000_u64, 1 => Just(100_000)];
    let work = prop_oneof![1 => 0..60_u64, 4 => Just(u64::MAX)];
    let spec = prop_oneof![
        Just(SpecId::CANCUN),
        Just(SpecId::OSAKA),
        Just(SpecId::AMSTERDAM)
    ];
    let input = prop::collection::vec(any::<u8>(), 0..100);
    (code, stack, input, any::<(bool, bool)>(), (gas, work, spec)).prop_map(
        |(code, stack, input, (shared, is_static), (gas, work, spec))| Frame {
            code,
            stack,
            input,
            shared,
            is_static,
            gas,
            work,
            spec,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_program_ends_as_in_the_engines_loop(frame in frames()) {
        frame.check();
    }
}

/// Each opcode by itself: on stacks of all heights that matter, with gas for all or nothing.
#[test]
fn every_opcode_ends_as_in_the_engines_loop() {
    for opcode in 0..=u8::MAX {
        for height in (0..=18).chain([1_022, 1_023, 1_024]) {
            for gas in (0..12).chain([100_000]) {
                for small in [3_u64, 1 << 40] {
                    let frame = Frame {
                        code: vec![opcode, op::JUMPDEST, op::JUMPDEST, op::JUMPDEST],
                        stack: (0..height)
                            .map(|word| U256::from(small + word as u64))
                            .collect(),
                        input: vec![9; 50],
                        shared: false,
                        is_static: false,
                        gas,
                        work: u64::MAX,
                        spec: SpecId::OSAKA,
                    };
                    frame.check();
                }
            }
        }
    }
}

#[test]
fn the_gas_is_that_of_each_revision() {
    for spec in [
        SpecId::CANCUN,
        SpecId::PRAGUE,
        SpecId::OSAKA,
        SpecId::AMSTERDAM,
    ] {
        let table = gas_table_spec(spec);
        let costs = [
            (op::JUMPDEST, gas::JUMPDEST),
            (op::POP, gas::BASE),
            (op::ADD, gas::VERY_LOW),
            (op::MUL, gas::LOW),
            (op::DIV, gas::LOW),
            (op::JUMP, gas::MID),
            (op::JUMPI, gas::HIGH),
            (op::KECCAK256, gas::KECCAK256),
        ];
        for (opcode, cost) in costs {
            assert_eq!(u64::from(table[usize::from(opcode)]), cost);
        }
        let params = GasParams::new_spec(spec);
        assert_eq!(params.keccak256_cost(33), 2 * gas::KECCAK256_WORD);
        for words in [0, 1, 22, 23, 724, 1 << 20, 1 << 27] {
            assert_eq!(params.memory_cost(words), gas::memory(words));
        }
    }
}

/// It is the loop that is compared above that does the work: a sum without the table.
#[test]
fn what_is_common_needs_no_table() {
    let frame = Frame {
        code: vec![op::PUSH1, 1, op::ADD, op::DUP1, op::MUL, op::STOP],
        stack: vec![U256::from(2)],
        input: Vec::new(),
        shared: false,
        is_static: false,
        gas: 100,
        work: u64::MAX,
        spec: SpecId::OSAKA,
    };
    let store = MockHost::default();
    let left = frame.run(&store, |interpreter, _, _, host| {
        let code = Bytecode::clone(&interpreter.bytecode);
        let jumps = code.legacy_jump_table().unwrap();
        let next = run_common(interpreter, code.bytes_slice(), jumps, host);
        assert!(matches!(next, Next::End));
        interpreter.halt(InstructionResult::Stop);
        interpreter.take_next_action()
    });
    assert_eq!(left.stack, [U256::from(9)]);
    assert_eq!(left.gas.remaining(), 100 - 3 - 3 - 3 - 5);
}
