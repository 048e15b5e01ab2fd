//! The frame that says for which rollup an external message is: `00 ++ address
//! (20 bytes) ++ contents`. All rollups share one inbox.

use alloc::vec::Vec;

/// The only tag that frames have so far.
const TARGETED: u8 = 0;

/// The frame of an external message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'b> {
    /// For us: what stands behind the address.
    Contents(&'b [u8]),
    /// For another rollup.
    OtherRollup,
    /// Not in the frame.
    NotFramed,
}

/// Looks at `message`, the bytes behind the inbox tag; `rollup` is our address,
/// the 20 bytes behind `sr1…`.
#[must_use]
pub fn parse<'b>(message: &'b [u8], rollup: &[u8; 20]) -> Frame<'b> {
    let Some((&TARGETED, rest)) = message.split_first() else {
        return Frame::NotFramed;
    };
    match rest.split_first_chunk::<20>() {
        Some((address, contents)) if address == rollup => Frame::Contents(contents),
        Some(_) => Frame::OtherRollup,
        None => Frame::NotFramed,
    }
}

/// `contents` in the frame for `rollup`: what [`parse`] takes apart. With the
/// inbox tag a message holds at most 4,096 bytes, so at most 4,074 of contents.
///
/// ```
/// use messages::external::{self, Frame};
/// let framed = external::frame(&[7; 20], b"hello");
/// assert_eq!(external::parse(&framed, &[7; 20]), Frame::Contents(b"hello"));
/// ```
#[must_use]
pub fn frame(rollup: &[u8; 20], contents: &[u8]) -> Vec<u8> {
    [&[TARGETED], &rollup[..], contents].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_names_its_rollup() {
        let ours = [&[0][..], &[7; 20], b"contents"].concat();
        assert_eq!(parse(&ours, &[7; 20]), Frame::Contents(b"contents"));
        assert_eq!(parse(&ours, &[8; 20]), Frame::OtherRollup);
        assert_eq!(parse(&ours[..20], &[7; 20]), Frame::NotFramed);
        assert_eq!(parse(&ours[1..], &[7; 20]), Frame::NotFramed);
        assert_eq!(parse(&[], &[7; 20]), Frame::NotFramed);
    }
}
