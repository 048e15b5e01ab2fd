//! The instructions of a run by opcode.

use node::trace::opcode_name;
use pvm::Profile;
use serde_json::{Value, json};

/// The profile as JSON: `total` is the sum of all the others.
pub(crate) fn json(profile: &Profile) -> Value {
    let opcodes = profile.dearest().into_iter().map(|(opcode, cost)| {
        json!({
            "opcode": opcode,
            "name": opcode_name(opcode),
            "count": cost.count,
            "instructions": cost.instructions,
        })
    });
    json!({
        "opcodes": opcodes.collect::<Vec<_>>(),
        "outside": profile.outside,
        "total": profile.total(),
    })
}
