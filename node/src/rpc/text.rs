//! JSON as text, of a bounded size.

use super::error::RpcError;
use super::load::MAX_ANSWER;
use serde::Serialize;
use serde_json::{Map, Value};
use std::io;

/// A JSON array while it is written.
#[derive(Debug)]
pub(super) struct List {
    text: Bounded,
    empty: bool,
}

impl Default for List {
    fn default() -> Self {
        Self {
            text: Bounded(vec![b'[']),
            empty: true,
        }
    }
}

impl List {
    /// Adds an item.
    ///
    /// # Errors
    /// [`too_large`].
    pub(super) fn push(&mut self, item: &impl Serialize) -> Result<(), RpcError> {
        if !std::mem::take(&mut self.empty) {
            self.text.0.push(b',');
        }
        self.text.json(item)
    }

    /// Adds an item that is JSON already.
    ///
    /// # Errors
    /// [`too_large`].
    pub(super) fn push_text(&mut self, item: &str) -> Result<(), RpcError> {
        if !std::mem::take(&mut self.empty) {
            self.text.0.push(b',');
        }
        self.text.raw(item)
    }

    /// The array.
    pub(super) fn finish(mut self) -> String {
        self.text.0.push(b']');
        self.text.finish()
    }
}

/// The items as an array.
///
/// # Errors
/// [`too_large`].
pub(super) fn list<T: Serialize>(items: impl IntoIterator<Item = T>) -> Result<String, RpcError> {
    let mut list = List::default();
    for item in items {
        list.push(&item)?;
    }
    Ok(list.finish())
}

/// An object with one more field, the text of which is JSON already.
pub(super) fn with_field(object: Map<String, Value>, name: &str, json: &str) -> String {
    let mut text = Value::Object(object).to_string();
    text.pop();
    let comma = if text.len() > 1 { "," } else { "" };
    text.push_str(&format!("{comma}\"{name}\":{json}}}"));
    text
}

/// A value as text.
///
/// # Errors
/// [`too_large`].
pub(super) fn value(value: &impl Serialize) -> Result<String, RpcError> {
    let mut text = Bounded::default();
    text.json(value)?;
    Ok(text.finish())
}

/// The error of an answer over [`MAX_ANSWER`].
pub(super) fn too_large() -> RpcError {
    RpcError::new(RpcError::TOO_LARGE, "response too large")
}

/// Text up to [`MAX_ANSWER`].
#[derive(Debug, Default)]
pub(super) struct Bounded(Vec<u8>);

impl Bounded {
    /// Adds text as it is.
    ///
    /// # Errors
    /// [`too_large`].
    pub(super) fn raw(&mut self, text: &str) -> Result<(), RpcError> {
        io::Write::write_all(self, text.as_bytes()).map_err(|_| too_large())
    }

    /// Adds a value.
    ///
    /// # Errors
    /// [`too_large`].
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), RpcError> {
        serde_json::to_writer(self, value).map_err(|_| too_large())
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        String::from_utf8(self.0).unwrap_or_default()
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_ANSWER {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_is_json() {
        assert_eq!(list([json!(1), json!("a")]).unwrap(), r#"[1,"a"]"#);
        assert_eq!(list(Vec::<Value>::new()).unwrap(), "[]");
    }

    #[test]
    fn a_field_is_put_behind_the_others() {
        let mut object = Map::new();
        assert_eq!(with_field(object.clone(), "b", "[]"), r#"{"b":[]}"#);
        object.insert("a".into(), json!(1));
        assert_eq!(with_field(object, "b", "[2]"), r#"{"a":1,"b":[2]}"#);
    }

    #[test]
    fn a_list_ends_at_25_megabytes() {
        let item = "x".repeat(1_000_000);
        let mut list = List::default();
        let taken = (0..30).take_while(|_| list.push(&item).is_ok()).count();
        assert_eq!(taken, 24);
    }
}
