//! Warnings about settings that the EVM kernel starts on.

use super::evm;
use crate::address::Kt1;
use crate::settings::MAX_BLOCK_GAS;
use alloy_primitives::{Address, U256};
use node::accounts::derive;
use pvm::setup::Instruction;
use storage::Config;
use storage::account::Account;
use storage::config::Revision;
use storage::layout::{SETUP, STATE};
use storage::table::Value as _;

/// Chains whose ids are well known.
const CHAINS: &[(u64, &str)] = &[
    (1, "Ethereum"),
    (5, "Goerli"),
    (10, "OP Mainnet"),
    (56, "BNB Smart Chain"),
    (97, "BNB's testnet"),
    (100, "Gnosis"),
    (137, "Polygon"),
    (324, "ZKsync"),
    (1101, "Polygon zkEVM"),
    (1337, "many devnets"),
    (8453, "Base"),
    (17_000, "Holesky"),
    (31_337, "many devnets"),
    (42_161, "Arbitrum"),
    (42_793, "Etherlink"),
    (43_114, "Avalanche"),
    (59_144, "Linea"),
    (127_823, "an Etherlink testnet"),
    (128_064, "an Etherlink testnet"),
    (128_123, "an Etherlink testnet"),
    (534_352, "Scroll"),
    (560_048, "Hoodi"),
    (11_155_111, "Sepolia"),
    (11_155_420, "OP Sepolia"),
];

/// The largest id that wallets take: beyond, JavaScript rounds what it computes of it
/// (EIP-2294).
const MAX_CHAIN_ID: u64 = 4_503_599_627_370_476;

/// The gas of a block that the default budget of a run, 100 M units of work, is for.
const MEASURED_BLOCK_GAS: u64 = 40_000_000;

/// The work of a level of which the worst was measured to be done within a block of layer 1.
const MOST_LEVEL: u64 = 200_000_000;

/// Above, a transfer costs more than a tez.
const HIGH_FEE: u64 = 1_000_000_000_000_000_000 / 21_000;

/// Below, a queue that is full drops inputs of a busy level.
const SMALL_QUEUE: u64 = 1 << 20;

/// The number of accounts that development nodes show.
const KNOWN_ACCOUNTS: u32 = 20;

/// A day of levels of 6 seconds.
const DAY: u64 = 14_400;

/// A year of them.
const YEAR: u64 = 365 * DAY;

/// The most that governance may let the queue grow to, in bytes.
const LARGE_QUEUE: u64 = 1 << 30;

/// The warnings for a configuration and what else the setup does.
pub(super) fn of(config: &Config, instructions: &[Instruction]) -> Vec<String> {
    let sets = |name: &str| instructions.iter().any(|one| is_set(one, name));
    let mut warnings = Vec::new();
    warnings.extend(chain_id(config, sets("chain_id")));
    warnings.extend(contracts(config));
    warnings.extend(fees(config));
    warnings.extend(bounds(config));
    warnings.extend(unbacked(config, instructions));
    warnings
}

fn is_set(instruction: &Instruction, name: &str) -> bool {
    matches!(instruction, Instruction::Set { to, .. } if *to == format!("{SETUP}/{name}"))
}

fn chain_id(config: &Config, is_set: bool) -> Option<String> {
    let id = config.chain_id;
    let advice = "a transaction that is signed for one of them can be replayed here, and the other \
                  way round. Take a chain id of your own (chain_id)";
    if let Some((_, name)) = CHAINS.iter().find(|(known, _)| *known == id) {
        let default = if is_set { "" } else { ", by default" };
        return Some(format!(
            "the chain id is {id}{default}, that of {name}: {advice}"
        ));
    }
    (id > MAX_CHAIN_ID)
        .then(|| format!("the chain id is {id}: wallets take none above {MAX_CHAIN_ID} (EIP-2294)"))
}

