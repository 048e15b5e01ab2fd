//! `cargo xtask kernel`: the shipped module, the same bytes wherever it is built.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use blake2::{Blake2b, Digest, digest::consts::U32};

use crate::module;
use kernel_module::Purpose;
use kernel_module::stack_guard::{self, Guarded};

const TARGET: &str = "wasm32-unknown-unknown";
const CFLAGS: &str = "CFLAGS_wasm32_unknown_unknown";

/// The wasm stack in bytes: EVM depth 1,024 fits (ARCHITECTURE.md, "What always holds"). It lies below the data, so that
/// an overflow traps instead of overwriting.
const STACK: u32 = 512 * 1024;

/// Which code recovers a transaction's sender.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// Our own curve.
    Rust,
    /// libsecp256k1, to compare; needs clang for wasm.
    C,
}

impl Recovery {
    fn feature(self) -> &'static str {
        match self {
            Self::Rust => "rust-secp256k1",
            Self::C => "c-secp256k1",
        }
    }
}

/// Builds, checks, strips and guards the kernel into `target/kernel/evm_kernel.wasm`
/// (`evm_kernel_traps.wasm` and `evm_kernel_evaluation.wasm` for tests); prints how much of its stack
/// can be open at most, its size and hash.
///
/// # Errors
/// A build that fails, or a module that the machine would refuse.
pub(crate) fn build(recovery: Recovery, purpose: Purpose) -> Result<()> {
    let site = Site::here()?;
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
    let is_for_tests = purpose != Purpose::Ship && recovery == Recovery::Rust;
    if is_for_tests && is_current(&site, name) {
        println!("target/kernel/{name}: nothing has changed since it was built");
        return Ok(());
    }
    let Built {
        kernel,
        guard,
        names,
    } = compile(&site, &features)?;
    ensure!(
        Purpose::of(&kernel) == purpose,
        "this is another build: one for tests is never shipped"
    );

    // Tests look in the checkout's target folder, a built `evm-rollup` beside itself.
    for folder in [site.workspace.join("target"), site.target.clone()] {
        let folder = folder.join("kernel");
        place(&folder, name, &kernel)?;
        place(&folder, &name.replace(".wasm", ".names"), names.as_bytes())?;
        if is_for_tests {
            let sources = site.target.join(TARGET).join("kernel/evm_kernel.d");
            // Written anew also where the module is the same: it says when that was made.
            fs::write(folder.join(name).with_extension("d"), fs::read(sources)?)?;
        }
    }
    println!("target/kernel/{name} ({features})");
    let version = rustc(&["--version"])?;
    println!("{}", first_line(&version).replacen(' ', "   ", 1));
    println!("stack   {guard}");
    println!("size    {} bytes", kernel.len());
    println!("blake2b {}", hash(&kernel));
    Ok(())
}

pub(crate) fn hash(kernel: &[u8]) -> String {
    hex::encode(Blake2b::<U32>::digest(kernel))
}

/// Builds the shipped kernel once more, of a copy of the sources in another folder and with
/// another `CARGO_HOME`, and compares.
///
/// # Errors
/// As [`build`]; other bytes.
pub(crate) fn build_twice() -> Result<()> {
    let first = fs::read(workspace().join("target/kernel/evm_kernel.wasm"))
        .context("run `cargo xtask kernel` first")?;
    let site = Site::elsewhere()?;
    let second = compile(&site, Recovery::Rust.feature())?.kernel;
    ensure!(
        first == second,
        "two builds differ: {} here, {} in {}",
        hash(&first),
        hash(&second),
        site.workspace.display()
    );
    println!("two folders, two CARGO_HOMEs, one kernel: {}", hash(&first));
    // Only links lead out of it, and these are taken, not what they lead to.
    fs::remove_dir_all(site.target.parent().unwrap_or(&site.target))?;
    Ok(())
}

/// The folders of a build.
struct Site {
    workspace: PathBuf,
    /// The folder in which cargo builds.
    target: PathBuf,
    cargo_home: PathBuf,
}

impl Site {
    fn here() -> Result<Self> {
        let workspace = workspace();
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let cargo_home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(env::home_dir()?.join(".cargo")))
            .context("neither CARGO_HOME nor a home folder")?;
        Ok(Self {
            target: workspace.join(target),
            workspace,
            cargo_home,
        })
    }

    /// A copy of the sources below the target folder. Crates are those that are here already: their
    /// folder is linked.
    fn elsewhere() -> Result<Self> {
        let here = Self::here()?;
        let top = here.target.join("twice");
        if top.exists() {
            fs::remove_dir_all(&top)?;
        }
        let site = Self {
            workspace: top.join("a copy"),
            target: top.join("built"),
            cargo_home: top.join("home"),
        };
        copy(&here.workspace, &site.workspace)?;
        fs::create_dir_all(&site.cargo_home)?;
        for name in ["registry", "config.toml"] {
            let from = here.cargo_home.join(name);
            if from.exists() {
                link(&from, &site.cargo_home.join(name))?;
            }
        }
        Ok(site)
    }
}

