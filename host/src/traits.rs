//! The capabilities: what a kernel may ask of the machine.

use crate::{HostError, MAX_CHUNK, MAX_MESSAGE, Message, Path, reserved};
use alloc::vec::Vec;

/// Messages from layer 1, in the order of the level's inbox.
///
/// ```
/// use host::mock::{Level, MockHost};
/// use host::{Inbox, MAX_MESSAGE};
///
/// let mut host = MockHost::default();
/// host.open_level(Level::default().external(b"hello"));
/// let mut buffer = [0; MAX_MESSAGE];
/// let mut external = Vec::new();
/// while let Some(message) = host.read_input(&mut buffer)? {
///     if let [1, contents @ ..] = message.payload {
///         external.push((message.id, contents.to_vec()));
///     }
/// }
/// // Behind `Start_of_level` (0) and `Info_per_level` (1).
/// assert_eq!(external, [(2, b"hello".to_vec())]);
/// # Ok::<(), host::HostError>(())
/// ```
pub trait Inbox {
    /// Takes the oldest unread message, or `None` when the level has no more.
    ///
    /// The payload lies in `buffer`; the first byte is the inbox tag
    /// (0 internal, 1 external).
    ///
    /// # Errors
    /// Errors of the machine for `read_input`.
    fn read_input<'b>(
        &mut self,
        buffer: &'b mut [u8; MAX_MESSAGE],
    ) -> Result<Option<Message<'b>>, HostError>;

    /// As [`Inbox::read_input`], behind what `buffer` holds: the machine fills what
    /// nobody had to fill before.
    ///
    /// # Errors
    /// As [`Inbox::read_input`]; what is behind is then anything.
    fn append_input<'b>(
        &mut self,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Option<Message<'b>>, HostError> {
        let start = buffer.len();
        buffer.resize(start + MAX_MESSAGE, 0);
        let Some((_, place)) = buffer.split_last_chunk_mut() else {
            return Ok(None);
        };
        let read = self.read_input(place)?;
        let read = read.map(|message| (message.level, message.id, message.payload.len()));
        buffer.truncate(start + read.map_or(0, |(_, _, len)| len));
        Ok(read.map(|(level, id, _)| Message {
            level,
            id,
            payload: buffer.get(start..).unwrap_or_default(),
        }))
    }
}

/// The kind of node at a path of durable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A value, and nothing below it.
    Value,
    /// Paths below it, but no value.
    Subtree,
    /// Both.
    ValueWithSubtree,
}

/// Durable storage, to look.
pub trait ReadStore {
    /// Reads up to [`MAX_CHUNK`] bytes of the value at `path`, from `offset`
    /// on, into `buffer`; gives how many. One host call.
    ///
    /// # Errors
    /// [`HostError::NotAValue`] if there is none;
    /// [`HostError::InvalidAccess`] at or past its end (so always for an
    /// empty value).
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError>;

    /// The kind of node at `path`. One host call.
    ///
    /// # Errors
    /// Only for paths that the machine refuses.
    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError>;

    /// The size of the value at `path`, in bytes. One host call.
    ///
    /// # Errors
    /// [`HostError::NotAValue`] if there is none.
    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError>;

    /// The number of direct children of `path`, its own value counted as one.
    /// One host call.
    ///
    /// # Errors
    /// Only for paths that the machine refuses.
    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError>;

    /// True if a value or anything below it lies at `path`. One host call; on the
    /// machine, since version 2.0.0-r2 (ask [`ReadStore::store_has`] before).
    ///
    /// # Errors
    /// Only for paths that the machine refuses.
    fn store_exists(&self, path: Path<'_>) -> Result<bool, HostError> {
        Ok(self.store_has(path)?.is_some())
    }

