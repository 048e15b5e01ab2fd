//! `cargo xtask release`: the archive that is published, and a try of it in an empty folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use kernel_module::Purpose;

use crate::kernel::{self, Recovery, cargo, hash, workspace};

/// The modules that an archive has.
const KERNELS: [&str; 3] = ["evm_kernel", "tx_kernel", "installer_kernel"];

/// Pages at the top of an archive, beside the folders `docs` and `contracts`.
const PAGES: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
];

const PROGRAM: &str = "evm-rollup";

/// The program's place in an archive: beside the folder of the kernels, which it finds so.
const PROGRAM_FILE: &str = "bin/evm-rollup";

/// The hashes of all other files of an archive.
const SUMS: &str = "BLAKE2B";

/// Longest time that a program of the archive may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds program and kernels, packs them with the pages into `target/release-archive`, unpacks
/// that in an empty folder and tries it there.
///
/// # Errors
/// A build that fails; a version that the changelog does not have; an archive that does not work.
pub(crate) fn build() -> Result<()> {
    let workspace = workspace();
    let version = env!("CARGO_PKG_VERSION");
    let changelog = fs::read_to_string(workspace.join("CHANGELOG.md"))?;
    let notes = section(&changelog, version).with_context(|| {
        format!("CHANGELOG.md has no section `## [{version}] - DATE`: name what it releases")
    })?;
    kernel::build_others()?;
    kernel::build(Recovery::Rust, Purpose::Ship)?;
    let program = program(&workspace)?;

    let folder = workspace.join("target/release-archive");
    let name = format!(
        "{PROGRAM}-{version}-{}-{}",
        std::env::consts::ARCH,
        std::env::consts::OS
    );
    let top = folder.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fill(&workspace, &top, &program)?;
    fs::write(top.join("RELEASE.md"), release_notes(&top, version, notes)?)?;
    fs::write(top.join(SUMS), sums(&top)?)?;
    let archive = folder.join(format!("{name}.tar.gz"));
    pack(&top, &name, &archive)?;
    try_out(&archive, &name, &folder.join("tried"))?;
    fs::remove_dir_all(folder.join("tried"))?;
    println!(
        "{}: {} bytes, unpacked in an empty folder and tried",
        archive.strip_prefix(&workspace)?.display(),
        fs::metadata(&archive)?.len()
    );
    println!("blake2b {}", hash(&fs::read(&archive)?));
    Ok(())
}

/// The changelog's section on a version.
fn section<'c>(changelog: &'c str, version: &str) -> Option<&'c str> {
    let start = format!("## [{version}] - ");
    let at = changelog
        .lines()
        .position(|line| line.starts_with(&start))?;
    let from = changelog.match_indices('\n').nth(at)?.0 + 1;
    let rest = &changelog[from..];
    let end = rest.find("\n## [").unwrap_or(rest.len());
    Some(rest[..end].trim())
}

/// Builds the program.
fn program(workspace: &Path) -> Result<PathBuf> {
    let mut build = Command::new(cargo());
    build
        .args(["build", "--release", "--locked", "--bin", PROGRAM])
        .args(["--target-dir", "target"])
        .current_dir(workspace);
    let built = build.status().context("cannot start cargo")?;
    ensure!(built.success(), "the program does not build");
    Ok(workspace.join("target/release").join(PROGRAM))
}

/// Puts all but notes and hashes into a folder.
fn fill(workspace: &Path, top: &Path, program: &Path) -> Result<()> {
    for folder in ["bin", "kernel"] {
        fs::create_dir_all(top.join(folder))?;
    }
    fs::copy(program, top.join(PROGRAM_FILE))?;
    for kernel in KERNELS {
        for end in ["wasm", "names"] {
            let file = format!("{kernel}.{end}");
            let from = workspace.join("target/kernel").join(&file);
            fs::copy(&from, top.join("kernel").join(&file))
                .with_context(|| format!("no {}", from.display()))?;
        }
    }
    for page in PAGES {
        fs::copy(workspace.join(page), top.join(page)).with_context(|| format!("no {page}"))?;
    }
    for folder in ["docs", "contracts/layer1"] {
        let to = top.join(folder);
        fs::create_dir_all(to.parent().unwrap_or(top))?;
        kernel::copy(&workspace.join(folder), &to)?;
    }
    Ok(())
}

fn release_notes(top: &Path, version: &str, notes: &str) -> Result<String> {
    let mut text =
        format!("# {PROGRAM} {version}\n\n| kernel | bytes | BLAKE2b-256 |\n| --- | --- | --- |\n");
    for name in KERNELS {
        let wasm = fs::read(top.join(format!("kernel/{name}.wasm")))?;
        text += &format!("| `{name}.wasm` | {} | `{}` |\n", wasm.len(), hash(&wasm));
    }
    let rustc = kernel::rustc(&["--version"])?;
    text += &format!(
        "\nBuilt by {}. The same sources give the same kernel in any folder: `cargo xtask kernel`, `cargo xtask kernel --twice`.\n\n{notes}\n",
        kernel::first_line(&rustc)
    );
    Ok(text)
}

