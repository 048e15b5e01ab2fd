//! `cargo xtask kernel`: the shipped module, the same bytes wherever it is built.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use blake2::{Blake2b, Digest, digest::consts::U32};

use crate::module::{self, Purpose};

const TARGET: &str = "wasm32-unknown-unknown";
const CFLAGS: &str = "CFLAGS_wasm32_unknown_unknown";

/// The wasm stack in bytes: EVM depth 1,024 fits (design §4.6). It lies below the data, so that
/// an overflow traps instead of overwriting.
const STACK: u32 = 512 * 1024;

/// Which code recovers a transaction's sender.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// C where clang builds for wasm, else Rust with a loud warning.
    CWhereItCan,
    /// Rust: twice the instructions, no C compiler.
    Rust,
}

impl Recovery {
    fn feature(self) -> &'static str {
        match self {
            Self::CWhereItCan if clang_builds_wasm() => "c-secp256k1",
            Self::CWhereItCan => {
                eprintln!("{NO_CLANG}");
                "rust-secp256k1"
            }
            Self::Rust => "rust-secp256k1",
        }
    }
}

const NO_CLANG: &str = "\
************************************************************************************
* NO CLANG FOR WASM: this kernel recovers senders in Rust. It is correct, but      *
* spends twice the instructions a transaction and is NOT the kernel we ship.       *
* Install:   apt-get install clang llvm   (or run scripts/setup as root)           *
************************************************************************************";

/// Builds, checks and strips the kernel into `target/kernel/evm_kernel.wasm`
/// (`evm_kernel_traps.wasm` and `evm_kernel_evaluation.wasm` for tests); prints its size and hash.
///
/// # Errors
/// A build that fails, or a module that the machine would refuse.
pub(crate) fn build(recovery: Recovery, purpose: Purpose) -> Result<()> {
    let workspace = workspace();
    let (name, features) = match purpose {
        Purpose::Ship => ("evm_kernel.wasm", recovery.feature().to_owned()),
        Purpose::Traps => (
            "evm_kernel_traps.wasm",
            format!("{},traps", recovery.feature()),
        ),
        Purpose::Evaluation => (
            "evm_kernel_evaluation.wasm",
            format!("{},evaluation", recovery.feature()),
        ),
    };
    let built = compile(&workspace, &features)?;
    let wasm = fs::read(&built).with_context(|| format!("no module at {}", built.display()))?;
    module::check(&wasm).context("the machine would refuse this kernel")?;
    ensure!(
        module::purpose(&wasm) == purpose,
        "this is another build: one for tests is never shipped"
    );
    let kernel = module::strip(&wasm)?;

    // Tests look in the checkout's target folder, a built `evm-rollup` beside itself.
    place(&workspace.join("target/kernel"), name, &kernel)?;
    place(&target_dir(&workspace).join("kernel"), name, &kernel)?;
    println!("target/kernel/{name} ({features})");
    println!("size    {} bytes", kernel.len());
    println!("blake2b {}", hex::encode(Blake2b::<U32>::digest(&kernel)));
    Ok(())
}

/// Puts the kernel into a folder, whole or not at all; one that is there already keeps its time.
fn place(folder: &Path, name: &str, kernel: &[u8]) -> Result<()> {
    let file = folder.join(name);
    if fs::read(&file).is_ok_and(|present| present == kernel) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let new = folder.join(format!("{name}.new"));
    fs::write(&new, kernel)?;
    fs::rename(&new, &file).with_context(|| format!("cannot write {}", file.display()))
}

/// Where cargo builds.
fn target_dir(workspace: &Path) -> PathBuf {
    workspace.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The modules beside the EVM kernel: the installer, and what tests run.
const OTHERS: [Other; 3] = [
    Other {
        what: "--package installer_kernel --lib --crate-type cdylib",
        name: "installer_kernel.wasm",
        built: "installer_kernel.wasm",
        small: true,
    },
    Other {
        what: "--package host --example echo_and_count",
        name: "echo_and_count.wasm",
        built: "examples/echo_and_count.wasm",
        small: false,
    },
    Other {
        what: "--package host --example probe",
        name: "probe.wasm",
        built: "examples/probe.wasm",
        small: false,
    },
];

/// A module without features.
struct Other {
    what: &'static str,
    name: &'static str,
    /// Below cargo's folder of the profile.
    built: &'static str,
    /// Whether its size matters more than its speed.
    small: bool,
}

/// The wasm stack of the others, in bytes.
const SMALL_STACK: u32 = 128 * 1024;

/// Builds, checks and strips the modules beside the EVM kernel, into `target/kernel`.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_others() -> Result<()> {
    let workspace = workspace();
    for other in OTHERS {
        let built = cargo_rustc(
            &workspace,
            other.what,
            SMALL_STACK,
            other.built,
            other.small,
        )?;
        let wasm = fs::read(&built).with_context(|| format!("no module at {}", built.display()))?;
        module::check(&wasm).with_context(|| format!("the machine would refuse {}", other.name))?;
        let kernel = module::strip(&wasm)?;
        place(&workspace.join("target/kernel"), other.name, &kernel)?;
        place(&target_dir(&workspace).join("kernel"), other.name, &kernel)?;
        println!("target/kernel/{}: {} bytes", other.name, kernel.len());
    }
    Ok(())
}

