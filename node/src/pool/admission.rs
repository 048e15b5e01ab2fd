//! Checks before the pool: refuses transactions that can never be included.
//!
//! The kernel checks again; these checks tell the sender why.

use super::candidate::Candidate;
use alloy_primitives::{Address, B256, Bytes, U256};
use ethereum::transaction::{Fork, InvalidTransaction, MAX_INITCODE_SIZE, Rules};
use ethereum::{DecodeError, SignatureError, SignedTransaction, Transaction};
use evm_kernel::inputs::format::MAX_TRANSACTION;
use evm_kernel::native::simulate::{Environment, data_gas};
use storage::Account;
use storage::config::Revision;

/// Why a transaction is not admitted to the pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// Larger than [`MAX_TRANSACTION`].
    #[error("{0} bytes, {MAX_TRANSACTION} at most")]
    Oversized(usize),
    /// A type of transaction that the rollup does not support.
    #[error("unsupported type of transaction")]
    UnsupportedType,
    /// Not the encoding of a transaction.
    #[error(transparent)]
    Undecodable(DecodeError),
    /// Not a signature.
    #[error(transparent)]
    Signature(SignatureError),
    /// Bound to another chain.
    #[error("chain id {actual} instead of {expected}")]
    ChainId {
        /// This chain.
        expected: u64,
        /// The transaction's.
        actual: u64,
    },
    /// Against a rule that needs no state.
    #[error(transparent)]
    Invalid(InvalidTransaction),
    /// More gas than a block has.
    #[error("gas limit above the block's")]
    BlockGas,
    /// The fee cap is below the base fee.
    #[error("fee cap {max_fee} of {sender} below the base fee {base_fee}")]
    BaseFee {
        /// The signer.
        sender: Address,
        /// Wei per gas.
        max_fee: U256,
        /// Wei per gas.
        base_fee: u64,
    },
    /// The nonce is used.
    #[error("nonce {nonce} below the account's, {next}")]
    NonceTooLow {
        /// The account's.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// The sender's nonce could not rise (EIP-2681).
    #[error("the nonce has its highest value")]
    NonceOverflow,
    /// The sender is a contract (EIP-3607).
    #[error("sender {sender} is a contract")]
    NotAnEoa {
        /// The contract.
        sender: Address,
        /// The hash of its code.
        code_hash: B256,
    },
    /// The account cannot pay for the transaction.
    #[error("balance {balance} below the cost {cost}")]
    InsufficientFunds {
        /// Wei of the account.
        balance: U256,
        /// Upper bound on the wei that the transaction spends.
        cost: U256,
    },
    /// The account cannot pay for the transaction besides its pending ones.
    #[error("balance {balance} below the cost {cost} and {queued} of pending transactions")]
    InsufficientFundsWithQueued {
        /// Wei of the account.
        balance: U256,
        /// Upper bound on the wei that its pending transactions spend.
        queued: U256,
        /// Upper bound on the wei that the transaction spends.
        cost: U256,
    },
}

/// The rules of the next block that transactions are checked against.
#[derive(Clone, Copy, Debug)]
pub struct BlockRules {
    /// The chain's number.
    pub chain_id: u64,
    /// The rules of the next block.
    pub revision: Revision,
    /// Most gas of a block.
    pub block_gas_limit: u64,
    /// Base fee of the next block, in wei per gas.
    pub base_fee: u64,
    /// The price of a transaction's byte, in wei.
    pub data_fee: u64,
    /// Most bytes of code, and half of the most of initcode, where they are not Ethereum's.
    pub code_size_limit: Option<usize>,
}

impl BlockRules {
    /// The rules of the next block, of which this is the environment.
    #[must_use]
    pub const fn of(environment: &Environment) -> Self {
        Self {
            chain_id: environment.chain_id,
            revision: environment.revision,
            block_gas_limit: environment.gas_limit,
            base_fee: environment.base_fee,
            data_fee: environment.data_fee,
            code_size_limit: None,
        }
    }

    /// The most bytes of initcode.
    fn max_initcode(&self) -> usize {
        let twice = |limit: usize| limit.saturating_mul(2);
        self.code_size_limit.map_or(MAX_INITCODE_SIZE, twice)
    }