    /// Reads a value that is known to be no longer than `buffer` (at most
    /// [`MAX_CHUNK`]): `None` if there is no value, 0 for an empty one.
    /// One host call.
    ///
    /// # Errors
    /// Only for paths that the machine refuses.
    fn read_small(&self, path: Path<'_>, buffer: &mut [u8]) -> Result<Option<usize>, HostError> {
        match self.store_read(path, 0, buffer) {
            Ok(len) => Ok(Some(len)),
            Err(HostError::NotAValue) => Ok(None),
            Err(HostError::InvalidAccess) => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }

    /// Reads the whole value at `path`, however long, or `None` if there is
    /// none. One host call for each full chunk and one for the rest.
    ///
    /// # Errors
    /// Only for paths that the machine refuses.
    fn read_all(&self, path: Path<'_>) -> Result<Option<Vec<u8>>, HostError> {
        let mut value = Vec::new();
        loop {
            let start = value.len();
            value.resize(start + MAX_CHUNK, 0);
            let len = match self.store_read(path, start, &mut value[start..]) {
                Ok(len) => len,
                Err(HostError::NotAValue) => return Ok(None),
                Err(HostError::InvalidAccess) => 0,
                Err(error) => return Err(error),
            };
            value.truncate(start + len);
            if len < MAX_CHUNK {
                return Ok(Some(value));
            }
        }
    }
}

/// Durable storage, to change.
///
/// ```
/// use host::mock::MockHost;
/// use host::{HostError, Path, ReadStore, Store, ValueKind};
///
/// const ACCOUNT: Path<'static> = Path::literal("/account");
/// const NONCE: Path<'static> = Path::literal("/account/nonce");
///
/// let mut host = MockHost::default();
/// host.store_write(NONCE, 0, &[7])?;
/// assert_eq!(host.store_has(ACCOUNT)?, Some(ValueKind::Subtree));
/// assert_eq!(host.store_value_size(ACCOUNT), Err(HostError::NotAValue));
///
/// // Longer values take several host calls.
/// host.write_all(ACCOUNT, &[1; 5000])?;
/// assert_eq!(host.read_all(ACCOUNT)?, Some(vec![1; 5000]));
/// assert_eq!(host.store_list_size(ACCOUNT)?, 2);
///
/// host.store_delete(ACCOUNT)?;
/// assert_eq!(host.read_all(NONCE)?, None);
/// # Ok::<(), HostError>(())
/// ```
pub trait Store: ReadStore {
    /// Writes at most [`MAX_CHUNK`] bytes into the value at `path`, from
    /// `offset` on; the value grows as needed and is made if there is none.
    /// It never shrinks. One host call.
    ///
    /// # Errors
    /// [`HostError::InvalidAccess`] for an offset past the end;
    /// [`HostError::ReadOnly`]; [`HostError::TooLarge`].
    fn store_write(&mut self, path: Path<'_>, offset: usize, bytes: &[u8])
    -> Result<(), HostError>;

    /// Makes a value of `size` zero bytes at `path`, in constant time. One host
    /// call; since version 2.0.0-r1.
    ///
    /// # Errors
    /// [`HostError::ValueAlreadyExists`]; [`HostError::ValueSizeExceeded`] for
    /// 2^31 bytes or more; [`HostError::ReadOnly`].
    fn store_create(&mut self, path: Path<'_>, size: usize) -> Result<(), HostError>;

    /// Deletes the value and everything below `path`; fine where there is
    /// nothing. One host call.
    ///
    /// # Errors
    /// [`HostError::ReadOnly`].
    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError>;

    /// Deletes the value at `path` and keeps what lies below it. One host call.
    ///
    /// # Errors
    /// [`HostError::ReadOnly`].
    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError>;

    /// Copies the node `from` (value and subtree) over the node `to`, in
    /// constant time. One host call.
    ///
    /// # Errors
    /// [`HostError::NotANode`] where `from` has nothing; [`HostError::ReadOnly`].
    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError>;

    /// Moves the node `from` over the node `to`, in constant time. One host call.
    ///
    /// # Errors
    /// [`HostError::NotANode`] where `from` has nothing; [`HostError::ReadOnly`].
    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError>;

    /// Writes `bytes` in chunks at `offset` of the value at `path`: one host
    /// call for every [`MAX_CHUNK`] bytes, and one for an empty slice.
    ///
    /// # Errors
    /// As [`Store::store_write`].
    fn write_chunks(
        &mut self,
        path: Path<'_>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        if bytes.is_empty() {
            return self.store_write(path, offset, bytes);
        }
        let mut at = offset;
        for chunk in bytes.chunks(MAX_CHUNK) {
            self.store_write(path, at, chunk)?;
            at += chunk.len();
        }
        Ok(())
    }

    /// Makes `bytes` the whole value at `path`, whatever was there; what lies
    /// below stays. Since version 2.0.0-r1.
    ///
    /// # Errors
    /// As [`Store::store_write`].
    fn write_all(&mut self, path: Path<'_>, bytes: &[u8]) -> Result<(), HostError> {
        self.store_delete_value(path)?;
        self.write_chunks(path, 0, bytes)
    }

    /// Makes `bytes` all that lies at `path`: what lay below is gone.
    ///
    /// # Errors
    /// As [`Store::store_write`].
    fn write_alone(&mut self, path: Path<'_>, bytes: &[u8]) -> Result<(), HostError> {
        self.store_delete(path)?;
        self.write_chunks(path, 0, bytes)
    }

    /// Asks for another run at this level.
    ///
    /// # Errors
    /// None on a sound machine.
    fn mark_for_reboot(&mut self) -> Result<(), HostError> {
        self.store_write(reserved::REBOOT, 0, &[])
    }

    /// Takes the request for another run back.
    ///
    /// # Errors
    /// None on a sound machine.
    fn clear_reboot(&mut self) -> Result<(), HostError> {
        self.store_delete(reserved::REBOOT)
    }
}

/// Facts about the tree that the machine does not promise to be the same on
/// every host: nothing of it may find its way into state or output.
///
/// ```
/// use host::mock::MockHost;
/// use host::{Path, Store, StoreTree};
///
/// let mut host = MockHost::default();
/// host.store_write(Path::literal("/a/one"), 0, &[1])?;
/// host.store_write(Path::literal("/a/two"), 0, &[2])?;
/// let mut name = [0; 8];
/// let len = host.store_get_nth_key(Path::literal("/a"), 1, &mut name)?;
/// assert_eq!(&name[..len], b"two");
///
/// // Equal trees have equal hashes, on one host.
/// host.store_copy(Path::literal("/a"), Path::literal("/b"))?;
/// let hash = |path| host.store_get_hash(path);
/// assert_eq!(hash(Path::literal("/a"))?, hash(Path::literal("/b"))?);
/// # Ok::<(), host::HostError>(())
/// ```
pub trait StoreTree {
    /// Reads the name of the `index`-th child of `path` into `buffer`, as far as
    /// it fits, and gives how many bytes; 0 stands for the value of `path`
    /// itself. One host call. The machine has deprecated it.
    ///
    /// # Errors
    /// [`HostError::NotANode`]; [`HostError::InvalidSubkeyIndex`].
    fn store_get_nth_key(
        &self,
        path: Path<'_>,
        index: u64,
        buffer: &mut [u8],
    ) -> Result<usize, HostError>;

