use super::*;
use crate::memory::Flat;
use crate::value::Value;
use proptest::prelude::*;

/// Addresses of the paths in memory.
const PATHS: [usize; 2] = [0, 300];
const BYTES: usize = 600;
const OUT: usize = 3_000;
const MEMORY: usize = 8_000;

/// A call, with its arguments behind those of its paths.
#[derive(Clone, Debug)]
struct Asked {
    function: Function,
    paths: [String; 2],
    numbers: Vec<i64>,
}

impl Asked {
    fn place(&self) -> usize {
        let mut imports = IMPORTS.iter();
        let found = imports.position(|import| import.call == Some(self.function));
        found.unwrap()
    }

    fn args(&self) -> Vec<i64> {
        let count = match self.function {
            Function::StoreCopy | Function::StoreMove => 2,
            _ => 1,
        };
        let mut args = Vec::new();
        for (at, path) in PATHS.iter().zip(&self.paths).take(count) {
            args.extend([*at as i64, path.len() as i64]);
        }
        args.extend(&self.numbers);
        args
    }

    fn memory(&self) -> Vec<u8> {
        let mut memory: Vec<u8> = (0..MEMORY).map(|at| at as u8).collect();
        for (at, path) in PATHS.iter().zip(&self.paths) {
            memory[*at..at + path.len()].copy_from_slice(path.as_bytes());
        }
        memory
    }
}

/// The outcome of a call.
#[derive(Debug, PartialEq)]
struct Outcome {
    answer: Result<i64, Stop>,
    durable: Durable,
    memory: Vec<u8>,
}

fn context(durable: &Durable) -> Context {
    Context {
        durable: durable.clone(),
        ..Context::default()
    }
}

fn at_once(asked: &Asked, durable: &Durable) -> Outcome {
    let (mut memory, mut context) = (asked.memory(), context(durable));
    let answer = context.call_on(asked.place(), &asked.args(), &mut Flat(&mut memory));
    Outcome {
        answer,
        durable: context.durable,
        memory,
    }
}

/// The judge's view of a step, and the judge's verdict.
fn judged(
    called: Called<'_>,
    walk: Option<&Walk>,
    memory: &[u8],
    durable: &Durable,
) -> (Result<Walked, Stop>, Context, Vec<u8>, usize) {
    let mut noted = memory.to_vec();
    let (storage, walk_on, shown) = match walk {
        None => {
            let watched = durable.watched();
            let mut context = context(&watched);
            drop(call(called, None, &mut Flat(&mut noted), &mut context));
            let touched = watched.touched();
            let size = touched.len();
            (
                super::super::proof::shown(&durable.root_hash(), &touched).unwrap(),
                None,
                size,
            )
        }
        Some(walk) => {
            let (walk_on, watched) = walk.watched();
            let mut context = context(durable);
            drop(call(
                called,
                Some(walk_on),
                &mut Flat(&mut noted),
                &mut context,
            ));
            let parts = touched(&watched);
            let parts = parts.each_ref().map(Vec::as_slice);
            let decoded = Walk::decode(&walk.encode(), parts).unwrap();
            assert_eq!(decoded.hash(), walk.hash());
            // Where storage is small, so that it does not take long.
            if called.most < crate::durable::MOST {
                no_other(called, walk, parts, memory, durable);
            }
            let size = walk.encode().len() + parts.iter().map(|part| part.len()).sum::<usize>();
            (Durable::blind(durable.root_hash()), Some(decoded), size)
        }
    };
    let mut context = context(&storage);
    let mut memory = memory.to_vec();
    let walked = call(called, walk_on, &mut Flat(&mut memory), &mut context);
    (walked, context, memory, shown)
}