/// A line for each file, in order: hash, two spaces, name.
fn sums(top: &Path) -> Result<String> {
    let mut lines = String::new();
    for file in files(top)?.iter().filter(|file| *file != Path::new(SUMS)) {
        let bytes = fs::read(top.join(file))?;
        lines += &format!("{}  {}\n", hash(&bytes), file.display());
    }
    Ok(lines)
}

/// All files below a folder.
fn files(top: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(top)?.to_owned());
            }
        }
    }
    Ok(found)
}

/// Packs a folder: the same files give the same bytes.
fn pack(top: &Path, name: &str, archive: &Path) -> Result<()> {
    let packer = GzBuilder::new()
        .mtime(0)
        .write(File::create(archive)?, Compression::best());
    let mut tar = tar::Builder::new(packer);
    for file in files(top)? {
        let bytes = fs::read(top.join(&file))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(if file == Path::new(PROGRAM_FILE) {
            0o755
        } else {
            0o644
        });
        header.set_mtime(0);
        tar.append_data(&mut header, Path::new(name).join(&file), &bytes[..])?;
    }
    tar.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

/// Unpacks an archive into an empty folder, compares hashes, and runs what it has, there and
/// without the environment of this process.
fn try_out(archive: &Path, name: &str, empty: &Path) -> Result<()> {
    fs::create_dir_all(empty)?;
    tar::Archive::new(GzDecoder::new(File::open(archive)?)).unpack(empty)?;
    let top = empty.join(name);
    let said = fs::read_to_string(top.join(SUMS))?;
    ensure!(
        said == sums(&top)?,
        "the archive's files differ from {SUMS}"
    );
    let version = output(&top, &["--version"])?;
    let expected = format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"));
    ensure!(
        version.trim() == expected,
        "the program says it is {version}"
    );
    for kernel in KERNELS {
        output(&top, &["verify", &format!("kernel/{kernel}.wasm")])?;
    }
    let installer =
        "installer --kernel kernel/evm_kernel.wasm --output installer.hex --preimages-dir pages";
    output(&top, &installer.split(' ').collect::<Vec<_>>())?;
    devnet(&top)
}

fn command(top: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(top.join(PROGRAM_FILE));
    command.args(args).current_dir(top).env_clear();
    // The cache of compiled kernels lies there.
    command.env("HOME", top.join("home"));
    command
}

fn output(top: &Path, args: &[&str]) -> Result<String> {
    let output = command(top, args).output()?;
    ensure!(
        output.status.success(),
        "`{PROGRAM} {}` fails: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// A program that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks a devnet of the archive for its chain id.
fn devnet(top: &Path) -> Result<()> {
    let mut command = command(top, &["devnet", "--port", "0"]);
    let mut running = Running(command.stdout(Stdio::piped()).spawn()?);
    let stdout = running.0.stdout.take().context("no output")?;
    let mut address = None;
    for line in BufReader::new(stdout).lines() {
        if let Some(rest) = line?.strip_prefix("Listening on ") {
            address = rest.split(' ').next().map(str::to_owned);
            break;
        }
    }
    let address = address.context("the devnet ended before it listened")?;
    let mut stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.contains(r#""result":"0x539""#) {
        bail!("the devnet answers: {answer}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_its_section_of_the_changelog() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [0.2.0] - 2026-12-01\n\n- new\n\n## [0.1.0] - 2026-11-01\n\n- first\n";
        assert_eq!(section(changelog, "0.2.0"), Some("- new"));
        assert_eq!(section(changelog, "0.1.0"), Some("- first"));
        assert_eq!(section(changelog, "0.2"), None);
        assert_eq!(section(changelog, "0.3.0"), None);
    }

    #[test]
    fn an_archive_has_the_same_bytes_each_time_and_gives_its_files_back() {
        let folder = std::env::temp_dir().join(format!("archive-{}", std::process::id()));
        let top = folder.join("top");
        fs::create_dir_all(top.join("docs")).unwrap();
        fs::create_dir_all(top.join("bin")).unwrap();
        fs::write(top.join(PROGRAM_FILE), "program").unwrap();
        fs::write(top.join("docs/page.md"), "page").unwrap();
        let packed = |name: &str| {
            let archive = folder.join(name);
            pack(&top, "name", &archive).unwrap();
            archive
        };
        let (first, second) = (packed("first"), packed("second"));
        assert_eq!(fs::read(&first).unwrap(), fs::read(second).unwrap());
        let back = folder.join("back");
        tar::Archive::new(GzDecoder::new(File::open(first).unwrap()))
            .unpack(&back)
            .unwrap();
        assert_eq!(sums(&back.join("name")).unwrap(), sums(&top).unwrap());
        fs::remove_dir_all(folder).unwrap();
    }
}
