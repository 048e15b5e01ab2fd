//! Stock clients against a devnet: what they are, how they are installed, how they are run.
//!
//! The scripts are in `clients/`; each prints one line of JSON at its end with the steps that
//! passed and those that failed. Packages are installed by their lock files, once.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use node::{Options, devnet};
use serde_json::Value;

/// The browser that opens pages.
const CHROMIUM: &str = "/usr/bin/chromium";

/// A client that people use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Client {
    Ethers,
    Viem,
    TestClient,
    Older,
    Wagmi,
    Cast,
    Forge,
    Web3Py,
    Ape,
    Boa,
    Hardhat,
    Hardhat2,
    Anvil,
    Safe,
    Bundler,
    Page,
    Ponder,
    Squid,
    Otterscan,
    Bridge,
    Taquito,
    Contracts,
    PyTezos,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Ethers,
        Self::Viem,
        Self::TestClient,
        Self::Older,
        Self::Wagmi,
        Self::Cast,
        Self::Forge,
        Self::Web3Py,
        Self::Ape,
        Self::Boa,
        Self::Hardhat,
        Self::Hardhat2,
        Self::Anvil,
        Self::Safe,
        Self::Bundler,
        Self::Page,
        Self::Ponder,
        Self::Squid,
        Self::Otterscan,
        Self::Bridge,
        Self::Taquito,
        Self::Contracts,
        Self::PyTezos,
    ];

    /// True if it takes long to install, or needs what the machine does not have: `make
    /// clients` runs it, and tests if `CLIENTS=all` is set.
    #[must_use]
    pub const fn is_large(self) -> bool {
        matches!(
            self,
            Self::Hardhat2 | Self::Bundler | Self::Page | Self::Ponder
        )
    }

    /// Runs the client's script: against a devnet of its own, or, if it has no use for
    /// one, on [Micheline](crate::micheline).
    ///
    /// # Panics
    /// If the devnet does not start, or the script ends without a report.
    #[must_use]
    pub fn run(self) -> ClientOutcome {
        let (mut command, script) = match self.command() {
            Ok(found) => found,
            Err(why) => return ClientOutcome::Skipped(why),
        };
        command.arg(script).current_dir(folder().join("clients"));
        if self == Self::Taquito {
            return ClientOutcome::read(&fed(command, &crate::micheline::nodes().to_string()));
        }
        if matches!(self, Self::Contracts | Self::PyTezos) {
            return ClientOutcome::read(&command.output().expect("it ran a moment ago"));
        }
        let kernel = folder().join("../target/kernel/evm_kernel.wasm");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let mut options = Options::new(kernel);
        // As the command has it: ape asks for all the gas of a block.
        options.genesis.config.block_gas_limit = 1 << 24;
        let devnet = runtime
            .block_on(devnet(options))
            .expect("the devnet starts");
        let output = command.arg(devnet.url()).output();
        let output = output.expect("it ran a moment ago");
        devnet.stop();
        ClientOutcome::read(&output)
    }

    /// The program that runs the client's script, installed, and the script, in `clients/`.
    fn command(self) -> Result<(Command, &'static str), String> {
        match self {
            Self::Ethers => Ok((nodejs()?, "ethers.mjs")),
            Self::Viem => Ok((nodejs()?, "viem.mjs")),
            Self::TestClient => Ok((nodejs()?, "test_client.mjs")),
            Self::Older => Ok((nodejs()?, "older.mjs")),
            Self::Wagmi => Ok((nodejs_with("clients/wagmi")?, "wagmi/wagmi.mjs")),
            Self::Cast => Ok((nodejs()?, "cast.mjs")),
            Self::Forge => Ok((nodejs()?, "forge.mjs")),
            Self::Web3Py => Ok((python("web3py")?, "web3py/web3py.py")),
            Self::Ape => Ok((python("ape")?, "ape/ape_client.py")),
            Self::Boa => Ok((python("boa")?, "boa/boa_client.py")),
            Self::Hardhat => Ok((newer_nodejs()?, "hardhat/hardhat.mjs")),
            Self::Hardhat2 => Ok((nodejs_with("clients/hardhat2")?, "hardhat2/hardhat2.mjs")),
            Self::Anvil => Ok((nodejs_with("clients/anvil")?, "anvil/anvil.mjs")),
            Self::Safe => Ok((nodejs_with("clients/safe")?, "safe/safe.mjs")),
            Self::Bundler => Ok((nodejs_with("clients/bundler")?, "bundler/bundler.mjs")),
            Self::Page if !Path::new(CHROMIUM).exists() => {
                Err(format!("there is no {CHROMIUM} (apt-get install chromium)"))
            }
            Self::Page => Ok((nodejs_with("clients/page")?, "page/page.mjs")),
            Self::Ponder => Ok((nodejs_with("clients/ponder")?, "ponder/ponder.mjs")),
            Self::Squid => Ok((nodejs_with("clients/squid")?, "squid/squid.mjs")),
            Self::Otterscan => Ok((nodejs()?, "otterscan.mjs")),
            Self::Bridge => Ok((nodejs()?, "bridge.mjs")),
            Self::Taquito => Ok((nodejs()?, "taquito.mjs")),
            Self::Contracts => Ok((nodejs()?, "contracts.mjs")),
            Self::PyTezos => Ok((python("pytezos")?, "pytezos/contracts.py")),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ethers => "ethers",
            Self::Viem => "viem",
            Self::TestClient => "test client",
            Self::Older => "older",
            Self::Wagmi => "wagmi",
            Self::Cast => "cast",
            Self::Forge => "forge",
            Self::Web3Py => "web3.py",
            Self::Ape => "ape",
            Self::Boa => "boa",
            Self::Hardhat => "hardhat",
            Self::Hardhat2 => "hardhat 2",
            Self::Anvil => "anvil",
            Self::Safe => "safe",
            Self::Bundler => "bundler",
            Self::Page => "page",
            Self::Ponder => "ponder",
            Self::Squid => "squid",
            Self::Otterscan => "otterscan",
            Self::Bridge => "bridge",
            Self::Taquito => "taquito",
            Self::Contracts => "contracts",
            Self::PyTezos => "pytezos",
        })
    }
}

