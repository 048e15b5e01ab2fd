//! The words of go-ethereum for what goes wrong: clients match on them.

use crate::chain::ChainError;
use crate::error::NodeError;
use crate::pool::{AdmissionError, DropReason, PoolError};
use crate::request::BlockId;
use crate::simulate::CallError;
use crate::simulate::revert::RevertReason;
use alloy_primitives::U256;
use ethereum::transaction::InvalidTransaction;
use evm_kernel::inputs::format::MAX_TRANSACTION;
use evm_kernel::native::simulate::{Call, HaltReason, Rejection};

/// An error of the node.
pub(super) fn node(error: &NodeError) -> String {
    match error {
        NodeError::UnknownBlock(BlockId::Hash(_)) => "header for hash not found".into(),
        NodeError::UnknownBlock(_) => "header not found".into(),
        NodeError::Chain(ChainError::Pruned { root, .. }) => {
            format!("historical state {root} is not available")
        }
        NodeError::UnknownAccount(address) => format!(
            "unknown account: there is no key of {address} here (anvil_impersonateAccount sends without)"
        ),
        NodeError::Admission(error) => admission(error),
        NodeError::Pool(error) => pool(*error).into(),
        NodeError::Dropped(reason) => dropped(*reason).into(),
        NodeError::Call(error) => call(error),
        NodeError::NoFastWithdrawal => "there is no fast withdrawal there".into(),
        NodeError::FastWithdrawalAmount(error) => error.to_string(),
        NodeError::Stopped => "the devnet ended".into(),
        other => other.to_string(),
    }
}

/// A transaction that is not admitted.
fn admission(error: &AdmissionError) -> String {
    const FUNDS: &str = "insufficient funds for gas * price + value";
    match error {
        AdmissionError::Oversized(size) => {
            format!("oversized data: transaction size {size}, limit {MAX_TRANSACTION}")
        }
        AdmissionError::UnsupportedType => "transaction type not supported".into(),
        AdmissionError::Undecodable(error) => error.to_string(),
        AdmissionError::Signature(error) => format!("invalid sender: {error}"),
        AdmissionError::ChainId { expected, actual } => {
            format!("invalid sender: invalid chain id for signer: have {actual} want {expected}")
        }
        AdmissionError::Invalid(error) => invalid(*error),
        AdmissionError::BlockGas => "exceeds block gas limit".into(),
        AdmissionError::BaseFee {
            sender,
            max_fee,
            base_fee,
        } => format!(
            "max fee per gas less than block base fee: address {sender}, maxFeePerGas: {max_fee}, baseFee: {base_fee}"
        ),
        AdmissionError::NonceTooLow { next, nonce } => {
            format!("nonce too low: next nonce {next}, tx nonce {nonce}")
        }
        AdmissionError::NonceOverflow => "nonce has max value".into(),
        AdmissionError::NotAnEoa { sender, code_hash } => {
            format!("sender not an eoa: address {sender}, codehash: {code_hash}")
        }
        AdmissionError::InsufficientFunds { balance, cost } => format!(
            "{FUNDS}: balance {balance}, tx cost {cost}, overshot {}",
            cost - balance
        ),
        AdmissionError::InsufficientFundsWithQueued {
            balance,
            queued,
            cost,
        } => format!(
            "{FUNDS}: balance {balance}, queued cost {queued}, tx cost {cost}, overshot {}",
            queued.saturating_add(*cost) - balance
        ),
    }
}

/// A transaction that breaks a rule which needs no state.
fn invalid(error: InvalidTransaction) -> String {
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

/// A transaction that the pool does not take.
const fn pool(error: PoolError) -> &'static str {
    match error {
        PoolError::AlreadyKnown => "already known",
        PoolError::Underpriced => "replacement transaction underpriced",
        PoolError::Full => "txpool is full",
        PoolError::SenderFull => "account limit exceeded",
    }
}

/// A transaction that left the pool.
const fn dropped(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Kernel => "transaction dropped by the kernel",
        DropReason::NonceUsed => "nonce too low",
        DropReason::Rewound => "the chain went back",
        DropReason::Request => "transaction dropped on request",
        DropReason::Replaced => "transaction replaced",
        DropReason::Crowded => "txpool is full",
        DropReason::Expired => "transaction waited too long behind a nonce gap",
    }
}

