//! Accounts and contracts of layer 1, and amounts of tez.

use messages::address::{self, AddressError, Kind};
use messages::contract::{CONTRACT, Contract};
use messages::outbox::Entrypoint;
use std::fmt;
use std::str::FromStr;

/// An account that can hold tickets and be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// `tz…` or `KT1…`.
    Contract(Contract),
    /// `sr1…`.
    Rollup([u8; 20]),
}

/// An account and the entrypoint of it that is meant: the Michelson type `address`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The account.
    pub account: Account,
    /// Which entrypoint; `default` where none is named.
    pub entrypoint: String,
}

/// An amount in millionths of a tez.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mutez(pub u64);

impl Account {
    /// The contract with code whose hash this is.
    #[must_use]
    pub const fn originated(hash: [u8; 20]) -> Self {
        Self::Contract(Contract::Originated(hash))
    }

    /// Its entrypoint of this name.
    #[must_use]
    pub fn at(self, entrypoint: &str) -> Address {
        Address {
            account: self,
            entrypoint: entrypoint.to_owned(),
        }
    }

    /// The hash, for a contract with code.
    #[must_use]
    pub const fn code_hash(&self) -> Option<[u8; 20]> {
        match self {
            Self::Contract(Contract::Originated(hash)) => Some(*hash),
            _ => None,
        }
    }
}

impl From<Contract> for Account {
    fn from(contract: Contract) -> Self {
        Self::Contract(contract)
    }
}

impl From<Account> for Address {
    fn from(account: Account) -> Self {
        account.at(Entrypoint::DEFAULT.as_str())
    }
}

impl FromStr for Account {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with(Kind::Sr1.name()) {
            return address::rollup(text).map(Self::Rollup);
        }
        Contract::from_base58(text).map(Self::Contract)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Contract(contract) => contract.to_base58(),
            Self::Rollup(hash) => address::print(Kind::Sr1, hash),
        };
        match (text, self) {
            (Ok(text), _) => f.write_str(&text),
            // A curve that has no text here (tz5).
            (Err(_), Self::Contract(contract)) => write!(f, "{:02x?}", contract.encode()),
            (Err(_), Self::Rollup(hash)) => write!(f, "{hash:02x?}"),
        }
    }
}

/// Tag of a rollup among the bytes of an address.
const ROLLUP: u8 = 3;

impl Address {
    /// The address in its bytes: 22, and a name unless it is `default`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = match &self.account {
            Account::Contract(contract) => contract.encode().to_vec(),
            Account::Rollup(hash) => [&[ROLLUP][..], hash, &[0]].concat(),
        };
        if self.entrypoint != Entrypoint::DEFAULT.as_str() {
            bytes.extend_from_slice(self.entrypoint.as_bytes());
        }
        bytes
    }

    /// The address in `bytes`; none where they are not one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, name) = bytes.split_first_chunk::<CONTRACT>()?;
        let account = match head {
            [ROLLUP, hash @ .., 0] => Account::Rollup(*hash),
            _ => Account::Contract(Contract::parse(head).ok()?),
        };
        let name = Entrypoint::new(std::str::from_utf8(name).ok()?).ok()?;
        Some(account.at(name.as_str()))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (account, entrypoint) = text.split_once('%').unwrap_or((text, ""));
        let name = Entrypoint::new(entrypoint).map_err(|error| AddressError::Letter {
            at: account.len() + 1 + error.offset,
        })?;
        Ok(account.parse::<Account>()?.at(name.as_str()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.account)?;
        if self.entrypoint == Entrypoint::DEFAULT.as_str() {
            return Ok(());
        }
        write!(f, "%{}", self.entrypoint)
    }
}

impl Mutez {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many tez.
    #[must_use]
    pub const fn tez(tez: u64) -> Self {
        Self(tez * 1_000_000)
    }
}

/// In tez, with six digits behind the point where there are any but zeros.
impl fmt::Display for Mutez {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tez, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match rest {
            0 => write!(f, "{tez} tez"),
            _ => write!(f, "{tez}.{rest:06} tez"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_its_bytes_and_its_text() {
        for text in [
            "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx",
            "KT1BuEZtb68c1Q4yjtckcNjGELqWt56Xyesc%burn",
            "sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(Address::decode(&address.encode()), Some(address));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "tz1KqT", "KT1BuEZtb68c1Q4yjtckcNjGELqWt56Xyesc%no way"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert_eq!(Address::decode(&[0; 21]), None);
        assert_eq!(Address::decode(&[9; 22]), None);
        assert_eq!(Address::decode(&[&[0; 22][..], b"no way"].concat()), None);
    }

    #[test]
    fn mutez_are_printed_in_tez() {
        assert_eq!(Mutez::tez(3).to_string(), "3 tez");
        assert_eq!(Mutez(1_000_001).to_string(), "1.000001 tez");
    }
}
