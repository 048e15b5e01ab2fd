//! Inputs of precompiles, for programs.

use crate::random::some_bytes;
use alloy_primitives::U256;
use arbitrary::{Result, Unstructured};

/// An input that a precompile answers.
///
/// # Errors
/// None: behind the end of the bytes all choices are the first.
pub fn question(number: u64, choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let word = |value: u64| U256::from(value).to_be_bytes::<32>().to_vec();
    let g1 = "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
    let g1 = hex::decode(g1).unwrap_or_default();
    let field = || [vec![0; 16], vec![7; 48]].concat();
    let input = match number {
        1 => {
            let hash = alloy_primitives::keccak256(choices.arbitrary::<[u8; 4]>()?);
            let signed = ethereum::signature::sign(&hash, &[9; 32]);
            signed.map_or_else(
                |_| Vec::new(),
                |signature| {
                    [
                        hash.to_vec(),
                        word(27 + u64::from(signature.y_parity)),
                        signature.r.to_be_bytes::<32>().to_vec(),
                        signature.s.to_be_bytes::<32>().to_vec(),
                    ]
                    .concat()
                },
            )
        }
        5 => {
            let mut sizes = [0_u64; 3];
            for size in &mut sizes {
                *size = choices.int_in_range(0..=39)?;
            }
            let mut input: Vec<u8> = sizes.iter().flat_map(|size| word(*size)).collect();
            let mut rest = vec![0; sizes.iter().sum::<u64>() as usize];
            choices.fill_buffer(&mut rest)?;
            input.extend(rest);
            input
        }
        6 => [word(1), word(2), word(1), word(2)].concat(),
        7 => [word(1), word(2), choices.arbitrary::<[u8; 32]>()?.to_vec()].concat(),
        8 => vec![0; 192 * choices.int_in_range(0..=2)?],
        9 => {
            let mut input = vec![0, 0, 0, choices.arbitrary::<u8>()?];
            input.extend(choices.arbitrary::<[u8; 208]>()?);
            input.push(choices.arbitrary::<u8>()? & 1);
            input
        }
        0x0b => [g1.clone(), g1].concat(),
        0x0c => [g1, choices.arbitrary::<[u8; 32]>()?.to_vec()].concat(),
        0x0d => vec![0; 512],
        0x0e => vec![0; 288],
        0x0f => vec![0; 384],
        0x10 => field(),
        0x11 => [field(), field()].concat(),
        _ => some_bytes(choices, 200)?,
    };
    Ok(input)
}
