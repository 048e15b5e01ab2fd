//! The rollup node's heads, as they are heard of.

use super::answers::Head;
use std::time::Instant;

/// The newest block that the rollup node has told of.
pub(super) struct Heard {
    hash: String,
    /// Its level; `None`: of none yet.
    pub(super) level: Option<u32>,
    /// When it told of it.
    pub(super) since: Instant,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            hash: String::new(),
            level: None,
            since: Instant::now(),
        }
    }
}

impl Heard {
    /// Notes a block. A stream that is opened again begins with the one that was told last.
    pub(super) fn of(&mut self, head: &Head) {
        if self.hash != head.hash {
            self.hash.clone_from(&head.hash);
            (self.level, self.since) = (Some(head.level), Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Heard;
    use crate::follower::answers::Head;

    #[test]
    fn a_head_that_is_told_again_is_no_news() {
        let head = |hash: &str, level| Head {
            hash: hash.to_owned(),
            level,
            predecessor: String::new(),
        };
        let mut heard = Heard::default();
        assert_eq!(heard.level, None);
        heard.of(&head("B1", 1));
        let since = heard.since;
        std::thread::sleep(std::time::Duration::from_millis(2));
        heard.of(&head("B1", 1));
        assert_eq!((heard.level, heard.since), (Some(1), since));
        heard.of(&head("B2", 2));
        assert!(heard.level == Some(2) && heard.since > since);
    }
}
