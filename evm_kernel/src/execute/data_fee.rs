//! A transaction's payment for its bytes on layer 1, as gas.
//!
//! This gas is taken off the limit before anything runs: all rules of Ethereum (caps,
//! floors, refunds) hold for what is left, and contracts see no more than that. It is
//! paid at the transaction's own gas price, so that the wei are those of the
//! configuration, and goes to the fee recipient, who is meant to pay layer 1.

use alloy_primitives::U256;

/// The payment for the bytes of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DataFee {
    /// Units of gas.
    pub(crate) gas: u64,
    /// Wei for each.
    pub(crate) gas_price: U256,
}

impl DataFee {
    /// All of it, in wei.
    pub(crate) fn wei(&self) -> U256 {
        self.gas_price.saturating_mul(U256::from(self.gas))
    }
}

/// The gas of `bytes` bytes at `fee` wei each, where a unit of gas is paid with
/// `gas_price` wei: rounded up. [`u64::MAX`] where no gas is enough.
#[cfg_attr(
    not(feature = "simulate"),
    expect(unreachable_pub, reason = "public for nodes only")
)]
#[must_use]
pub fn gas(fee: u64, bytes: usize, gas_price: U256) -> u64 {
    if fee == 0 {
        return 0;
    }
    let wei = U256::from(fee) * U256::from(bytes);
    if gas_price.is_zero() {
        return u64::MAX;
    }
    u64::try_from(wei.div_ceil(gas_price)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_pays_for_the_bytes_and_less_than_a_unit_more() {
        for (fee, bytes, price, expected) in [
            (0, 100, 0, 0),
            (1_000, 110, 1_000, 110),
            (1_000, 110, 999, 111),
            (1_000, 110, 110_001, 1),
            (1, 0, 5, 0),
            (1, 1, 0, u64::MAX),
            (u64::MAX, 1 << 17, 1, u64::MAX),
        ] {
            assert_eq!(gas(fee, bytes, U256::from(price)), expected);
        }
        assert_eq!(gas(1, 1, U256::MAX), 1);
    }
}
