//! Addresses as operators type them, each checked for its kind.

use alloy_primitives::Address;
use messages::address::{self, Kind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A contract of layer 1: the 20 bytes behind `KT1…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kt1(pub(crate) [u8; 20]);

/// A rollup: the 20 bytes behind `sr1…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sr1(pub(crate) [u8; 20]);

/// An account of the rollup: `0x` and 40 digits, and if they are of both cases the
/// checksum of EIP-55.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EvmAddress(pub(crate) Address);

/// The 20 bytes of an address of this kind.
fn of_kind(text: &str, wanted: Kind) -> Result<[u8; 20], String> {
    if text.contains('%') {
        return Err(format!(
            "{text:?} names an entrypoint: give the address alone"
        ));
    }
    if text.starts_with("0x") {
        return Err(format!(
            "{text:?} is an account of the rollup; expected {}… of layer 1",
            wanted.name()
        ));
    }
    let (kind, payload) = address::decode(text).map_err(|error| format!("{text:?}: {error}"))?;
    if kind != wanted {
        let is = match kind {
            Kind::Tz1 | Kind::Tz2 | Kind::Tz3 | Kind::Tz4 => "an account with a key",
            Kind::Kt1 => "a contract",
            Kind::Sr1 => "a rollup",
            _ => "no address",
        };
        return Err(format!("{text:?} is {is}; expected {}…", wanted.name()));
    }
    let hash: [u8; 20] = payload
        .try_into()
        .map_err(|_| format!("{text:?} has another length than an address"))?;
    Ok(hash)
}

impl FromStr for Kt1 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hash = of_kind(text, Kind::Kt1)?;
        if hash == [0; 20] {
            return Err(format!(
                "{text:?} is the null address, which nobody has: leave it out for none"
            ));
        }
        Ok(Self(hash))
    }
}

impl FromStr for Sr1 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        of_kind(text, Kind::Sr1).map(Self)
    }
}

impl FromStr for EvmAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let address = digits.parse::<Address>().map_err(|_| {
            format!("{text:?} is not an account of the rollup: expected 0x and 40 hex digits")
        })?;
        let lower = digits.bytes().any(|byte| byte.is_ascii_lowercase());
        let upper = digits.bytes().any(|byte| byte.is_ascii_uppercase());
        if lower && upper && address.to_checksum(None)[2..] != *digits {
            return Err(format!(
                "{text:?} has a wrong checksum (EIP-55): a digit is wrong"
            ));
        }
        Ok(Self(address))
    }
}

impl fmt::Display for Kt1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, Kind::Kt1, &self.0)
    }
}

impl fmt::Display for Sr1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, Kind::Sr1, &self.0)
    }
}

impl fmt::Display for EvmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn print(f: &mut fmt::Formatter<'_>, kind: Kind, hash: &[u8; 20]) -> fmt::Result {
    let text = address::print(kind, hash).map_err(|_| fmt::Error)?;
    f.write_str(&text)
}

macro_rules! from_text {
    ($($ty:ty),*) => {$(
        impl<'de> Deserialize<'de> for $ty {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $ty {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

from_text!(Kt1, Sr1, EvmAddress);

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "KT1BuEZtb68c1Q4yjtckcNjGELqWt56Xyesc";

    #[test]
    fn each_kind_takes_its_own_addresses_alone() {
        assert_eq!(CONTRACT.parse::<Kt1>().unwrap().to_string(), CONTRACT);
        let rollup = "sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb";
        assert_eq!(rollup.parse::<Sr1>().unwrap().to_string(), rollup);
        for (text, word) in [
            (
                "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx",
                "an account with a key",
            ),
            (rollup, "a rollup"),
            ("KT1BuEZtb68c1Q4yjtckcNjGELqWt56Xyesd", "checksum"),
            ("KT1BuEZtb68c1Q4yjtckcNjGELqWt56Xyesc%burn", "entrypoint"),
            ("KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT", "null address"),
            (
                "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
                "of the rollup",
            ),
            ("", "\"\""),
        ] {
            let error = text.parse::<Kt1>().unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        assert!(CONTRACT.parse::<Sr1>().unwrap_err().contains("a contract"));
    }

    #[test]
    fn a_digit_that_is_wrong_breaks_the_checksum() {
        let right = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        assert!(right.parse::<EvmAddress>().is_ok());
        assert!(right.to_lowercase().parse::<EvmAddress>().is_ok());
        let digits = right[2..].parse::<EvmAddress>().unwrap();
        assert_eq!(digits.to_string(), right);
        for (text, word) in [
            (right.replace("f39F", "f39f"), "checksum"),
            (right[..41].to_owned(), "40 hex digits"),
            (CONTRACT.to_owned(), "0x"),
        ] {
            let error = text.parse::<EvmAddress>().unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
