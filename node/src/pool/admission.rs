//! The door: what can never be included is refused before it reaches the pool,
//! in go-ethereum's words. The kernel checks again; these checks are for the
//! sender's sake.

use super::pool::Candidate;
use alloy_primitives::{Address, B256, Bytes, U256};
use ethereum::transaction::{Fork, InvalidTransaction, Rules};
use ethereum::{DecodeError, SignatureError};
use evm_kernel::inputs::format::MAX_TRANSACTION;
use storage::Account;
use storage::config::Revision;

/// Why a transaction is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Larger than [`MAX_TRANSACTION`].
    #[error("oversized data: transaction size {0}, limit {MAX_TRANSACTION}")]
    Oversized(usize),
    /// A type that the rollup does not take.
    #[error("transaction type not supported")]
    Type,
    /// No transaction at all.
    #[error("{0}")]
    Undecodable(DecodeError),
    /// Nobody can have signed it.
    #[error("invalid sender: {0}")]
    Signature(SignatureError),
    /// Bound to another chain.
    #[error("invalid sender: invalid chain id for signer: have {actual} want {expected}")]
    ChainId {
        /// This chain.
        expected: u64,
        /// The transaction's.
        actual: u64,
    },
    /// Against a rule that needs no state.
    #[error("{}", in_words(*.0))]
    Invalid(InvalidTransaction),
    /// No block has so much gas.
    #[error("exceeds block gas limit")]
    BlockGas,
    /// It does not bear the base fee.
    #[error(
        "max fee per gas less than block base fee: address {sender}, maxFeePerGas: {max_fee}, baseFee: {base_fee}"
    )]
    BaseFee {
        /// Who signed it.
        sender: Address,
        /// Wei per gas.
        max_fee: U256,
        /// Wei per gas.
        base_fee: u64,
    },
    /// The nonce is used.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// The account's.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// A contract cannot sign (EIP-3607).
    #[error("sender not an eoa: address {sender}, codehash: {code_hash}")]
    NotAnEoa {
        /// The contract.
        sender: Address,
        /// Its code.
        code_hash: B256,
    },
    /// The account cannot pay.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {}", .cost - .balance)]
    Funds {
        /// Wei that it has.
        balance: U256,
        /// Wei that it may need.
        cost: U256,
    },
    /// The account cannot pay for this besides what waits.
    #[error("insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, tx cost {cost}, overshot {}", .queued.saturating_add(*.cost) - .balance)]
    QueuedFunds {
        /// Wei that it has.
        balance: U256,
        /// Wei that what waits may need.
        queued: U256,
        /// Wei that this may need.
        cost: U256,
    },
}

/// What a transaction is held against.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The chain's number.
    pub chain_id: u64,
    /// The rules of the next block.
    pub revision: Revision,
    /// Most gas of a block.
    pub block_gas_limit: u64,
    /// Base fee of the next block, in wei per gas.
    pub base_fee: u64,
}

/// Decodes `raw` and finds who signed it.
///
/// # Errors
/// Where it is no transaction that this chain could take, whatever its state.
pub fn candidate(raw: Bytes, facts: &Facts) -> Result<Candidate, Refusal> {
    if raw.len() > MAX_TRANSACTION {
        return Err(Refusal::Oversized(raw.len()));
    }
    let transaction = ethereum::transaction::decode(&raw).map_err(|error| match error {
        DecodeError::Blob | DecodeError::UnknownType(_) => Refusal::Type,
        error => Refusal::Undecodable(error),
    })?;
    let fork = match facts.revision {
        Revision::Cancun => Fork::Cancun,
        Revision::Prague => Fork::Prague,
        Revision::Osaka | Revision::Amsterdam => Fork::Osaka,
    };
    let rules = Rules {
        chain_id: facts.chain_id,
        fork,
    };
    ethereum::transaction::check(&transaction.transaction, rules).map_err(|error| match error {
        InvalidTransaction::ChainId { expected, actual } => Refusal::ChainId { expected, actual },
        InvalidTransaction::UnsupportedType(_) => Refusal::Type,
        error => Refusal::Invalid(error),
    })?;
    let sender = ethereum::recover(&transaction.signing_hash, &transaction.signature)
        .map_err(Refusal::Signature)?;
    Ok(Candidate {
        transaction,
        sender,
        raw,
    })
}

/// Checks what needs the next block's facts and the sender's `account`;
/// `delegated`: its code is a delegation (EIP-7702); `queued`: most wei that
/// what waits in the pool takes from it.
///
/// # Errors
/// The first rule that is broken.
pub fn check(
    candidate: &Candidate,
    facts: &Facts,
    account: &Account,
    delegated: bool,
    queued: U256,
) -> Result<(), Refusal> {
    let transaction = &candidate.transaction.transaction;
    let sender = candidate.sender;
    if transaction.gas_limit() > facts.block_gas_limit {
        return Err(Refusal::BlockGas);
    }
    let max_fee = transaction.max_fee_per_gas();
    if max_fee < U256::from(facts.base_fee) {
        return Err(Refusal::BaseFee {
            sender,
            max_fee,
            base_fee: facts.base_fee,
        });
    }
    if account.has_code() && !delegated {
        return Err(Refusal::NotAnEoa {
            sender,
            code_hash: account.code_hash,
        });
    }
    if transaction.nonce() < account.nonce {
        return Err(Refusal::NonceTooLow {
            next: account.nonce,
            nonce: transaction.nonce(),
        });
    }
    let (balance, cost) = (account.balance, candidate.cost());
    if cost > balance {
        return Err(Refusal::Funds { balance, cost });
    }
    if queued.saturating_add(cost) > balance {
        return Err(Refusal::QueuedFunds {
            balance,
            queued,
            cost,
        });
    }
    Ok(())
}

