//! Ethereum's official suites, from the folder that `SUITES` names.
//!
//! A test whose suite is not there is ignored, with the reason: a harness of our own can say so
//! while it runs, which `#[ignore]` cannot.

mod blocks;
mod rlp;
mod rpc;
mod same_kernel;
mod state_tests;
mod transactions;

use e2e_tests::harness::{Test, TestOutcome};
use e2e_tests::suites::{self, Files};
use std::path::Path;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        of_files(
            "every_official_rlp_is_read_and_written_as_it_says",
            "tx-rlp",
            |path| path.contains("/RLPTests/"),
            rlp::every_official_rlp_is_read_and_written_as_it_says,
        ),
        of_files(
            "every_official_transaction_is_accepted_or_refused_as_it_says",
            "tx-rlp",
            |path| path.contains("/TransactionTests/"),
            transactions::every_official_transaction_is_accepted_or_refused_as_it_says,
        ),
        of_chain(
            "each_block_names_the_hash_of_the_one_before",
            blocks::each_block_names_the_hash_of_the_one_before,
        ),
        of_chain(
            "transaction_roots_are_those_of_the_headers",
            blocks::transaction_roots_are_those_of_the_headers,
        ),
        of_chain(
            "base_fees_follow_from_the_block_before",
            blocks::base_fees_follow_from_the_block_before,
        ),
        of_chain(
            "every_transaction_of_the_chain_comes_back_from_its_bytes",
            blocks::every_transaction_of_the_chain_comes_back_from_its_bytes,
        ),
        of_files(
            "blooms_of_receipts_are_those_given",
            "rpc-compat",
            |path| path.contains("/eth_getTransactionReceipt/"),
            blocks::blooms_of_receipts_are_those_given,
        ),
        of_files(
            "simulated_blocks_have_the_receipt_roots_blooms_and_hashes_given",
            "rpc-compat",
            |path| path.contains("/eth_simulateV1/"),
            blocks::simulated_blocks_have_the_receipt_roots_blooms_and_hashes_given,
        ),
        of_files(
            "prague_headers_of_the_execution_spec_tests_have_the_hashes_given",
            "statetests",
            |path| path.contains("blockchain") && path.contains("2935") && path.ends_with(".json"),
            blocks::prague_headers_of_the_execution_spec_tests_have_the_hashes_given,
        ),
        of_replay(
            "answers_are_those_of_the_conformance_files",
            rpc::answers_are_those_of_the_conformance_files,
        ),
        Test::new("answers_are_those_of_the_sample", || {
            rpc::answers_are_those_of_the_sample();
            Ok(TestOutcome::Passed)
        }),
        of_replay(
            "roots_and_proofs_are_those_of_the_conformance_chain",
            rpc::roots_and_proofs_are_those_of_the_conformance_chain,
        ),
        of_folder(
            "a_sample_over_all_folders_passes",
            "statetests",
            state_tests::a_sample_over_all_folders_passes,
        ),
        of_folder(
            "cases_that_do_not_see_the_surroundings_cost_the_same_on_both_builds",
            "statetests/ethtests",
            same_kernel::cases_that_do_not_see_the_surroundings_cost_the_same_on_both_builds,
        ),
    ]
}

/// A test of the files of one suite that `wanted` accepts.
fn of_files(
    name: &'static str,
    suite: &'static str,
    wanted: fn(&str) -> bool,
    test: fn(&Files),
) -> Test {
    Test::new(name, move || {
        Ok(match suites::files(suite, wanted) {
            Ok(files) if files.is_empty() => {
                TestOutcome::Ignored(format!("SUITES has no such files in {suite}"))
            }
            Ok(files) => {
                test(&files);
                TestOutcome::Passed
            }
            Err(why) => TestOutcome::Ignored(why),
        })
    })
}

/// A test of the chain of the RPC suite.
fn of_chain(name: &'static str, test: fn(&Files)) -> Test {
    of_files(
        name,
        "rpc-compat",
        |path| path.ends_with("/chain.rlp"),
        test,
    )
}

/// A test that replays answers on the states of that chain, which upstream does not publish.
fn of_replay(name: &'static str, test: fn(&Files)) -> Test {
    Test::new(name, move || {
        Ok(match suites::folder("rpc-compat/replay-states") {
            Ok(_) => {
                test(&suites::files("rpc-compat", |_| true)?);
                TestOutcome::Passed
            }
            Err(why) => TestOutcome::Ignored(why),
        })
    })
}

/// A test of a folder of state tests.
fn of_folder(name: &'static str, folder: &'static str, test: fn(&Path)) -> Test {
    Test::new(name, move || {
        Ok(match suites::folder(folder) {
            Ok(folder) => {
                test(&folder);
                TestOutcome::Passed
            }
            Err(why) => TestOutcome::Ignored(why),
        })
    })
}

/// Bytes from hex with or without `0x`.
fn bytes(hex: &str) -> Vec<u8> {
    alloy_primitives::hex::decode(hex).expect("hex")
}