fn contracts(config: &Config) -> Vec<String> {
    let roles = [
        (
            "ticketer",
            config.ticketer,
            "no bridge: nobody can bring tez in or take any out, for ever",
        ),
        (
            "delayed_bridge",
            config.delayed_bridge,
            "no delayed inbox: nobody can force a transaction in from a contract of layer 1",
        ),
        (
            "kernel_governance",
            config.kernel_governance,
            "no governance: nobody can ever upgrade the kernel or mend anything",
        ),
    ];
    let mut warnings = Vec::new();
    for (index, (name, contract, without)) in roles.iter().enumerate() {
        let Some(hash) = contract else {
            warnings.push(format!("the rollup has {without} ({name})"));
            continue;
        };
        for (other, same, _) in roles.iter().skip(index + 1) {
            if same.as_ref() == Some(hash) {
                warnings.push(format!(
                    "{name} and {other} are one contract, {}: no contract does both",
                    Kt1(*hash)
                ));
            }
        }
        if hash == &[0xff; 20] || hash.iter().all(|byte| *byte == hash[0]) {
            warnings.push(format!(
                "{name} is {}, whose hash is one byte over and over: an example?",
                Kt1(*hash)
            ));
        }
    }
    warnings
}

fn fees(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.base_fee_floor == 0 {
        warnings.push(
            "the base fee may fall to 0 (base_fee_floor): whoever posts transactions pays nothing"
                .to_owned(),
        );
    } else if config.base_fee_floor > HIGH_FEE {
        warnings.push(format!(
            "a transfer costs more than a tez at the lowest base fee, {} wei (base_fee_floor)",
            config.base_fee_floor
        ));
    }
    let recipient = config.fee_recipient;
    if recipient == Address::ZERO {
        warnings.push(
            "the priority fees go to the zero address, where they are lost (fee_recipient)"
                .to_owned(),
        );
    } else if recipient.0.0[..18] == [0; 18]
        || recipient.0.0[0] == 0xff && recipient.0.0[1..18] == [0; 17]
    {
        warnings.push(format!(
            "the priority fees go to {recipient}, an address that the chain keeps for itself \
             (fee_recipient): nobody has its key"
        ));
    } else if derive(KNOWN_ACCOUNTS)
        .is_ok_and(|known| known.iter().any(|account| account.address == recipient))
    {
        warnings.push(format!(
            "the priority fees go to {recipient}, an account of the mnemonic that development nodes \
             share (fee_recipient): everybody has its key"
        ));
    }
    warnings
}

/// Warns of storage that grows without bound.
fn grows(config: &Config) -> Option<String> {
    if config.queue_bytes > LARGE_QUEUE {
        return Some(format!(
            "the queue may grow to {} bytes, which all nodes keep: at most {LARGE_QUEUE} \
             (queue_bytes)",
            config.queue_bytes
        ));
    }
    (config.kept_blocks > YEAR).then(|| {
        format!(
            "{} blocks are kept, over a year of levels, and the state grows all that time \
             (kept_blocks)",
            config.kept_blocks
        )
    })
}

fn budgets(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let most = MAX_BLOCK_GAS / 2 * 5;
    if config.run_budget > most {
        warnings.push(format!(
            "a run may do {} units of work, which may not fit the machine: at most {most} \
             (run_budget)",
            config.run_budget
        ));
    }
    if config.level_budget > MOST_LEVEL {
        warnings.push(format!(
            "a level may do {} units of work, which may not be done before the next: at most \
             {MOST_LEVEL} (level_budget)",
            config.level_budget
        ));
    }
    warnings
}

