//! Every path that an input may take: read, refused, recovered, put together of
//! chunks, executed, kept.

use crate::row::{Kind, Row};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use e2e_tests::lab::{Lab, MAX_GAS};
use e2e_tests::layer1::{self, DELAYED_BRIDGE, TICKETER};
use e2e_tests::{MAX_FEE, User};
use ethereum::transaction::{
    AccessListItem, Authorization, Eip1559, Eip7702, SignedAuthorization, Transaction,
};
use storage::Config;

const NOBODY: Address = Address::repeat_byte(0xbb);
const ROLLUP: [u8; 20] = [7; 20];

/// Measures all of them.
pub(crate) fn rows(done: &mut impl FnMut(Row)) {
    let lab = Lab::new(Config {
        ticketer: Some(TICKETER),
        delayed_bridge: Some(DELAYED_BRIDGE),
        ..Config::default()
    });
    let paths = [
        foreign(&lab),
        refused(&lab),
        transfers(&lab),
        batches(&lab),
        data(&lab),
        chunks(&lab),
        layer_1(&lab),
    ];
    for (name, messages) in paths.into_iter().flatten() {
        let (sample, _) = lab.run(&mut lab.rollup(), messages);
        done(Row {
            kind: Kind::Input,
            name,
            sample,
            alone: None,
            succeeded: true,
        });
    }
}

/// A path: its name and the messages that take it.
type Path = (String, Vec<Vec<u8>>);

fn path(name: &str, messages: Vec<Vec<u8>>) -> Path {
    (name.to_owned(), messages)
}

fn framed(contents: &[u8]) -> Vec<u8> {
    [&[1, 0][..], &ROLLUP, contents].concat()
}

/// A whole transaction, whatever it is.
fn simple(raw: &[u8]) -> Vec<u8> {
    framed(&[&[0], keccak256(raw).as_slice(), raw].concat())
}

fn posted(raws: &[Vec<u8>]) -> Vec<Vec<u8>> {
    raws.iter()
        .flat_map(|raw| node::encode::messages(&ROLLUP, raw))
        .collect()
}

fn foreign(lab: &Lab) -> Vec<Path> {
    let _ = lab;
    vec![
        path("messages without a frame", vec![vec![1; 4_000]; 1_000]),
        path(
            "messages for others",
            vec![[&[1, 0][..], &[8; 4_000]].concat(); 1_000],
        ),
        path("frames without contents", vec![framed(b""); 1_000]),
        path("unknown tags", vec![framed(&[99; 4_000]); 1_000]),
    ]
}

fn transfer(user: &mut User, to: Address) -> Vec<u8> {
    let wei = U256::from(1);
    user.send(1337, TxKind::Call(to), wei, Bytes::new(), 21_000)
        .encode()
}

fn refused(lab: &Lab) -> Vec<Path> {
    const COUNT: u64 = 500;
    let mut user = lab.user.clone();
    let signed = user.send(1337, TxKind::Call(NOBODY), U256::ONE, Bytes::new(), 21_000);
    let each = |change: &dyn Fn(u64) -> Vec<u8>| (0..COUNT).map(change).collect::<Vec<_>>();
    let unrecoverable = each(&|number| {
        let mut one = signed.clone();
        // 5 is the x of no point of the curve.
        one.signature.r = U256::from(5);
        one.signature.s = U256::from(number + 1);
        simple(&one.encode())
    });
    let forged = each(&|number| {
        let mut one = lab.user.clone();
        let wei = U256::from(number);
        let mut other = one.send(1337, TxKind::Call(NOBODY), wei, Bytes::new(), 21_000);
        other.signature = signed.signature;
        simple(&other.encode())
    });
    let early = each(&|number| {
        let mut user = lab.user.clone();
        user.nonce = number + 10;
        simple(&transfer(&mut user, NOBODY))
    });
    let large = each(&|number| {
        let mut user = lab.user.clone();
        user.nonce = 10;
        let to = TxKind::Call(NOBODY);
        let input = Bytes::from(vec![number as u8; 3_800]);
        simple(
            &user
                .send(1337, to, U256::from(number), input, 1_000_000)
                .encode(),
        )
    });
    let mut zeros = vec![0xf9, 0x0f, 0x80];
    zeros.resize(3 + 0xf80, 0xc0);
    vec![
        path("signatures of nobody", unrecoverable),
        path("signatures of strangers", forged),
        path("nonces too high", early),
        path("nonces too high, 3,800 bytes", large),
        path(
            "one transaction 500 times",
            vec![simple(&signed.encode()); COUNT as usize],
        ),
        path(
            "no transactions, 4,000 bytes",
            vec![simple(&[7; 4_000]); COUNT as usize],
        ),
        path(
            "lists of lists, 4,000 bytes",
            vec![simple(&zeros); COUNT as usize],
        ),
        path(
            "wrong hashes, 4,000 bytes",
            vec![framed(&[0; 4_000]); COUNT as usize],
        ),
    ]
}

