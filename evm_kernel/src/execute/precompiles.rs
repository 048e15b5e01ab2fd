//! The engine's precompiles, each charged for its work before it runs, and with
//! `ecrecover` by the same implementation that recovers senders.
//!
//! Some take 30 times the wasm instructions that other gas buys. Users pay what
//! Ethereum asks; the rest counts as work.
//!
//! The entry is replaced in the table: the engine's seam for cryptography would
//! compile all of its curves a second time, which costs 300 kB.

use crate::bridge::OUTBOX;
use crate::bridge::outbox::{self, Line, Waiting};
use crate::execute::price;
use crate::execute::work::Counts;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes};
use revm::context::Cfg;
use revm::context_interface::ContextTr;
use revm::handler::{EthPrecompiles, PrecompileProvider};
use revm::interpreter::{CallInputs, InterpreterResult};
use revm::precompile::secp256k1::ECRECOVER;
use revm::precompile::{
    EthPrecompileOutput, EthPrecompileResult, Precompile, PrecompileHalt, PrecompileId,
    PrecompileResult, Precompiles, call_eth_precompile,
};
use revm::primitives::{AddressSet, OnceLock};
use storage::config::Revision;

/// The price of `ecrecover` (Yellow Paper, appendix E).
const ECRECOVER_GAS: u64 = 3_000;

/// The engine's precompiles, which count their work.
#[derive(Debug)]
pub(crate) struct MeteredPrecompiles {
    inner: EthPrecompiles,
    /// The issuer of native tickets, if there is a bridge.
    ticketer: Option<[u8; 20]>,
    /// The queue to layer 1, once a withdrawal of the block asked for it.
    line: Option<Line>,
    /// Those that somebody moved, to try something.
    #[cfg(feature = "simulate")]
    pub(crate) moves: crate::native::moves::Moves,
}

impl MeteredPrecompiles {
    /// The precompiles of `revision`, `engine` being the engine's own; with a
    /// `ticketer`, the bridges' too.
    pub(crate) fn new(
        engine: EthPrecompiles,
        revision: Revision,
        ticketer: Option<[u8; 20]>,
    ) -> Self {
        static TABLES: [OnceLock<Precompiles>; 4] = [const { OnceLock::new() }; 4];
        let mut inner = engine;
        if let Some(table) = TABLES.get(revision as usize) {
            inner.precompiles = table.get_or_init(|| {
                let mut table = inner.precompiles.clone();
                table.extend([Precompile::new(
                    PrecompileId::EcRec,
                    *ECRECOVER.address(),
                    run,
                )]);
                #[cfg(feature = "traps")]
                table.extend([crate::traps::precompile()]);
                table
            });
        }
        Self {
            inner,
            ticketer,
            line: None,
            #[cfg(feature = "simulate")]
            moves: crate::native::moves::Moves::default(),
        }
    }

    /// Whose precompile runs at `address`, if any does.
    #[cfg(feature = "simulate")]
    fn at(&self, address: &Address) -> Option<Address> {
        match self.moves.to.get(address) {
            Some(from) => Some(*from),
            None if self.moves.gone.contains(address) => None,
            None => Some(*address),
        }
    }
}

impl<C: ContextTr<Db: Counts + Waiting>> PrecompileProvider<C> for MeteredPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: <C::Cfg as Cfg>::Spec) -> bool {
        PrecompileProvider::<C>::set_spec(&mut self.inner, spec)
    }

    fn run(
        &mut self,
        context: &mut C,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        #[cfg(feature = "simulate")]
        let moved;
        #[cfg(feature = "simulate")]
        let inputs = match self.at(&inputs.bytecode_address) {
            None => return Ok(None),
            Some(from) if from == inputs.bytecode_address => inputs,
            Some(from) => {
                moved = CallInputs {
                    bytecode_address: from,
                    ..inputs.clone()
                };
                &moved
            }
        };
        if let Some(ticketer) = &self.ticketer
            && inputs.bytecode_address == OUTBOX
        {
            return outbox::run(context, inputs, ticketer, &mut self.line).map(Some);
        }
        let work = if self.inner.contains(&inputs.bytecode_address) {
            let input = inputs.input.as_bytes(context);
            price::extra(&inputs.bytecode_address, &input, inputs.gas_limit)
        } else {
            0
        };
        if context.db_mut().work().charge(work).is_err() {
            return Ok(Some(InterpreterResult::new_oog(
                inputs.gas_limit,
                inputs.reservoir,
            )));
        }
        self.inner.run(context, inputs)
    }

    fn warm_addresses(&self) -> &AddressSet {
        PrecompileProvider::<C>::warm_addresses(&self.inner)
    }

    fn contains(&self, address: &Address) -> bool {
        #[cfg(feature = "simulate")]
        let Some(address) = &self.at(address) else {
            return false;
        };
        PrecompileProvider::<C>::contains(&self.inner, address)
    }
}

