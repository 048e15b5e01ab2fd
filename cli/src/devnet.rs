//! `evm-rollup devnet`: a local Ethereum node on the compiled kernel.

mod banner;
mod fork;
mod lines;
mod signals;
mod values;

pub(crate) use lines::{LogFormat, log_lines};
pub(crate) use signals::{STOP_TIME, signals};
pub(crate) use values::post;

use crate::setup::{self, Target};
use crate::{abis, files, installer};
use alloy_primitives::U256;
use anyhow::Context;
use banner::{Banner, UNIT, start};
use clap::Args;
use fork::ForkArgs;
use node::accounts::MNEMONIC;
use node::devnet::{MAX_CODE_SIZE_LIMIT, Plan};
use node::genesis::{Genesis, config_of};
use node::rpc::site::{SharedSite, Site};
use node::state_file::{self, Dump};
use node::{BlockTime, DevnetError, Handle, Options, Parameters, Post};
use pvm::installer::Installer;
use std::io::{ErrorKind, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use storage::config::Revision;
use tracing_appender::non_blocking::NonBlocking;
use values::{block_time, mnemonic, state_path};

/// The name of the kernel's module.
const KERNEL: &str = "evm_kernel.wasm";

/// The options of `devnet`.
#[derive(Args, Debug)]
pub(crate) struct DevnetArgs {
    /// A TOML file of options, with `_` for `-` in their names. Options override environment
    /// variables, which override the file. Relative paths in it start at the working directory
    #[arg(long, value_name = "FILE", env = "EVM_ROLLUP_CONFIG")]
    config: Option<PathBuf>,
    /// Print every setting and its source, as a file for --config, and exit
    #[arg(long)]
    print_config: bool,
    /// The address to listen at
    #[arg(long, default_value = "127.0.0.1", env = "EVM_ROLLUP_HOST")]
    host: IpAddr,
    /// The port to listen at; 0 for any free port
    #[arg(long, default_value_t = 8545, env = "EVM_ROLLUP_PORT")]
    port: u16,
    /// When to make blocks: `auto` (as soon as a transaction arrives), or the seconds between blocks
    #[arg(long, default_value = "auto", value_name = "auto|SECONDS", value_parser = block_time, env = "EVM_ROLLUP_BLOCK_TIME")]
    block_time: BlockTime,
    /// Make blocks on request alone (`evm_mine`)
    #[arg(long, conflicts_with = "block_time", env = "EVM_ROLLUP_NO_MINING")]
    no_mining: bool,
    /// The way transactions are posted: `batches` (several in one message, in few bytes) or `raw` (each by
    /// itself)
    #[arg(long, default_value = "batches", value_name = "batches|raw", value_parser = post, env = "EVM_ROLLUP_POST")]
    post: Post,
    /// The chain id [default: from the genesis file, or 1337]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), env = "EVM_ROLLUP_CHAIN_ID")]
    chain_id: Option<u64>,
    /// A go-ethereum genesis file with further accounts
    #[arg(long, value_name = "FILE", env = "EVM_ROLLUP_GENESIS")]
    genesis: Option<PathBuf>,
    /// The number of funded accounts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=MAX_ACCOUNTS), env = "EVM_ROLLUP_ACCOUNTS")]
    accounts: u32,
    /// The mnemonic of their keys (BIP-39)
    #[arg(long, default_value = MNEMONIC, value_name = "WORDS", value_parser = mnemonic, env = "EVM_ROLLUP_MNEMONIC")]
    mnemonic: String,
    /// Balance of each account, in tez (10^18 wei)
    #[arg(
        long,
        default_value_t = 10_000,
        value_name = "TEZ",
        env = "EVM_ROLLUP_BALANCE"
    )]
    balance: u64,
    /// The gas of a block [default: from the genesis file, or 2^24, what a transaction may ask for]
    #[arg(long, value_name = "GAS", value_parser = clap::value_parser!(u64).range(21_000..=MAX_GAS_LIMIT), env = "EVM_ROLLUP_GAS_LIMIT")]
    gas_limit: Option<u64>,
    /// The lowest base fee, where it starts, in wei per gas [default: from the genesis file, or 10^9]
    #[arg(long, value_name = "WEI", env = "EVM_ROLLUP_BASE_FEE")]
    base_fee: Option<u64>,
    /// Let a transaction ask for more than 2^24 gas, as before Osaka: Prague's rules hold then, without
    /// Osaka's precompile and instruction
    #[arg(long, env = "EVM_ROLLUP_NO_TRANSACTION_GAS_CAP")]
    no_transaction_gas_cap: bool,
    /// Let a contract of a new chain have so many bytes of code, and twice that of initcode; blocks
    /// are made natively then [default: Ethereum's 24,576]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..=MAX_CODE_SIZE_LIMIT), env = "EVM_ROLLUP_CODE_SIZE_LIMIT")]
    code_size_limit: Option<u64>,
    /// Leave out the deterministic deployer, Multicall3, Permit2 and Safe's singleton factory
    #[arg(long, env = "EVM_ROLLUP_NO_PREDEPLOYS")]
    no_predeploys: bool,
    /// The answer to web3_clientVersion [default: this program's name behind anvil/, which tools look for]
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new(), env = "EVM_ROLLUP_CLIENT_VERSION")]
    client_version: Option<String>,
    /// Start from the state in this file (anvil's JSON) if it exists, and save it there at the end.
    /// Messages on their way to layer 1 are not saved: --data-dir keeps them
    #[arg(long, value_name = "FILE", conflicts_with = "setup", value_parser = state_path, env = "EVM_ROLLUP_STATE")]
    state: Option<PathBuf>,
    /// The folder of its store: blocks, states, what waits, layer 1, snapshots and time are there
    /// again at the next start [default: nothing is kept]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["state", "fork_url"], env = "EVM_ROLLUP_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The CORS origin that may call, such as http://localhost:3000; `*` for any
    #[arg(
        long,
        default_value = "*",
        value_name = "ORIGIN",
        env = "EVM_ROLLUP_CORS"
    )]
    cors: String,
    /// Names that requests may call this node by, besides those of the loopback; `*` for any
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "EVM_ROLLUP_ALLOWED_HOSTS"
    )]
    allowed_hosts: Vec<String>,
    /// The folder of artefacts (Foundry's `out`, Hardhat's `artifacts`, build information) whose ABIs
    /// name calls, logs and errors on the pages
    #[arg(long, value_name = "DIR", env = "EVM_ROLLUP_ABIS")]
    abis: Option<PathBuf>,
    /// Serve no pages for browsers: JSON-RPC alone
    #[arg(long, env = "EVM_ROLLUP_NO_PAGE")]
    no_page: bool,
    /// Refuse tracers in JavaScript in debug_trace…: programs that callers send
    #[arg(long, conflicts_with = "js_tracers", env = "EVM_ROLLUP_NO_JS_TRACERS")]
    no_js_tracers: bool,
    /// Run tracers in JavaScript (the default of a devnet)
    #[arg(long, env = "EVM_ROLLUP_JS_TRACERS")]
    js_tracers: bool,
    /// Levels for which a commitment can be refuted, before its outbox messages can be executed
    #[arg(long, default_value_t = Parameters::default().challenge_window, value_name = "LEVELS", env = "EVM_ROLLUP_CHALLENGE_WINDOW")]
    challenge_window: u32,
    /// The folder of preimage pages that the kernel may reveal, to rehearse an upgrade
    #[arg(long, value_name = "DIR", value_parser = files::folder, env = "EVM_ROLLUP_PREIMAGES")]
    preimages: Option<PathBuf>,
    /// Rehearse an origination: the installer and pages of this setup file, with the contracts of
    /// layer 1 where it names them, and no accounts but those in it
    #[arg(long, value_name = "FILE.yaml", conflicts_with_all = ["genesis", "chain_id"], env = "EVM_ROLLUP_SETUP")]
    setup: Option<PathBuf>,
    /// The installer kernel for --setup [default: as the kernel]
    #[arg(
        long,
        value_name = "FILE",
        requires = "setup",
        env = "EVM_ROLLUP_INSTALLER_KERNEL"
    )]
    installer_kernel: Option<PathBuf>,
    /// The number of blocks whose states are kept; older ones are not there to call or trace
    #[arg(long, default_value_t = node::devnet::KEEP_STATES, value_name = "BLOCKS", value_parser = clap::value_parser!(u64).range(1..), env = "EVM_ROLLUP_KEEP_STATES")]
    keep_states: u64,
    /// Keep the states of all blocks
    #[arg(long, conflicts_with = "keep_states", env = "EVM_ROLLUP_ARCHIVE")]
    archive: bool,
    /// Stop the devnet if a run of the kernel takes more instructions. Counting makes every run
    /// slower [default: as many as the machine's limit on ticks allows]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), env = "EVM_ROLLUP_MAX_INSTRUCTIONS")]
    max_instructions: Option<u64>,
    /// The kernel [default: evm_kernel.wasm where `make kernel` puts it, or beside this program]
    #[arg(long, value_name = "FILE", env = "EVM_ROLLUP_KERNEL")]
    kernel: Option<PathBuf>,
    /// Print errors only
    #[arg(short, long, conflicts_with = "verbose", env = "EVM_ROLLUP_QUIET")]
    quiet: bool,
    /// The form of the log's lines: text, text behind its time, or an object of JSON each, the
    /// start included
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "text|time|json",
        env = "EVM_ROLLUP_LOG_FORMAT"
    )]
    log_format: LogFormat,
    /// The same as --log-format json
    #[arg(long, env = "EVM_ROLLUP_JSON")]
    json: bool,
    /// Also print the kernel's log
    #[arg(short, long, env = "EVM_ROLLUP_VERBOSE")]
    verbose: bool,
    // Last: its heading holds for all that follow.
    #[command(flatten)]
    fork: ForkArgs,
}

