//! `Traveller.sol`: uses the bridges in ways that must not work, and in some
//! that must.

use crate::abi::{Argument, Word};
use crate::fixture::artifact;
use alloy_primitives::{Address, Bytes, U256};

artifact!(FIXTURE, fixture, "Traveller");

/// What a traveller does when wei arrive without data.
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

/// The data of the transaction that deploys it.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Sets what happens when wei arrive; `target` is where they are withdrawn to.
#[must_use]
pub fn set(mood: Mood, target: &str) -> Bytes {
    FIXTURE.call_with(
        "set(uint8,string)",
        &[(mood as u64).word()],
        &[target.as_bytes()],
    )
}

/// Withdraws the value, and reverts.
#[must_use]
pub fn regret(target: &str) -> Bytes {
    FIXTURE.call_with("regret(string)", &[], &[target.as_bytes()])
}

/// Withdraws twice in vain, and `amount` once for good; needs three times as much.
#[must_use]
pub fn half(target: &str, amount: U256) -> Bytes {
    on_the_way("half(string,uint256)", target, amount)
}

/// Creates two contracts that withdraw `amount`; the second reverts.
#[must_use]
pub fn create(target: &str, amount: U256) -> Bytes {
    on_the_way("create(string,uint256)", target, amount)
}

fn on_the_way(signature: &str, target: &str, amount: U256) -> Bytes {
    let target = Argument::Bytes(target.as_bytes());
    FIXTURE.call_mixed(signature, &[target, Argument::Word(amount.word())])
}

/// Calls the native bridge by DELEGATECALL.
#[must_use]
pub fn delegate(data: &[u8]) -> Bytes {
    FIXTURE.call_with("delegate(bytes)", &[], &[data])
}

/// Calls the native bridge by CALLCODE.
#[must_use]
pub fn callcode(data: &[u8]) -> Bytes {
    FIXTURE.call_with("callcode_(bytes)", &[], &[data])
}

/// Calls the native bridge by STATICCALL.
#[must_use]
pub fn look(data: &[u8]) -> Bytes {
    FIXTURE.call_with("look(bytes)", &[], &[data])
}

/// Calls any contract; what it answers does not matter.
#[must_use]
pub fn call(to: Address, data: &[u8]) -> Bytes {
    FIXTURE.call_with("call_(address,bytes)", &[to.word()], &[data])
}

/// Claims a deposit of its own.
#[must_use]
pub fn claim(level: u64, message: u64) -> Bytes {
    FIXTURE.call("claim(uint256,uint256)", &[level.word(), message.word()])
}

/// Fills the outbox.
pub mod flooder {
    use crate::abi::{Argument, Word};
    use crate::fixture::artifact;
    use alloy_primitives::{Bytes, U256};

    artifact!(FIXTURE, fixture, "Flooder");

    /// The data of the transaction that deploys it.
    #[must_use]
    pub fn deploy() -> Bytes {
        FIXTURE.deploy(&[])
    }

    /// Withdraws `amount` so often, while a place costs no more than `most`.
    #[must_use]
    pub fn flood(target: &str, amount: U256, times: u64, most: U256) -> Bytes {
        let words = [amount.word(), times.word(), most.word()];
        call("flood(string,uint256,uint256,uint256)", target, &words)
    }

    /// Withdraws `amount` so often as if a place cost nothing.
    #[must_use]
    pub fn insist(target: &str, amount: U256, times: u64) -> Bytes {
        let words = [amount.word(), times.word()];
        call("insist(string,uint256,uint256)", target, &words)
    }

    /// Fills the outbox and takes it all back; returns the price before, in between
    /// and behind.
    #[must_use]
    pub fn feint(target: &str, amount: U256, times: u64) -> Bytes {
        let words = [amount.word(), times.word()];
        call("feint(string,uint256,uint256)", target, &words)
    }

    fn call(signature: &str, target: &str, words: &[alloy_primitives::B256]) -> Bytes {
        let target = [Argument::Bytes(target.as_bytes())];
        let words = words.iter().map(|word| Argument::Word(*word));
        let arguments: Vec<_> = target.into_iter().chain(words).collect();
        FIXTURE.call_mixed(signature, &arguments)
    }
}

/// A wallet that takes any call of anybody, and does nothing.
pub mod easygoing {
    use crate::fixture::artifact;
    use alloy_primitives::Bytes;

    artifact!(FIXTURE, fixture, "Easygoing");

    /// The data of the transaction that deploys it. [`super::call`] makes it call.
    #[must_use]
    pub fn deploy() -> Bytes {
        FIXTURE.deploy(&[])
    }
}

/// Takes a deposit with more gas than the kernel gives, and tries to take it twice.
pub mod slow {
    use crate::abi::Word;
    use crate::fixture::artifact;
    use alloy_primitives::Bytes;

    artifact!(FIXTURE, fixture, "Slow");

    /// The data of the transaction that deploys it.
    #[must_use]
    pub fn deploy() -> Bytes {
        FIXTURE.deploy(&[])
    }

    /// Tells it which deposit to claim while it takes one.
    #[must_use]
    pub fn expect(level: u64, message: u64) -> Bytes {
        let words = [level.word(), message.word()];
        FIXTURE.call("expect(uint256,uint256)", &words)
    }

    /// Returns how often it was paid.
    #[must_use]
    pub fn taken() -> Bytes {
        FIXTURE.call("taken()", &[])
    }

    /// Returns how often its claims in between worked.
    #[must_use]
    pub fn again() -> Bytes {
        FIXTURE.call("again()", &[])
    }
}

/// A proxy that takes no deposit until it is told to.
pub mod fickle {
    use crate::fixture::artifact;
    use alloy_primitives::Bytes;

    artifact!(FIXTURE, fixture, "FickleProxy");

    /// The data of the transaction that deploys it.
    #[must_use]
    pub fn deploy() -> Bytes {
        FIXTURE.deploy(&[])
    }

    /// Makes it take deposits.
    #[must_use]
    pub fn please() -> Bytes {
        FIXTURE.call("please()", &[])
    }

    /// Returns how much it took.
    #[must_use]
    pub fn taken() -> Bytes {
        FIXTURE.call("taken()", &[])
    }
}

/// The data of a transaction that withdraws its value while it creates, and then
/// reverts if it is told to.
#[must_use]
pub fn constructed(target: &str, fails: bool) -> Bytes {
    let arguments = [
        Argument::Bytes(target.as_bytes()),
        Argument::Word(fails.word()),
    ];
    let arguments = crate::abi::mixed(&arguments);
    let code = &constructed::fixture().creation_code;
    [&code[..], &arguments].concat().into()
}

/// The contract itself.
pub mod constructed {
    use crate::fixture::artifact;

    artifact!(FIXTURE, fixture, "Constructed");
}