/// A call that fails.
pub(super) fn call(error: &CallError) -> String {
    match error {
        CallError::Reverted(output) => revert(output),
        CallError::Halted(reason) => halt(reason),
        CallError::HaltedAt(words) => words.clone(),
        CallError::Rejected(rejection) => rejected(rejection),
        CallError::ChainId { expected, actual } => {
            format!("chainId does not match node's (have={actual}, want={expected})")
        }
        CallError::PriorityFee {
            sender,
            priority,
            max_fee,
        } => format!(
            "max priority fee per gas higher than max fee per gas: address {sender}, maxPriorityFeePerGas: {priority}, maxFeePerGas: {max_fee}"
        ),
        CallError::BaseFee(base_fee) => {
            format!("baseFeePerGas over 64 bits is for calls without a gas price: {base_fee}")
        }
        CallError::Value => "insufficient funds for transfer".into(),
        CallError::Allowance(most) => format!("gas required exceeds allowance ({most})"),
        CallError::EmptyCreation => "contract creation without any data provided".into(),
        CallError::EmptyAuthorizations => "EIP-7702 transaction with empty auth list".into(),
        CallError::SetCodeCreation => {
            "EIP-7702 transaction cannot be used to create contract".into()
        }
        CallError::Kernel(error) => error.to_string(),
        CallError::Storage(error) => error.to_string(),
    }
}

/// A call that the kernel does not execute.
fn rejected(rejection: &Rejection) -> String {
    match rejection {
        Rejection::GasPriceTooHigh => "gas price is over 2^128 wei".into(),
        Rejection::InsufficientFunds { required, balance } => {
            format!("insufficient funds for gas * price + value: have {balance} want {required}")
        }
        Rejection::IntrinsicGas { required, limit } => {
            format!("intrinsic gas too low: have {limit}, want {required}")
        }
        Rejection::FloorGas { required, limit } => {
            format!("insufficient gas for floor data gas cost: have {limit}, want {required}")
        }
        Rejection::InitcodeSize => "max initcode size exceeded".into(),
        Rejection::Interrupted => "execution aborted".into(),
        Rejection::BelowBaseFee => "max fee per gas less than block base fee".into(),
        Rejection::Data { required, limit } => {
            format!("intrinsic gas too low: have {limit}, its bytes alone want {required}")
        }
        Rejection::Delegations { required, limit } => {
            format!("intrinsic gas too low: have {limit}, the delegations want {required}")
        }
        Rejection::FeeTooHigh => {
            "insufficient funds: the fee is over 2^128 wei for a unit of gas".into()
        }
        other => other.to_string(),
    }
}

/// A call that cannot be in a block with this base fee, with what it says of itself.
pub(super) fn rejected_call(rejection: &Rejection, call: &Call, base_fee: U256) -> String {
    let address = call.from.to_checksum(None);
    match rejection {
        Rejection::NonceTooLow { next, nonce } => {
            format!("nonce too low: address {address}, tx: {nonce} state: {next}")
        }
        Rejection::NonceTooHigh { next, nonce } => {
            format!("nonce too high: address {address}, tx: {nonce} state: {next}")
        }
        Rejection::BelowBaseFee => format!(
            "max fee per gas less than block base fee: address {address}, maxFeePerGas: {}, baseFee: {base_fee}",
            call.gas_price
        ),
        Rejection::InsufficientFunds { required, balance } => format!(
            "insufficient funds for gas * price + value: address {address} have {balance} want {required}"
        ),
        Rejection::NotAnEoa => format!("sender not an eoa: address {address}"),
        Rejection::NonceOverflow => format!(
            "nonce has max value: address {address}, nonce: {}",
            u64::MAX
        ),
        other => rejected(other),
    }
}

