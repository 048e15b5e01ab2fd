//! Setup files: what stands in durable storage before the first level (YAML or
//! JSON, as the installer takes them; docs/machine.md, "Setup files and the installer").
//!
//! ```yaml
//! instructions:
//!   - set: { value: 01ff, to: /a }
//!   - reveal: 00…66 hex digits
//!     to: /b
//!   - move: { from: /b, to: /c }
//! ```

use crate::durable::{Durable, StoreError};
use crate::inputs::decode_hex;
use crate::reveal::{self, RevealError, RevealHash};
use crate::store::Key;
use serde::Deserialize;
use std::path::Path;

/// One step of a setup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Makes these bytes the value at a path.
    Set {
        /// The bytes.
        value: Vec<u8>,
        /// The path.
        to: String,
    },
    /// Writes what a tree of preimages holds over the start of the value at a
    /// path.
    Reveal {
        /// The hash of the tree's root page.
        hash: RevealHash,
        /// The path.
        to: String,
    },
    /// Moves a node, value and subtree.
    Move {
        /// From this path.
        from: String,
        /// To this path.
        to: String,
    },
}

/// Why a setup is not done.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file is no setup file.
    #[error("not a setup file: {0}")]
    Syntax(#[from] serde_norway::Error),
    /// Brackets in brackets, more than any setup file has.
    #[error("not a setup file: too many brackets in brackets")]
    Deep,
    /// An instruction does not say one thing to do.
    #[error("instruction {index}: {why}")]
    Instruction {
        /// Which one, from 0 on.
        index: usize,
        /// The fault.
        why: String,
    },
    /// A page is not to be had.
    #[error(transparent)]
    Reveal(#[from] RevealError),
    /// A page has no sense.
    #[error("the page {0} is malformed")]
    Page(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    instructions: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    set: Option<Set>,
    reveal: Option<String>,
    to: Option<String>,
    #[serde(rename = "move")]
    move_: Option<Move>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    value: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    from: String,
    to: String,
}

/// The instructions in the text of a setup file.
///
/// # Errors
/// If the text is not a valid setup file.
pub fn parse(text: &str) -> Result<Vec<Instruction>, SetupError> {
    if is_deep(text) {
        return Err(SetupError::Deep);
    }
    let file: File = serde_norway::from_str(text)?;
    let items = file.instructions.into_iter().enumerate();
    items
        .map(|(index, item)| {
            instruction(item).map_err(|why| SetupError::Instruction { index, why })
        })
        .collect()
}

/// True if more brackets are opened than a setup file needs: the parser takes quadratic
/// time for them.
fn is_deep(text: &str) -> bool {
    const DEPTH: usize = 64;
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            return true;
        }
    }
    false
}

fn instruction(item: Item) -> Result<Instruction, String> {
    let instruction = match item {
        Item {
            set: Some(Set { value, to }),
            reveal: None,
            to: None,
            move_: None,
        } => {
            let value = decode_hex(&value).map_err(|error| format!("the value: {error}"))?;
            Instruction::Set { value, to }
        }
        Item {
            set: None,
            reveal: Some(hash),
            to: Some(to),
            move_: None,
        } => {
            let hash = decode_hex(&hash).ok().and_then(|hash| hash.try_into().ok());
            let hash = hash.ok_or("the reveal hash is not 33 bytes in hex")?;
            Instruction::Reveal { hash, to }
        }
        Item {
            set: None,
            reveal: None,
            to: None,
            move_: Some(Move { from, to }),
        } => {
            writable(&from)?;
            Instruction::Move { from, to }
        }
        _ => return Err("it is not one of `set`, `reveal` with `to`, `move`".to_owned()),
    };
    let (Instruction::Set { to, .. }
    | Instruction::Reveal { to, .. }
    | Instruction::Move { to, .. }) = &instruction;
    writable(to)?;
    Ok(instruction)
}

