//! Takes values off the front of bytes, and knows where it is.

use crate::error::{DecodeError, ErrorKind};

/// Bytes that are not read yet.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'b> {
    bytes: &'b [u8],
    offset: usize,
}

impl<'b> Reader<'b> {
    /// Reads `bytes` from the start.
    #[must_use]
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// `kind`, here.
    #[must_use]
    pub const fn error(&self, kind: ErrorKind) -> DecodeError {
        DecodeError {
            offset: self.offset,
            kind,
        }
    }

    /// The number of bytes read, counted from the outermost start.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes that are not read yet.
    #[must_use]
    pub const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// True if nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number of bytes that are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if there are fewer.
    pub fn take(&mut self, len: usize) -> Result<&'b [u8], DecodeError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(len)
            .ok_or(self.error(ErrorKind::Truncated))?;
        self.bytes = rest;
        self.offset += len;
        Ok(taken)
    }

    /// The next `LEN` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if there are fewer.
    pub fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], DecodeError> {
        self.array_ref().copied()
    }

    /// The next `LEN` bytes, borrowed.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if there are fewer.
    pub fn array_ref<const LEN: usize>(&mut self) -> Result<&'b [u8; LEN], DecodeError> {
        let error = self.error(ErrorKind::Truncated);
        self.take(LEN)?.try_into().map_err(|_| error)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if there are fewer.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    /// A length (u32, big-endian) and that many bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if there are fewer.
    pub fn dynamic(&mut self) -> Result<&'b [u8], DecodeError> {
        self.dynamic_reader().map(|inside| inside.bytes)
    }

    /// As [`Reader::dynamic`], to go on reading inside.
    ///
    /// # Errors
    /// As [`Reader::dynamic`].
    pub fn dynamic_reader(&mut self) -> Result<Self, DecodeError> {
        let len = u32::from_be_bytes(self.array()?);
        let offset = self.offset;
        let bytes = self.take(len as usize)?;
        Ok(Self { bytes, offset })
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'b [u8] {
        self.offset += self.bytes.len();
        core::mem::take(&mut self.bytes)
    }

    /// That nothing is left.
    ///
    /// # Errors
    /// [`ErrorKind::Trailing`] where something is.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(ErrorKind::Trailing))
        }
    }
}
