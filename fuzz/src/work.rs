//! A search for what costs the machine most: programs, inputs and mixtures of both,
//! through the `.wasm` of both kernels, mutated towards more instructions for a unit of
//! work, and towards dearer runs and levels.

use crate::program::{Pool, program};
use crate::tight;
use alloy_primitives::{Address, U256};
use arbitrary::{Result, Unstructured};
use e2e_tests::case::{CALLED, CALLER, Case, Crowd, KINDS, Kind, LARGE};
use e2e_tests::lab::{MAX_GAS, Sample};
use e2e_tests::load::{Labs, Load};
use e2e_tests::tx_case;
use std::time::{Duration, Instant};

/// Less work than this says little of a unit: what every level does is not counted.
const LEAST: u64 = 300_000;

/// The cases of each goal that are mutated.
const KEPT: usize = 24;

/// The bytes of a case.
const LEN: usize = 1_200;

/// A quantity to maximise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Instructions for a unit of work, in hundredths.
    Unit,
    /// Instructions of a run.
    Run,
    /// Instructions of a level.
    Level,
    /// Host calls of a run.
    HostCalls,
    /// Ticks of a run.
    Ticks,
}

impl Goal {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Unit,
        Self::Run,
        Self::Level,
        Self::HostCalls,
        Self::Ticks,
    ];

    /// Its bound with default budgets.
    #[must_use]
    pub const fn bound(self) -> u64 {
        match self {
            Self::Unit => 80 * 100,
            Self::Run => 8_000_000_000,
            Self::Level => 12_000_000_000,
            Self::HostCalls => 20_000,
            Self::Ticks => 100_000_000_000,
        }
    }

    /// The figure of a case.
    #[must_use]
    pub fn figure(self, sample: &Sample) -> u64 {
        match self {
            Self::Unit if sample.work < LEAST => 0,
            Self::Unit => sample.hundredths(),
            Self::Run => sample.worst_run,
            Self::Level => sample.worst_level,
            Self::HostCalls => sample.worst_run_calls,
            Self::Ticks => sample.worst_run_ticks,
        }
    }

    /// Its name, and the unit of its figure.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unit => "hundredths of an instruction a unit of work",
            Self::Run => "instructions of a run",
            Self::Level => "instructions of a level",
            Self::HostCalls => "host calls of a run",
            Self::Ticks => "ticks of a run",
        }
    }

    const fn size(self) -> Size {
        match self {
            Self::Unit => Size::Unit,
            Self::Run | Self::Level | Self::HostCalls | Self::Ticks => Size::Level,
        }
    }
}

/// The size of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Enough to measure.
    Unit,
    /// Enough to fill a level.
    Level,
}

/// Which kernel a case is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// The EVM kernel.
    Evm,
    /// The transactions kernel.
    Transactions,
}

impl Kernel {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Evm, Self::Transactions];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evm => "evm_kernel",
            Self::Transactions => "tx_kernel",
        }
    }
}

/// A case and what it cost.
#[derive(Clone, Debug)]
pub struct Found {
    /// Bytes that the case is made of.
    pub bytes: Vec<u8>,
    /// Which kernel they are for.
    pub kernel: Kernel,
    /// The size of the case that they make.
    pub size: Size,
    /// Its cost.
    pub sample: Sample,
}

impl Found {
    /// The case itself.
    #[must_use]
    pub fn load(&self) -> Load {
        load(&self.bytes, self.kernel, self.size)
    }
}

/// The case that `bytes` stand for.
#[must_use]
pub fn load(bytes: &[u8], kernel: Kernel, size: Size) -> Load {
    let mut choices = Unstructured::new(bytes);
    // What the bytes do not say is the first choice: no case is refused.
    match kernel {
        Kernel::Evm => Load::Evm(choose(&mut choices, size).unwrap_or_default()),
        Kernel::Transactions => {
            Load::Transactions(transactions(&mut choices, size).unwrap_or_default())
        }
    }
}

/// A case for the transactions kernel.
fn transactions(choices: &mut Unstructured<'_>, size: Size) -> Result<tx_case::Case> {
    let mut case = tx_case::Case::default();
    for _ in 0..choices.int_in_range(1..=4_u8)? {
        let kind = *choices.choose(&tx_case::KINDS)?;
        let count = choices.int_in_range(1..=200_u64)?;
        let mut crowd = tx_case::Crowd {
            kind,
            count,
            operations: choices.int_in_range(1..=120)?,
            contents: choices.int_in_range(0..=60)?,
            together: choices.int_in_range(1..=20)?,
            apart: choices.int_in_range(0..=60)?,
            len: choices.int_in_range(0..=4_000)?,
            fill: choices.arbitrary()?,
        };
        crowd.count = match size {
            Size::Unit if kind.is_heavy() => 1 + count % 4,
            Size::Unit => 1 + count / 4,
            Size::Level if kind.is_heavy() => 1 + count % 40,
            Size::Level => 30 * count,
        };
        case.crowds.push(crowd);
    }
    Ok(case)
}

