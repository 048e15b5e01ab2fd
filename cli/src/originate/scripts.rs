//! The scripts of the contracts of layer 1.

/// The contracts' scripts.
pub(super) const SCRIPTS: [(&str, &str); 6] = [
    (
        "exchanger",
        include_str!("../../../contracts/layer1/exchanger.tz"),
    ),
    (
        "bridge",
        include_str!("../../../contracts/layer1/bridge.tz"),
    ),
    (
        "delayed_inbox",
        include_str!("../../../contracts/layer1/delayed_inbox.tz"),
    ),
    (
        "governance",
        include_str!("../../../contracts/layer1/governance.tz"),
    ),
    (
        "token_wrapper",
        include_str!("../../../contracts/layer1/token_wrapper.tz"),
    ),
    (
        "fast_withdrawal",
        include_str!("../../../contracts/layer1/fast_withdrawal.tz"),
    ),
];

/// The script of a step.
pub(super) fn script_of(name: &str) -> &str {
    if name.starts_with("token_wrapper") {
        "token_wrapper"
    } else {
        name
    }
}
