//! Signatures of known keys, many at once: what is accepted is what recovery, by the
//! library and by another one, finds the same keys for.

use alloy_primitives::{B256, U256, uint};
use ethereum::signature::known_keys::{Claim, PublicKey, check};
use ethereum::{Signature, keccak256, public_key, recover, signature};
use proptest::collection::vec;
use proptest::prelude::*;

const N: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
const P: U256 = uint!(0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f_U256);
const LAMBDA: U256 = uint!(0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72_U256);

/// A claim with the bytes of its key.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Case {
    hash: B256,
    signature: Signature,
    key: [u8; 64],
    y: Option<[u8; 32]>,
}

/// The generator times a secret, x ++ y.
fn point(secret: &U256) -> [u8; 64] {
    let secret = libsecp256k1::SecretKey::parse(&secret.to_be_bytes()).unwrap();
    let bytes = libsecp256k1::PublicKey::from_secret_key(&secret).serialize();
    bytes[1..].try_into().unwrap()
}

/// Signs with any secret and any nonce, both below the order and not zero.
fn sign(hash: B256, secret: U256, nonce: U256) -> Case {
    let r_point = point(&nonce);
    let x = U256::from_be_slice(&r_point[..32]);
    let r = x.reduce_mod(N);
    let z = U256::from_be_bytes(hash.0);
    let sum = r.mul_mod(secret, N).add_mod(z, N);
    let s = sum.mul_mod(nonce.inv_mod(N).unwrap(), N);
    let high = s > N >> 1;
    let odd = r_point[63] & 1 == 1;
    let y = U256::from_be_slice(&r_point[32..]);
    Case {
        hash,
        signature: Signature {
            r,
            s: if high { N - s } else { s },
            y_parity: odd != high,
        },
        key: point(&secret),
        y: Some((if high { P - y } else { y }).to_be_bytes()),
    }
}

/// The check of all cases at once, with and without the points' y.
fn accepts(cases: &[Case]) -> bool {
    let hinted = checked(cases, true);
    let lifted = checked(cases, false);
    assert_eq!(hinted, lifted, "{cases:?}");
    lifted
}

fn checked(cases: &[Case], hinted: bool) -> bool {
    let mut bytes: Vec<[u8; 64]> = Vec::new();
    let mut names = Vec::new();
    let mut claims = Vec::new();
    for case in cases {
        let key = bytes.iter().position(|key| *key == case.key);
        let key = key.unwrap_or_else(|| {
            bytes.push(case.key);
            bytes.len() - 1
        });
        names.extend_from_slice(case.hash.as_slice());
        names.extend(case.signature.r.to_be_bytes::<32>());
        names.extend(case.signature.s.to_be_bytes::<32>());
        names.push(case.signature.y_parity.into());
        names.extend(case.key);
        claims.push(Claim {
            hash: case.hash,
            signature: case.signature,
            y: case.y.filter(|_| hinted),
            key,
        });
    }
    let keys: Option<Vec<PublicKey>> = bytes.iter().map(PublicKey::new).collect();
    keys.is_some_and(|keys| check(&names, &keys, &claims))
}

/// True if recovery finds the key, by the library and by another one.
fn recovered(case: &Case) -> bool {
    let ours = recover(&case.hash, &case.signature);
    let address = signature::address(&case.key);
    let mut compact = [0; 64];
    compact[..32].copy_from_slice(&case.signature.r.to_be_bytes::<32>());
    compact[32..].copy_from_slice(&case.signature.s.to_be_bytes::<32>());
    let key = public_key(&case.hash.0, &compact, case.signature.y_parity.into());
    assert!(ours.is_err() || key.is_ok());
    let odd = case.signature.y_parity;
    let shipped = signature::recovery::key(&case.hash.0, &compact, odd);
    assert_eq!(shipped, key.ok(), "{case:?}");
    let theirs = libsecp256k1::Signature::parse_standard(&compact).and_then(|parsed| {
        let id = libsecp256k1::RecoveryId::parse(case.signature.y_parity.into())?;
        libsecp256k1::recover(&libsecp256k1::Message::parse(&case.hash.0), &parsed, &id)
    });
    let theirs = theirs.map(|key| key.serialize()[1..] == case.key);
    let low = case.signature.s <= N >> 1;
    assert_eq!(ours == Ok(address), low && theirs == Ok(true), "{case:?}");
    ours == Ok(address)
}

