//! Reads and paths, as their rules say. The whole of storage is compared with a
//! model and with the machine by the SDK's whole-system tests.

use host::mock::MockHost;
use host::{HostError, MAX_CHUNK, Path, PathBuf, ReadStore, Store};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_read_gives_the_bytes_of_the_value(
        value in vec(any::<u8>(), 0..5000), offset in 0_usize..6000, len in 0_usize..3000,
    ) {
        let mut host = MockHost::default();
        host.write_all(Path::literal("/v"), &value).unwrap();
        let mut buffer = vec![0; len];
        let result = host.store_read(Path::literal("/v"), offset, &mut buffer);
        let expected = match value.get(offset..) {
            _ if len > MAX_CHUNK => Err(HostError::TooLarge),
            None | Some([]) => Err(HostError::InvalidAccess),
            Some(rest) => Ok(rest[..rest.len().min(len)].to_vec()),
        };
        prop_assert_eq!(result.map(|len| buffer[..len].to_vec()), expected);
    }

    /// Bytes are a path by the grammar, however they are put together.
    #[test]
    fn a_path_is_what_the_grammar_says(bytes in "[/ab.@é]{0,12}") {
        let bytes = bytes.as_bytes();
        let steps: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').collect();
        let legal = |step: &&[u8]| !step.is_empty() && step.iter().all(|byte| b"ab.".contains(byte));
        let expected = matches!(&steps[..], [[], steps @ ..] if !steps.is_empty() && steps.iter().all(legal));
        prop_assert_eq!(Path::new(bytes).is_ok(), expected);
    }

    #[test]
    fn a_step_that_does_not_fit_changes_nothing(steps in vec("[a-z@]{0,60}", 1..8)) {
        let mut path: PathBuf = PathBuf::from_path(Path::literal("/a"));
        let mut text = "/a".to_owned();
        for step in steps {
            let longer = format!("{text}/{step}");
            let legal = Path::new(longer.as_bytes()).is_ok();
            prop_assert_eq!(path.push(step.as_bytes()).is_ok(), legal, "{}", step);
            if legal {
                text = longer;
            }
            prop_assert_eq!(path.as_path().as_bytes(), text.as_bytes());
        }
    }
}