/// A call with another number or hash is another, and a judge who takes it, since two liars agree on it, is soon done.
fn no_other(
    called: Called<'_>,
    walk: &Walk,
    parts: [&[u8]; SHOWN],
    memory: &[u8],
    durable: &Durable,
) {
    let bytes = walk.encode();
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0xff >> (at % 8);
        let Ok(other) = Walk::decode(&bytes, parts) else {
            continue;
        };
        assert_ne!(other.hash(), walk.hash(), "byte {at}");
        let mut context = context(&Durable::blind(durable.root_hash()));
        let mut memory = memory.to_vec();
        drop(call(
            called,
            Some(other),
            &mut Flat(&mut memory),
            &mut context,
        ));
    }
}

/// The call in steps, each of which is judged, too; how many, and the most bytes that one shows.
fn in_steps(asked: &Asked, durable: &Durable, most: usize) -> (Outcome, usize, usize) {
    let (mut memory, mut context) = (asked.memory(), context(durable));
    let args = asked.args();
    let called = Called {
        place: asked.place(),
        args: &args,
        most,
    };
    let mut walk: Option<Walk> = None;
    let mut largest = 0;
    for step in 1..100_000 {
        let (judged, seen, changed, shown) =
            judged(called, walk.as_ref(), &memory, &context.durable);
        largest = largest.max(shown);
        let walked = call(called, walk.take(), &mut Flat(&mut memory), &mut context);
        assert_eq!(changed, memory);
        assert_eq!(seen.durable.root_hash(), context.durable.root_hash());
        let answer = match (walked, judged) {
            (Ok(Walked::On(on)), Ok(Walked::On(judged))) => {
                assert_eq!(on.hash(), judged.hash());
                walk = Some(*on);
                continue;
            }
            (Ok(Walked::Done(answer)), Ok(Walked::Done(judged))) => {
                assert_eq!(answer, judged);
                Ok(answer)
            }
            (Err(stop), Err(judged)) => {
                assert_eq!(stop, judged);
                Err(stop)
            }
            (walked, judged) => panic!("{walked:?}, but judged {judged:?}"),
        };
        let durable = context.durable;
        let outcome = Outcome {
            answer,
            durable,
            memory,
        };
        return (outcome, step, largest);
    }
    panic!("it takes no end: {asked:?}");
}

fn step() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]{1,2}",
        "[-.0@a]{1,3}".prop_map(|step| step.replace('@', "Z")),
        "[a-d]{6}"
    ]
}