fn bounds(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.block_gas_limit > MAX_BLOCK_GAS {
        warnings.push(format!(
            "a block of {} units of gas may not fit a run of the machine, and a run that does not \
             fit stops the rollup for ever: at most {MAX_BLOCK_GAS} (block_gas_limit)",
            config.block_gas_limit
        ));
    } else if config.block_gas_limit > MEASURED_BLOCK_GAS {
        warnings.push(format!(
            "a block of {} units of gas is larger than any that was measured: up to \
             {MEASURED_BLOCK_GAS} is known to fit a run with room to spare (block_gas_limit)",
            config.block_gas_limit
        ));
    } else if config.block_gas_limit < 1_000_000 {
        warnings.push(format!(
            "a block has {} units of gas: hardly a contract can be deployed (block_gas_limit)",
            config.block_gas_limit
        ));
    }
    warnings.extend(budgets(config));
    if config.queue_bytes < SMALL_QUEUE {
        warnings.push(format!(
            "the queue holds {} bytes: what does not fit is dropped (queue_bytes)",
            config.queue_bytes
        ));
    }
    warnings.extend(grows(config));
    if config.reassign_after < DAY {
        warnings.push(format!(
            "governance may give away a kept deposit after {} levels, less than a day \
             (reassign_after)",
            config.reassign_after
        ));
    } else if config.reassign_after > 10 * YEAR {
        warnings.push(format!(
            "governance may give a kept deposit that nobody claims to somebody after {} levels, \
             over ten years: it is as good as lost (reassign_after)",
            config.reassign_after
        ));
    }
    match config.revisions.first() {
        Some((from, _)) if *from > 0 => warnings.push(format!(
            "the first revision holds from block {from} on; before, it is Osaka (revisions)"
        )),
        _ => {}
    }
    if config
        .revisions
        .iter()
        .any(|(_, one)| *one == Revision::Amsterdam)
    {
        warnings.push("Amsterdam is not final yet (revisions)".to_owned());
    }
    warnings
}

/// Balances that no ticket of layer 1 stands behind.
fn unbacked(config: &Config, instructions: &[Instruction]) -> Option<String> {
    config.ticketer?;
    let accounts = format!("{STATE}/a/");
    let mut total = U256::ZERO;
    for instruction in instructions {
        let Instruction::Set { value, to } = instruction else {
            continue;
        };
        let step = to.strip_prefix(&accounts);
        if step.and_then(evm::address).is_some()
            && let Some(account) = Account::decode(value)
        {
            total = total.saturating_add(account.balance);
        }
    }
    let tez = total / U256::from(10_u64.pow(18));
    (!total.is_zero()).then(|| {
        format!(
            "accounts start with {tez} tez that nobody deposited: whoever withdraws them takes the \
             tez of depositors"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Config {
        let contract = |byte: u8| {
            let mut hash = [byte; 20];
            hash[0] = 0;
            Some(hash)
        };
        Config {
            chain_id: 271_828,
            ticketer: contract(1),
            delayed_bridge: contract(2),
            kernel_governance: contract(3),
            fee_recipient: Address::repeat_byte(9),
            ..Config::default()
        }
    }

    #[test]
    fn a_setup_without_mistakes_has_no_warnings() {
        assert_eq!(of(&good(), &[]), [] as [String; 0]);
    }

    #[test]
    fn well_known_chains_are_told() {
        for id in [1, 1337, 31_337, 42_793, 128_123, 128_064, u64::MAX] {
            let config = Config {
                chain_id: id,
                ..good()
            };
            let warnings = of(&config, &[]);
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].contains(&id.to_string()), "{warnings:?}");
        }
    }

    #[test]
    fn fees_to_an_account_that_everybody_has_are_warned_of() {
        let config = Config {
            fee_recipient: alloy_primitives::address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
            ..good()
        };
        let warnings = of(&config, &[]);
        assert!(
            warnings[0].contains("everybody has its key"),
            "{warnings:?}"
        );
    }

    #[test]
    fn the_default_misses_all_that_an_operator_must_decide() {
        let warnings = of(&Config::default(), &[]).join("\n");
        for word in [
            "chain_id",
            "ticketer",
            "delayed_bridge",
            "kernel_governance",
            "fee_recipient",
        ] {
            assert!(warnings.contains(word), "{warnings}");
        }
    }
}