/// Runs cargo on `evm_kernel` and returns where its module is, names included.
fn compile(workspace: &Path, features: &str) -> Result<PathBuf> {
    let what = format!(
        "--package evm_kernel --lib --crate-type cdylib --no-default-features --features {features}"
    );
    cargo_rustc(workspace, &what, STACK, "evm_kernel.wasm", false)
}

/// Compiles for the machine; returns where the module is, names included.
fn cargo_rustc(
    workspace: &Path,
    what: &str,
    stack: u32,
    built: &str,
    small: bool,
) -> Result<PathBuf> {
    let prefixes = prefixes(workspace)?;
    let mut rustflags = Vec::new();
    for (from, to) in &prefixes {
        rustflags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    let mut cflags = env::var(CFLAGS)
        .context("run as `cargo xtask kernel`: .cargo/config.toml has the C flags")?;
    for (from, to) in &prefixes {
        // Quoted as a shell would (CC_SHELL_ESCAPED_FLAGS): a folder's name may hold spaces.
        let from = from.display().to_string().replace('\'', r"'\''");
        cflags += &format!(" '-ffile-prefix-map={from}={to}'");
    }
    let target_dir = target_dir(workspace);
    let command = format!("rustc {what} --profile kernel --target {TARGET}");
    let link = format!("-C link-arg=-zstack-size={stack} -C link-arg=--stack-first");
    let size = small.then_some(["--config", "profile.kernel.opt-level='z'"]);
    let status = Command::new(cargo())
        .current_dir(workspace)
        .args(command.split(' '))
        // Names stay in for the check, which says where a float is; `strip` takes them out.
        .args(["--config", "profile.kernel.strip=false"])
        .args(size.into_iter().flatten())
        .arg("--target-dir")
        .arg(&target_dir)
        .arg("--")
        .args(link.split(' '))
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\x1f"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CC_SHELL_ESCAPED_FLAGS", "1")
        .env(CFLAGS, cflags)
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "the kernel does not build");
    Ok(target_dir.join(TARGET).join("kernel").join(built))
}

/// Folders of this machine that end up in panic messages, and what stands there instead.
/// The last that matches wins, so the general ones stand first.
fn prefixes(workspace: &Path) -> Result<Vec<(PathBuf, String)>> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
        .context("neither CARGO_HOME nor a home folder")?;
    let sysroot = PathBuf::from(rustc(&["--print", "sysroot"])?.trim());
    let version = rustc(&["-vV"])?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .unwrap_or("unknown");
    Ok(vec![
        (workspace.to_owned(), "/evm-rollup".to_owned()),
        (home, "/cargo".to_owned()),
        // Where the rust-src component is installed, the standard library's paths point there.
        (
            sysroot.join("lib/rustlib/src/rust"),
            format!("/rustc/{commit}"),
        ),
    ])
}

fn rustc(args: &[&str]) -> Result<String> {
    let output = Command::new("rustc")
        .args(args)
        .output()
        .context("cannot start rustc")?;
    ensure!(output.status.success(), "rustc {} failed", args.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

fn clang_builds_wasm() -> bool {
    let clang = env::var("CC_wasm32_unknown_unknown").unwrap_or_else(|_| "clang".to_owned());
    let archiver = env::var("AR_wasm32_unknown_unknown").unwrap_or_else(|_| "llvm-ar".to_owned());
    let targets = Command::new(clang).arg("--print-targets").output();
    targets.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("wasm32"))
        && Command::new(archiver).arg("--version").output().is_ok()
}

/// Cargo as it runs us, so that the toolchain is the same.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// The checkout's top folder.
pub(crate) fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
