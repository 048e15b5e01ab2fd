//! Versions of the machine.

use std::fmt;
use std::str::FromStr;

/// A version of the machine `wasm_2_0_0`, in the order of their introduction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `2.0.0` (Mumbai).
    V0,
    /// `2.0.0-r1` (Nairobi).
    V1,
    /// `2.0.0-r2` (Oxford, existing rollups).
    V2,
    /// `2.0.0-r3` (Oxford, new rollups).
    V3,
    /// `2.0.0-r4` (Paris).
    V4,
    /// `2.0.0-r5` (Quebec to Tallinn).
    #[default]
    V5,
    /// `2.0.0-r6` (Ushuaia).
    V6,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 7] = [
        Self::V0,
        Self::V1,
        Self::V2,
        Self::V3,
        Self::V4,
        Self::V5,
        Self::V6,
    ];

    /// The name, as it stands at `/readonly/wasm_version`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V0 => "2.0.0",
            Self::V1 => "2.0.0-r1",
            Self::V2 => "2.0.0-r2",
            Self::V3 => "2.0.0-r3",
            Self::V4 => "2.0.0-r4",
            Self::V5 => "2.0.0-r5",
            Self::V6 => "2.0.0-r6",
        }
    }

    /// The number of wasm calls that may be open at once; with one more the rollup is
    /// stuck forever.
    #[must_use]
    pub const fn max_call_depth(self) -> u32 {
        match self {
            Self::V0 => 299,
            _ => 59_999,
        }
    }

    /// The version that an inbox message of the kind `Protocol_migration`
    /// (`00 04 ++ length u32 BE ++ name`) brings, if it is one with a known
    /// name.
    ///
    /// # Errors
    /// If the message begins as one of that kind and is not one: it breaks the machine. Layer 1
    /// makes no such message.
    pub fn of_migration(message: &[u8]) -> Result<Option<Self>, MalformedMigration> {
        let Some(rest) = message.strip_prefix(&[0, 4]) else {
            return Ok(None);
        };
        let (len, name) = rest.split_first_chunk::<4>().ok_or(MalformedMigration)?;
        if u32::from_be_bytes(*len) as usize != name.len() {
            return Err(MalformedMigration);
        }
        Ok(Self::after(name))
    }

    /// The version that a protocol brings.
    fn after(name: &[u8]) -> Option<Self> {
        match name {
            b"nairobi_017" => Some(Self::V1),
            b"oxford_018" => Some(Self::V2),
            b"paris_019" | b"paris_020" => Some(Self::V4),
            b"quebec_021" | b"r022_022" | b"s023_023" | b"t024_024" => Some(Self::V5),
            b"u025_025" | b"alpha_current" => Some(Self::V6),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A message of the kind `Protocol_migration` that does not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a malformed migration message")]
pub struct MalformedMigration;

/// A name that is no version of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVersion(pub String);

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no version of the machine is called {:?}: it is one of",
            self.0
        )?;
        for version in Version::ALL {
            write!(f, " {version}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownVersion {}

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|version| version.name() == name)
            .ok_or_else(|| UnknownVersion(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_versions() {
        for version in Version::ALL {
            assert_eq!(version.name().parse(), Ok(version));
        }
        assert!("2.0.0-r7".parse::<Version>().is_err());
    }

    #[test]
    fn a_migration_message_names_the_new_version() {
        let message = |name: &str| {
            [
                &[0, 4][..],
                &(name.len() as u32).to_be_bytes(),
                name.as_bytes(),
            ]
            .concat()
        };
        assert_eq!(
            Version::of_migration(&message("paris_020")),
            Ok(Some(Version::V4))
        );
        assert_eq!(Version::of_migration(&message("paris_021")), Ok(None));
        let mut long = message("paris_020");
        long.push(b' ');
        assert_eq!(Version::of_migration(&long), Err(MalformedMigration));
        assert_eq!(
            Version::of_migration(b"\x00\x04\0"),
            Err(MalformedMigration)
        );
        assert_eq!(Version::of_migration(b"\x00\x01"), Ok(None));
    }
}