/// Small scalars, those of the endomorphism, and their negations: their points meet
/// each other and the generator; and any others.
fn scalar() -> impl Strategy<Value = U256> {
    let few = prop::sample::select(vec![
        U256::from(1),
        U256::from(2),
        U256::from(3),
        U256::from(15),
        LAMBDA,
        LAMBDA.mul_mod(LAMBDA, N),
    ]);
    let signed = (few, any::<bool>()).prop_map(|(few, plus)| if plus { few } else { N - few });
    let any = any::<[u64; 4]>().prop_map(|limbs| U256::from_limbs(limbs).reduce_mod(N));
    prop_oneof![
        signed,
        any.prop_filter("not zero", |scalar| !scalar.is_zero())
    ]
}

fn hash() -> impl Strategy<Value = B256> {
    let edges = prop::sample::select(vec![U256::ZERO, U256::from(1), N, N - U256::from(1)]);
    prop_oneof![
        1 => edges.prop_map(B256::from),
        1 => Just(B256::repeat_byte(0xff)),
        4 => any::<[u8; 32]>().prop_map(B256::from),
    ]
}

/// A case, signed; none where s came out as zero.
fn case() -> impl Strategy<Value = Case> {
    (hash(), scalar(), scalar())
        .prop_map(|(hash, secret, nonce)| sign(hash, secret, nonce))
        .prop_filter("s is zero", |case| !case.signature.s.is_zero())
}

/// Spoils a case.
fn spoilt(case: &Case, how: u8, bit: u8, other: &Case) -> Case {
    let mut spoilt = *case;
    let flip = U256::from(1) << bit;
    let signature = &mut spoilt.signature;
    match how {
        0 => spoilt.hash.0[usize::from(bit) / 8] ^= 1 << (bit % 8),
        1 => signature.r ^= flip,
        2 => signature.s ^= flip,
        3 => signature.y_parity = !signature.y_parity,
        4 => spoilt.key[usize::from(bit) / 4] ^= 1 << (bit % 8),
        5 => spoilt.key = other.key,
        6 => *signature = other.signature,
        7 => spoilt.hash = other.hash,
        8 => signature.s = N - signature.s,
        9 => {
            signature.s = N - signature.s;
            signature.y_parity = !signature.y_parity;
        }
        10 => signature.r = U256::ZERO,
        11 => signature.s = U256::ZERO,
        12 => signature.r = N,
        13 => signature.s = N.wrapping_add(signature.s),
        14 => {
            let y = P - U256::from_be_slice(&case.key[32..]);
            spoilt.key[32..].copy_from_slice(&y.to_be_bytes::<32>());
        }
        _ => spoilt.key = [0; 64],
    }
    // The y that belongs to what the signature is now, if any does.
    let bytes = [
        &[2 + u8::from(spoilt.signature.y_parity)],
        &spoilt.signature.r.to_be_bytes::<32>()[..],
    ]
    .concat();
    let point = libsecp256k1::PublicKey::parse_compressed(&bytes.try_into().unwrap());
    spoilt.y = point
        .ok()
        .map(|point| point.serialize()[33..].try_into().unwrap());
    spoilt
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_everybody_signed_is_accepted(cases in vec(case(), 0..8)) {
        prop_assert!(cases.iter().all(recovered));
        prop_assert!(accepts(&cases));
    }

    #[test]
    fn all_are_accepted_if_recovery_finds_each(
        cases in vec(case(), 1..7),
        spoil in vec((any::<prop::sample::Index>(), 0_u8..16, any::<u8>()), 0..3),
    ) {
        let mut all = cases.clone();
        for (at, how, bit) in spoil {
            let at = at.index(cases.len());
            all[at] = spoilt(&all[at], how, bit, &cases[(at + 1) % cases.len()]);
        }
        prop_assert_eq!(accepts(&all), all.iter().all(recovered));
    }

    #[test]
    fn errors_that_cancel_each_other_are_found(cases in vec(case(), 2..6), off in scalar()) {
        // z1 / s1 and z2 / s2 move by the same, in opposite directions.
        let mut all = cases;
        for (at, off) in [(0, off), (1, N - off)] {
            let moved = off.mul_mod(all[at].signature.s, N);
            let z = U256::from_be_bytes(all[at].hash.0).add_mod(moved, N);
            all[at].hash = z.into();
        }
        prop_assert_eq!(accepts(&all), all.iter().all(recovered));
    }

    #[test]
    fn a_wrong_y_is_refused(case in case(), bit: u8) {
        let mut wrong = case;
        let y = U256::from_be_bytes(case.y.unwrap());
        for other in [P - y, y ^ (U256::from(1) << bit), P.wrapping_add(y), U256::ZERO] {
            wrong.y = Some(other.to_be_bytes());
            prop_assert!(!checked(&[case, wrong], true));
            prop_assert!(checked(&[case, wrong], false));
        }
    }
}

