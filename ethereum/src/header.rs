//! Block headers (Yellow Paper §4.3; EIP-1559, 4399, 4844, 4788, 4895, 7685).

use crate::keccak::keccak256;
use alloc::vec::Vec;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, b256};

use crate::rlp::{self, Decoder, encode_list};

/// Hash of an empty list of ommers: keccak256(rlp([])).
pub const EMPTY_OMMERS: B256 =
    b256!("0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");

/// Root of an empty trie (no transactions, receipts or withdrawals): keccak256(rlp("")).
pub const EMPTY_ROOT: B256 =
    b256!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Commitment to no requests (EIP-7685): sha256("").
pub const EMPTY_REQUESTS_HASH: B256 =
    b256!("0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// A header with the fields that mainnet's have since Prague.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Hash of the block before.
    pub parent_hash: B256,
    /// [`EMPTY_OMMERS`] since the merge.
    pub ommers_hash: B256,
    /// Receives the priority fees.
    pub beneficiary: Address,
    /// Commitment to the state after the block.
    pub state_root: B256,
    /// Root of the raw transactions.
    pub transactions_root: B256,
    /// Root of the receipts.
    pub receipts_root: B256,
    /// Union of the receipts' filters.
    pub logs_bloom: Bloom,
    /// 0 since the merge.
    pub difficulty: U256,
    /// The block's number; 0 is genesis.
    pub number: u64,
    /// Most gas of the block.
    pub gas_limit: u64,
    /// Gas of all its transactions.
    pub gas_used: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Whatever the builder says.
    pub extra_data: Bytes,
    /// PREVRANDAO (EIP-4399).
    pub mix_hash: B256,
    /// 0 since the merge.
    pub nonce: B64,
    /// Wei per gas that are burnt.
    pub base_fee_per_gas: u64,
    /// Root of the withdrawals.
    pub withdrawals_root: B256,
    /// Blob gas of the block.
    pub blob_gas_used: u64,
    /// Blob gas above the target, so far.
    pub excess_blob_gas: u64,
    /// Root of the parent's beacon block.
    pub parent_beacon_block_root: B256,
    /// Commitment to the requests to layer 1.
    pub requests_hash: B256,
}

impl Default for Header {
    /// An empty block after the merge, with zero in every field that a block
    /// without transactions leaves open.
    fn default() -> Self {
        Self {
            parent_hash: B256::ZERO,
            ommers_hash: EMPTY_OMMERS,
            beneficiary: Address::ZERO,
            state_root: EMPTY_ROOT,
            transactions_root: EMPTY_ROOT,
            receipts_root: EMPTY_ROOT,
            logs_bloom: Bloom::ZERO,
            difficulty: U256::ZERO,
            number: 0,
            gas_limit: 0,
            gas_used: 0,
            timestamp: 0,
            extra_data: Bytes::new(),
            mix_hash: B256::ZERO,
            nonce: B64::ZERO,
            base_fee_per_gas: 0,
            withdrawals_root: EMPTY_ROOT,
            blob_gas_used: 0,
            excess_blob_gas: 0,
            parent_beacon_block_root: B256::ZERO,
            requests_hash: EMPTY_REQUESTS_HASH,
        }
    }
}

impl Header {
    /// The block's hash: keccak256 of [`Header::encode`].
    #[must_use]
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }

    /// The header's RLP.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode_list(&[
            &self.parent_hash,
            &self.ommers_hash,
            &self.beneficiary,
            &self.state_root,
            &self.transactions_root,
            &self.receipts_root,
            &self.logs_bloom,
            &self.difficulty,
            &self.number,
            &self.gas_limit,
            &self.gas_used,
            &self.timestamp,
            &self.extra_data,
            &self.mix_hash,
            &self.nonce,
            &self.base_fee_per_gas,
            &self.withdrawals_root,
            &self.blob_gas_used,
            &self.excess_blob_gas,
            &self.parent_beacon_block_root,
            &self.requests_hash,
        ])
    }

    /// The header whose RLP, all of it, is `bytes`.
    ///
    /// # Errors
    /// If `bytes` is anything but the canonical encoding of a header with
    /// exactly these fields.
    pub fn decode(bytes: &[u8]) -> Result<Self, rlp::Error> {
        let mut outer = Decoder::new(bytes);
        let mut items = outer.list()?;
        outer.finish()?;
        let header = Self {
            parent_hash: items.b256()?,
            ommers_hash: items.b256()?,
            beneficiary: items.address()?,
            state_root: items.b256()?,
            transactions_root: items.b256()?,
            receipts_root: items.b256()?,
            logs_bloom: items.array().map(Bloom::from)?,
            difficulty: items.u256()?,
            number: items.u64()?,
            gas_limit: items.u64()?,
            gas_used: items.u64()?,
            timestamp: items.u64()?,
            extra_data: items.bytes()?,
            mix_hash: items.b256()?,
            nonce: items.array().map(B64::new)?,
            base_fee_per_gas: items.u64()?,
            withdrawals_root: items.b256()?,
            blob_gas_used: items.u64()?,
            excess_blob_gas: items.u64()?,
            parent_beacon_block_root: items.b256()?,
            requests_hash: items.b256()?,
        };
        items.finish()?;
        Ok(header)
    }
}