    /// The gas that a transaction pays for its bytes in the next block.
    fn data_gas(&self, transaction: &Transaction, bytes: usize) -> u64 {
        // Where it does not pay the base fee, that is what it is told.
        let price = transaction.effective_gas_price(self.base_fee);
        data_gas(self.data_fee, bytes, price.max(U256::from(self.base_fee)))
    }
}

/// Decodes `raw` and recovers its sender.
///
/// # Errors
/// If this chain can never include it, whatever its state.
pub fn admit(raw: Bytes, rules: &BlockRules) -> Result<Candidate, AdmissionError> {
    if raw.len() > MAX_TRANSACTION {
        return Err(AdmissionError::Oversized(raw.len()));
    }
    let transaction = ethereum::transaction::decode(&raw).map_err(|error| match error {
        DecodeError::Blob | DecodeError::UnknownType(_) => AdmissionError::UnsupportedType,
        error => AdmissionError::Undecodable(error),
    })?;
    check_shape(&transaction.transaction, raw.len(), rules)?;
    signed(transaction, raw)
}

/// Decodes `raw`, which was admitted before, and recovers its sender. Nothing is checked that may
/// change while it waits.
///
/// # Errors
/// If it is not what was admitted.
pub(crate) fn admit_again(raw: Bytes) -> Result<Candidate, AdmissionError> {
    let transaction = ethereum::transaction::decode(&raw).map_err(AdmissionError::Undecodable)?;
    signed(transaction, raw)
}

fn signed(transaction: SignedTransaction, raw: Bytes) -> Result<Candidate, AdmissionError> {
    let sender = ethereum::recover(&transaction.signing_hash, &transaction.signature)
        .map_err(AdmissionError::Signature)?;
    Ok(Candidate {
        transaction,
        sender,
        raw,
        unsigned: false,
    })
}

/// Checks the rules that need no state.
fn check_shape(
    transaction: &Transaction,
    bytes: usize,
    rules: &BlockRules,
) -> Result<(), AdmissionError> {
    if transaction.nonce() == u64::MAX && transaction.chain_id().is_some() {
        return Err(AdmissionError::NonceOverflow);
    }
    let fork = match rules.revision {
        Revision::Cancun => Fork::Cancun,
        Revision::Prague => Fork::Prague,
        Revision::Osaka | Revision::Amsterdam => Fork::Osaka,
    };
    let of_transaction = Rules {
        chain_id: rules.chain_id,
        fork,
        data_gas: rules.data_gas(transaction, bytes),
        max_initcode: rules.max_initcode(),
    };
    ethereum::transaction::check(transaction, of_transaction).map_err(|error| match error {
        InvalidTransaction::ChainId { expected, actual } => {
            AdmissionError::ChainId { expected, actual }
        }
        InvalidTransaction::UnsupportedType(_) => AdmissionError::UnsupportedType,
        error => AdmissionError::Invalid(error),
    })
}

/// A transaction that nobody signed, of a sender who is impersonated.
///
/// # Errors
/// If this chain can never include it, whatever its state.
pub fn admit_unsigned(
    transaction: SignedTransaction,
    sender: Address,
    rules: &BlockRules,
) -> Result<Candidate, AdmissionError> {
    let raw = Bytes::from(transaction.encode());
    check_shape(&transaction.transaction, raw.len(), rules)?;
    Ok(Candidate {
        transaction,
        sender,
        raw,
        unsigned: true,
    })
}