/// The most accounts: each takes a derivation.
const MAX_ACCOUNTS: i64 = 10_000;

/// The most gas of a block: with more a level would take minutes.
const MAX_GAS_LIMIT: u64 = 10_000_000_000;

/// Files that are no connections.
const OTHER_FILES: u64 = 128;

/// The time to stop in if the state is to be written.
const KEEP_TIME: Duration = Duration::from_secs(60);

impl DevnetArgs {
    const fn block_time(&self) -> BlockTime {
        match self.no_mining {
            true => BlockTime::Manual,
            false => self.block_time,
        }
    }

    const fn keep_states(&self) -> u64 {
        match self.archive {
            true => u64::MAX,
            false => self.keep_states,
        }
    }
}

/// Runs until interrupted; tells whether the chain ended by itself, which it must not.
pub(crate) fn run(args: &DevnetArgs) -> anyhow::Result<ExitCode> {
    // Written by a thread of its own: the node does not wait for who reads.
    let (writer, _flushed) = tracing_appender::non_blocking(std::io::stdout());
    let json = args.json || args.log_format == LogFormat::Json;
    let format = match json {
        true => LogFormat::Json,
        false => args.log_format,
    };
    log_lines(format, (args.quiet, args.verbose), writer.clone());
    if let Some(warning) = warning(args.host) {
        tracing::warn!("{warning}");
    }
    let genesis = genesis(args)?;
    let options = Options {
        host: args.host,
        port: args.port,
        block_time: args.block_time(),
        predeploys: !args.no_predeploys,
        client_version: args.client_version.clone(),
        mnemonic: args.mnemonic.clone(),
        balance: U256::from(args.balance) * U256::from(UNIT),
        allowed_hosts: args.allowed_hosts.clone(),
        state: match &args.state {
            Some(path) if path.exists() => Some(state(path)?),
            _ => None,
        },
        data_dir: args.data_dir.clone(),
        site: site(args.no_page),
        js_tracers: args.js_tracers || !args.no_js_tracers,
        names: abis::names(args.abis.as_deref())?,
        post: args.post,
        chain_id: args.chain_id.unwrap_or(genesis.config.chain_id),
        accounts: args.accounts,
        genesis,
        cors: args.cors.clone(),
        preimages: args.preimages.clone(),
        fork: args.fork.options()?,
        fork_chain_id: args.chain_id,
        keep_states: args.keep_states(),
        max_instructions: args.max_instructions,
        code_size_limit: args.code_size_limit,
        connections: connections(),
        layer1: Parameters {
            challenge_window: args.challenge_window,
            ..Parameters::default()
        },
        ..Options::new(files::built(KERNEL, args.kernel.as_deref(), "--kernel")?)
    };
    let (options, _pages) = match &args.setup {
        Some(setup) => rehearsal(options, setup, args.installer_kernel.as_deref())?,
        None => (options, None),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let banner = (!args.quiet).then_some((writer, json));
    let ended = runtime.block_on(serve(options, banner, args.state.as_deref()));
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

/// The pages for browsers, unless nobody wants them.
pub(crate) fn site(no_page: bool) -> SharedSite {
    (!no_page).then(|| Arc::new(page::Pages::default()) as Arc<dyn Site>)
}

/// The gas of a block by default: what a transaction may ask for, since some tools ask for
/// what the block has (EIP-7825).
const GAS_LIMIT: u64 = 1 << 24;

/// The start of the chain, with the options that change it.
fn genesis(args: &DevnetArgs) -> anyhow::Result<Genesis> {
    let mut genesis = match &args.genesis {
        None => {
            let mut genesis = Genesis::default();
            genesis.config.block_gas_limit = GAS_LIMIT;
            genesis
        }
        Some(path) => files::text(path)
            .and_then(|text| Ok(Genesis::from_json(&text)?))
            .with_context(|| format!("invalid genesis file {}", path.display()))?,
    };
    let config = &mut genesis.config;
    config.block_gas_limit = args.gas_limit.unwrap_or(config.block_gas_limit);
    config.base_fee_floor = args.base_fee.unwrap_or(config.base_fee_floor);
    if args.no_transaction_gas_cap {
        config.revisions = vec![(0, Revision::Prague)];
        tracing::warn!(
            "a transaction may ask for all the gas of a block: Prague's rules hold, not Osaka's"
        );
    }
    Ok(genesis)
}

/// The most bytes of a state file, as it can be read again.
const MAX_STATE: usize = 512 << 20;

/// The contents of a state file.
fn state(path: &Path) -> anyhow::Result<Dump> {
    let text = files::text(path)?;
    state_file::read(text.as_bytes())
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("invalid state file {}", path.display()))
}

/// Writes the newest state, in one move.
fn keep_state(devnet: &Handle, path: &Path) -> anyhow::Result<()> {
    let text = state_file::write(devnet.node(), MAX_STATE)?;
    let new = path.with_extension("new");
    let wrote = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path));
    wrote.with_context(|| format!("cannot write {}", path.display()))
}