/// go-ethereum's words.
fn in_words(error: InvalidTransaction) -> String {
    match error {
        InvalidTransaction::IntrinsicGas { required, limit } => {
            format!("intrinsic gas too low: gas {limit}, minimum needed {required}")
        }
        InvalidTransaction::FloorGas { required, limit } => {
            format!(
                "insufficient gas for floor data gas cost: gas {limit}, minimum needed {required}"
            )
        }
        InvalidTransaction::GasCap { cap, limit } => {
            format!("transaction gas limit too high (cap: {cap}, tx: {limit})")
        }
        InvalidTransaction::FeeOverflow => "insufficient funds for gas * price + value".into(),
        InvalidTransaction::PriorityFeeAboveMaxFee { priority, max_fee } => format!(
            "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {priority}, maxFeePerGas: {max_fee}"
        ),
        InvalidTransaction::InitcodeSize { limit, actual } => {
            format!("max initcode size exceeded: code size {actual}, limit {limit}")
        }
        InvalidTransaction::EmptyAuthorizationList => {
            "set code tx must have at least one authorization tuple".into()
        }
        InvalidTransaction::ChainId { .. } | InvalidTransaction::UnsupportedType(_) => {
            error.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts;
    use alloy_primitives::TxKind;
    use ethereum::Transaction;
    use ethereum::transaction::Eip1559;

    const FACTS: Facts = Facts {
        chain_id: 1337,
        revision: Revision::Osaka,
        block_gas_limit: 30_000_000,
        base_fee: 1_000,
    };

    fn rich() -> Account {
        Account {
            nonce: 3,
            balance: U256::from(1_000_000_000_u64),
            ..Account::default()
        }
    }

    /// A transfer that is fine, but for what `change` makes of it.
    fn refused(change: impl Fn(&mut Eip1559)) -> Option<String> {
        let mut transfer = Eip1559 {
            chain_id: 1337,
            nonce: 3,
            max_fee_per_gas: U256::from(1_000),
            gas_limit: 21_000,
            to: TxKind::Call(Address::ZERO),
            ..Eip1559::default()
        };
        change(&mut transfer);
        let account = accounts::derive(1).unwrap().remove(0);
        let raw = account
            .sign(Transaction::DynamicFee(transfer))
            .unwrap()
            .encode();
        let outcome = candidate(raw.into(), &FACTS)
            .and_then(|candidate| check(&candidate, &FACTS, &rich(), false, U256::ZERO));
        outcome.err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn a_sound_transfer_passes() {
        assert_eq!(refused(|_| {}), None);
    }

    #[test]
    fn what_can_never_be_included_is_refused_in_geths_words() {
        let says = |words: &str, change: fn(&mut Eip1559)| {
            let refusal = refused(change).expect("refused");
            assert!(refusal.contains(words), "{refusal}");
        };
        says("invalid chain id for signer: have 1 want 1337", |tx| {
            tx.chain_id = 1;
        });
        says("nonce too low: next nonce 3, tx nonce 2", |tx| tx.nonce = 2);
        says(
            "intrinsic gas too low: gas 20999, minimum needed 21000",
            |tx| tx.gas_limit = 20_999,
        );
        says("max fee per gas less than block base fee", |tx| {
            tx.max_fee_per_gas = U256::from(999);
        });
        says(
            "max priority fee per gas higher than max fee per gas",
            |tx| {
                tx.max_priority_fee_per_gas = U256::from(1_001);
            },
        );
        says(
            "insufficient funds for gas * price + value: balance 1000000000, tx cost 1021000000, overshot 21000000",
            |tx| {
                tx.value = U256::from(1_000_000_000);
            },
        );
        says(
            "transaction gas limit too high (cap: 16777216, tx: 16777217)",
            |tx| tx.gas_limit = (1 << 24) + 1,
        );
        says(
            "max initcode size exceeded: code size 49153, limit 49152",
            |tx| {
                tx.to = TxKind::Create;
                tx.input = vec![0; 49_153].into();
            },
        );
        says("oversized data: transaction size", |tx| {
            tx.input = vec![0; 128 * 1024].into();
        });
    }

    #[test]
    fn blobs_and_unknown_types_are_not_supported() {
        for raw in [[3, 0xc0], [0x7f, 0xc0]] {
            assert_eq!(candidate(raw.to_vec().into(), &FACTS), Err(Refusal::Type));
        }
        assert!(matches!(
            candidate(Bytes::new(), &FACTS),
            Err(Refusal::Undecodable(_))
        ));
    }

    #[test]
    fn what_waits_counts_against_the_balance() {
        let account = accounts::derive(1).unwrap().remove(0);
        let transfer = Eip1559 {
            chain_id: 1337,
            nonce: 4,
            max_fee_per_gas: U256::from(1_000),
            gas_limit: 21_000,
            to: TxKind::Call(Address::ZERO),
            ..Eip1559::default()
        };
        let raw = account
            .sign(Transaction::DynamicFee(transfer))
            .unwrap()
            .encode();
        let candidate = candidate(raw.into(), &FACTS).unwrap();
        let queued = U256::from(980_000_000);
        let refusal = check(&candidate, &FACTS, &rich(), false, queued).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "insufficient funds for gas * price + value: balance 1000000000, queued cost 980000000, tx cost 21000000, overshot 1000000"
        );
        let contract = Account {
            code_hash: B256::repeat_byte(1),
            ..rich()
        };
        assert!(matches!(
            check(&candidate, &FACTS, &contract, false, U256::ZERO),
            Err(Refusal::NotAnEoa { .. })
        ));
        assert_eq!(
            check(&candidate, &FACTS, &contract, true, U256::ZERO),
            Ok(())
        );
    }
}