fn transfers(lab: &Lab) -> Vec<Path> {
    let mut paths = Vec::new();
    for count in [1, 400_u64] {
        let mut user = lab.user.clone();
        let known = (0..count)
            .map(|_| transfer(&mut user, NOBODY))
            .collect::<Vec<_>>();
        let mut user = lab.user.clone();
        let new = (1..=count).map(|number| {
            transfer(
                &mut user,
                Address::from_word(U256::from((1 << 50) + number).into()),
            )
        });
        let new = new.collect::<Vec<_>>();
        paths.push(path(
            &format!("transfers to one account, {count}"),
            posted(&known),
        ));
        paths.push(path(
            &format!("transfers to new accounts, {count}"),
            posted(&new),
        ));
    }
    paths.push(path("delegations", posted(&[delegations(lab, 300, true)])));
    paths.push(path(
        "delegations of nobody",
        posted(&[delegations(lab, 300, false)]),
    ));
    let mut poor = User::new("poor");
    poor.nonce = 3;
    let unpaid = delegations_of(&mut poor, 300, false);
    paths.push(path("delegations that nobody pays for", posted(&[unpaid])));
    paths.push(path(
        "an access list of 3,000 slots",
        posted(&[access(lab, 1, 3_000)]),
    ));
    paths.push(path(
        "an access list of 2,000 accounts",
        posted(&[access(lab, 2_000, 0)]),
    ));
    paths
}

fn batches(lab: &Lab) -> Vec<Path> {
    let rollup = lab.rollup();
    let mut user = lab.user.clone();
    let one: Vec<_> = (0..400).map(|_| transfer(&mut user, NOBODY)).collect();
    let strangers = (0..400).map(|number| User::new(&format!("stranger {number}")));
    let many: Vec<_> = strangers
        .map(|mut user| transfer(&mut user, NOBODY))
        .collect();
    let mut bad = rollup.batches(&many, false);
    for message in &mut bad {
        if let Some(last) = message.last_mut() {
            *last ^= 1;
        }
    }
    // Points that meet each other all the way.
    let same = vec![one[0].clone(); 400];
    // Words that are named, as many as a batch may unfold to.
    let mut input = vec![1; 4];
    input.extend([[7; 32]; 2_000].as_flattened());
    let mut user = User::new("poor");
    let long = user.send(
        1337,
        TxKind::Call(NOBODY),
        U256::ZERO,
        input.into(),
        1_000_000,
    );
    let unfolds = rollup.batches(&[long.encode(), transfer(&mut user, NOBODY)], false);
    // A head that says the most, and nothing that holds it.
    let mut head = vec![5, 0, 0xb9, 0x0a, 0x80, 0x80, 4, 60, 0];
    head.resize(4_000, 0x42);
    vec![
        path("batches of one sender", rollup.batches(&one, false)),
        path(
            "batches of one sender, with points",
            rollup.batches(&one, true),
        ),
        path("batches of strangers", rollup.batches(&many, false)),
        path("batches with a bad signature", bad),
        path(
            "batches of one transaction many times",
            rollup.batches(&same, false),
        ),
        path(
            "batches that unfold to the most",
            vec![unfolds.concat(); 50],
        ),
        path("batches that say the most", vec![framed(&head); 200]),
    ]
}

fn delegations(lab: &Lab, count: u64, good: bool) -> Vec<u8> {
    delegations_of(&mut lab.user.clone(), count, good)
}

fn delegations_of(user: &mut User, count: u64, good: bool) -> Vec<u8> {
    let signer = User::new("delegates");
    let one = signer.delegate(U256::ZERO, NOBODY, 0);
    let authorization_list = (0..count).map(|number| {
        if good {
            User::new(&format!("delegates {number}")).delegate(U256::ZERO, NOBODY, 0)
        } else {
            let authorization = Authorization {
                nonce: number,
                ..one.inner().clone()
            };
            SignedAuthorization::new_unchecked(authorization, one.y_parity(), one.r(), one.s())
        }
    });
    let transaction = Eip7702 {
        chain_id: 1337,
        nonce: user.nonce,
        max_priority_fee_per_gas: U256::ONE,
        max_fee_per_gas: U256::from(MAX_FEE),
        gas_limit: MAX_GAS,
        to: NOBODY,
        value: U256::ZERO,
        input: Bytes::new(),
        access_list: Vec::new(),
        authorization_list: authorization_list.collect(),
    };
    user.sign(Transaction::SetCode(transaction)).encode()
}

fn access(lab: &Lab, accounts: u64, slots: u64) -> Vec<u8> {
    let access_list = (0..accounts).map(|account| AccessListItem {
        address: Address::from_word(U256::from((1_u64 << 51) + account).into()),
        storage_keys: (0..slots)
            .map(|slot| B256::from(U256::from(slot)))
            .collect(),
    });
    let transaction = Eip1559 {
        chain_id: 1337,
        nonce: 0,
        max_priority_fee_per_gas: U256::ONE,
        max_fee_per_gas: U256::from(MAX_FEE),
        gas_limit: MAX_GAS,
        to: TxKind::Call(NOBODY),
        value: U256::ZERO,
        input: Bytes::new(),
        access_list: access_list.collect(),
    };
    lab.user.sign(Transaction::DynamicFee(transaction)).encode()
}