fn run(input: &[u8], gas_limit: u64, reservoir: u64) -> PrecompileResult {
    Ok(call_eth_precompile(ecrecover, input, gas_limit, reservoir))
}

/// Hash, v (27 or 28), r and s, 32 bytes each, missing ones zero → the signer's
/// address in 32 bytes, or nothing. A high s is allowed here.
fn ecrecover(input: &[u8], gas_limit: u64) -> EthPrecompileResult {
    if gas_limit < ECRECOVER_GAS {
        return Err(PrecompileHalt::OutOfGas);
    }
    let output = signer(input).unwrap_or_default();
    Ok(EthPrecompileOutput::new(ECRECOVER_GAS, Bytes::from(output)))
}

fn signer(input: &[u8]) -> Option<Vec<u8>> {
    let mut words = [0; 128];
    let len = input.len().min(words.len());
    words.get_mut(..len)?.copy_from_slice(input.get(..len)?);
    let (hash, rest) = words.split_first_chunk::<32>()?;
    let (v, rest) = rest.split_first_chunk::<32>()?;
    let signature = rest.first_chunk::<64>()?;
    let (v, zeros) = v.split_last()?;
    let recovery_id = v.checked_sub(27).filter(|id| *id < 2)?;
    if zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    let key = ethereum::public_key(hash, signature, recovery_id).ok()?;
    Some(ethereum::signature::address(&key).into_word().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use revm::precompile::secp256k1::ec_recover_run;

    /// Ours and the engine's own, on the same input.
    fn same(input: &[u8], gas_limit: u64) {
        assert_eq!(
            ecrecover(input, gas_limit),
            ec_recover_run(input, gas_limit)
        );
    }

    fn input(hash: [u8; 32], v: u8, r: [u8; 32], s: [u8; 32]) -> Vec<u8> {
        [&hash[..], &[0; 31], &[v], &r, &s].concat()
    }

    #[test]
    fn a_signature_gives_its_signer() {
        let secret = [7; 32];
        let hash = ethereum::keccak256("message");
        let signature = ethereum::signature::sign(&hash, &secret).unwrap();
        let v = 27 + u8::from(signature.y_parity);
        let good = input(
            hash.0,
            v,
            signature.r.to_be_bytes(),
            signature.s.to_be_bytes(),
        );
        let signer = ethereum::signature::address_of_secret(&secret).unwrap();
        let output = ecrecover(&good, 3_000).unwrap();
        assert_eq!(output.bytes[..], signer.into_word()[..]);
        assert_eq!(output.gas_used, 3_000);
        same(&good, 3_000);
        same(&good, 2_999);
        same(&good[..127], 3_000);
        same(&[&good[..], &[9; 40]].concat(), 3_000);
        // The other s, in the upper half, with the other parity: the same signer.
        let order = alloy_primitives::U256::from_str_radix(
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
            16,
        )
        .unwrap();
        let high = input(
            hash.0,
            55 - v,
            signature.r.to_be_bytes(),
            (order - signature.s).to_be_bytes(),
        );
        assert_eq!(
            ecrecover(&high, 3_000).unwrap().bytes[..],
            signer.into_word()[..]
        );
        same(&high, 3_000);
    }

    proptest! {
        #[test]
        fn any_input_gives_what_the_engine_gives(
            hash: [u8; 32], v in 26..30_u8, r: [u8; 32], s: [u8; 32], bytes: Vec<u8>
        ) {
            same(&input(hash, v, r, s), 3_000);
            same(&bytes, 3_000);
        }
    }
}