    /// The hash of what lies at and below `path`. One host call
    /// (`__internal_store_get_hash`); since version 2.0.0-r1.
    ///
    /// # Errors
    /// [`HostError::NotANode`].
    fn store_get_hash(&self, path: Path<'_>) -> Result<[u8; 32], HostError>;
}

/// Messages to layer 1.
///
/// ```
/// use host::mock::MockHost;
/// use host::{HostError, MAX_MESSAGE, Outbox};
///
/// let mut host = MockHost::default();
/// host.write_output(b"message")?;
/// let long = host.write_output(&[0; MAX_MESSAGE + 1]);
/// assert_eq!(long, Err(HostError::TooLarge));
/// assert_eq!(host.outbox(), [b"message"]);
/// # Ok::<(), HostError>(())
/// ```
pub trait Outbox {
    /// Writes one message of at most [`MAX_MESSAGE`] bytes.
    ///
    /// # Errors
    /// [`HostError::FullOutbox`] after [`crate::MAX_OUTBOX_MESSAGES`] at this
    /// level; [`HostError::TooLarge`].
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError>;
}

/// The rollup's own facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub address: [u8; 20],
    /// The layer 1 level of its origination.
    pub origination_level: u32,
}

/// Parameters of the data availability layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DalParameters {
    /// The number of slots of a level.
    pub slots: u64,
    /// The number of levels after its publication until a slot is attested.
    pub attestation_lag: u64,
    /// The bytes of a slot.
    pub slot_size: u64,
    /// The bytes of a page of a slot.
    pub page_size: u64,
}

/// Data from outside of the inbox that every rollup node agrees on.
///
/// ```
/// use host::mock::MockHost;
/// use host::{MAX_MESSAGE, Reveal};
///
/// let mut host = MockHost::default();
/// let hash = host.add_preimage(b"as many as 4,096 bytes");
/// let mut buffer = [0; MAX_MESSAGE];
/// let len = host.reveal_preimage(&hash, &mut buffer)?;
/// assert_eq!(&buffer[..len], b"as many as 4,096 bytes");
/// assert_eq!(host.reveal_metadata()?.origination_level, 0);
/// // A slot that was not attested has no bytes.
/// assert_eq!(host.reveal_dal_page(5, 0, 0, &mut buffer)?, 0);
/// # Ok::<(), host::HostError>(())
/// ```
pub trait Reveal {
    /// Reads the preimage of a reveal hash (`00` ++ blake2b-256) into
    /// `buffer`, gives its length.
    ///
    /// # Errors
    /// Errors of the machine for `reveal_preimage`.
    fn reveal_preimage(
        &self,
        hash: &[u8; 33],
        buffer: &mut [u8; MAX_MESSAGE],
    ) -> Result<usize, HostError>;