fn data(lab: &Lab) -> Vec<Path> {
    let send = |to: TxKind, input: Vec<u8>| {
        lab.user
            .clone()
            .send(1337, to, U256::ZERO, input.into(), MAX_GAS)
            .encode()
    };
    let nobody = TxKind::Call(NOBODY);
    // CODECOPY(0, 10, len) RETURN(0, len)
    let deploy = |len: u16| {
        let [a, b] = len.to_be_bytes();
        let mut code = vec![0x61, a, b, 0x80, 0x60, 11, 0x5f, 0x39, 0x5f, 0xf3, 0xfe];
        code.resize(11 + usize::from(len), 0x5b);
        code
    };
    let mut stopped = vec![0];
    stopped.resize(49_152, 0x5b);
    vec![
        path(
            "calldata, 3,800 zeros",
            posted(&[send(nobody, vec![0; 3_800])]),
        ),
        path(
            "calldata, 130,000 zeros",
            posted(&[send(nobody, vec![0; 130_000])]),
        ),
        path(
            "calldata, 130,000 ones",
            posted(&[send(nobody, vec![1; 130_000])]),
        ),
        path(
            "a creation, 24,576 JUMPDEST kept",
            posted(&[send(TxKind::Create, deploy(24_576))]),
        ),
        path(
            "a creation, 49,152 bytes of initcode",
            posted(&[send(TxKind::Create, stopped)]),
        ),
    ]
}

fn announcement(transaction: B256, hashes: &[B256]) -> Vec<u8> {
    let count = (hashes.len() as u16).to_le_bytes();
    let hashes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    framed(&[&[1], transaction.as_slice(), &count, &hashes].concat())
}

fn chunk(transaction: B256, chunk: &[u8]) -> Vec<u8> {
    let hash = keccak256(chunk);
    framed(
        &[
            &[2],
            transaction.as_slice(),
            &[0, 0],
            hash.as_slice(),
            chunk,
        ]
        .concat(),
    )
}

fn chunks(lab: &Lab) -> Vec<Path> {
    let _ = lab;
    let number = |number: u64| B256::from(U256::from(number));
    let one = number(1);
    let hashes = |salt: u64| {
        (0..33)
            .map(|place| number((salt << 20) + place))
            .collect::<Vec<_>>()
    };
    let others = (0..400).map(|salt| announcement(number(salt), &hashes(salt)));
    let same: Vec<_> = (0..400)
        .map(|salt| announcement(one, &hashes(salt)))
        .collect();
    let unknown = |count: u64| (0..count).map(|salt| chunk(one, &salt.to_be_bytes()));
    let mut flooded = same.clone();
    flooded.extend(unknown(1_000));
    // One chunk that all wait for.
    let last = [7; 3_000];
    let all =
        (0..400).map(|salt| announcement(one, &[&hashes(salt)[..32], &[keccak256(last)]].concat()));
    let mut completed: Vec<_> = all.collect();
    completed.push(chunk(one, &last));
    vec![
        path("announcements of 33 chunks", others.collect()),
        path("announcements of one transaction", same),
        path("chunks that nobody announced", unknown(1_000).collect()),
        path("the same, many announcements", flooded),
        path("a chunk for 400 announcements", completed),
    ]
}

fn layer_1(lab: &Lab) -> Vec<Path> {
    const COUNT: u64 = 100;
    let deposits = |to: &dyn Fn(u64) -> Address| -> Vec<Vec<u8>> {
        let all = (0..COUNT).map(|number| layer1::native_deposit(ROLLUP, to(number).as_slice(), 5));
        all.collect()
    };
    let new = |number: u64| Address::from_word(U256::from((1 << 52) + number).into());
    let mut user = lab.user.clone();
    let force = |bytes: &[u8]| layer1::delayed(ROLLUP, DELAYED_BRIDGE, bytes);
    let forced = (0..COUNT).flat_map(|_| {
        let raw = transfer(&mut user, NOBODY);
        [force(&[0, 1]), force(&[&[1][..], &raw].concat())]
    });
    let junk = vec![layer1::delayed(ROLLUP, DELAYED_BRIDGE, &[9; 1_000]); COUNT as usize];
    vec![
        path("deposits to one account", deposits(&|_| NOBODY)),
        path("deposits to new accounts", deposits(&new)),
        path("forced transactions", forced.collect()),
        path("forced junk", junk),
        path(
            "calls of strangers",
            vec![layer1::transfer(ROLLUP, [9; 20], &[5; 2_000]); COUNT as usize],
        ),
    ]
}