/// Pages that are gone at the end.
struct Pages(PathBuf);

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The devnet of what a setup file originates. Its pages go into the folder of pages,
/// or into one that lasts as long as the devnet.
fn rehearsal(
    mut options: Options,
    path: &Path,
    installer_kernel: Option<&Path>,
) -> anyhow::Result<(Options, Option<Pages>)> {
    let kernel = files::kernel(&options.kernel)?;
    let setup = setup::read(path, Target::of(&kernel))?;
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    let base = files::built(installer::INSTALLER, installer_kernel, "--installer-kernel")?;
    let made = Installer::new(&files::kernel(&base)?, &kernel, &setup.instructions)?;
    let kept = match &options.preimages {
        Some(_) => None,
        None => {
            let name = format!("evm-rollup-{}", std::process::id());
            Some(Pages(std::env::temp_dir().join(name)))
        }
    };
    let folder = match &kept {
        Some(Pages(folder)) => folder.clone(),
        None => options.preimages.clone().unwrap_or_default(),
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    for (hash, page) in &made.pages {
        let file = folder.join(hex::encode(hash));
        std::fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    options.preimages = Some(folder);
    options.plan = Some(Plan {
        installer: made.module,
        config: config_of(&setup.instructions)?,
    });
    Ok((options, kept))
}

/// The warning for a node that others can reach.
fn warning(host: IpAddr) -> Option<String> {
    (!host.is_loopback()).then(|| {
        format!(
            "listening at {host}: everyone who can reach this machine can use the accounts and change the chain"
        )
    })
}

async fn serve(
    options: Options,
    banner: Option<(NonBlocking, bool)>,
    state: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let words = options.mnemonic.clone();
    let page = options.site.is_some();
    let any_port = options.port == 0;
    let folder = options.data_dir.clone();
    let signal = signals(if state.is_some() {
        KEEP_TIME
    } else {
        STOP_TIME
    })?;
    let started = node::devnet(options).await;
    let mut devnet = started.map_err(explain)?;
    devnet.node().abis.tell_errors(page::error_words);
    tell_start(&devnet, folder.as_deref(), state);
    if banner.is_none() && any_port {
        // It is not known otherwise.
        println!("{}", devnet.url());
    }
    if let Some((mut writer, json)) = banner {
        // Who does not want to read it need not.
        let _ = match json {
            true => writeln!(writer, "{}", start(&devnet, &words)),
            false => {
                let banner = Banner {
                    devnet: &devnet,
                    mnemonic: &words,
                    page,
                };
                write!(writer, "{banner}")
            }
        };
    }
    tokio::select! {
        _ = signal => tracing::info!("told to stop"),
        () = devnet.finished() => {
            tracing::error!("the devnet stopped");
            return Ok(ExitCode::from(crate::FOUND_WRONG));
        }
    }
    if let Some(path) = state {
        keep_state(&devnet, path)?;
    }
    // It waits for the level that runs.
    let stopped = tokio::task::spawn_blocking(move || devnet.stop());
    let _ = stopped.await;
    Ok(ExitCode::SUCCESS)
}

/// Logs where the chain is kept, and which block it goes on after.
fn tell_start(devnet: &Handle, folder: Option<&Path>, state: Option<&Path>) {
    let (Some(path), Ok(latest)) = (folder.or(state), devnet.node().latest()) else {
        return;
    };
    let number = latest.header.number;
    if number == 0 {
        return tracing::info!("the chain is kept in {}", path.display());
    }
    tracing::info!("goes on after block {number} of {}", path.display());
    if state.is_some() {
        tracing::warn!(
            "layer 1 begins anew: a state file has no deposits, withdrawals and tickets of it \
             (--data-dir keeps them)"
        );
    }
}

/// The most connections that the limit of open files leaves room for, which is raised
/// first.
pub(crate) fn connections() -> usize {
    // What cannot be raised stays as it is.
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    usize::try_from(files.saturating_sub(OTHER_FILES))
        .unwrap_or(usize::MAX)
        .clamp(1, node::devnet::CONNECTIONS)
}

/// Says what to do if the port is taken.
fn explain(error: DevnetError) -> anyhow::Error {
    match &error {
        DevnetError::Listen { address, source } if source.kind() == ErrorKind::AddrInUse => {
            anyhow::anyhow!(
                "port {} of {} is in use, maybe by another devnet: choose another with --port (0: any free port)",
                address.port(),
                address.ip()
            )
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_time_is_auto_or_seconds() {
        assert_eq!(block_time("auto"), Ok(BlockTime::Auto));
        assert_eq!(
            block_time("2"),
            Ok(BlockTime::Every(Duration::from_secs(2)))
        );
        assert_eq!(
            block_time("0.5"),
            Ok(BlockTime::Every(Duration::from_millis(500)))
        );
        assert!(block_time("0").is_err());
        assert!(block_time("soon").is_err());
    }

    #[test]
    fn a_public_host_is_warned_of_and_the_loopback_is_not() {
        for public in ["0.0.0.0", "::", "192.168.1.2"] {
            let warning = warning(public.parse().unwrap()).expect("a warning");
            assert!(warning.contains(public), "{warning}");
        }
        for own in ["127.0.0.1", "127.9.9.9", "::1"] {
            assert_eq!(warning(own.parse().unwrap()), None);
        }
    }
}