/// The outcome of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOutcome {
    /// It could not be had here, and why.
    Skipped(String),
    /// It ran.
    Ran(Report),
}

/// The report of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The client's version.
    pub version: String,
    /// The steps that passed.
    pub passed: Vec<String>,
    /// The steps that failed, each with its reason.
    pub failed: Vec<(String, String)>,
    /// The script's standard error.
    pub complaints: String,
}

impl ClientOutcome {
    fn read(output: &Output) -> Self {
        let printed = String::from_utf8_lossy(&output.stdout);
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = printed.lines().last().unwrap_or_default();
        let report: Value = serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("no report: {error}\n{printed}\n{complaints}"));
        let steps = |kind: &str| report[kind].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let passed: Vec<_> = steps("passed")
            .iter()
            .map(|step| text(&step["name"]))
            .collect();
        let failed: Vec<_> = steps("failed")
            .iter()
            .map(|step| (text(&step["name"]), text(&step["why"])))
            .collect();
        assert_eq!(output.status.success(), failed.is_empty(), "{complaints}");
        Self::Ran(Report {
            version: text(&report["version"]),
            passed,
            failed,
            complaints,
        })
    }
}

/// Runs a command on a text.
fn fed(mut command: Command, text: &str) -> Output {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it ran a moment ago");
    let input = child.stdin.take();
    // The text is read to its end before anything is written.
    let written = input.expect("a pipe").write_all(text.as_bytes());
    written.expect("it reads its input");
    child.wait_with_output().expect("it ends")
}

/// Node.js, with the packages of `clients/`.
fn nodejs() -> Result<Command, String> {
    static INSTALLED: LazyLock<Result<(), String>> = LazyLock::new(|| {
        node_version(Path::new("node"))?;
        npm_install(Path::new("node"), "clients")
    });
    INSTALLED.clone()?;
    Ok(Command::new("node"))
}

/// Node.js, with the packages of a folder of its own besides.
fn nodejs_with(name: &str) -> Result<Command, String> {
    let command = nodejs()?;
    npm_install(Path::new("node"), name)?;
    Ok(command)
}