/// Folders of a checkout that hold no sources.
const NO_SOURCES: [&str; 3] = ["target", ".git", "node_modules"];

pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if NO_SOURCES.iter().any(|other| name == *other) {
            continue;
        }
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> Result<()> {
    #[cfg(unix)]
    std::os::unix::fs::symlink(from, to)?;
    #[cfg(not(unix))]
    anyhow::bail!("cannot link {} to {}", from.display(), to.display());
    #[cfg(unix)]
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

/// True if a build for tests is newer than all that it was made of. Cargo writes all builds of the
/// kernel to one file, so it would make this one anew whenever another was made in between.
fn is_current(site: &Site, name: &str) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let module = site.target.join("kernel").join(name);
    let stamp = module.with_extension("d");
    let (Some(made), Ok(list)) = (modified(&stamp), fs::read_to_string(&stamp)) else {
        return false;
    };
    let manifests = fs::read_dir(&site.workspace)
        .into_iter()
        .flatten()
        .flatten();
    let manifests = manifests.map(|entry| entry.path().join("Cargo.toml"));
    let manifests = manifests.filter(|path| path.is_file());
    let others = [
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
        ".cargo/config.toml",
    ];
    let others = others.map(|file| site.workspace.join(file));
    let mut all = sources(&list).chain(manifests).chain(others);
    let is_older = |path: &Path| modified(path).is_some_and(|at| at < made);
    module.is_file()
        && all.all(|path| is_older(&path))
        && env::current_exe().is_ok_and(|program| is_older(&program))
}

/// The files behind the colon of a list that cargo writes for `make`; spaces in names are escaped.
fn sources(list: &str) -> impl Iterator<Item = PathBuf> {
    let (_, files) = list.split_once(": ").unwrap_or_default();
    let files = files.replace("\\ ", "\0");
    let files: Vec<PathBuf> = files
        .split_whitespace()
        .map(|file| file.replace('\0', " ").into())
        .collect();
    files.into_iter()
}

/// The modules beside the EVM kernel: the installer, and what tests run.
const OTHERS: [Other; 6] = [
    Other {
        what: "--package installer_kernel --lib --crate-type cdylib",
        name: "installer_kernel.wasm",
        built: "installer_kernel.wasm",
        small: true,
    },
    Other {
        what: "--package tx_kernel --lib --crate-type cdylib",
        name: "tx_kernel.wasm",
        built: "tx_kernel.wasm",
        small: false,
    },
    Other {
        what: "--package host --example echo_and_count",
        name: "echo_and_count.wasm",
        built: "examples/echo_and_count.wasm",
        small: false,
    },
    Other {
        what: "--package host --example guestbook",
        name: "guestbook.wasm",
        built: "examples/guestbook.wasm",
        small: false,
    },
    Other {
        what: "--package host --example probe",
        name: "probe.wasm",
        built: "examples/probe.wasm",
        small: false,
    },
    Other {
        what: "--package host --example purse",
        name: "purse.wasm",
        built: "examples/purse.wasm",
        small: false,
    },
];

/// A module without features.
struct Other {
    what: &'static str,
    name: &'static str,
    /// Below cargo's folder of the profile.
    built: &'static str,
    /// True if its size matters more than its speed.
    small: bool,
}

/// The wasm stack of the others, in bytes.
const SMALL_STACK: u32 = 128 * 1024;

/// Builds, checks, strips and guards the modules beside the EVM kernel, into `target/kernel`.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_others() -> Result<()> {
    let site = Site::here()?;
    for other in OTHERS {
        let built = cargo_rustc(&site, other.what, SMALL_STACK, other.built, other.small)?;
        let wasm = fs::read(&built).with_context(|| format!("no module at {}", built.display()))?;
        module::check(&wasm).with_context(|| format!("the machine would refuse {}", other.name))?;
        let (kernel, guard) = guarded(&wasm)?;
        let names = names(&wasm, &kernel)?;
        for folder in [site.workspace.join("target"), site.target.clone()] {
            let folder = folder.join("kernel");
            place(&folder, other.name, &kernel)?;
            let file = other.name.replace(".wasm", ".names");
            place(&folder, &file, names.as_bytes())?;
        }
        println!(
            "target/kernel/{}: {} bytes; {guard}",
            other.name,
            kernel.len()
        );
    }
    Ok(())
}