fn choose(choices: &mut Unstructured<'_>, size: Size) -> Result<Case> {
    let kind = choices.int_in_range(0..=5_u8)?;
    let mut case = Case::default();
    if kind > 0 {
        case.called = match kind {
            1..4 => program(choices, &pool(), 2)?,
            _ => tight::repeated(choices)?,
        }
        .into();
        case.caller = caller(choices)?.into();
        let len = choices.int_in_range(0..=2_000_usize)?;
        let (count, gas) = match size {
            Size::Unit => (1, MAX_GAS / 8),
            Size::Level => (choices.int_in_range(1..=14_u64)?, MAX_GAS),
        };
        case.crowds.push(Crowd {
            kind: Kind::Program,
            count,
            len,
            salt: 0,
            fill: 0xff,
            gas,
        });
    }
    if kind % 2 == 0 || size == Size::Level {
        for _ in 0..choices.int_in_range(1..=6_u8)? {
            case.crowds.push(crowd(choices, size)?);
        }
    }
    if choices.ratio(1, 2)? {
        case.crowds.reverse();
    }
    Ok(case)
}

fn pool() -> Pool {
    let precompiles = (1..=0x11).chain([0x100]);
    let low = precompiles.map(|number: u64| Address::from_word(U256::from(number).into()));
    Pool {
        addresses: low
            .chain([CALLED, CALLER, LARGE, Address::repeat_byte(0xdd)])
            .collect(),
    }
}

/// A loop without end over a call of the program, with some gas.
fn caller(choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let gas = choices.int_in_range(500..=400_000_u32)?;
    let [_, a, b, c] = gas.to_be_bytes();
    let call = choices.choose(&[0xf1_u8, 0xf4, 0xfa])?;
    let mut code = vec![0x5b, 0x5f, 0x5f, 0x36, 0x5f];
    if *call == 0xf1 {
        code.push(0x5f);
    }
    code.push(0x73);
    code.extend(CALLED);
    code.extend([0x62, a, b, c, *call, 0x50, 0x5f, 0x56]);
    Ok(code)
}

/// Some messages of a kind.
fn crowd(choices: &mut Unstructured<'_>, size: Size) -> Result<Crowd> {
    let kind = *choices.choose(&KINDS)?;
    let count = choices.int_in_range(1..=200_u64)?;
    let len = choices.int_in_range(0..=3_900_usize)?;
    let salt = choices.int_in_range(0..=3_u64)?;
    let fill = choices.arbitrary()?;
    let heavy = matches!(
        kind,
        Kind::Program | Kind::Slots | Kind::Logs | Kind::Pays | Kind::Forced
    );
    let batched = matches!(
        kind,
        Kind::Batch | Kind::WrongBatch | Kind::BrokenBatch | Kind::SameBatch
    );
    let (count, gas) = match size {
        Size::Unit if heavy => (1 + count % 3, MAX_GAS >> (2 + salt)),
        // They are signed one by one.
        Size::Level if batched => (12 * count, 0),
        Size::Unit => (count, 0),
        Size::Level if heavy => (1 + count % 14, MAX_GAS >> salt),
        // So many bytes at most as layer 1 takes in some levels.
        Size::Level => ((45 * count).min(4_000_000 / (len as u64 + 60)), 0),
    };
    Ok(Crowd {
        kind,
        count,
        len,
        salt,
        fill,
        gas,
    })
}

/// A source of numbers: the same seed, the same numbers.
#[derive(Debug)]
struct Numbers(u64);

impl Numbers {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// The cases found, the dearest of each goal first, and the number of cases that ran.
#[derive(Debug, Default)]
pub struct Search {
    kept: [[Vec<Found>; Goal::ALL.len()]; Kernel::ALL.len()],
    /// Cases that ran, of each kernel and of each size.
    pub runs: [[u64; 2]; Kernel::ALL.len()],
}

impl Search {
    /// The dearest case for a goal.
    #[must_use]
    pub fn kept(&self, kernel: Kernel, goal: Goal) -> &[Found] {
        &self.kept[kernel as usize][goal as usize]
    }

