//! The real machine, by its imports.

use crate::{
    Debug, HostError, Inbox, MAX_MESSAGE, Message, Metadata, Outbox, Path, ReadStore, Reveal,
    Store, StoreTree, ValueKind, rollup_core,
};
use alloc::vec::Vec;

/// The machine that runs the kernel. [`crate::kernel_entry!`] makes it.
#[derive(Debug, Default)]
pub struct WasmHost;

impl Inbox for WasmHost {
    fn read_input<'b>(
        &mut self,
        buffer: &'b mut [u8; MAX_MESSAGE],
    ) -> Result<Option<Message<'b>>, HostError> {
        let (level, id, len) = rollup_core::read_input(buffer)?;
        let payload = buffer.get(..len).unwrap_or_default();
        let message = Message {
            level: level as u32,
            id: id as u32,
            payload,
        };
        Ok((len > 0).then_some(message))
    }

    fn append_input<'b>(
        &mut self,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Option<Message<'b>>, HostError> {
        let start = buffer.len();
        let (level, id) = rollup_core::append_input(buffer)?;
        let payload = buffer.get(start..).unwrap_or_default();
        let message = Message {
            level: level as u32,
            id: id as u32,
            payload,
        };
        Ok((!payload.is_empty()).then_some(message))
    }
}

impl ReadStore for WasmHost {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        rollup_core::store_read(path, offset, buffer)
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        Ok(match rollup_core::store_has(path)? {
            0 => None,
            1 => Some(ValueKind::Value),
            2 => Some(ValueKind::Subtree),
            _ => Some(ValueKind::ValueWithSubtree),
        })
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        rollup_core::store_value_size(path)
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        rollup_core::store_list_size(path)
    }

    fn store_exists(&self, path: Path<'_>) -> Result<bool, HostError> {
        rollup_core::store_exists(path)
    }
}

impl StoreTree for WasmHost {
    fn store_get_nth_key(
        &self,
        path: Path<'_>,
        index: u64,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        let index = i64::try_from(index).map_err(|_| HostError::InvalidSubkeyIndex)?;
        rollup_core::store_get_nth_key(path, index, buffer)
    }

    fn store_get_hash(&self, path: Path<'_>) -> Result<[u8; 32], HostError> {
        rollup_core::store_get_hash(path)
    }
}

impl Store for WasmHost {
    fn store_write(
        &mut self,
        path: Path<'_>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        rollup_core::store_write(path, offset, bytes)
    }

    fn store_create(&mut self, path: Path<'_>, size: usize) -> Result<(), HostError> {
        rollup_core::store_create(path, size)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        rollup_core::store_delete(path)
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        rollup_core::store_delete_value(path)
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        rollup_core::store_copy(from, to)
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        rollup_core::store_move(from, to)
    }
}

impl Outbox for WasmHost {
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError> {
        rollup_core::write_output(message)
    }
}

impl Reveal for WasmHost {
    fn reveal_preimage(
        &self,
        hash: &[u8; 33],
        buffer: &mut [u8; MAX_MESSAGE],
    ) -> Result<usize, HostError> {
        rollup_core::reveal_preimage(hash, buffer)
    }

    fn reveal(&self, request: &[u8], buffer: &mut [u8]) -> Result<usize, HostError> {
        rollup_core::reveal(request, buffer)
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        let metadata = rollup_core::reveal_metadata()?;
        let (address, level) = metadata.split_at(20);
        Ok(Metadata {
            address: address
                .try_into()
                .map_err(|_| HostError::GenericInvalidAccess)?,
            origination_level: level
                .try_into()
                .map(u32::from_be_bytes)
                .map_err(|_| HostError::GenericInvalidAccess)?,
        })
    }
}

impl Debug for WasmHost {
    fn write_debug(&self, line: &str) {
        rollup_core::write_debug(line.as_bytes());
    }
}