/// A halt of the EVM.
pub(crate) fn halt(reason: &HaltReason) -> String {
    match reason {
        HaltReason::OutOfGas(_) => "out of gas",
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID",
        HaltReason::OpcodeNotFound => "invalid opcode",
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::StackUnderflow => "stack underflow",
        HaltReason::StackOverflow => "stack limit reached 1024",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::CreateContractSizeLimit => "max code size exceeded",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        HaltReason::NonceOverflow => "nonce uint64 overflow",
        other => return other.to_string(),
    }
    .into()
}

/// A revert with this output.
pub(crate) fn revert(output: &[u8]) -> String {
    match RevertReason::read(output) {
        Some(RevertReason::Error(text)) => match text.char_indices().nth(MAX_REASON) {
            Some((end, _)) => format!("execution reverted: {}…", &text[..end]),
            None => format!("execution reverted: {text}"),
        },
        Some(RevertReason::Panic(code)) => format!("execution reverted: {}", panic(code)),
        None => "execution reverted".into(),
    }
}

/// The most letters of a reason that are told in words; the data of an error have all of it.
const MAX_REASON: usize = 1_024;

/// A panic code of Solidity.
fn panic(code: U256) -> String {
    let words = match u64::try_from(code) {
        Ok(0x00) => "generic panic",
        Ok(0x01) => "assert(false)",
        Ok(0x11) => "arithmetic underflow or overflow",
        Ok(0x12) => "division or modulo by zero",
        Ok(0x21) => "enum overflow",
        Ok(0x22) => "invalid encoded storage byte array accessed",
        Ok(0x31) => "out-of-bounds array access; popping on an empty array",
        Ok(0x32) => "out-of-bounds access of an array or bytesN",
        Ok(0x41) => "out of memory",
        Ok(0x51) => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}"),
    };
    words.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts;
    use crate::pool::{self, BlockRules};
    use alloy_primitives::{Address, TxKind, hex};
    use ethereum::Transaction;
    use ethereum::transaction::Eip1559;
    use storage::Account;
    use storage::config::Revision;

    const RULES: BlockRules = BlockRules {
        chain_id: 1337,
        revision: Revision::Osaka,
        block_gas_limit: 30_000_000,
        data_fee: 0,
        base_fee: 1_000,
        code_size_limit: None,
    };

    /// The words for a transfer that is sound but for what `change` makes of it.
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
        let rich = Account {
            nonce: 3,
            balance: U256::from(1_000_000_000_u64),
            ..Account::default()
        };
        let account = accounts::derive(1).unwrap().remove(0);
        let signed = account.sign(Transaction::DynamicFee(transfer)).unwrap();
        let outcome = pool::admit(signed.encode().into(), &RULES)
            .and_then(|candidate| pool::check(&candidate, &RULES, &rich, false, U256::ZERO));
        outcome.err().map(|error| node(&error.into()))
    }

    #[test]
    fn transactions_are_refused_in_go_ethereums_words() {
        assert_eq!(refused(|_| {}), None);
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
    fn pending_transactions_are_named_in_the_funds_that_lack() {
        let error = AdmissionError::InsufficientFundsWithQueued {
            balance: U256::from(1_000_000_000),
            queued: U256::from(980_000_000),
            cost: U256::from(21_000_000),
        };
        assert_eq!(
            admission(&error),
            "insufficient funds for gas * price + value: balance 1000000000, queued cost 980000000, tx cost 21000000, overshot 1000000"
        );
    }

    #[test]
    fn reverts_have_their_reason_in_words() {
        let output = hex!(
            "08c379a00000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000000a75736572206572726f7200000000000000000000000000000000000000000000"
        );
        assert_eq!(revert(&output), "execution reverted: user error");
        let output =
            hex!("4e487b710000000000000000000000000000000000000000000000000000000000000001");
        assert_eq!(revert(&output), "execution reverted: assert(false)");
        assert_eq!(revert(&[1, 2, 3, 4]), "execution reverted");
    }

    #[test]
    fn halts_are_in_go_ethereums_words() {
        for (reason, words) in [
            (HaltReason::InvalidFEOpcode, "invalid opcode: INVALID"),
            (
                HaltReason::CreateContractStartingWithEF,
                "invalid code: must not begin with 0xef",
            ),
            (HaltReason::CallTooDeep, "call too deep"),
        ] {
            assert_eq!(halt(&reason), words);
        }
    }
}