#[test]
fn sets_of_all_sizes_are_accepted_and_no_error_in_them_is_missed() {
    let cases: Vec<Case> = (0..70_u64)
        .map(|at| {
            let word =
                |tag: u64| U256::from_be_bytes(keccak256([at as u8, tag as u8]).0).reduce_mod(N);
            sign(
                word(0).into(),
                word(1 + at % 3).reduce_mod(N >> (at % 40)),
                word(7),
            )
        })
        .collect();
    for len in [0, 1, 2, 3, 10, 31, 40, 61, 70] {
        assert!(accepts(&cases[..len]), "{len}");
        for at in (0..len).step_by(9) {
            let mut spoilt = cases[..len].to_vec();
            spoilt[at].hash.0[31] ^= 1;
            assert!(!accepts(&spoilt), "{len}, {at}");
        }
    }
}

#[test]
fn points_that_meet_are_added_all_the_same() {
    let hash = keccak256([1]);
    let (one, two) = (U256::from(1), U256::from(2));
    let minus = N - one;
    // The same twice and more; R = Q = G; R = -Q; R = λ Q; the same nonce.
    let met = [
        vec![sign(hash, two, two); 10],
        vec![sign(hash, one, one), sign(hash, one, minus)],
        vec![sign(hash, minus, one); 5],
        vec![sign(hash, one, LAMBDA), sign(hash, LAMBDA, one)],
        vec![sign(B256::ZERO, one, one), sign(B256::ZERO, two, two)],
        vec![sign(hash, one, two), sign(keccak256([2]), two, two)],
    ];
    for cases in met {
        assert!(cases.iter().all(recovered));
        assert!(accepts(&cases), "{cases:?}");
        let mut spoilt = cases.clone();
        spoilt[0].signature.y_parity = !spoilt[0].signature.y_parity;
        assert!(!checked(&spoilt, false));
    }
}

/// Project Wycheproof's signatures (`ecdsa_secp256k1_sha256_bitcoin_test.json`), those
/// whose r and s are two numbers of 256 bits: hash of the message, key, r and s.
#[test]
fn wycheproof_vectors() {
    #[derive(serde::Deserialize)]
    struct Vector {
        id: u32,
        key: String,
        hash: B256,
        r: String,
        s: String,
        valid: bool,
    }
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("wycheproof_secp256k1.json")).unwrap();
    let number = |text: &str| U256::from_str_radix(text, 16).unwrap();
    let mut valid = 0;
    for vector in &vectors {
        let both = [false, true].map(|y_parity| Case {
            hash: vector.hash,
            signature: Signature {
                r: number(&vector.r),
                s: number(&vector.s),
                y_parity,
            },
            key: hex::decode(&vector.key).unwrap().try_into().unwrap(),
            y: None,
        });
        for case in &both {
            assert_eq!(checked(&[*case], false), recovered(case), "{}", vector.id);
        }
        let accepted = both.iter().any(|case| checked(&[*case], false));
        assert!(vector.valid || !accepted, "{}", vector.id);
        valid += u32::from(accepted);
    }
    // The others that are valid have a point whose x is above the order.
    assert!(valid >= 100, "{valid} of {}", vectors.len());
}
