//! `Traveller.sol`: uses the bridges in ways that must not work, and in some
//! that must.

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code};

sol!(
    #[allow(missing_docs, reason = "its enum has no documentation in an interface")]
    Traveller,
    "artifacts/Traveller.json"
);
sol!(Constructed, "artifacts/Constructed.json");

/// A traveller's reaction to wei that arrive without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Keeps them.
    Takes,
    /// Reverts.
    Refuses,
    /// Uses all gas up.
    BurnsGas,
    /// Sends them to layer 1.
    Withdraws,
}

creation_code! {
    /// The data of the transaction that deploys it.
    fn deploy() => Traveller;

    /// The data of a transaction that withdraws its value while it creates, and then
    /// reverts if it is told to.
    fn constructed(target: &str, fails: bool) => Constructed { target: target.into(), fails };
}

calldata! {
    /// Sets what happens when wei arrive; `target` is where they are withdrawn to.
    fn set(mood: Mood, target: &str) => Traveller::setCall {
        next: mood as u8,
        target: target.into(),
    };

    /// Withdraws the value, and reverts.
    fn regret(target: &str) => Traveller::regretCall { target: target.into() };

    /// Withdraws twice in vain, and `amount` once for good; needs three times as much.
    fn half(target: &str, amount: U256) => Traveller::halfCall { target: target.into(), amount };

    /// Creates two contracts that withdraw `amount`; the second reverts.
    fn create(target: &str, amount: U256) => Traveller::createCall {
        target: target.into(),
        amount,
    };

    /// Calls the native bridge by DELEGATECALL.
    fn delegate(data: &[u8]) => Traveller::delegateCall { data: data.to_vec().into() };

    /// Calls the native bridge by CALLCODE.
    fn callcode(data: &[u8]) => Traveller::callcode_Call { data: data.to_vec().into() };

    /// Calls the native bridge by STATICCALL.
    fn look(data: &[u8]) => Traveller::lookCall { data: data.to_vec().into() };

    /// Calls any contract; what it answers does not matter.
    fn call(to: Address, data: &[u8]) => Traveller::call_Call { to, data: data.to_vec().into() };

    /// Claims a deposit of its own.
    fn claim(level: u64, message: u64) => Traveller::claimCall {
        level: U256::from(level),
        message: U256::from(message),
    };
}

/// Fills the outbox.
pub mod flooder {
    use alloy_primitives::U256;
    use alloy_sol_types::sol;

    use crate::typed::{calldata, creation_code};

    sol!(Flooder, "artifacts/Flooder.json");

    creation_code! {
        /// The data of the transaction that deploys it.
        fn deploy() => Flooder;
    }

    calldata! {
        /// Withdraws `amount` so often, while a place costs no more than `most`.
        fn flood(target: &str, amount: U256, times: u64, most: U256) => Flooder::floodCall {
            target: target.into(),
            amount,
            times: U256::from(times),
            most,
        };

        /// Withdraws `amount` so often as if a place cost nothing.
        fn insist(target: &str, amount: U256, times: u64) => Flooder::insistCall {
            target: target.into(),
            amount,
            times: U256::from(times),
        };

        /// Fills the outbox and takes it all back; returns the price before, in between
        /// and behind.
        fn feint(target: &str, amount: U256, times: u64) => Flooder::feintCall {
            target: target.into(),
            amount,
            times: U256::from(times),
        };
    }
}

/// A wallet that takes any call of anybody, and does nothing.
pub mod easygoing {
    use alloy_sol_types::sol;

    use crate::typed::creation_code;

    sol!(Easygoing, "artifacts/Easygoing.json");

    creation_code! {
        /// The data of the transaction that deploys it. [`super::call`] makes it call.
        fn deploy() => Easygoing;
    }
}

/// Takes a deposit with more gas than the kernel gives, and tries to take it twice.
pub mod slow {
    use alloy_primitives::U256;
    use alloy_sol_types::sol;

    use crate::typed::{calldata, creation_code};

    sol!(Slow, "artifacts/Slow.json");

    creation_code! {
        /// The data of the transaction that deploys it.
        fn deploy() => Slow;
    }

    calldata! {
        /// Tells it which deposit to claim while it takes one.
        fn expect(level: u64, message: u64) => Slow::expectCall {
            level_: U256::from(level),
            message_: U256::from(message),
        };

        /// Returns how often it was paid.
        fn taken() => Slow::takenCall;

        /// Returns how often its claims in between worked.
        fn again() => Slow::againCall;
    }
}

/// A proxy that takes no deposit until it is told to.
pub mod fickle {
    use alloy_sol_types::sol;

    use crate::typed::{calldata, creation_code};

    sol!(FickleProxy, "artifacts/FickleProxy.json");

    creation_code! {
        /// The data of the transaction that deploys it.
        fn deploy() => FickleProxy;
    }

    calldata! {
        /// Makes it take deposits.
        fn please() => FickleProxy::pleaseCall;

        /// Returns how much it took.
        fn taken() => FickleProxy::takenCall;
    }
}
