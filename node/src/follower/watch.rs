//! Watches that the rollup node keeps its rollup, and keeps up with layer 1.

use super::answers::Health;
use super::client::{Client, ClientError};
use super::error::FollowError;
use std::time::{Duration, Instant};

/// The interval of the requests.
const EVERY: Duration = Duration::from_secs(5);

/// The levels that a rollup node may be behind: each takes it some time.
const MOST_LATE: u32 = 3;

/// Facts about the rollup node.
#[derive(Debug, Default)]
pub(super) struct Watch {
    asked: Option<Instant>,
    health: Health,
}

impl Watch {
    /// Asks, if it is time.
    ///
    /// # Errors
    /// [`FollowError::OtherRollup`]; [`FollowError::Client`] if there is no answer.
    pub(super) fn look(&mut self, client: &Client, rollup: String) -> Result<(), FollowError> {
        if self.asked.is_some_and(|asked| asked.elapsed() < EVERY) {
            return Ok(());
        }
        self.asked = None;
        let found = client.rollup_address()?;
        if found != rollup {
            let wanted = rollup;
            return Err(FollowError::OtherRollup { found, wanted });
        }
        self.health = match client.health() {
            Ok(health) => health,
            // Rollup nodes of before do not tell.
            Err(ClientError::Refused { .. } | ClientError::Form { .. }) => Health::default(),
            Err(error) => return Err(error.into()),
        };
        self.asked = Some(Instant::now());
        Ok(())
    }

    /// Has it asked at the next turn: it may be another one by then.
    pub(super) const fn again(&mut self) {
        self.asked = None;
    }

    /// The trouble between the rollup node and layer 1; `head`: the newest level that the
    /// rollup node has told of, if any.
    pub(super) fn trouble(&self, head: Option<u32>) -> Option<FollowError> {
        let layer1 = self.health.l1.as_ref()?;
        if let Some(connection) = &layer1.connection
            && connection != "connected"
        {
            let connection = connection.chars().take(40).collect();
            return Some(FollowError::Disconnected { connection });
        }
        let late = u32::try_from(layer1.blocks_late).unwrap_or_default();
        let unseen = head.map_or(0, |head| self.newest().saturating_sub(head));
        let late = late.max(unseen);
        (late > MOST_LATE).then_some(FollowError::Late { late })
    }

    /// The newest level of layer 1 that the rollup node has seen; 0: it does not say.
    pub(super) fn newest(&self) -> u32 {
        let layer1 = self.health.l1.as_ref();
        let seen = layer1.and_then(|layer1| layer1.last_seen_head.as_ref());
        seen.map_or(0, |seen| seen.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(health: &str) -> Watch {
        Watch {
            asked: None,
            health: serde_json::from_str(health).unwrap(),
        }
    }

    #[test]
    fn a_rollup_node_that_falls_behind_is_in_trouble() {
        let late = watch(r#"{"healthy":true,"l1":{"connection":"connected","blocks_late":4}}"#);
        let trouble = late.trouble(Some(10)).unwrap().to_string();
        assert_eq!(trouble, "the rollup node is 4 levels behind layer 1");
        let slow = watch(
            r#"{"degraded":true,"l1":{"connection":"connected","blocks_late":0,
                "last_seen_head":{"hash":"B","level":720,"timestamp":"2026-01-01T00:00:00Z"}}}"#,
        );
        let trouble = slow.trouble(Some(10)).unwrap().to_string();
        assert_eq!(trouble, "the rollup node is 710 levels behind layer 1");
        assert_eq!(slow.trouble(Some(717)).map(|error| error.to_string()), None);
        // This node has not heard of any yet.
        assert!(slow.trouble(None).is_none());
        assert_eq!(slow.newest(), 720);
        let lost = watch(r#"{"healthy":false,"l1":{"connection":"reconnecting"}}"#);
        let trouble = lost.trouble(Some(10)).unwrap().to_string();
        assert_eq!(
            trouble,
            "the rollup node has lost layer 1: it is reconnecting"
        );
    }

    #[test]
    fn one_that_does_not_tell_is_not() {
        for health in [
            "{}",
            r#"{"healthy":true}"#,
            r#"{"l1":null}"#,
            r#"{"l1":{"blocks_late":-1}}"#,
        ] {
            assert!(watch(health).trouble(Some(10)).is_none(), "{health}");
        }
    }
}
