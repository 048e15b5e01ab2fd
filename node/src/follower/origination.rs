//! Tells a level of origination that cannot be right from a rollup node that fails: both are
//! refused in the same words.

use super::client::{At, Client, ClientError};
use super::options::{Options, Origin, StartError};
use host::reserved::VERSION;

/// Refuses the level of the origination if the rollup node has others, but not this one.
///
/// # Errors
/// [`StartError::OriginationLevel`].
pub(super) fn check(options: &Options) -> Result<(), StartError> {
    let Origin::Genesis { level: given, .. } = options.origin else {
        return Ok(());
    };
    let client = Client::with_patience(&options.rollup_node, options.patience);
    // One that answers nothing is asked again later.
    match fault(&client, given) {
        Ok(Some(why)) => Err(StartError::OriginationLevel { given, why }),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Why the rollup cannot have been originated at this level.
fn fault(client: &Client, given: u32) -> Result<Option<String>, ClientError> {
    let head = client.level(At::Head)?;
    if given > head {
        return Ok(Some(format!(
            "the newest level that the rollup node has is {head}, and it has the level of the \
             origination from its start on"
        )));
    }
    if has(client, given)? || !has(client, head)? {
        return Ok(None);
    }
    let (mut lacks, mut oldest) = (given, head);
    while oldest - lacks > 1 {
        let middle = lacks + (oldest - lacks) / 2;
        match has(client, middle)? {
            true => oldest = middle,
            false => lacks = middle,
        }
    }
    // Both were refused for good, or a passing fault hit one of them.
    if has(client, given)? || has(client, lacks)? {
        return Ok(None);
    }
    Ok(Some(format!(
        "the oldest level that the rollup node has is {oldest}. If the rollup was originated \
         there, give that level. If the rollup node has removed older ones, let it keep all \
         (--history-mode archive), or start with --from-storage"
    )))
}

/// Returns `true` if the rollup node has the rollup's state after a level.
fn has(client: &Client, level: u32) -> Result<bool, ClientError> {
    match client.value(At::Level(level), &VERSION.to_string()) {
        Ok(_) => Ok(true),
        Err(ClientError::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
