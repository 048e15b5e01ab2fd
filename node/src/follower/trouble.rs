//! The trouble that a follower is in now, as it was logged.

use super::error::FollowError;

/// The trouble that a follower is in now, if any.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<Now>);

#[derive(Debug)]
struct Now {
    text: String,
    /// The line of the log once it has passed.
    over: &'static str,
}

impl Trouble {
    /// Says once that something is wrong.
    pub(super) fn begins(&mut self, error: &FollowError) {
        let text = error.to_string();
        if self.0.as_ref().is_none_or(|now| now.text != text) {
            tracing::warn!("{text}");
            let over = error.over();
            self.0 = Some(Now { text, over });
        }
    }

    /// Says that nothing is wrong any more.
    pub(super) fn ends(&mut self) {
        if let Some(Now { over, .. }) = self.0.take() {
            tracing::info!("{over}");
        }
    }

    /// The trouble in words.
    pub(super) fn text(&self) -> Option<String> {
        self.0.as_ref().map(|now| now.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_in_the_words_of_the_last_trouble() {
        let mut trouble = Trouble::default();
        trouble.begins(&FollowError::Silent);
        let why = String::from("the preimage 00ab is not there");
        trouble.begins(&FollowError::Waiting { level: 7, why });
        let now = trouble.0.as_ref().unwrap();
        assert_eq!(now.text, "level 7 waits: the preimage 00ab is not there");
        assert!(now.over.contains("the missing preimage is there"));
        trouble.ends();
        assert_eq!(trouble.text(), None);
    }
}
