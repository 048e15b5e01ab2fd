//! Messages as `read_input` gives them.

/// One message of the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'b> {
    /// The layer 1 level whose inbox it stands in.
    pub level: u32,
    /// Its index within the level, `Start_of_level` being 0.
    pub id: u32,
    /// The bytes, the inbox tag included.
    pub payload: &'b [u8],
}