    /// The rollup's address and origination level.
    ///
    /// # Errors
    /// Errors of the machine for `reveal_metadata`.
    fn reveal_metadata(&self) -> Result<Metadata, HostError>;

    /// Answers any request (tag and fields as the machine takes them) into
    /// `buffer`, gives the length of the answer; 0 for a request that this
    /// machine does not know. One host call; since version 2.0.0-r3.
    ///
    /// # Errors
    /// [`HostError::TooLarge`] for a request of more than [`MAX_MESSAGE`] bytes.
    fn reveal(&self, request: &[u8], buffer: &mut [u8]) -> Result<usize, HostError>;

    /// Reads page `page` of slot `slot`, published at `level`, into `buffer`;
    /// gives its length, 0 where the slot was not attested. A page may be
    /// longer than a message: [`DalParameters::page_size`]. Since 2.0.0-r4.
    ///
    /// # Errors
    /// As [`Reveal::reveal`].
    fn reveal_dal_page(
        &self,
        level: u32,
        slot: u8,
        page: u16,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        let mut request = [2, 0, 0, 0, 0, slot, 0, 0];
        let (_, fields) = request.split_at_mut(1);
        let (published, rest) = fields.split_at_mut(4);
        published.copy_from_slice(&level.to_be_bytes());
        let (_, index) = rest.split_at_mut(1);
        index.copy_from_slice(&page.to_be_bytes());
        self.reveal(&request, buffer)
    }

    /// The parameters of the data availability layer; `None` if there is
    /// none. Since 2.0.0-r4.
    ///
    /// # Errors
    /// As [`Reveal::reveal`].
    fn reveal_dal_parameters(&self) -> Result<Option<DalParameters>, HostError> {
        let mut answer = [0; 32];
        let len = self.reveal(&[3], &mut answer)?;
        let (words, _) = answer.as_chunks::<8>();
        let [slots, attestation_lag, slot_size, page_size] = words else {
            return Ok(None);
        };
        Ok((len == answer.len()).then(|| DalParameters {
            slots: u64::from_be_bytes(*slots),
            attestation_lag: u64::from_be_bytes(*attestation_lag),
            slot_size: u64::from_be_bytes(*slot_size),
            page_size: u64::from_be_bytes(*page_size),
        }))
    }
}

/// Lines for the operator's log. They are no part of the rollup's state.
///
/// ```
/// use host::Debug;
/// use host::mock::MockHost;
///
/// let host = MockHost::default();
/// host.write_debug("one\n");
/// assert_eq!(host.debug_log(), "one\n");
/// ```
pub trait Debug {
    /// Writes `line` as it is (no newline is added).
    fn write_debug(&self, line: &str);
}

/// Everything that the machine offers.
///
/// ```
/// use host::mock::{Level, MockHost};
/// use host::{MAX_MESSAGE, Runtime};
///
/// /// Sends back what comes from outside.
/// fn echo(host: &mut impl Runtime) {
///     let mut buffer = [0; MAX_MESSAGE];
///     while let Ok(Some(message)) = host.read_input(&mut buffer) {
///         if let [1, contents @ ..] = message.payload
///             && host.write_output(contents).is_err()
///         {
///             host.write_debug("the outbox is full\n");
///         }
///     }
/// }
///
/// let ended = MockHost::default().run_level(Level::default().external(b"hello"), echo);
/// assert_eq!(ended.outbox, [b"hello"]);
/// ```
pub trait Runtime: Inbox + Store + StoreTree + Outbox + Reveal + Debug {}

impl<T: Inbox + Store + StoreTree + Outbox + Reveal + Debug> Runtime for T {}