fn path() -> impl Strategy<Value = String> {
    let path = prop::collection::vec(step(), 1..4);
    let path = path.prop_map(|steps| steps.iter().map(|step| format!("/{step}")).collect());
    let long = (100_usize..240).prop_map(|len| format!("/{}", "a".repeat(len - 1)));
    prop_oneof![
        8 => path,
        1 => long,
        1 => Just(String::new()),
        1 => Just("/readonly/a".to_owned()),
        1 => Just("no path".to_owned()),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    use Function::*;
    let out = OUT as i64;
    let bytes = BYTES as i64;
    let function = prop_oneof![
        prop::sample::select(vec![
            StoreHas,
            StoreExists,
            StoreDelete,
            StoreDeleteValue,
            StoreListSize,
            StoreValueSize,
            StoreCopy,
            StoreMove,
        ])
        .prop_map(|function| (function, Vec::new())),
        prop_oneof![-2_i64..7, Just(i64::MIN)]
            .prop_map(move |index| (StoreGetNthKey, vec![index, out, 100])),
        (-1_i64..3_000).prop_map(|size| (StoreCreate, vec![size])),
        (-1_i64..2_000, -1_i64..2_050)
            .prop_map(move |(offset, len)| (StoreRead, vec![offset, out, len])),
        (-1_i64..200, -1_i64..2_050)
            .prop_map(move |(offset, len)| (StoreWrite, vec![offset, bytes, len])),
        (0_i64..40).prop_map(move |room| (StoreGetHash, vec![out, room])),
    ];
    (function, path(), path()).prop_map(|((function, numbers), one, other)| Asked {
        function,
        paths: [one, other],
        numbers,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_call_in_steps_does_what_it_does_at_once(
        there in prop::collection::vec((path(), 0_usize..120), 0..25),
        calls in prop::collection::vec((asked(), prop_oneof![Just(1), 1_usize..400]), 1..8),
    ) {
        let mut durable = Durable::new();
        for (path, len) in &there {
            let _ = durable.write(path, vec![7; *len]);
        }
        for (asked, most) in &calls {
            let expected = at_once(asked, &durable);
            let (outcome, ..) = in_steps(asked, &durable, *most);
            prop_assert_eq!(&outcome, &expected, "{:?}", asked);
            durable = expected.durable;
        }
    }
}

/// A path of 240 bytes and, at each of its bytes, others that part from it at each bit.
fn hostile(durable: &mut Durable, byte: u8) -> String {
    const BYTES: &[u8] = b"-./09AOPZ_abcdhpz";
    let mut path = b"/".to_vec();
    path.resize(240, byte);
    for at in 1..path.len() {
        for byte in BYTES {
            let other = [&path[..at], &[*byte]].concat();
            // Those that end with a slash are none.
            let _ = durable.write(&*String::from_utf8(other).unwrap(), [*byte; 64]);
        }
    }
    let path = String::from_utf8(path).unwrap();
    durable.write(&path, [1; 64]).unwrap();
    path
}

/// So that a tree can be deep without optimization.
fn on_a_large_stack(run: fn()) {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn each_step_of_a_call_on_hostile_paths_shows_little() {
    on_a_large_stack(hostile_paths);
}

fn hostile_paths() {
    use Function::*;
    let mut durable = Durable::new();
    let from = hostile(&mut durable, b'a');
    let to = hostile(&mut durable, b'b');
    let long = [
        StoreHas,
        StoreDelete,
        StoreDeleteValue,
        StoreListSize,
        StoreValueSize,
    ];
    let out = OUT as i64;
    let mut calls: Vec<(Function, Vec<i64>)> = long.map(|function| (function, Vec::new())).to_vec();
    calls.extend([
        (StoreCopy, vec![]),
        (StoreMove, vec![]),
        (StoreGetNthKey, vec![0, out, 300]),
        (StoreCreate, vec![70]),
        (StoreRead, vec![0, out, 64]),
        (StoreWrite, vec![60, BYTES as i64, 2_048]),
        (StoreGetHash, vec![out, 32]),
    ]);
    let paths = [from, to];
    for (function, numbers) in calls {
        let asked = Asked {
            function,
            paths: paths.clone(),
            numbers,
        };
        let expected = at_once(&asked, &durable);
        let (outcome, steps, largest) = in_steps(&asked, &durable, crate::durable::MOST);
        assert_eq!(outcome, expected, "{function:?}");
        eprintln!("{function:?}: {steps} steps, {largest} bytes");
        assert!(
            steps > 10 && largest <= 14_000,
            "{function:?}: {steps}, {largest}"
        );
    }
}

#[test]
fn many_names_are_listed_in_pieces() {
    let mut durable = Durable::new();
    for number in 0..20_000 {
        let path = format!("/folder/{}/{number}", number * 7_919 % 20_011);
        durable.set(path.as_bytes(), Value::new(&[1])).unwrap();
    }
    durable.write("/folder", [1]).unwrap();
    let ask = |function, numbers: Vec<i64>| Asked {
        function,
        paths: ["/folder".to_owned(), String::new()],
        numbers,
    };
    for asked in [
        ask(Function::StoreListSize, vec![]),
        ask(Function::StoreGetNthKey, vec![15_000, OUT as i64, 40]),
        ask(Function::StoreGetNthKey, vec![30_000, OUT as i64, 40]),
        ask(Function::StoreGetNthKey, vec![-3, OUT as i64, 40]),
    ] {
        let (outcome, steps, largest) = in_steps(&asked, &durable, crate::durable::MOST);
        assert_eq!(outcome, at_once(&asked, &durable), "{asked:?}");
        eprintln!("{asked:?}: {steps} steps, {largest} bytes");
        assert!(largest <= 14_000, "{asked:?}: {largest}");
    }
}