    /// The most for a goal.
    #[must_use]
    pub fn most(&self, kernel: Kernel, goal: Goal) -> u64 {
        let best = self.kept(kernel, goal).first();
        best.map_or(0, |best| goal.figure(&best.sample))
    }

    /// Keeps a case where it is dear; gives for which goals it is the dearest.
    fn keep(&mut self, found: &Found) -> Vec<Goal> {
        let mut better = Vec::new();
        for goal in Goal::ALL {
            let figure = goal.figure(&found.sample);
            if figure > self.most(found.kernel, goal) {
                better.push(goal);
            }
            let kept = &mut self.kept[found.kernel as usize][goal as usize];
            let place = kept.partition_point(|one| goal.figure(&one.sample) > figure);
            let known = kept
                .get(place)
                .is_some_and(|one| goal.figure(&one.sample) == figure);
            if !known {
                kept.insert(place, found.clone());
                kept.truncate(KEPT);
            }
        }
        better
    }

    fn bytes(&self, numbers: &mut Numbers, kernel: Kernel, goal: Goal) -> Vec<u8> {
        // What is dear for its work may fill a level, too.
        let goal = if numbers.below(3) == 0 {
            Goal::Unit
        } else {
            goal
        };
        let kept = self.kept(kernel, goal);
        if kept.len() < KEPT / 2 || numbers.below(8) == 0 {
            return (0..LEN).map(|_| numbers.next() as u8).collect();
        }
        mutated(numbers, kept)
    }
}

/// Searches for so long, two thirds of it the EVM kernel and the rest the other, half of
/// each for units of work and half for runs and levels; `better` hears of each goal that a
/// case costs more for than all before.
///
/// # Errors
/// Those of `better`.
pub fn search<E>(
    time: Duration,
    seed: u64,
    mut better: impl FnMut(&Search, Kernel, Goal) -> std::result::Result<(), E>,
) -> std::result::Result<Search, E> {
    let labs = Labs::new();
    let start = Instant::now();
    let mut numbers = Numbers(seed);
    let mut search = Search::default();
    // Of each kernel: all of its time, and that for units.
    let mut spent = [[Duration::ZERO; 2]; Kernel::ALL.len()];
    while start.elapsed() < time {
        let kernel = if spent[0][0] <= 2 * spent[1][0] {
            Kernel::Evm
        } else {
            Kernel::Transactions
        };
        let [all, units] = &mut spent[kernel as usize];
        let goal = if *units <= *all / 2 {
            Goal::Unit
        } else {
            Goal::ALL[1 + numbers.below(Goal::ALL.len() - 1)]
        };
        let (bytes, size) = (search.bytes(&mut numbers, kernel, goal), goal.size());
        let began = Instant::now();
        let sample = load(&bytes, kernel, size).run(&labs);
        *all += began.elapsed();
        if size == Size::Unit {
            *units += began.elapsed();
        }
        search.runs[kernel as usize][usize::from(size == Size::Level)] += 1;
        let found = Found {
            bytes,
            kernel,
            size,
            sample,
        };
        for goal in search.keep(&found) {
            better(&search, kernel, goal)?;
        }
    }
    Ok(search)
}

/// One of the kept cases, changed in some places or crossed with another.
fn mutated(numbers: &mut Numbers, kept: &[Found]) -> Vec<u8> {
    let pick = |numbers: &mut Numbers| {
        // The worst are picked more often.
        let place = numbers.below(kept.len()).min(numbers.below(kept.len()));
        kept[place].bytes.clone()
    };
    let mut bytes = pick(numbers);
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 => bytes[at] = numbers.next() as u8,
            1 => bytes[at] ^= 1 << numbers.below(8),
            2 => {
                bytes.remove(at);
                bytes.push(numbers.next() as u8);
            }
            3 => {
                bytes.insert(at, numbers.next() as u8);
                bytes.truncate(LEN);
            }
            4 => {
                let len = numbers.below(64).min(bytes.len() - at);
                let from = numbers.below(bytes.len() - len);
                bytes.copy_within(from..from + len, at);
            }
            _ => {
                let other = pick(numbers);
                let len = numbers.below(400).min(bytes.len() - at).min(other.len());
                let from = numbers.below(other.len() - len + 1);
                bytes[at..at + len].copy_from_slice(&other[from..from + len]);
            }
        }
    }
    bytes
}