/// Checks a transaction against the next block's rules and the sender's `account`.
///
/// `delegated`: its code is a delegation (EIP-7702); `queued`: upper bound on the wei that its
/// pending transactions spend.
///
/// # Errors
/// The first rule that is broken.
pub fn check(
    candidate: &Candidate,
    rules: &BlockRules,
    account: &Account,
    delegated: bool,
    queued: U256,
) -> Result<(), AdmissionError> {
    let transaction = &candidate.transaction.transaction;
    let sender = candidate.sender;
    let data_gas = rules.data_gas(transaction, candidate.raw.len());
    if transaction.gas_limit().saturating_sub(data_gas) > rules.block_gas_limit {
        return Err(AdmissionError::BlockGas);
    }
    let max_fee = transaction.max_fee_per_gas();
    if max_fee < U256::from(rules.base_fee) {
        return Err(AdmissionError::BaseFee {
            sender,
            max_fee,
            base_fee: rules.base_fee,
        });
    }
    if account.has_code() && !delegated && !candidate.unsigned {
        return Err(AdmissionError::NotAnEoa {
            sender,
            code_hash: account.code_hash,
        });
    }
    if transaction.nonce() < account.nonce {
        return Err(AdmissionError::NonceTooLow {
            next: account.nonce,
            nonce: transaction.nonce(),
        });
    }
    let (balance, cost) = (account.balance, candidate.cost());
    if cost > balance {
        return Err(AdmissionError::InsufficientFunds { balance, cost });
    }
    if queued.saturating_add(cost) > balance {
        return Err(AdmissionError::InsufficientFundsWithQueued {
            balance,
            queued,
            cost,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts;
    use alloy_primitives::TxKind;
    use ethereum::transaction::Eip1559;

    const RULES: BlockRules = BlockRules {
        chain_id: 1337,
        revision: Revision::Osaka,
        block_gas_limit: 30_000_000,
        base_fee: 1_000,
        data_fee: 0,
        code_size_limit: None,
    };

    fn transfer(nonce: u64) -> Candidate {
        let transfer = Eip1559 {
            chain_id: 1337,
            nonce,
            max_fee_per_gas: U256::from(1_000),
            gas_limit: 21_000,
            to: TxKind::Call(Address::ZERO),
            ..Eip1559::default()
        };
        let account = accounts::derive(1).unwrap().remove(0);
        let signed = account.sign(Transaction::DynamicFee(transfer)).unwrap();
        admit(signed.encode().into(), &RULES).unwrap()
    }

    fn rich() -> Account {
        Account {
            nonce: 3,
            balance: U256::from(1_000_000_000_u64),
            ..Account::default()
        }
    }

    #[test]
    fn a_sound_transfer_passes() {
        assert_eq!(
            check(&transfer(3), &RULES, &rich(), false, U256::ZERO),
            Ok(())
        );
    }

    #[test]
    fn bytes_want_gas_that_no_cap_counts() {
        let rules = BlockRules {
            data_fee: 2_000,
            ..RULES
        };
        let raw = transfer(3).raw;
        // Twice as much as the price: two units for each byte.
        let required = 21_000 + 2 * raw.len() as u64;
        let short = InvalidTransaction::IntrinsicGas {
            required,
            limit: 21_000,
        };
        assert_eq!(admit(raw, &rules), Err(AdmissionError::Invalid(short)));
        let with = |gas_limit: u64| {
            let mut transaction = transfer(3).transaction.transaction;
            let Transaction::DynamicFee(fields) = &mut transaction else {
                panic!("another type");
            };
            fields.gas_limit = gas_limit;
            let account = accounts::derive(1).unwrap().remove(0);
            admit(account.sign(transaction).unwrap().encode().into(), &rules)
        };
        let long = with(1 << 24).unwrap().raw.len() as u64;
        assert!(with((1 << 24) + 2 * long).is_ok());
        assert!(with((1 << 24) + 2 * long + 1).is_err());
    }

    #[test]
    fn a_used_nonce_is_refused() {
        assert_eq!(
            check(&transfer(2), &RULES, &rich(), false, U256::ZERO),
            Err(AdmissionError::NonceTooLow { next: 3, nonce: 2 })
        );
    }

    #[test]
    fn blobs_and_unknown_types_are_not_supported() {
        for raw in [[3, 0xc0], [0x7f, 0xc0]] {
            assert_eq!(
                admit(raw.to_vec().into(), &RULES),
                Err(AdmissionError::UnsupportedType)
            );
        }
        assert!(matches!(
            admit(Bytes::new(), &RULES),
            Err(AdmissionError::Undecodable(_))
        ));
    }

    #[test]
    fn pending_transactions_count_against_the_balance() {
        let queued = U256::from(980_000_000);
        assert_eq!(
            check(&transfer(4), &RULES, &rich(), false, queued),
            Err(AdmissionError::InsufficientFundsWithQueued {
                balance: rich().balance,
                queued,
                cost: U256::from(21_000_000),
            })
        );
    }

    #[test]
    fn a_contract_does_not_sign_but_a_delegated_account_does() {
        let contract = Account {
            code_hash: B256::repeat_byte(1),
            ..rich()
        };
        assert!(matches!(
            check(&transfer(4), &RULES, &contract, false, U256::ZERO),
            Err(AdmissionError::NotAnEoa { .. })
        ));
        assert_eq!(
            check(&transfer(4), &RULES, &contract, true, U256::ZERO),
            Ok(())
        );
    }
}
