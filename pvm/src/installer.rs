//! Makes what a rollup is originated with: the installer kernel, with a program
//! behind it that reveals the real kernel (docs/machine.md, "Setup files and the installer").

use crate::preimages::{PageTree, page_tree};
use crate::reveal::RevealHash;
use crate::setup::Instruction;
use std::collections::BTreeMap;

/// The path at which the real kernel is revealed, before it is moved to its place.
const NEW_KERNEL: &str = "/installer/kernel/boot.wasm";

/// The kernel's path in durable storage.
const KERNEL: &str = "/kernel/boot.wasm";

/// The longest value that an instruction holds, in bytes; a longer one becomes a
/// tree of pages.
const MAX_VALUE: usize = 33;

/// A rollup ready to be originated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installer {
    /// The module to originate.
    pub module: Vec<u8>,
    /// The hash of the root page of the real kernel.
    pub root: RevealHash,
    /// All pages that nodes need, by their hashes.
    pub pages: BTreeMap<RevealHash, Vec<u8>>,
}

/// Why an installer cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallerError {
    /// The real kernel has no bytes.
    #[error("the kernel is empty")]
    Empty,
    /// A path does not fit the byte that its length has.
    #[error("the path {0} is longer than 255 bytes")]
    Path(String),
}

impl Installer {
    /// Puts the program behind `installer`, a module: it reveals and installs
    /// `kernel`, then does what `setup` says, in order.
    ///
    /// # Errors
    /// [`InstallerError`].
    pub fn new(
        installer: &[u8],
        kernel: &[u8],
        setup: &[Instruction],
    ) -> Result<Self, InstallerError> {
        if kernel.is_empty() {
            return Err(InstallerError::Empty);
        }
        let PageTree { root, pages } = page_tree(kernel);
        let mut pages: BTreeMap<_, _> = pages.into_iter().collect();
        let mut instructions = vec![
            Instruction::Reveal {
                hash: root,
                to: NEW_KERNEL.to_owned(),
            },
            Instruction::Move {
                from: NEW_KERNEL.to_owned(),
                to: KERNEL.to_owned(),
            },
        ];
        instructions.extend(
            setup
                .iter()
                .map(|instruction| short(instruction, &mut pages)),
        );
        Ok(Self {
            module: with_program(installer, &program(&instructions)?),
            root,
            pages,
        })
    }
}

/// An instruction that sets a long value becomes one that reveals it.
#[must_use]
pub fn short(instruction: &Instruction, pages: &mut BTreeMap<RevealHash, Vec<u8>>) -> Instruction {
    match instruction {
        Instruction::Set { value, to } if value.len() > MAX_VALUE => {
            let tree = page_tree(value);
            pages.extend(tree.pages);
            Instruction::Reveal {
                hash: tree.root,
                to: to.clone(),
            }
        }
        instruction => instruction.clone(),
    }
}

/// The program of these instructions, its length behind it.
///
/// # Errors
/// [`InstallerError::Path`].
pub fn program(instructions: &[Instruction]) -> Result<Vec<u8>, InstallerError> {
    let mut program = Vec::new();
    for instruction in instructions {
        put_bytes(&mut program, &encode(instruction)?);
    }
    let len = program.len() as u32;
    program.extend_from_slice(&len.to_le_bytes());
    Ok(program)
}

/// The module with a program in a last section of its own.
#[must_use]
pub fn with_program(module: &[u8], program: &[u8]) -> Vec<u8> {
    let mut section = vec![NAME.len() as u8];
    section.extend_from_slice(NAME);
    section.extend_from_slice(program);
    let mut out = module.to_vec();
    out.push(0);
    let mut len = section.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(&section);
    out
}

const NAME: &[u8] = b"config";

fn encode(instruction: &Instruction) -> Result<Vec<u8>, InstallerError> {
    let mut out = Vec::new();
    let to = match instruction {
        Instruction::Reveal { hash, to } => {
            out.push(0);
            put_bytes(&mut out, hash);
            to
        }
        Instruction::Move { from, to } => {
            out.push(1);
            put_path(&mut out, from)?;
            to
        }
        Instruction::Set { value, to } => {
            out.push(2);
            put_bytes(&mut out, value);
            to
        }
    };
    put_path(&mut out, to)?;
    Ok(out)
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_path(out: &mut Vec<u8>, path: &str) -> Result<(), InstallerError> {
    let len = u8::try_from(path.len()).map_err(|_| InstallerError::Path(path.to_owned()))?;
    out.push(len);
    out.extend_from_slice(path.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup;
    use serde_json::Value;

    /// The instructions that a vector names.
    fn instructions(fields: &Value) -> Vec<Instruction> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let one = |item: &Value| {
            let to = |at: &Value| text(&at["to"]);
            if let Some(moved) = item.get("move") {
                Instruction::Move {
                    from: text(&moved["from"]),
                    to: to(moved),
                }
            } else if let Some(hash) = item.get("reveal") {
                let hash = hex::decode(text(hash)).unwrap();
                Instruction::Reveal {
                    hash: hash.try_into().unwrap(),
                    to: to(item),
                }
            } else {
                let set = &item["set"];
                Instruction::Set {
                    value: hex::decode(text(&set["value"])).unwrap(),
                    to: to(set),
                }
            }
        };
        fields.as_array().unwrap().iter().map(one).collect()
    }

    /// The steps that the vectors build from a root hash alone.
    fn flow(name: &str, root: &Value) -> Vec<Instruction> {
        let through = if name.starts_with("SDK") {
            "/__sdk/installer/reveal"
        } else {
            NEW_KERNEL
        };
        let hash = hex::decode(root.as_str().unwrap()).unwrap();
        vec![
            Instruction::Reveal {
                hash: hash.try_into().unwrap(),
                to: through.to_owned(),
            },
            Instruction::Move {
                from: through.to_owned(),
                to: KERNEL.to_owned(),
            },
        ]
    }

    #[test]
    fn programs_are_those_of_the_vectors() {
        let file: Value =
            serde_json::from_str(include_str!("../tests/vectors/installer.json")).unwrap();
        let (mut made, mut refused) = (0, 0);
        for vector in file["vectors"].as_array().unwrap() {
            let (name, fields) = (vector["name"].as_str().unwrap(), &vector["fields"]);
            if vector.get("error").is_some() {
                assert!(
                    setup::parse(fields["yaml"].as_str().unwrap()).is_err(),
                    "{name}"
                );
                refused += 1;
                continue;
            }
            let mut pages = BTreeMap::new();
            let instructions = if let Some(yaml) = fields.get("yaml") {
                let parsed = setup::parse(yaml.as_str().unwrap()).unwrap();
                parsed.iter().map(|one| short(one, &mut pages)).collect()
            } else if let Some(root) = fields.get("root_hash") {
                flow(name, root)
            } else {
                instructions(fields)
            };
            let mut program = program(&instructions).unwrap();
            if name.starts_with("empty module") {
                program = with_program(b"\0asm\x01\0\0\0", &program);
            }
            assert_eq!(hex::encode(program), vector["hex"], "{name}");
            assert_eq!(
                !pages.is_empty(),
                name.contains("becomes a reveal"),
                "{name}"
            );
            made += 1;
        }
        assert_eq!((made, refused), (11, 5));
    }

    #[test]
    fn an_empty_kernel_is_refused() {
        assert_eq!(Installer::new(b"", b"", &[]), Err(InstallerError::Empty));
    }
}
