//! A plan: what was decided, and what the steps gave so far.

use super::PlanArgs;
use super::public;
use super::scripts::{SCRIPTS, script_of};
use super::step::Step;
use crate::address::{Kt1, Sr1};
use crate::installer::{self, InstallerArgs, PARAMETERS};
use crate::settings::Settings;
use crate::setup::Target;
use crate::{files, genesis};
use anyhow::{Context, bail, ensure};
use michelson::{Contract, Node, Type, Value, encoding};
use pvm::Purpose;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The step that originates the rollup.
pub(super) const ROLLUP: &str = "rollup";

/// The rollup whose hash is zeros: tools show it if there is none.
const NO_ROLLUP: &str = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57";

/// The chains of layer 1 that are known to last.
const NETWORKS: [(&str, &str); 2] = [
    ("NetXdQprcVkpaWU", "Mainnet"),
    ("NetXnHfVqm9iesp", "Ghostnet"),
];

/// Files of the plan's folder.
pub(super) const SETUP: &str = "setup.yaml";
const INSTALLER: &str = "installer.hex";
const PAGES: &str = "preimages";

/// The form of the file.
const VERSION: u32 = 1;

/// A plan.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    version: u32,
    /// The chain of layer 1.
    pub(super) network: String,
    deployer: String,
    kernel: PathBuf,
    installer_kernel: Option<PathBuf>,
    alloc: Option<PathBuf>,
    settings: Settings,
    keys: Vec<String>,
    threshold: usize,
    tokens: Vec<Token>,
    /// Results of steps: addresses; nothing for calls.
    done: BTreeMap<String, String>,
}

/// A token to wrap.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Token {
    contract: Kt1,
    /// Of FA2.
    id: Option<u64>,
}

impl Plan {
    /// The plan of these options, and what to think about before it is carried out.
    pub(super) fn new(args: &PlanArgs) -> anyhow::Result<(Self, Vec<String>)> {
        let mut settings = args.options;
        if let Some(path) = &args.settings {
            settings = settings.or(Settings::read(path)?);
        }
        let kernel = files::built("evm_kernel.wasm", args.kernel.as_deref(), "--kernel")?;
        let tokens = args.tokens.iter().map(|text| token(text));
        let plan = Self {
            version: VERSION,
            network: args.network.clone(),
            deployer: args.deployer.clone(),
            kernel,
            installer_kernel: args.installer_kernel.clone(),
            alloc: args.alloc.clone(),
            keys: args.keys.clone(),
            threshold: args.threshold,
            tokens: tokens.collect::<anyhow::Result<_>>()?,
            done: [
                ("exchanger", settings.ticketer),
                ("delayed_inbox", settings.delayed_bridge),
                ("governance", settings.kernel_governance),
            ]
            .into_iter()
            .filter_map(|(name, known)| Some((name.to_owned(), known?.to_string())))
            .collect(),
            settings,
        };
        let mut warnings = plan.sound()?;
        warnings.extend(plan.unknown_network());
        warnings.extend(public::warnings(&plan.deployer, &plan.keys));
        plan.evm_kernel()?;
        // As if all contracts were there: what is wrong shows now, not at the last step.
        let mut complete = plan.settings;
        for (index, setting) in [
            &mut complete.ticketer,
            &mut complete.delayed_bridge,
            &mut complete.kernel_governance,
        ]
        .into_iter()
        .enumerate()
        {
            let stand_in = messages::hash::blake2b_160(&[index as u8]);
            setting.get_or_insert(Kt1(stand_in));
        }
        warnings.extend(genesis::make(plan.alloc.as_deref(), &complete)?.warnings);
        Ok((plan, warnings))
    }

    /// The contracts are those of the EVM kernel: another would be wired to them for good.
    fn evm_kernel(&self) -> anyhow::Result<()> {
        let kernel = self.kernel()?;
        let path = self.kernel.display();
        ensure!(
            Target::of(&kernel) == Target::Evm,
            "--kernel: {path} is not an EVM kernel, which the contracts of a plan are for"
        );
        if let Some(why) = Purpose::of(&kernel).warning() {
            bail!("--kernel: {path} is {why}");
        }
        Ok(())
    }

