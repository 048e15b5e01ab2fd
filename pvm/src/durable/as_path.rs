//! Names of places in durable storage.

use host::Path;

/// A name of a place in durable storage: a [`Path`], or text or bytes that
/// are checked when they are used.
pub trait AsPath {
    /// The bytes of the path.
    fn path_bytes(&self) -> &[u8];
}

impl AsPath for Path<'_> {
    fn path_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<const CAPACITY: usize> AsPath for host::PathBuf<CAPACITY> {
    fn path_bytes(&self) -> &[u8] {
        self.as_path().as_bytes()
    }
}

impl AsPath for str {
    fn path_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsPath for String {
    fn path_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsPath for [u8] {
    fn path_bytes(&self) -> &[u8] {
        self
    }
}

impl<T: AsPath + ?Sized> AsPath for &T {
    fn path_bytes(&self) -> &[u8] {
        (**self).path_bytes()
    }
}
