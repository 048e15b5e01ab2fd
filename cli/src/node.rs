//! `evm-rollup node`: an Ethereum node in front of a rollup that a rollup node of Octez runs.

use crate::address::Sr1;
use crate::devnet::{LogFormat, STOP_TIME, connections, log_lines, post, signals, site};
use crate::{abis, files};
use anyhow::{Context, bail, ensure};
use clap::Args;
use node::Post;
use node::follower::{self, FollowError, Origin, SnapshotPlan, StartError};
use node::store::StoreError;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The options of `node`.
#[derive(Args, Debug)]
pub(crate) struct NodeArgs {
    /// A TOML file of options, with `_` for `-` in their names. Options override environment
    /// variables, which override the file. Relative paths in it start at the working directory
    #[arg(long, value_name = "FILE", env = "EVM_ROLLUP_CONFIG")]
    config: Option<PathBuf>,
    /// Print every setting and its source, as a file for --config, and exit
    #[arg(long)]
    print_config: bool,
    /// The URL of the rollup node
    #[arg(
        long,
        value_name = "URL",
        env = "EVM_ROLLUP_ROLLUP_NODE",
        required_unless_present = "print_config"
    )]
    rollup_node: Option<String>,
    /// The rollup's address: a rollup node of another rollup is refused
    #[arg(long, value_name = "sr1…", env = "EVM_ROLLUP_ROLLUP", value_parser = rollup)]
    rollup: Option<String>,
    /// The kernel or installer that was originated (binary or in hex): every level since the
    /// origination is run
    #[arg(long, value_name = "FILE", env = "EVM_ROLLUP_KERNEL")]
    kernel: Option<PathBuf>,
    /// The level of the rollup's origination
    #[arg(long, value_name = "LEVEL", env = "EVM_ROLLUP_ORIGINATION_LEVEL")]
    origination_level: Option<u32>,
    /// Start from a copy of the rollup node's durable storage at the last final level, which is
    /// trusted; blocks from before are there as far as the kernel keeps them
    #[arg(long, env = "EVM_ROLLUP_FROM_STORAGE")]
    from_storage: bool,
    /// The folder of preimage pages that the kernel may reveal (the `wasm_2_0_0` folder of a rollup
    /// node's data)
    #[arg(long, value_name = "DIR", env = "EVM_ROLLUP_PREIMAGES", value_parser = files::folder)]
    preimages: Option<PathBuf>,
    /// Server of pages that are missing in the folder, each at URL/HASH, as for the rollup node's
    /// --pre-images-endpoint; what is fetched is kept in the folder
    #[arg(long, value_name = "URL", env = "EVM_ROLLUP_PREIMAGES_ENDPOINT")]
    preimages_endpoint: Option<String>,
    /// Time limit for an answer of the rollup node
    #[arg(long, env = "EVM_ROLLUP_ROLLUP_NODE_TIMEOUT", default_value_t = follower::PATIENCE.as_secs(), value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    rollup_node_timeout: u64,
    /// Compare every so many levels with what the rollup node has
    #[arg(long, env = "EVM_ROLLUP_VERIFY_EVERY", default_value_t = 1, value_name = "LEVELS", value_parser = clap::value_parser!(u32).range(1..))]
    verify_every: u32,
    /// The address to listen at
    #[arg(long, env = "EVM_ROLLUP_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen at; 0 for any free port
    #[arg(long, env = "EVM_ROLLUP_PORT", default_value_t = 8545)]
    port: u16,
    /// The way transactions are posted: `batches` (several in one message, in few bytes) or `raw` (each by
    /// itself)
    #[arg(long, env = "EVM_ROLLUP_POST", default_value = "batches", value_name = "batches|raw", value_parser = post)]
    post: Post,
    /// The CORS origin that may call, such as http://localhost:3000; `*` for any
    #[arg(
        long,
        env = "EVM_ROLLUP_CORS",
        default_value = "*",
        value_name = "ORIGIN"
    )]
    cors: String,
    /// The folder of artefacts (Foundry's `out`, Hardhat's `artifacts`, build information) whose ABIs
    /// name calls, logs and errors on the pages
    #[arg(long, env = "EVM_ROLLUP_ABIS", value_name = "DIR")]
    abis: Option<PathBuf>,
    /// Serve no pages for browsers: JSON-RPC alone
    #[arg(long, env = "EVM_ROLLUP_NO_PAGE")]
    no_page: bool,
    /// Run tracers in JavaScript that callers send (debug_trace…), in a C engine within this process
    #[arg(long, env = "EVM_ROLLUP_JS_TRACERS")]
    js_tracers: bool,
    /// Refuse tracers in JavaScript (the default of a node), whatever --js-tracers says
    #[arg(long, env = "EVM_ROLLUP_NO_JS_TRACERS")]
    no_js_tracers: bool,
    /// The number of blocks whose states are kept; older ones are not there to call or trace
    #[arg(long, env = "EVM_ROLLUP_KEEP_STATES", default_value_t = node::devnet::KEEP_STATES, value_name = "BLOCKS", value_parser = clap::value_parser!(u64).range(1..))]
    keep_states: u64,
    /// Keep the states of all blocks, whatever --keep-states says
    #[arg(long, env = "EVM_ROLLUP_ARCHIVE")]
    archive: bool,
    /// The folder of its store: blocks, states, what waits and where the node is are there again at
    /// the next start [default: nothing is kept, and the levels are run again]
    #[arg(long, value_name = "DIR", env = "EVM_ROLLUP_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Write a snapshot of the folder behind each so many levels, while the node goes on
    #[arg(long, value_name = "LEVELS", env = "EVM_ROLLUP_SNAPSHOT_EVERY", requires = "data_dir", value_parser = clap::value_parser!(u32).range(1..))]
    snapshot_every: Option<u32>,
    /// The folder for snapshots, LEVEL.snapshot each [default: the folder snapshots in --data-dir]
    #[arg(
        long,
        value_name = "DIR",
        env = "EVM_ROLLUP_SNAPSHOTS",
        requires = "snapshot_every"
    )]
    snapshots: Option<PathBuf>,
    /// The number of snapshots to keep
    #[arg(long, value_name = "COUNT", env = "EVM_ROLLUP_SNAPSHOTS_KEPT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    snapshots_kept: u32,
    /// The form of the log's lines: text, text behind its time, or an object of JSON each
    #[arg(
        long,
        env = "EVM_ROLLUP_LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "text|time|json"
    )]
    log_format: LogFormat,
    /// Print errors only
    #[arg(short, long, env = "EVM_ROLLUP_QUIET")]
    quiet: bool,
    /// Also print the kernel's log
    #[arg(short, long, env = "EVM_ROLLUP_VERBOSE")]
    verbose: bool,
}

