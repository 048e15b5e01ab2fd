//! The rollup's own address.

use core::cell::Cell;
use host::{HostError, Reveal};

/// The 20 bytes behind `sr1…`. The machine is asked for them once: [`Level`](crate::Level)
/// remembers them.
#[derive(Debug, Default)]
pub struct OwnAddress(Cell<Option<[u8; 20]>>);

impl OwnAddress {
    /// One that is known already.
    #[must_use]
    pub const fn known(address: [u8; 20]) -> Self {
        Self(Cell::new(Some(address)))
    }

    /// Takes what somebody knows already.
    pub(crate) fn learn(&self, address: [u8; 20]) {
        self.0.set(Some(address));
    }

    /// The address, if it is known.
    pub(crate) const fn asked(&self) -> Option<[u8; 20]> {
        self.0.get()
    }

    /// The address. One host call, the first time.
    ///
    /// # Errors
    /// If the machine refuses it.
    pub fn get(&self, host: &impl Reveal) -> Result<[u8; 20], HostError> {
        if let Some(address) = self.0.get() {
            return Ok(address);
        }
        let address = host.reveal_metadata()?.address;
        self.0.set(Some(address));
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::mock::MockHost;

    #[test]
    fn the_machine_is_asked_once() {
        let host = MockHost::default();
        let own = OwnAddress::default();
        let address = host.reveal_metadata().unwrap().address;
        assert_eq!(own.get(&host), Ok(address));
        assert_eq!(own.get(&host), Ok(address));
        assert_eq!(OwnAddress::known([7; 20]).get(&host), Ok([7; 20]));
        let asked = host.calls().get("reveal_metadata").copied();
        assert_eq!(asked, Some(2));
    }
}
