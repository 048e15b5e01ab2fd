//! The host functions, with the machine's limits and error codes.

use super::MockHost;
use super::durable::Cut;
use crate::{HostError, MAX_CHUNK, MAX_MESSAGE, MAX_OUTBOX_MESSAGES, Metadata, Path};

/// The largest value, in bytes.
const MAX_VALUE: usize = i32::MAX as usize;

impl MockHost {
    pub(super) fn read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        if buffer.len() > MAX_CHUNK {
            return Err(HostError::TooLarge);
        }
        let value = self
            .durable
            .get(path.as_bytes())
            .ok_or(HostError::NotAValue)?;
        let rest = value.get(offset..).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or(HostError::InvalidAccess)?;
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.count_read(len);
        Ok(len)
    }

    pub(super) fn write(
        &mut self,
        path: Path<'_>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        let size = self.durable.get(path.as_bytes()).map_or(0, <[u8]>::len);
        if size.saturating_add(bytes.len()) > MAX_VALUE {
            return Err(HostError::ValueSizeExceeded);
        }
        writable(path)?;
        if bytes.len() > MAX_CHUNK {
            return Err(HostError::TooLarge);
        }
        if offset > size {
            return Err(HostError::InvalidAccess);
        }
        let value = self.durable.value_mut(path.as_bytes());
        let end = offset + bytes.len();
        value.resize(size.max(end), 0);
        value[offset..end].copy_from_slice(bytes);
        self.count_written(bytes.len());
        Ok(())
    }

    pub(super) fn create(&mut self, path: Path<'_>, size: usize) -> Result<(), HostError> {
        if size > MAX_VALUE {
            return Err(HostError::ValueSizeExceeded);
        }
        writable(path)?;
        if self.durable.get(path.as_bytes()).is_some() {
            return Err(HostError::ValueAlreadyExists);
        }
        self.durable.set(path.as_bytes(), &vec![0; size]);
        Ok(())
    }

    pub(super) fn nth_key(
        &self,
        path: Path<'_>,
        index: u64,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        let node = self.durable.node(path.as_bytes());
        let node = node.ok_or(HostError::NotANode)?;
        // The machine calls the value `@`, and gives its name as no bytes.
        let value: Option<&[u8]> = node.value.as_ref().map(|_| &b"@"[..]);
        let mut names: Vec<&[u8]> = node.children.keys().map(|name| &**name).collect();
        names.extend(value);
        names.sort_unstable();
        let name = usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index));
        let name = match *name.ok_or(HostError::InvalidSubkeyIndex)? {
            b"@" => b"",
            name => name,
        };
        let len = name.len().min(buffer.len());
        buffer[..len].copy_from_slice(&name[..len]);
        Ok(len)
    }

    pub(super) fn answer(&self, request: &[u8]) -> Vec<u8> {
        match request {
            [0, hash @ ..] => match hash.try_into() {
                Ok(hash) => self.preimage(hash).to_vec(),
                Err(_) => Vec::new(),
            },
            [1] => {
                let Metadata {
                    address,
                    origination_level,
                } = self.metadata;
                [&address[..], &origination_level.to_be_bytes()].concat()
            }
            [2, a, b, c, d, slot, e, f] => {
                let level = u32::from_be_bytes([*a, *b, *c, *d]);
                let page = (level, *slot, u16::from_be_bytes([*e, *f]));
                self.dal_pages.get(&page).cloned().unwrap_or_default()
            }
            [3] => self.dal.map_or_else(Vec::new, |dal| {
                [dal.slots, dal.attestation_lag, dal.slot_size, dal.page_size]
                    .map(u64::to_be_bytes)
                    .concat()
            }),
            _ => Vec::new(),
        }
    }

    pub(super) fn preimage(&self, hash: &[u8; 33]) -> &[u8] {
        match hash {
            [0, ..] => self.preimages.get(hash).expect("the preimage is set"),
            _ => &[],
        }
    }

    pub(super) fn copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        writable(to)?;
        let node = self.durable.node(from.as_bytes()).cloned();
        let node = node.ok_or(HostError::NotANode)?;
        self.durable.put(to.as_bytes(), node);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        writable(from)?;
        writable(to)?;
        let node = self.durable.node(from.as_bytes()).cloned();
        let node = node.ok_or(HostError::NotANode)?;
        self.durable.cut(from.as_bytes(), Cut::Node);
        self.durable.put(to.as_bytes(), node);
        Ok(())
    }

    pub(super) fn output(&mut self, message: &[u8]) -> Result<(), HostError> {
        if message.len() > MAX_MESSAGE {
            return Err(HostError::TooLarge);
        }
        if self.outbox.len() == MAX_OUTBOX_MESSAGES {
            return Err(HostError::FullOutbox);
        }
        self.outbox.push(message.to_vec());
        self.count_written(message.len());
        Ok(())
    }
}

/// `/readonly` and what lies below it cannot be changed.
pub(super) fn writable(path: Path<'_>) -> Result<(), HostError> {
    match path.as_bytes().strip_prefix(b"/readonly") {
        Some([] | [b'/', ..]) => Err(HostError::ReadOnly),
        _ => Ok(()),
    }
}
