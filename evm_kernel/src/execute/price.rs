//! Prices of precompiles: the gas that Ethereum asks, and the work besides.

use alloy_primitives::{Address, U256};
use revm::precompile::bls12_381_const::{
    DISCOUNT_TABLE_G1_MSM, DISCOUNT_TABLE_G2_MSM, G1_ADD_BASE_GAS_FEE, G1_MSM_BASE_GAS_FEE,
    G1_MSM_INPUT_LENGTH, G2_ADD_BASE_GAS_FEE, G2_MSM_BASE_GAS_FEE, G2_MSM_INPUT_LENGTH,
    MAP_FP_TO_G1_BASE_GAS_FEE, MAP_FP2_TO_G2_BASE_GAS_FEE, PAIRING_INPUT_LENGTH,
    PAIRING_MULTIPLIER_BASE, PAIRING_OFFSET_BASE,
};
use revm::precompile::bls12_381_utils::msm_required_gas;
use revm::precompile::modexp::{berlin_gas_calc, osaka_gas_calc};

/// Tenths of a unit of work for each unit of MODEXP's gas by EIP-7883.
const MODEXP: u64 = 110;

/// The work of a call of `precompile` besides its gas; none if `gas_limit` does
/// not pay for it, as then it does nothing.
pub(crate) fn extra(precompile: &Address, input: &[u8], gas_limit: u64) -> u64 {
    let [high @ .., a, b] = precompile.0.0;
    if high != [0; 18] {
        return 0;
    }
    let len = input.len();
    if (a, b) == (0, 5) {
        let (least, work) = modexp(input);
        return if least > gas_limit { 0 } else { work };
    }
    // Gas, and tenths of a unit of work besides for each unit of it.
    let (gas, tenths) = match u16::from_be_bytes([a, b]) {
        0x01 => (3_000, 56),
        0x02 => (60 + 12 * words(len), 15),
        0x03 => (600 + 120 * words(len), 0),
        0x06 => (150, 100),
        0x07 => (6_000, 114),
        0x08 => (45_000 + 34_000 * (len / 192) as u64, 76),
        0x09 => (rounds(input), 26),
        0x0a => (50_000, 384),
        0x0b => (G1_ADD_BASE_GAS_FEE, 86),
        0x0c => sum(len / G1_MSM_INPUT_LENGTH, &G1),
        0x0d => (G2_ADD_BASE_GAS_FEE, 92),
        0x0e => sum(len / G2_MSM_INPUT_LENGTH, &G2),
        0x0f => {
            let pairs = (len / PAIRING_INPUT_LENGTH) as u64;
            (PAIRING_OFFSET_BASE + PAIRING_MULTIPLIER_BASE * pairs, 137)
        }
        0x10 => (MAP_FP_TO_G1_BASE_GAS_FEE, 151),
        0x11 => (MAP_FP2_TO_G2_BASE_GAS_FEE, 105),
        0x100 => (6_900, 392),
        _ => (0, 0),
    };
    if gas > gas_limit {
        return 0;
    }
    gas.saturating_mul(tenths) / 10
}

/// The price of sums of multiples on one of BLS12-381's groups (EIP-2537).
struct Sum {
    term: u64,
    discounts: &'static [u16],
    /// Tenths for 1, 2, 4, 8 and 16 terms and those up to the next.
    tenths: [u64; 5],
}

const G1: Sum = Sum {
    term: G1_MSM_BASE_GAS_FEE,
    discounts: &DISCOUNT_TABLE_G1_MSM,
    tenths: [150, 120, 104, 97, 97],
};

const G2: Sum = Sum {
    term: G2_MSM_BASE_GAS_FEE,
    discounts: &DISCOUNT_TABLE_G2_MSM,
    tenths: [215, 156, 120, 102, 97],
};

/// Gas and tenths of a sum: fewer terms share less.
fn sum(terms: usize, of: &Sum) -> (u64, u64) {
    let gas = msm_required_gas(terms, of.discounts, of.term);
    let place = terms.checked_ilog2().unwrap_or_default().min(4) as usize;
    (gas, of.tenths.get(place).copied().unwrap_or_default())
}

/// Words of 32 bytes.
const fn words(len: usize) -> u64 {
    len.div_ceil(32) as u64
}

/// The rounds that BLAKE2F is asked for, which are its gas (EIP-152).
fn rounds(input: &[u8]) -> u64 {
    if input.len() != 213 {
        return 0;
    }
    input
        .first_chunk()
        .map_or(0, |rounds| u32::from_be_bytes(*rounds).into())
}

/// The least gas that MODEXP takes in any revision (EIP-2565), and its work besides.
fn modexp(input: &[u8]) -> (u64, u64) {
    let word = |start: usize| {
        let mut word = [0; 32];
        let given = input.get(start..).unwrap_or_default();
        for (byte, given) in word.iter_mut().zip(given) {
            *byte = *given;
        }
        U256::from_be_bytes(word)
    };
    let len = |place: usize| u64::try_from(word(32 * place)).unwrap_or(u64::MAX);
    let (base, exponent, modulus) = (len(0), len(1), len(2));
    let start = usize::try_from(base.saturating_add(96)).unwrap_or(usize::MAX);
    let missing = 32_u64.saturating_sub(exponent);
    let highest = word(start) >> (8 * missing as usize);
    let least = berlin_gas_calc(base, exponent, modulus, &highest);
    let work = osaka_gas_calc(base, exponent, modulus, &highest);
    (least, work.saturating_mul(MODEXP) / 10)
}