/// Node.js 22.13 or newer, this machine's or npm's, with the packages of `clients/hardhat`.
fn newer_nodejs() -> Result<Command, String> {
    static INSTALLED: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let mut node = PathBuf::from("node");
        if node_version(&node)? < (22, 13) {
            npm_install(&node, "clients/node22")?;
            let (system, machine) = match (env::consts::OS, env::consts::ARCH) {
                ("linux", "x86_64") => ("linux", "x64"),
                ("linux", "aarch64") => ("linux", "arm64"),
                other => return Err(format!("it needs Node.js 22.13 or newer on {other:?}")),
            };
            let package = format!("node_modules/node-{system}-{machine}/bin/node");
            node = folder().join("clients/node22").join(package);
            let version = node_version(&node)?;
            if version < (22, 13) {
                return Err(format!("Node.js {version:?} from npm is too old"));
            }
        }
        npm_install(&node, "clients/hardhat")?;
        Ok(node)
    });
    INSTALLED.clone().map(Command::new)
}

/// Python with the requirements of a folder of `clients/`, in an environment below `target/`.
fn python(name: &str) -> Result<Command, String> {
    static INSTALLED: Mutex<BTreeMap<String, Result<PathBuf, String>>> =
        Mutex::new(BTreeMap::new());
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    let python = installed
        .entry(name.to_owned())
        .or_insert_with(|| pip_install(name));
    python.clone().map(Command::new)
}

/// Installs what a folder's requirements say, if that changed; gives the interpreter.
fn pip_install(name: &str) -> Result<PathBuf, String> {
    let target = folder().join("../target/clients");
    let environment = target.join(format!("venv-{name}"));
    let python = environment.join("bin/python");
    let requirements = folder().join(format!("clients/{name}/requirements.txt"));
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{path:?}: {error}"));
    let wanted = read(&requirements)?;
    let installed = environment.join("requirements.txt");
    if python.exists() && read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    fs::create_dir_all(&target).map_err(|error| error.to_string())?;
    let venv = Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&environment)
        .output();
    succeed("python3 -m venv (apt-get install python3-venv)", venv)?;
    let pip = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--no-compile"])
        // The requirements name all that they need themselves.
        .args(["--no-deps", "--only-binary", ":all:", "--requirement"])
        .arg(&requirements)
        .output();
    succeed("pip install", pip)?;
    let itself = Command::new(&python)
        .args(["-m", "pip", "uninstall", "--quiet", "--yes", "pip"])
        .output();
    succeed("pip uninstall pip", itself)?;
    fs::write(installed, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

/// Major and minor version.
fn node_version(node: &Path) -> Result<(u32, u32), String> {
    let name = "node --version (apt-get install nodejs npm)";
    let printed = succeed(name, Command::new(node).arg("--version").output())?;
    let mut numbers = printed.trim().trim_start_matches('v').split('.');
    let mut next = || numbers.next().and_then(|number| number.parse().ok());
    next()
        .zip(next())
        .ok_or_else(|| format!("{printed} is not a version"))
}

/// Installs what a folder's lock file says, if that changed, without the packages' scripts.
fn npm_install(node: &Path, name: &str) -> Result<(), String> {
    // One at a time: they share a cache.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let folder = folder().join(name);
    let changed = |path: &str| folder.join(path).metadata()?.modified();
    let installed = changed("node_modules/.package-lock.json");
    if let (Ok(installed), Ok(wanted)) = (installed, changed("package-lock.json"))
        && installed >= wanted
    {
        return Ok(());
    }
    // By this very Node.js: npm leaves out optional packages that ask for a newer one.
    let install = Command::new(node)
        .arg(npm()?)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output();
    succeed(&format!("npm ci in {name}"), install).map(drop)
}

/// npm's program, which Node.js can run: the one on the path, followed to where it lies.
fn npm() -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .find_map(|folder| folder.join("npm").canonicalize().ok())
        .ok_or_else(|| "npm is missing (apt-get install npm)".to_owned())
}

/// Standard output of a command that succeeded.
fn succeed(name: &str, output: io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let complaints = String::from_utf8_lossy(&output.stderr);
        Err(format!("{name} failed: {complaints}"))
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
