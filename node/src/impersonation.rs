//! The accounts that may send transactions without a signature.

use alloy_primitives::Address;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The accounts that may send transactions without a signature.
#[derive(Debug, Default)]
pub struct Impersonation(Mutex<Impersonated>);

#[derive(Debug, Default)]
struct Impersonated {
    all: bool,
    some: HashSet<Address>,
}

impl Impersonation {
    /// Checks if `address` may.
    #[must_use]
    pub fn is_on(&self, address: &Address) -> bool {
        let impersonated = self.lock();
        impersonated.all || impersonated.some.contains(address)
    }

    /// Lets `address`, or no longer.
    pub fn set(&self, address: Address, yes: bool) {
        let mut impersonated = self.lock();
        if yes {
            impersonated.some.insert(address);
        } else {
            impersonated.some.remove(&address);
        }
    }

    /// Lets every address, or no longer.
    pub fn set_all(&self, yes: bool) {
        self.lock().all = yes;
    }

    fn lock(&self) -> MutexGuard<'_, Impersonated> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
