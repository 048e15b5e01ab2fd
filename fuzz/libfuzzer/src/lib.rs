//! The targets of `fuzz` under libFuzzer; how to run them stands there.

/// Runs the target of this name.
///
/// # Panics
///
/// If it finds something: that is what libFuzzer looks for.
pub fn run(name: &str, bytes: &[u8]) {
    let target = fuzz::targets::find(name).expect("a target of this name");
    if let Err(text) = (target.run)(bytes) {
        panic!("{text}");
    }
}
