//! `Wallet.sol`: code for accounts with a key (EIP-7702).

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Wallet, "artifacts/Wallet.json");
sol!(OtherWallet, "artifacts/OtherWallet.json");

/// The slot that counts the runs.
pub const RUNS_SLOT: U256 = U256::ZERO;

creation_code! {
    /// Creation code of the wallet.
    fn deploy() => Wallet;

    /// Creation code of another wallet, whose [`run`] counts by a hundred.
    fn deploy_other() => OtherWallet;
}

calldata! {
    /// Pays two at once, if the account itself asks; else reverts with [`not_myself`].
    fn pay_both(first: Address, second: Address, value: U256) =>
        Wallet::payBothCall { first, second, value };

    /// Counts a run in the account's first slot.
    fn run() => Wallet::runCall;

    /// Logs what EXTCODESIZE, EXTCODEHASH and EXTCODECOPY say of an account.
    fn look(there: Address) => Wallet::lookCall { there };

    /// Calls an account's [`run`] with what came along; returns whether it succeeded.
    fn relay(to: Address) => Wallet::relayCall { to };
}

topics! {
    ran => Wallet::Ran;
    other_ran => OtherWallet::Other;
}

revert_data! {
    /// Revert data of a [`pay_both`] by someone else.
    fn not_myself(caller: Address) => Wallet::NotMyself { caller };
}
