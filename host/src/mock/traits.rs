//! The mock host as a kernel sees it.

use super::MockHost;
use super::durable::Cut;
use super::functions::writable;
use crate::{
    Debug, HostError, Inbox, MAX_MESSAGE, Message, Metadata, Outbox, Path, ReadStore, Reveal,
    Store, StoreTree, ValueKind,
};

impl Inbox for MockHost {
    fn read_input<'b>(
        &mut self,
        buffer: &'b mut [u8; MAX_MESSAGE],
    ) -> Result<Option<Message<'b>>, HostError> {
        self.enter("read_input");
        let message = self.inputs.pop_front().map(|(level, id, payload)| {
            let len = payload.len().min(MAX_MESSAGE);
            buffer[..len].copy_from_slice(&payload[..len]);
            self.count_read(len);
            let payload = &buffer[..len];
            Message { level, id, payload }
        });
        self.leave(Ok(message))
    }
}

impl ReadStore for MockHost {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        self.enter("store_read");
        self.leave(self.read(path, offset, buffer))
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        self.enter("store_has");
        let kind = self.durable.node(path.as_bytes()).map(|node| {
            match (node.value.is_some(), node.children.is_empty()) {
                (true, true) => ValueKind::Value,
                (true, false) => ValueKind::ValueWithSubtree,
                (false, _) => ValueKind::Subtree,
            }
        });
        self.leave(Ok(kind))
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.enter("store_value_size");
        let value = self.durable.get(path.as_bytes());
        self.leave(value.map(<[u8]>::len).ok_or(HostError::NotAValue))
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        self.enter("store_list_size");
        let size = self.durable.node(path.as_bytes()).map_or(0, |node| {
            u64::from(node.value.is_some()) + node.children.len() as u64
        });
        self.leave(Ok(size))
    }
}

impl StoreTree for MockHost {
    fn store_get_nth_key(
        &self,
        path: Path<'_>,
        index: u64,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        self.enter("store_get_nth_key");
        self.leave(self.nth_key(path, index, buffer))
    }

    /// Another hash than any machine gives.
    fn store_get_hash(&self, path: Path<'_>) -> Result<[u8; 32], HostError> {
        self.enter("__internal_store_get_hash");
        let node = self.durable.node(path.as_bytes());
        self.leave(node.map(|node| node.hash()).ok_or(HostError::NotANode))
    }
}

impl Store for MockHost {
    fn store_write(
        &mut self,
        path: Path<'_>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), HostError> {
        self.enter("store_write");
        let result = self.write(path, offset, bytes);
        self.leave(result)
    }

    fn store_create(&mut self, path: Path<'_>, size: usize) -> Result<(), HostError> {
        self.enter("store_create");
        let result = self.create(path, size);
        self.leave(result)
    }

    fn store_delete(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.enter("store_delete");
        let result = writable(path).map(|()| self.durable.cut(path.as_bytes(), Cut::Node));
        self.leave(result)
    }

    fn store_delete_value(&mut self, path: Path<'_>) -> Result<(), HostError> {
        self.enter("store_delete_value");
        let result = writable(path).map(|()| self.durable.cut(path.as_bytes(), Cut::Value));
        self.leave(result)
    }

    fn store_copy(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.enter("store_copy");
        let result = self.copy(from, to);
        self.leave(result)
    }

    fn store_move(&mut self, from: Path<'_>, to: Path<'_>) -> Result<(), HostError> {
        self.enter("store_move");
        let result = self.rename(from, to);
        self.leave(result)
    }
}

impl Outbox for MockHost {
    fn write_output(&mut self, message: &[u8]) -> Result<(), HostError> {
        self.enter("write_output");
        let result = self.output(message);
        self.leave(result)
    }
}

impl Reveal for MockHost {
    /// A hash of another scheme gives nothing, as on the machine.
    ///
    /// # Panics
    /// For an unknown preimage: the machine would wait for it forever.
    fn reveal_preimage(
        &self,
        hash: &[u8; 33],
        buffer: &mut [u8; MAX_MESSAGE],
    ) -> Result<usize, HostError> {
        self.enter("reveal_preimage");
        let preimage = self.preimage(hash);
        let len = preimage.len().min(MAX_MESSAGE);
        buffer[..len].copy_from_slice(&preimage[..len]);
        self.leave(Ok(len))
    }

    /// # Panics
    /// For an unknown preimage.
    fn reveal(&self, request: &[u8], buffer: &mut [u8]) -> Result<usize, HostError> {
        self.enter("reveal");
        if request.len() > MAX_MESSAGE {
            return self.leave(Err(HostError::TooLarge));
        }
        let answer = self.answer(request);
        let len = answer.len().min(buffer.len());
        buffer[..len].copy_from_slice(&answer[..len]);
        self.leave(Ok(len))
    }

    fn reveal_metadata(&self) -> Result<Metadata, HostError> {
        self.enter("reveal_metadata");
        self.leave(Ok(self.metadata))
    }
}

impl Debug for MockHost {
    fn write_debug(&self, line: &str) {
        *self.calls.borrow_mut().entry("write_debug").or_default() += 1;
        self.log.borrow_mut().push_str(line);
    }
}
