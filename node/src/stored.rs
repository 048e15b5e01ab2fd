//! A block as durable storage has it, for people.

use ethereum::Header;
use pvm::Durable;
use storage::StorageError;
use storage::layout::{HEAD, HEADERS};

/// The hash and the header of a block that a storage of the EVM kernel holds; of the newest where no
/// number is given.
///
/// # Errors
/// In words: there are no blocks, or not this one; the storage is of another kernel.
pub fn block(durable: &Durable, number: Option<u64>) -> Result<String, String> {
    let text = |error: StorageError| error.to_string();
    let number = match number {
        Some(number) => number,
        None => {
            let head = HEAD.get(durable, &()).map_err(text)?;
            head.ok_or("the storage holds no blocks of the EVM kernel")?
                .number
        }
    };
    let stored = HEADERS.get(durable, &number).map_err(text)?;
    let stored = stored.ok_or_else(|| format!("block {number} is not there, or no longer"))?;
    let header = Header::decode(&stored.rlp).map_err(|error| error.to_string())?;
    Ok(format!("hash {}\n{header:#?}", stored.hash))
}