/// The exit code if this node and the rollup node differ.
const DISAGREES: u8 = 3;

/// The exit code if the rollup node has another chain or rollup than it had.
const OTHER_CHAIN: u8 = 4;

/// The interval at which the start checks for a stop signal.
const TURN: Duration = Duration::from_millis(100);

/// Runs until interrupted, or until the rollup can no longer be followed.
pub(crate) fn run(args: &NodeArgs) -> anyhow::Result<ExitCode> {
    // The environment may say `false`, which clap takes for a conflict.
    ensure!(
        !(args.quiet && args.verbose),
        "--quiet and --verbose exclude each other"
    );
    // Written by a thread of its own: the node does not wait for who reads.
    let (writer, _flushed) = tracing_appender::non_blocking(std::io::stdout());
    log_lines(args.log_format, (args.quiet, args.verbose), writer);
    let ended = follow(args);
    match args.log_format {
        LogFormat::Text | LogFormat::Time => ended,
        // A line of the log like all others.
        LogFormat::Json => Ok(ended.unwrap_or_else(|error| {
            tracing::error!("{}", crate::once(&error));
            ExitCode::from(crate::BAD_USAGE)
        })),
    }
}

fn follow(args: &NodeArgs) -> anyhow::Result<ExitCode> {
    if !args.host.is_loopback() {
        tracing::warn!(
            "listening at {}: put a proxy in front that bounds what each client may ask",
            args.host
        );
    }
    let options = options(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(serve(options));
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

fn options(args: &NodeArgs) -> anyhow::Result<follower::Options> {
    let url = args.rollup_node.as_deref().unwrap_or_default();
    url_of_http(url).context("--rollup-node")?;
    node::tls::check()?;
    if let Some(endpoint) = &args.preimages_endpoint {
        ensure!(
            endpoint.starts_with("http://") || endpoint.starts_with("https://"),
            "--preimages-endpoint: expected http://… or https://…"
        );
        ensure!(
            args.preimages.is_some(),
            "--preimages-endpoint needs --preimages <DIR>, where pages are kept"
        );
    }
    let origin = match (&args.kernel, args.origination_level, args.from_storage) {
        (Some(_), _, true) => bail!("--kernel and --from-storage exclude each other"),
        (Some(kernel), Some(level), false) => Origin::Genesis {
            kernel: files::kernel(kernel)?,
            level,
        },
        (Some(_), None, false) => bail!("--kernel <FILE> needs --origination-level <LEVEL>"),
        (None, level, true) => Origin::Storage { level },
        (None, _, false) => bail!(
            "where does it start? Give --kernel <FILE> with --origination-level <LEVEL>, or --from-storage"
        ),
    };
    Ok(follower::Options {
        rollup: args.rollup.clone(),
        host: args.host,
        port: args.port,
        post: args.post,
        cors: args.cors.clone(),
        preimages: args.preimages.clone(),
        preimages_endpoint: args.preimages_endpoint.clone(),
        patience: Duration::from_secs(args.rollup_node_timeout),
        verify_every: args.verify_every,
        connections: connections(),
        keep_states: match args.archive {
            true => u64::MAX,
            false => args.keep_states,
        },
        data_dir: args.data_dir.clone(),
        snapshots: plan(args),
        site: site(args.no_page),
        js_tracers: args.js_tracers && !args.no_js_tracers,
        names: abis::names(args.abis.as_deref())?,
        ..follower::Options::new(url, origin)
    })
}

/// When snapshots are written, if at all.
fn plan(args: &NodeArgs) -> Option<SnapshotPlan> {
    let (every, data_dir) = (args.snapshot_every?, args.data_dir.as_ref()?);
    let folder = args.snapshots.clone();
    Some(SnapshotPlan {
        every,
        kept: args.snapshots_kept as usize,
        folder: folder.unwrap_or_else(|| data_dir.join("snapshots")),
    })
}

async fn serve(options: follower::Options) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    let (signal, signalled) = (signals(STOP_TIME)?, Arc::clone(&stop));
    tokio::spawn(async move {
        if signal.await.is_ok() {
            tracing::info!("told to stop");
        }
        signalled.store(true, Ordering::Relaxed);
    });
    let folder = options.data_dir.clone();
    let mut node = match follower::start(options, Arc::clone(&stop)).await {
        Ok(node) => node,
        Err(StartError::Stopped) => return Ok(ExitCode::SUCCESS),
        Err(StartError::Follow(error @ FollowError::Disagrees { .. })) => {
            tracing::error!("{error}");
            return Ok(ExitCode::from(DISAGREES));
        }
        // No setting is at fault: whoever starts it again when there is room finds it well.
        Err(error @ StartError::Store(StoreError::Full { .. })) => {
            let folder = folder.as_deref().unwrap_or(Path::new("")).display();
            tracing::error!("--data-dir {folder}: {error}; start it again then");
            return Ok(ExitCode::from(crate::FOUND_WRONG));
        }
        Err(error) => return Err(error.into()),
    };
    tracing::info!("listening at {}", node.url());
    tokio::select! {
        () = node.finished() => {}
        () = told(&stop) => {}
    }
    let ended = tokio::task::spawn_blocking(move || node.stop()).await;
    match ended.context("the thread of the machine panicked")? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // It has been logged.
        Err(FollowError::Disagrees { .. }) => Ok(ExitCode::from(DISAGREES)),
        Err(FollowError::TooDeep { .. } | FollowError::OtherRollup { .. }) => {
            Ok(ExitCode::from(OTHER_CHAIN))
        }
        Err(_) => Ok(ExitCode::from(crate::FOUND_WRONG)),
    }
}

/// Resolves once it is told to stop.
async fn told(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(TURN).await;
    }
}

/// The address of a rollup, as it is written.
fn rollup(text: &str) -> Result<String, String> {
    text.parse::<Sr1>().map(|_| text.to_owned())
}

/// Refuses what is no URL of HTTP, without saying it: it may have a password.
fn url_of_http(text: &str) -> anyhow::Result<()> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(()),
        _ => bail!("expected http://HOST:PORT or https://HOST:PORT"),
    }
}