    /// Checks the decisions, also in a file that somebody edited.
    fn sound(&self) -> anyhow::Result<Vec<String>> {
        let base58 = |text: &str, ty: Type| {
            encoding::from_base58(text, &ty).map_err(|why| anyhow::anyhow!("{text:?}: {why}"))
        };
        base58(&self.network, Type::ChainId).context("--network")?;
        let deployer = base58(&self.deployer, Type::KeyHash);
        let deployer = deployer.context("--deployer is an account with a key")?;
        ensure!(
            !deployer.ends_with(&[0; 20]),
            "--deployer {} is the null address: nobody has its key",
            self.deployer
        );
        self.tokens_differ()?;
        self.governance()
    }

    /// Two wrappers of a token would split what is deposited.
    fn tokens_differ(&self) -> anyhow::Result<()> {
        for (index, token) in self.tokens.iter().enumerate() {
            ensure!(
                !self.tokens.iter().take(index).any(|other| other == token),
                "--token {} is named twice",
                token.contract
            );
        }
        Ok(())
    }

    fn unknown_network(&self) -> Option<String> {
        let known = NETWORKS.iter().any(|(id, _)| *id == self.network);
        let names: Vec<String> = NETWORKS
            .iter()
            .map(|(id, name)| format!("{name}, {id}"))
            .collect();
        (!known).then(|| {
            format!(
                "{} is none of the networks that are known here ({}): what keys of governance \
                 sign holds on it alone (--network)",
                self.network,
                names.join("; ")
            )
        })
    }

    /// Checks the governance keys and the threshold.
    fn governance(&self) -> anyhow::Result<Vec<String>> {
        let mut warnings = Vec::new();
        if self.settings.kernel_governance.is_some() {
            ensure!(
                self.keys.is_empty(),
                "kernel_governance names a contract that is there: its keys are its own"
            );
            return Ok(warnings);
        }
        ensure!(
            !self.keys.is_empty(),
            "who governs? --governance-key edpk… for each key, and --threshold"
        );
        let mut keys = BTreeSet::new();
        for key in &self.keys {
            let bytes = encoding::from_base58(key, &Type::Key)
                .map_err(|why| anyhow::anyhow!("--governance-key {key:?}: {why}"))?;
            ensure!(keys.insert(bytes), "the key {key} is named twice");
        }
        ensure!(
            self.threshold > 0,
            "how many of the {} keys must sign? --threshold NUMBER, at least 1",
            keys.len()
        );
        ensure!(
            self.threshold <= keys.len(),
            "--threshold {}: there are {} keys",
            self.threshold,
            keys.len()
        );
        if self.keys.iter().any(|key| key.starts_with("BLpk")) {
            warnings.push(
                "a key of tz4 governs: `govern` makes no call with its signatures".to_owned(),
            );
        }
        if self.threshold == 1 {
            warnings.push("one key alone decides on upgrades (--threshold 1)".to_owned());
        }
        if self.threshold == keys.len() && keys.len() > 1 {
            warnings.push("if one key is lost, governance is (--threshold is all keys)".to_owned());
        }
        Ok(warnings)
    }