/// The result of a build.
struct Built {
    kernel: Vec<u8>,
    guard: Guarded,
    /// Of its functions, for the debugger.
    names: String,
}

/// Builds `evm_kernel`, checks, strips and guards it.
fn compile(site: &Site, features: &str) -> Result<Built> {
    let what = format!(
        "--package evm_kernel --lib --crate-type cdylib --no-default-features --features {features}"
    );
    let built = cargo_rustc(site, &what, STACK, "evm_kernel.wasm", false)?;
    let wasm = fs::read(&built).with_context(|| format!("no module at {}", built.display()))?;
    module::check(&wasm).context("the machine would refuse this kernel")?;
    let (kernel, guard) = guarded(&wasm)?;
    let ours = prefixes(site)?.into_iter().map(|(from, _)| from);
    if let Some(path) = module::path_in(&kernel, ours.chain([site.target.clone()])) {
        bail!("a path of this machine is in the kernel: {path}");
    }
    Ok(Built {
        names: names(&wasm, &kernel)?,
        kernel,
        guard,
    })
}

/// The functions of a module, as `evm-rollup debug` and `profile` read them: a line for each, its
/// place and its name. `shipped` is made of the module; no function has another place in it.
fn names(wasm: &[u8], shipped: &[u8]) -> Result<String> {
    let hash = Blake2b::<U32>::digest(shipped);
    Ok(kernel_module::Outline::read(wasm)?.names_file(&hash.into()))
}

/// The module that ships: without names, and with a bounded stack.
fn guarded(wasm: &[u8]) -> Result<(Vec<u8>, Guarded)> {
    let (kernel, guard) = stack_guard::apply(&kernel_module::strip(wasm)?, stack_guard::FRAMES)?;
    module::check(&kernel).context("the guard made another module of it")?;
    Ok((kernel, guard))
}

/// Compiles for the machine; returns where the module is, names included.
fn cargo_rustc(site: &Site, what: &str, stack: u32, built: &str, small: bool) -> Result<PathBuf> {
    let prefixes = prefixes(site)?;
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
    let command = format!("rustc {what} --profile kernel --target {TARGET}");
    let link = format!("-C link-arg=-zstack-size={stack} -C link-arg=--stack-first");
    let size = small.then_some(["--config", "profile.kernel.opt-level='z'"]);
    let status = Command::new(cargo())
        .current_dir(&site.workspace)
        .args(command.split(' '))
        // Names stay in for the check, which says where a float is; `strip` takes them out.
        .args(["--config", "profile.kernel.strip=false"])
        .args(size.into_iter().flatten())
        .arg("--target-dir")
        .arg(&site.target)
        .arg("--")
        .args(link.split(' '))
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\x1f"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CC_SHELL_ESCAPED_FLAGS", "1")
        .env(CFLAGS, cflags)
        .env("CARGO_HOME", &site.cargo_home)
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "the kernel does not build");
    Ok(site.target.join(TARGET).join("kernel").join(built))
}

/// Folders of this machine that end up in panic messages, and what stands there instead.
/// The last that matches wins, so the general ones stand first.
fn prefixes(site: &Site) -> Result<Vec<(PathBuf, String)>> {
    let sysroot = PathBuf::from(rustc(&["--print", "sysroot"])?.trim());
    let version = rustc(&["-vV"])?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .unwrap_or("unknown");
    let mut prefixes = vec![
        (site.workspace.clone(), "/evm-rollup".to_owned()),
        (site.cargo_home.clone(), "/cargo".to_owned()),
        // Where the rust-src component is installed, the standard library's paths point there.
        (
            sysroot.join("lib/rustlib/src/rust"),
            format!("/rustc/{commit}"),
        ),
    ];
    // The folder of a registry has the name of who serves it.
    if let Ok(registries) = fs::read_dir(site.cargo_home.join("registry/src")) {
        for registry in registries {
            prefixes.push((registry?.path(), "/cargo".to_owned()));
        }
    }
    Ok(prefixes)
}

pub(crate) fn rustc(args: &[&str]) -> Result<String> {
    let output = Command::new("rustc")
        .args(args)
        .output()
        .context("cannot start rustc")?;
    ensure!(output.status.success(), "rustc {} failed", args.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sources_may_hold_spaces() {
        let list = "/a\\ b/evm_kernel.wasm: /a\\ b/src/lib.rs /a\\ b/src/x.rs\n";
        let expected = ["/a b/src/lib.rs", "/a b/src/x.rs"].map(PathBuf::from);
        assert_eq!(sources(list).collect::<Vec<_>>(), expected);
        assert_eq!(sources("").count(), 0);
    }
}