/// The base fee, in wei per gas, of the block after one with these figures
/// (EIP-1559). It moves by an eighth at most; a gas limit below 2 leaves it.
#[must_use]
pub fn next_base_fee(gas_used: u64, gas_limit: u64, base_fee: u64) -> u64 {
    const ELASTICITY: u64 = 2;
    const DENOMINATOR: u128 = 8;

    let target = gas_limit / ELASTICITY;
    let distance = gas_used.abs_diff(target);
    let Some(change) =
        (u128::from(base_fee) * u128::from(distance)).checked_div(u128::from(target))
    else {
        return base_fee;
    };
    let change = u64::try_from(change / DENOMINATOR).unwrap_or(u64::MAX);
    match gas_used.cmp(&target) {
        core::cmp::Ordering::Equal => base_fee,
        core::cmp::Ordering::Greater => base_fee.saturating_add(change.max(1)),
        core::cmp::Ordering::Less => base_fee.saturating_sub(change),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_what_they_say() {
        assert_eq!(EMPTY_OMMERS, keccak256([rlp::EMPTY_LIST]));
        assert_eq!(EMPTY_ROOT, keccak256([rlp::EMPTY_STRING]));
    }

    #[test]
    fn a_full_block_raises_the_base_fee_by_an_eighth() {
        assert_eq!(
            next_base_fee(30_000_000, 30_000_000, 1_000_000_000),
            1_125_000_000
        );
    }

    #[test]
    fn an_empty_block_lowers_the_base_fee_by_an_eighth() {
        assert_eq!(next_base_fee(0, 30_000_000, 1_000_000_000), 875_000_000);
    }

    #[test]
    fn a_block_at_its_target_keeps_the_base_fee() {
        assert_eq!(next_base_fee(15_000_000, 30_000_000, 7), 7);
    }

    #[test]
    fn more_than_the_target_raises_the_base_fee_by_one_wei_at_least() {
        assert_eq!(next_base_fee(15_000_001, 30_000_000, 7), 8);
        assert_eq!(next_base_fee(15_000_001, 30_000_000, 0), 1);
    }

    /// The figures that go-ethereum tests its rule with.
    #[test]
    fn the_base_fee_moves_as_in_go_ethereum() {
        assert_eq!(
            next_base_fee(10_000_000, 20_000_000, 1_000_000_000),
            1_000_000_000
        );
        assert_eq!(
            next_base_fee(9_000_000, 20_000_000, 1_000_000_000),
            987_500_000
        );
        assert_eq!(
            next_base_fee(11_000_000, 20_000_000, 1_000_000_000),
            1_012_500_000
        );
    }

    #[test]
    fn absurd_figures_do_not_overflow() {
        assert_eq!(next_base_fee(u64::MAX, 2, u64::MAX), u64::MAX);
        assert_eq!(next_base_fee(5, 1, 9), 9);
    }

    #[test]
    fn a_header_comes_back_from_its_bytes() {
        let header = Header {
            number: 7,
            base_fee_per_gas: 1_000_000_000,
            ..Header::default()
        };
        assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn bytes_behind_a_header_are_refused() {
        let mut bytes = Header::default().encode();
        bytes.push(0);
        let Err(error) = Header::decode(&bytes) else {
            panic!("accepted")
        };
        assert_eq!(error.kind, rlp::ErrorKind::TrailingBytes);
    }
}