    /// The plan in a file.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let plan: Self = serde_json::from_str(&files::text(path)?)
            .with_context(|| format!("{} is not a plan", path.display()))?;
        ensure!(
            plan.version == VERSION,
            "{} is a plan of version {}, not {VERSION}",
            path.display(),
            plan.version
        );
        plan.sound().with_context(|| path.display().to_string())?;
        Ok(plan)
    }

    /// Writes the plan: whole, or not at all.
    pub(super) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let new = path.with_extension("new");
        std::fs::write(&new, text + "\n")
            .and_then(|()| std::fs::rename(&new, path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes the contracts' scripts below the folder.
    pub(super) fn write_scripts(&self, folder: &Path) -> anyhow::Result<()> {
        let folder = folder.join("contracts");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        for (name, text) in SCRIPTS {
            let file = folder.join(format!("{name}.tz"));
            std::fs::write(&file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }

    /// The result of a step.
    pub(super) fn result(&self, name: &str) -> Option<&str> {
        self.done.get(name).map(String::as_str)
    }

    /// Notes the address that a step gave.
    pub(super) fn note(&mut self, step: &Step, address: &str) -> anyhow::Result<()> {
        let kind = match step.gives {
            "KT1" => address.parse::<Kt1>().map(|_| ()),
            "sr1" => address.parse::<Sr1>().map(|_| ()),
            _ => bail!("the step {} gives no address: --done", step.name),
        };
        kind.map_err(anyhow::Error::msg)
            .with_context(|| format!("the step {}", step.name))?;
        ensure!(
            address != NO_ROLLUP,
            "{address} is the null address, which no rollup has"
        );
        ensure!(
            !self
                .tokens
                .iter()
                .any(|token| token.contract.to_string() == address),
            "{address} is a token, not what the step {} gave",
            step.name
        );
        if let Some((other, _)) = self.done.iter().find(|(_, known)| *known == address) {
            bail!("{address} is what the step {other} gave");
        }
        self.done.insert(step.name.clone(), address.to_owned());
        Ok(())
    }

    /// Notes that a call is done.
    pub(super) fn note_done(&mut self, step: &Step) -> anyhow::Result<()> {
        ensure!(
            step.gives.is_empty(),
            "the step {} gives an address: --address {}…",
            step.name,
            step.gives
        );
        self.done.insert(step.name.clone(), String::new());
        Ok(())
    }

    /// All steps, in order.
    pub(super) fn steps(&self, folder: &Path) -> Vec<Step> {
        let mut steps = vec![
            self.contract("exchanger", "tez to tickets and back", folder),
            self.contract("bridge", "takes deposits of tez", folder),
            self.contract("delayed_inbox", "forces transactions in", folder),
            self.contract("governance", "n of m keys decide on upgrades", folder),
        ];
        for index in 0..self.tokens.len() {
            let name = format!("token_wrapper_{index}");
            steps.push(self.contract(&name, "takes deposits of a token", folder));
        }
        steps.push(self.contract("fast_withdrawal", "pays withdrawals early", folder));
        steps.push(self.rollup(folder));
        for target in ["delayed_inbox", "fast_withdrawal"] {
            steps.push(self.wire(target));
        }
        steps
    }

    fn contract(&self, name: &str, purpose: &'static str, folder: &Path) -> Step {
        let script = script_of(name);
        let file = folder.join("contracts").join(format!("{script}.tz"));
        let mut step = Step::new(name, purpose, "KT1", self.done.contains_key(name));
        if let Some(storage) = self.storage(name) {
            step.originate(&self.deployer, script, &file, &storage);
        }
        step
    }

    /// A contract's first storage, once the addresses in it are known.
    pub(super) fn storage(&self, name: &str) -> Option<Node> {
        let text = |text: &str| Node::Text(text.to_owned());
        let exchanger = self.result("exchanger").map(text);
        let left = |inside: Node| Node::prim("Left", vec![inside]);
        let pair = |a: Node, b: Node| Node::prim("Pair", vec![a, b]);
        let deployer = left(text(&self.deployer));
        Some(match script_of(name) {
            "exchanger" => Node::prim("Unit", vec![]),
            "bridge" => pair(exchanger?, Node::prim("None", vec![])),
            "delayed_inbox" => deployer,
            "governance" => pair(
                Node::Int(0),
                pair(Node::Int(self.threshold as i128), self.key_set()?),
            ),
            "fast_withdrawal" => pair(pair(deployer, exchanger?), Node::Sequence(vec![])),
            _ => {
                let index: usize = name.rsplit('_').next()?.parse().ok()?;
                let Token { contract, id } = self.tokens.get(index)?;
                let contract = text(&contract.to_string());
                match id {
                    None => left(contract),
                    Some(id) => Node::prim("Right", vec![pair(contract, Node::Int((*id).into()))]),
                }
            }
        })
    }

    /// The keys in the order of their bytes, as a set is written.
    fn key_set(&self) -> Option<Node> {
        let keys: Option<BTreeMap<Vec<u8>, &String>> = self
            .keys
            .iter()
            .map(|key| Some((encoding::from_base58(key, &Type::Key).ok()?, key)))
            .collect();
        let keys = keys?.into_values().map(|key| Node::Text(key.clone()));
        Some(Node::Sequence(keys.collect()))
    }

    fn rollup(&self, folder: &Path) -> Step {
        let done = self.done.contains_key(ROLLUP);
        let mut step = Step::new(ROLLUP, "the rollup itself, with its kernel", "sr1", done);
        if self.complete().is_some() {
            step.rollup(&self.deployer, &folder.join(INSTALLER), PARAMETERS);
        }
        step
    }

    fn wire(&self, target: &str) -> Step {
        let name = format!("wire_{target}");
        let mut step = Step::new(
            &name,
            "the contract learns which rollup it is for",
            "",
            self.done.contains_key(&name),
        );
        if let (Some(contract), Some(rollup)) = (self.result(target), self.result(ROLLUP)) {
            step.call(
                &self.deployer,
                (contract, "wire"),
                &Node::Text(rollup.to_owned()),
            );
        }
        step
    }

    /// The settings with the contracts' addresses, once they are known.
    fn complete(&self) -> Option<Settings> {
        let known = |name: &str| self.result(name)?.parse::<Kt1>().ok();
        let mut settings = self.settings;
        settings.ticketer = Some(known("exchanger")?);
        settings.delayed_bridge = Some(known("delayed_inbox")?);
        settings.kernel_governance = Some(known("governance")?);
        Some(settings)
    }

    /// Makes the setup, the installer and its pages in the folder.
    pub(super) fn build(&self, folder: &Path) -> anyhow::Result<installer::Made> {
        self.evm_kernel()?;
        let settings = self.complete().context("contracts are missing")?;
        let setup = folder.join(SETUP);
        let made = genesis::make(self.alloc.as_deref(), &settings)?;
        std::fs::write(&setup, made.yaml)
            .with_context(|| format!("cannot write {}", setup.display()))?;
        installer::make(&InstallerArgs {
            kernel: self.kernel.clone(),
            output: folder.join(INSTALLER),
            preimages_dir: folder.join(PAGES),
            setup_file: Some(setup),
            parameters_type: Some(PARAMETERS.to_owned()),
            installer_kernel: self.installer_kernel.clone(),
            json: true,
        })
    }

    /// The kernel's bytes.
    pub(super) fn kernel(&self) -> anyhow::Result<Vec<u8>> {
        files::module(&self.kernel)
    }

    /// The contracts that are there: name and address.
    pub(super) fn contracts(&self, folder: &Path) -> Vec<(String, String)> {
        let steps = self.steps(folder).into_iter();
        let steps = steps.filter(|step| step.gives == "KT1");
        steps
            .filter_map(|step| {
                let address = self.result(&step.name)?.to_owned();
                Some((step.name, address))
            })
            .collect()
    }

    /// A contract's first storage, as a value of its type.
    pub(super) fn first(&self, name: &str, contract: &Contract) -> anyhow::Result<Value> {
        let node = self.storage(name);
        let node = node.context("the plan has no storage for it")?;
        Ok(encoding::read(&node, contract.storage())?)
    }

    /// A contract's storage once all is wired, as a value of its type: what it is at
    /// first, with the rollup in the deployer's place.
    pub(super) fn wired(&self, name: &str, contract: &Contract) -> anyhow::Result<Value> {
        let mut node = self
            .storage(name)
            .context("the plan has no storage for it")?;
        if let Some(rollup) = self.result(ROLLUP) {
            let end = Node::prim("Right", vec![Node::Text(rollup.to_owned())]);
            match (&mut node, script_of(name)) {
                (node, "delayed_inbox") => *node = end,
                (Node::Prim { args, .. }, "fast_withdrawal") => {
                    if let Some(Node::Prim { args, .. }) = args.first_mut() {
                        args[0] = end;
                    }
                }
                _ => {}
            }
        }
        Ok(encoding::read(&node, contract.storage())?)
    }
}

fn token(text: &str) -> anyhow::Result<Token> {
    let contract = |text: &str| text.parse().map_err(anyhow::Error::msg);
    match text.split(':').collect::<Vec<_>>()[..] {
        ["fa12", address] => Ok(Token {
            contract: contract(address)?,
            id: None,
        }),
        ["fa2", address, id] => Ok(Token {
            contract: contract(address)?,
            id: Some(
                id.parse()
                    .with_context(|| format!("{id:?} is not a token id"))?,
            ),
        }),
        _ => bail!("{text:?} is not a token: fa12:KT1… or fa2:KT1…:ID"),
    }
}
