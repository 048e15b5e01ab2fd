//! All targets, with the number of random bytes of each.

use crate::{abis, bytes, differential, evm_batches, inbox, michelson_text, proofs, steps};

/// Something that is run on bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// A description of what it runs.
    pub about: &'static str,
    /// The number of random bytes of a case.
    pub len: usize,
    /// Runs it.
    pub run: fn(&[u8]) -> Result<(), String>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "differential",
        about: "blocks of random transactions through the kernel and plain revm",
        len: 3_000,
        run: differential::run,
    },
    Target {
        name: "inbox",
        about: "random and mutated inbox messages into the kernel, then a good transaction",
        len: 600,
        run: inbox::run,
    },
    Target {
        name: "messages",
        about: "decoders of Tezos formats: inbox, outbox, Micheline, tickets, addresses",
        len: 300,
        run: bytes::messages,
    },
    Target {
        name: "ethereum",
        about: "decoders of Ethereum's formats: transactions, headers",
        len: 400,
        run: bytes::ethereum,
    },
    Target {
        name: "storage",
        about: "decoders of the kernel's own values",
        len: 300,
        run: bytes::storage,
    },
    Target {
        name: "batches",
        about: "batches and deposits of the transactions kernel",
        len: 300,
        run: bytes::batches,
    },
    Target {
        name: "evm_batches",
        about: "batches of the EVM kernel, with some bytes changed",
        len: 3_000,
        run: evm_batches::run,
    },
    Target {
        name: "michelson",
        about: "scripts, types and values of layer 1, as text, JSON and binary",
        len: 300,
        run: michelson_text::run,
    },
    Target {
        name: "witnesses",
        about: "witnesses of a level with something changed, also where their digest is right",
        len: 200,
        run: proofs::witness,
    },
    Target {
        name: "snapshots",
        about: "snapshots with something changed, also where digests are right and records whole",
        len: 200,
        run: proofs::snapshot,
    },
    Target {
        name: "step_proofs",
        about: "proofs of steps with something changed: a judge finds what follows, or refuses",
        len: 200,
        run: steps::evidence,
    },
    Target {
        name: "proof_size",
        about: "the largest proof of a step, whatever a kernel writes and calls",
        len: 400,
        run: steps::size,
    },
    Target {
        name: "abis",
        about: "artefacts and ABIs that anybody may give a devnet, and bytes that pages show by them",
        len: 1_500,
        run: abis::run,
    },
    Target {
        name: "module",
        about: "wasm modules into the validity check",
        len: 200,
        run: bytes::module,
    },
];

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    /// A short run of each target, the same on every machine.
    #[test]
    fn no_target_finds_anything_in_a_short_run() {
        for target in TARGETS {
            let runs = if target.name == "differential" {
                150
            } else {
                400
            };
            for number in 0..runs {
                let bytes = random(1, number, target.len);
                let found = (target.run)(&bytes);
                assert_eq!(found, Ok(()), "{}, run {number}", target.name);
            }
        }
    }
}
