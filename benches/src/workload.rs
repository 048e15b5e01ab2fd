//! The signed transactions that peers were measured with, and one workload of our own.

use crate::amm::Amm;
use alloy_primitives::{Address, U256};
use e2e_tests::{Rollup, Setup};
use pvm::{Durable, Metering};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

/// Where the workloads lie, seen from this package.
pub(crate) const FOLDER: &str = "../shared/workloads";

/// The files to measure, in the order of the table.
const NAMES: [&str; 6] = [
    "transfers_200",
    "erc20_200",
    "compute_1",
    "keccak_1",
    "sstore_6",
    "deploy_10",
];

/// All workloads and what they start from.
#[derive(Debug)]
pub(crate) struct Workloads {
    pub(crate) setup: Setup,
    pub(crate) setup_levels: Vec<Vec<Vec<u8>>>,
    pub(crate) named: Vec<(String, Vec<Vec<u8>>)>,
}

#[derive(Deserialize)]
struct SetupFile {
    levels: Vec<Vec<Signed>>,
}

#[derive(Deserialize)]
struct File {
    txs: Vec<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    raw: String,
}

impl Workloads {
    /// Reads the files; `None` where the folder is absent.
    pub(crate) fn load() -> Result<Option<Self>, Box<dyn Error>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(FOLDER);
        if !folder.exists() {
            return Ok(None);
        }
        let accounts = fs::read_to_string(folder.join("accounts.json"))?;
        let accounts: BTreeMap<Address, U256> = serde_json::from_str(&accounts)?;
        let setup: SetupFile =
            serde_json::from_str(&fs::read_to_string(folder.join("signed/setup.json"))?)?;
        let named = NAMES.iter().map(|name| {
            let text = fs::read_to_string(folder.join(format!("signed/{name}.json")))?;
            let file: File = serde_json::from_str(&text)?;
            Ok((name.to_string(), raws(file.txs)?))
        });
        let mut named = named.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        let levels = setup.levels.into_iter().map(raws);
        let mut setup_levels = levels.collect::<Result<Vec<_>, _>>()?;
        let amm = Amm::new();
        setup_levels.extend(amm.setup_levels);
        named.push(("amm_50".to_owned(), amm.swaps));
        Ok(Some(Self {
            setup: Setup {
                balances: accounts.into_iter().chain(amm.balances).collect(),
                ..Setup::default()
            },
            setup_levels,
            named,
        }))
    }

    /// Durable storage after the setup levels: what every workload starts from.
    pub(crate) fn start(&self) -> Result<Durable, Box<dyn Error>> {
        let mut rollup = Rollup::new(&self.setup);
        rollup.empty_level();
        let mut sent = 0;
        for level in &self.setup_levels {
            rollup.level(level);
            sent += level.len();
        }
        let included = rollup.since(0);
        if included.len() != sent || !included.iter().all(|included| included.receipt.success) {
            return Err(format!(
                "setup: {sent} transactions sent, {} included",
                included.len()
            )
            .into());
        }
        Ok(rollup.durable().clone())
    }

    /// A rollup that goes on from `start`.
    pub(crate) fn rollup(&self, start: &Durable, metering: Metering) -> Rollup {
        Rollup::from_durable(
            start.clone(),
            &Setup {
                metering,
                ..self.setup.clone()
            },
        )
    }
}

fn raws(signed: Vec<Signed>) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    signed
        .into_iter()
        .map(|signed| Ok(hex::decode(signed.raw.trim_start_matches("0x"))?))
        .collect()
}
