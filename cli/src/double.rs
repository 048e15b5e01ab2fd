//! `evm-rollup double`: a stand-in for a rollup node of Octez, to rehearse against.

use crate::devnet::{LogFormat, STOP_TIME, log_lines, signals};
use crate::setup::{self, Target};
use crate::{files, installer};
use anyhow::{Context, ensure};
use clap::Args;
use double::{Double, Options};
use layer1::Account;
use layer1::devnet::Contracts;
use messages::address;
use node::genesis::config_of;
use pvm::installer::Installer;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The name of the kernel's module.
const KERNEL: &str = "evm_kernel.wasm";

/// The rollup's address by default: not the null address, which `originate next` refuses.
const ROLLUP: &str = "sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb";

/// The options of `double`.
#[derive(Args, Debug)]
pub(crate) struct DoubleArgs {
    /// The setup file of the rollup, by `evm-rollup genesis` or `originate plan`
    #[arg(long, value_name = "FILE.yaml")]
    setup: PathBuf,
    /// The folder to write the installer and its pages to
    #[arg(long, value_name = "DIR", default_value = "double")]
    out: PathBuf,
    /// The kernel [default: evm_kernel.wasm where `make kernel` puts it, or beside this program]
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// The installer kernel [default: as the kernel]
    #[arg(long, value_name = "FILE")]
    installer_kernel: Option<PathBuf>,
    /// The rollup's address
    #[arg(
        long,
        value_name = "sr1…",
        default_value = ROLLUP
    )]
    rollup: String,
    /// The level of the origination
    #[arg(long, default_value_t = Options::default().origination_level, value_name = "LEVEL")]
    origination_level: u32,
    /// Seconds between levels; 0: only when asked (POST /double/levels)
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    block_time: f64,
    /// Levels after which a level is final
    #[arg(long, default_value_t = Options::default().finality, value_name = "LEVELS")]
    finality: u32,
    /// Levels for which a commitment can be refuted
    #[arg(long, default_value_t = Options::default().parameters.challenge_window, value_name = "LEVELS")]
    challenge_window: u32,
    /// The address to listen at
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen at; 0 for any free port
    #[arg(long, default_value_t = 8932)]
    port: u16,
    /// Print errors only
    #[arg(short, long)]
    quiet: bool,
}

/// Runs until interrupted.
pub(crate) fn run(args: &DoubleArgs) -> anyhow::Result<ExitCode> {
    let (writer, _flushed) = tracing_appender::non_blocking(std::io::stderr());
    log_lines(LogFormat::Time, (args.quiet, false), writer);
    ensure!(
        args.block_time.is_finite() && args.block_time >= 0.0,
        "--block-time: expected seconds, 0 or more"
    );
    let address = SocketAddr::new(args.host, args.port);
    // Before anything is written.
    drop(TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?);
    let Originated {
        module,
        options,
        has_bridge,
    } = originate(args)?;
    let double = Double::new(&module, options)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let every = Duration::try_from_secs_f64(args.block_time).unwrap_or_default();
        let every = (!every.is_zero()).then_some(every);
        double.levels(1)?;
        let running = double.serve(address, every).await?;
        say(args, &running.url(), has_bridge)?;
        let _ = signals(STOP_TIME)?.await;
        anyhow::Ok(())
    })?;
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(ExitCode::SUCCESS)
}

/// Writes installer and pages.
fn originate(args: &DoubleArgs) -> anyhow::Result<Originated> {
    let kernel = files::kernel(&files::built(KERNEL, args.kernel.as_deref(), "--kernel")?)?;
    let setup = setup::read(&args.setup, Target::of(&kernel))?;
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    let config = config_of(&setup.instructions)?;
    let base = files::built(
        installer::INSTALLER,
        args.installer_kernel.as_deref(),
        "--installer-kernel",
    )?;
    let made = Installer::new(&files::kernel(&base)?, &kernel, &setup.instructions)?;
    let pages = pages(&args.out);
    std::fs::create_dir_all(&pages)
        .with_context(|| format!("cannot create {}", pages.display()))?;
    let write = |path: PathBuf, bytes: &[u8]| {
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    for (hash, page) in &made.pages {
        write(pages.join(hex::encode(hash)), page)?;
    }
    write(module(&args.out), &made.module)?;
    let default = Contracts::default();
    let options = Options {
        rollup: address::rollup(&args.rollup).context("--rollup")?,
        origination_level: args.origination_level,
        preimages: Some(pages),
        parameters: layer1::outbox::Parameters {
            challenge_window: args.challenge_window,
            ..Options::default().parameters
        },
        contracts: Contracts {
            exchanger: config.ticketer.unwrap_or(default.exchanger),
            delayed_inbox: config.delayed_bridge.unwrap_or(default.delayed_inbox),
            governance: config.kernel_governance.unwrap_or(default.governance),
            ..default
        },
        finality: args.finality,
        ..Options::default()
    };
    Ok(Originated {
        module: made.module,
        options,
        has_bridge: config.ticketer.is_some(),
    })
}

/// A rollup that is to be originated.
struct Originated {
    module: Vec<u8>,
    options: Options,
    /// Its setup names a ticketer.
    has_bridge: bool,
}

fn pages(out: &Path) -> PathBuf {
    out.join("wasm_2_0_0")
}

fn module(out: &Path) -> PathBuf {
    out.join("installer.wasm")
}

/// Says how to put a node in front of it.
fn say(args: &DoubleArgs, url: &str, has_bridge: bool) -> anyhow::Result<()> {
    println!("rollup node (a double) at {url}");
    println!();
    println!(
        "evm-rollup node --rollup-node {url} --kernel {} --preimages {} --origination-level {}",
        module(&args.out).display(),
        pages(&args.out).display(),
        args.origination_level
    );
    println!();
    println!("curl -X POST '{url}/double/levels?count=1'");
    println!("curl -X POST '{url}/double/reorganise?depth=2&lose=true'");
    if !has_bridge {
        let exchanger = Account::originated(Contracts::default().exchanger);
        println!("# no deposits: the setup names no ticketer (genesis --ticketer {exchanger})");
        return Ok(());
    }
    println!(
        "curl -d '{{\"routing\": \"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\", \"mutez\": 1000000}}' {url}/double/deposit"
    );
    Ok(())
}
