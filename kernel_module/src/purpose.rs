//! The purpose of a build of the EVM kernel, as its bytes show it.

/// The purpose of a build of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A rollup.
    Ship,
    /// Tests of traps; never for a rollup.
    Traps,
    /// Tests that choose the block's surroundings; never for a rollup.
    Evaluation,
}

/// Marks of the builds for tests: the file of the places that trap, and
/// where the block's surroundings are found.
const MARKS: [(&[u8], Purpose); 2] = [
    (b"evm_kernel/src/traps.rs", Purpose::Traps),
    (b"/evaluation/environment", Purpose::Evaluation),
];

impl Purpose {
    /// The purpose of a module.
    #[must_use]
    pub fn of(wasm: &[u8]) -> Self {
        let has = |mark: &[u8]| wasm.windows(mark.len()).any(|bytes| bytes == mark);
        let found = MARKS.iter().find(|(mark, _)| has(mark));
        found.map_or(Self::Ship, |(_, purpose)| *purpose)
    }

    /// Why no rollup may run the build; nothing of the one that is shipped.
    #[must_use]
    pub const fn warning(self) -> Option<&'static str> {
        match self {
            Self::Ship => None,
            Self::Traps => Some("a build for tests that anybody can make trap"),
            Self::Evaluation => {
                Some("a build for tests whose blocks have the surroundings that storage says")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_for_tests_are_told_by_what_is_in_them() {
        let purpose = Purpose::of(b"\0asm../evaluation/environment..");
        assert_eq!(purpose, Purpose::Evaluation);
        assert!(purpose.warning().is_some());
        assert_eq!(Purpose::of(b"evm_kernel/src/traps.rs:1"), Purpose::Traps);
        assert_eq!(Purpose::of(b"/evm/config").warning(), None);
    }
}
