//! Stock clients against the devnet, as people install and use them.
//!
//! The scripts are in `clients/`. A client that cannot be had here is ignored, with the reason;
//! if `CI` is set that is a failure.

use e2e_tests::clients::{Client, ClientOutcome};
use e2e_tests::harness::{Test, TestOutcome};
use std::env;

const TESTS: [(&str, Client); 22] = [
    (
        "ethers_deploys_writes_reads_and_watches_events",
        Client::Ethers,
    ),
    (
        "viem_simulates_watches_batches_and_sends_every_type",
        Client::Viem,
    ),
    (
        "viems_test_client_does_all_that_it_does",
        Client::TestClient,
    ),
    (
        "ethers_5_and_web3_js_sign_deploy_and_subscribe",
        Client::Older,
    ),
    (
        "wagmi_connects_signs_and_sends_by_a_wallet_of_a_page",
        Client::Wagmi,
    ),
    ("cast_sends_calls_and_reads_receipts_and_logs", Client::Cast),
    ("forge_creates_and_broadcasts_scripts", Client::Forge),
    (
        "web3_py_filters_subscribes_and_sends_every_type",
        Client::Web3Py,
    ),
    (
        "ape_deploys_with_the_gas_of_a_block_and_reads_blocks",
        Client::Ape,
    ),
    ("boa_compiles_vyper_deploys_and_anchors", Client::Boa),
    ("hardhat_builds_deploys_and_forks", Client::Hardhat),
    (
        "hardhat_2_upgrades_proxies_and_its_helpers_help",
        Client::Hardhat2,
    ),
    ("anvil_is_forked_forks_and_takes_dumps", Client::Anvil),
    ("a_safe_of_two_of_three_executes", Client::Safe),
    (
        "permissionless_sends_operations_by_a_bundler",
        Client::Bundler,
    ),
    ("a_page_in_chromium_uses_a_wallet", Client::Page),
    ("ponder_indexes_events_and_calls", Client::Ponder),
    (
        "subsquid_reads_logs_calls_and_slots_and_what_is_taken_back",
        Client::Squid,
    ),
    (
        "otterscan_asks_for_blocks_transactions_addresses",
        Client::Otterscan,
    ),
    (
        "ethers_deposits_spends_and_withdraws_over_the_bridge",
        Client::Bridge,
    ),
    (
        "taquito_reads_and_packs_the_contracts_of_layer_1",
        Client::Contracts,
    ),
    (
        "taquito_reads_and_writes_the_micheline_of_messages",
        Client::Taquito,
    ),
];

pub(crate) fn tests() -> Vec<Test> {
    TESTS
        .map(|(name, client)| Test::new(name, move || run(client)))
        .into()
}

/// Every step of the client's script passes.
fn run(client: Client) -> Result<TestOutcome, String> {
    if client.is_large() && env::var_os("CLIENTS").is_none_or(|clients| clients != "all") {
        let why = "large: `make clients` runs it, or CLIENTS=all";
        return Ok(TestOutcome::Ignored(why.into()));
    }
    match client.run() {
        ClientOutcome::Skipped(why) if env::var_os("CI").is_some() => {
            Err(format!("CI must run {client}: {why}"))
        }
        ClientOutcome::Skipped(why) => Ok(TestOutcome::Ignored(why)),
        ClientOutcome::Ran(report) if !report.failed.is_empty() => {
            Err(format!("{client}: {}", report.complaints))
        }
        ClientOutcome::Ran(report) if report.passed.len() < 6 => {
            Err(format!("{client}: only these steps: {:?}", report.passed))
        }
        ClientOutcome::Ran(report) => {
            let steps = report.passed.len();
            println!("{client} {}: {steps} steps passed", report.version);
            Ok(TestOutcome::Passed)
        }
    }
}