fn writable(path: &str) -> Result<(), String> {
    match Key::new(path.as_bytes()).and_then(Key::writable) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

/// Applies instructions to a storage, in order. Values are set as they are,
/// however long; preimages come from `folder`.
///
/// # Errors
/// If a page is not to be had, or a path has nothing to move.
pub fn apply(
    instructions: &[Instruction],
    durable: &mut Durable,
    folder: Option<&Path>,
) -> Result<(), SetupError> {
    for (index, instruction) in instructions.iter().enumerate() {
        let done = match instruction {
            Instruction::Set { value, to } => durable.write(to, value),
            Instruction::Move { from, to } => durable.move_(from, to),
            Instruction::Reveal { hash, to } => overwrite(durable, to, &pages(hash, folder)?),
        };
        done.map_err(|error: StoreError| {
            let why = error.to_string();
            SetupError::Instruction { index, why }
        })?;
    }
    Ok(())
}

/// As the installer writes: what the old value has beyond stays.
fn overwrite(durable: &mut Durable, to: &str, bytes: &[u8]) -> Result<(), StoreError> {
    Key::new(to.as_bytes())?;
    Ok(durable.write_value(to.as_bytes(), 0, bytes)?)
}

/// The number of levels of pages that the installer reads.
const LEVELS: u32 = 4;

/// The contents of the tree of pages below `hash`.
///
/// # Errors
/// If a page is missing or malformed.
pub fn pages(hash: &RevealHash, folder: Option<&Path>) -> Result<Vec<u8>, SetupError> {
    let mut content = Vec::new();
    page(hash, folder, LEVELS, &mut content)?;
    Ok(content)
}

fn page(
    hash: &RevealHash,
    folder: Option<&Path>,
    levels: u32,
    content: &mut Vec<u8>,
) -> Result<(), SetupError> {
    let malformed = || SetupError::Page(hex::encode(hash));
    let page = reveal::preimage(folder, hash)?;
    let (header, body) = page.split_first_chunk::<5>().ok_or_else(malformed)?;
    let [tag, len @ ..] = *header;
    let body = body
        .get(..u32::from_be_bytes(len) as usize)
        .ok_or_else(malformed)?;
    match tag {
        0 => content.extend_from_slice(body),
        1 if levels > 1 => {
            let (hashes, rest) = body.as_chunks::<33>();
            if !rest.is_empty() {
                return Err(malformed());
            }
            for hash in hashes {
                self::page(hash, folder, levels - 1, content)?;
            }
        }
        _ => return Err(malformed()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_brackets_is_refused_at_once() {
        assert!(matches!(
            parse(&"[".repeat(1_000_000)),
            Err(SetupError::Deep)
        ));
        assert!(matches!(
            parse(&"{a: ".repeat(100_000)),
            Err(SetupError::Deep)
        ));
    }

    #[test]
    fn values_are_set_and_nodes_moved_in_order() {
        let text = "
instructions:
  - set:
      value: 0a0b
      to: /a/b
  - move:
      from: /a
      to: /c
  - set: { value: '', to: /empty }
";
        let mut durable = Durable::new();
        apply(&parse(text).unwrap(), &mut durable, None).unwrap();
        assert_eq!(durable.children("").unwrap(), ["c", "empty"]);
        assert_eq!(durable.get("/c/b").unwrap().unwrap().to_vec(), [10, 11]);
        assert!(durable.get("/empty").unwrap().unwrap().is_empty());
    }

    #[test]
    fn json_is_taken_as_well() {
        let json = r#"{"instructions": [{"set": {"value": "ff", "to": "/x"}}]}"#;
        let set = Instruction::Set {
            value: vec![255],
            to: "/x".to_owned(),
        };
        assert_eq!(parse(json).unwrap(), [set]);
    }

    #[test]
    fn an_instruction_says_one_thing_on_a_writable_path() {
        for wrong in [
            "{copy: {from: /a, to: /b}}",
            "{set: {value: 00, to: /a}, move: {from: /a, to: /b}}",
            "{set: {value: xy, to: /a}}",
            "{set: {value: '00', to: /readonly/a}}",
            "{move: {from: /a, to: b}}",
            "{reveal: 0000, to: /a}",
            "{to: /a}",
        ] {
            assert!(
                parse(&format!("instructions: [{wrong}]")).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_move_of_nothing_is_an_error() {
        let text = "instructions: [{move: {from: /a, to: /b}}]";
        assert!(apply(&parse(text).unwrap(), &mut Durable::new(), None).is_err());
    }

    #[test]
    fn a_tree_of_pages_is_put_together() {
        let folder = std::env::temp_dir().join(format!("pvm-pages-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let put = |tag: u8, body: &[u8]| {
            let page = [&[tag], &(body.len() as u32).to_be_bytes()[..], body].concat();
            let hash = reveal::hash(&page);
            std::fs::write(folder.join(hex::encode(hash)), page).unwrap();
            hash
        };
        let (first, second) = (put(0, b"hello, "), put(0, b"world"));
        let root = put(1, &[first, second].concat());
        let text = format!(
            "instructions: [{{reveal: '{}', to: /greeting}}]",
            hex::encode(root)
        );
        let instructions = parse(&text).unwrap();
        let mut durable = Durable::new();
        apply(&instructions, &mut durable, Some(&folder)).unwrap();
        assert_eq!(
            durable.get("/greeting").unwrap().unwrap().to_vec(),
            b"hello, world"
        );

        let without = apply(&instructions, &mut durable, None).unwrap_err();
        assert!(
            matches!(without, SetupError::Reveal(RevealError::NoFolder(_))),
            "{without}"
        );
        std::fs::write(folder.join(hex::encode(second)), b"forged").unwrap();
        let forged = apply(&instructions, &mut durable, Some(&folder)).unwrap_err();
        assert!(
            matches!(forged, SetupError::Reveal(RevealError::Wrong(_))),
            "{forged}"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
