//! Takes values off the front of bytes, and knows where it is.

use crate::error::{DecodeError, ErrorKind};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    offset: usize,
}

impl<'b> Reader<'b> {
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(crate) const fn error(&self, kind: ErrorKind) -> DecodeError {
        DecodeError {
            offset: self.offset,
            kind,
        }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// What is not read yet.
    pub(crate) const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'b [u8], DecodeError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(len)
            .ok_or(self.error(ErrorKind::Truncated))?;
        self.bytes = rest;
        self.offset += len;
        Ok(taken)
    }

    pub(crate) fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], DecodeError> {
        self.array_ref().copied()
    }

    pub(crate) fn array_ref<const LEN: usize>(&mut self) -> Result<&'b [u8; LEN], DecodeError> {
        let error = self.error(ErrorKind::Truncated);
        self.take(LEN)?.try_into().map_err(|_| error)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    /// A length (u32, big-endian) and that many bytes.
    pub(crate) fn dynamic(&mut self) -> Result<&'b [u8], DecodeError> {
        self.dynamic_reader().map(|inside| inside.bytes)
    }

    /// As [`Reader::dynamic`], to go on reading inside.
    pub(crate) fn dynamic_reader(&mut self) -> Result<Self, DecodeError> {
        let len = u32::from_be_bytes(self.array()?);
        let offset = self.offset;
        let bytes = self.take(len as usize)?;
        Ok(Self { bytes, offset })
    }

    pub(crate) fn rest(&mut self) -> &'b [u8] {
        self.offset += self.bytes.len();
        core::mem::take(&mut self.bytes)
    }

    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(ErrorKind::Trailing))
        }
    }
}
