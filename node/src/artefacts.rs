//! Artefacts of compilers and development tools: ABIs with names, code and sources.
//!
//! Read are an ABI as a list; an object with `abi` (Foundry, Hardhat, solc), whose sources stand in
//! `sources` or, with their content, in `metadata`; and Hardhat's and Foundry's build information
//! with `input` and `output`, which has all contracts of a compilation with the sources of each.

use crate::abis::{Artefact, Names, Refused, Sources};
use crate::deployed::Deployed;
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most bytes of a file that is read.
const MAX_FILE: u64 = 64 << 20;
/// The most files of a folder that are looked at.
const MAX_FILES: usize = 10_000;
/// The deepest folder within another one.
const DEEPEST: usize = 12;

/// Why JSON is no artefact.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected an ABI (the list of functions, events and errors that a compiler writes), an artefact \
     of Foundry, Hardhat or solc with `abi`, or build information, as JSON: {0}"
)]
pub struct NoAbi(#[from] serde_json::Error);

/// The contracts of an artefact.
///
/// # Errors
/// If it has no ABI.
pub fn contracts(artefact: Value) -> Result<Vec<Artefact>, NoAbi> {
    if let Some(all) = artefact
        .pointer("/output/contracts")
        .and_then(Value::as_object)
    {
        let given = artefact
            .pointer("/input/sources")
            .and_then(Value::as_object);
        return compiled(all, given);
    }
    let (name, sources) = (name_of(&artefact), sources_of(&artefact));
    let code = Deployed::of(&artefact);
    let abi = match artefact {
        Value::Object(mut fields) => fields.remove("abi").unwrap_or(Value::Object(fields)),
        abi => abi,
    };
    one(name, &abi, sources, code).map(|one| vec![one])
}

fn one(
    name: Option<String>,
    abi: &Value,
    sources: Sources,
    code: Option<Deployed>,
) -> Result<Artefact, NoAbi> {
    Ok(Artefact {
        name,
        size: abi.to_string().len(),
        abi: serde_json::from_value(abi.clone())?,
        sources,
        code,
    })
}

fn name_of(artefact: &Value) -> Option<String> {
    let mut named = ["contractName", "contract", "name"].into_iter();
    let named = named.find_map(|field| artefact.get(field)?.as_str().map(str::to_owned));
    // Foundry's artefacts have it in what the compiler was told.
    let targets = artefact.pointer("/metadata/settings/compilationTarget");
    let target = || targets?.as_object()?.values().next()?.as_str();
    named.or_else(|| target().map(str::to_owned))
}

/// The sources that an artefact has with their content.
fn sources_of(artefact: &Value) -> Sources {
    let own = artefact.get("sources").and_then(Value::as_object);
    let metadata = artefact
        .pointer("/metadata/sources")
        .and_then(Value::as_object);
    let all = own.into_iter().chain(metadata).flatten();
    all.filter_map(|(path, source)| Some((path.clone(), content(source)?)))
        .collect()
}

fn content(source: &Value) -> Option<Arc<str>> {
    let text = source.as_str().or_else(|| source.get("content")?.as_str());
    text.map(Arc::from)
}

/// All contracts of a compilation that have anything to call, log or revert with.
fn compiled(
    files: &Map<String, Value>,
    given: Option<&Map<String, Value>>,
) -> Result<Vec<Artefact>, NoAbi> {
    let mut all = Vec::new();
    for (file, contracts) in files {
        for (name, contract) in contracts.as_object().into_iter().flatten() {
            let abi = contract
                .get("abi")
                .filter(|abi| **abi != Value::Array(Vec::new()));
            if let Some(abi) = abi {
                let sources = needed(file, contract, given);
                let code = Deployed::of(contract);
                all.push(one(Some(name.clone()), abi, sources, code)?);
            }
        }
    }
    Ok(all)
}

/// The sources that a contract was compiled from, as its metadata says; else its own file.
fn needed(file: &str, contract: &Value, given: Option<&Map<String, Value>>) -> Sources {
    let metadata = contract.get("metadata").and_then(Value::as_str);
    let metadata: Value = metadata
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let paths: Vec<&str> = match metadata.get("sources").and_then(Value::as_object) {
        Some(sources) => sources.keys().map(String::as_str).collect(),
        None => vec![file],
    };
    let source = |path: &str| Some((path.to_owned(), content(given?.get(path)?)?));
    paths.into_iter().filter_map(source).collect()
}

/// The contents of a folder of artefacts.
#[derive(Debug, Default)]
pub struct Folder {
    /// The names.
    pub names: Names,
    /// The contracts that were taken.
    pub contracts: usize,
    /// Files that were not taken, each with the reason, for people.
    pub refused: Vec<String>,
}

/// The artefacts of a folder and of those in it; what has no ABI is passed over.
///
/// # Errors
/// If the folder cannot be read.
pub fn folder(path: &Path) -> std::io::Result<Folder> {
    let mut files = Vec::new();
    collect(path, 0, &mut files)?;
    let mut folder = Folder::default();
    for file in files {
        let all = read(&file).and_then(|value| contracts(value).ok());
        for contract in all.into_iter().flatten() {
            if let Err((name, why)) = folder.take(contract, &file) {
                folder
                    .refused
                    .push(format!("{name} of {}: {why}", file.display()));
            }
        }
    }
    folder.names.index();
    Ok(folder)
}

impl Folder {
    fn take(&mut self, contract: Artefact, file: &Path) -> Result<(), (String, Refused)> {
        let stem = || {
            file.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        };
        let Some(name) = contract.name.clone().or_else(stem) else {
            return Ok(());
        };
        // Debug files of Hardhat have an empty one.
        let abi = &contract.abi;
        if abi.functions().count() + abi.events().count() + abi.errors().count() == 0 {
            return Ok(());
        }
        // Build information may have come first, with the sources, which an artefact has not.
        let known = self.names.contract(&name);
        if contract.sources.is_empty() && known.is_some_and(|known| !known.sources.is_empty()) {
            return Ok(());
        }
        let put = self.names.put(&name, None, contract);
        put.map_err(|why| (name, why))?;
        self.contracts = self.names.contracts().count();
        Ok(())
    }
}

/// The JSON files below a folder, in order.
fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort_unstable();
    for entry in entries {
        if entry.is_dir() && !entry.is_symlink() && depth < DEEPEST {
            collect(&entry, depth + 1, files)?;
        } else if entry.extension().is_some_and(|end| end == "json") && files.len() < MAX_FILES {
            files.push(entry);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Option<Value> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    let text = (size <= MAX_FILE).then(|| fs::read(path).ok())??;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn abi() -> Value {
        json!([{ "type": "error", "name": "Late", "inputs": [] }])
    }

    #[test]
    fn artefacts_of_several_tools_are_read() {
        let alone = contracts(abi()).unwrap();
        assert_eq!((alone.len(), alone[0].name.as_deref()), (1, None));
        let hardhat = json!({ "contractName": "A", "abi": abi(), "bytecode": "0x" });
        assert_eq!(contracts(hardhat).unwrap()[0].name.as_deref(), Some("A"));
        let foundry = json!({ "abi": abi(), "metadata": {
            "settings": { "compilationTarget": { "src/B.sol": "B" } },
            "sources": { "src/B.sol": { "content": "contract B {}" }, "src/C.sol": { "keccak256": "0x" } },
        } });
        let foundry = contracts(foundry).unwrap().remove(0);
        assert_eq!(foundry.name.as_deref(), Some("B"));
        assert_eq!(foundry.sources.len(), 1);
        assert!(contracts(json!({ "a": 1 })).is_err());
        assert!(contracts(json!({ "abi": 1 })).is_err());
        assert!(contracts(json!("text")).is_err());
    }

    #[test]
    fn build_information_has_all_contracts_each_with_its_sources() {
        let metadata = json!({ "sources": { "a.sol": {}, "b.sol": {}, "gone.sol": {} } });
        let info = json!({
            "input": { "sources": { "a.sol": { "content": "A" }, "b.sol": { "content": "B" }, "c.sol": { "content": "C" } } },
            "output": { "contracts": {
                "a.sol": { "A": { "abi": abi(), "metadata": metadata.to_string() }, "Empty": { "abi": [] } },
                "c.sol": { "C": { "abi": abi() } },
            } },
        });
        let all = contracts(info).unwrap();
        let shown: Vec<(&str, Vec<&str>)> = all
            .iter()
            .map(|one| {
                let paths = one.sources.keys().map(String::as_str).collect();
                (one.name.as_deref().unwrap(), paths)
            })
            .collect();
        assert_eq!(shown, [("A", vec!["a.sol", "b.sol"]), ("C", vec!["c.sol"])]);
    }

    #[test]
    fn a_folder_is_read_with_those_in_it_and_what_is_none_is_passed_over() {
        let folder_of = std::env::temp_dir().join(format!("artefacts-{}", std::process::id()));
        let inner = folder_of.join("A.sol");
        fs::create_dir_all(&inner).unwrap();
        let write = |path: PathBuf, text: String| fs::write(path, text).unwrap();
        write(inner.join("A.json"), json!({ "abi": abi() }).to_string());
        write(
            inner.join("A.dbg.json"),
            json!({ "_format": "x" }).to_string(),
        );
        write(folder_of.join("broken.json"), "{".into());
        write(folder_of.join("notes.txt"), abi().to_string());
        let read = folder(&folder_of).unwrap();
        fs::remove_dir_all(&folder_of).unwrap();
        assert_eq!(read.contracts, 1);
        assert_eq!(read.names.named("Late").0.len(), 0);
        assert!(read.names.contract("A").is_some());
        assert!(
            !read
                .names
                .errors(
                    &alloy_primitives::keccak256("Late()")[..4]
                        .try_into()
                        .unwrap()
                )
                .is_empty()
        );
        assert!(read.refused.is_empty());
        assert!(folder(&folder_of).is_err());
    }
}
