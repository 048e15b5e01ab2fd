//! Pictures of profiles.

use inferno::flamegraph;
use std::io;

/// A flame graph as SVG: instructions by the calls that are open. `lines` are those of
/// [`collapsed`](crate::call_profile::collapsed).
///
/// # Errors
/// If no line has any instructions.
pub fn flame_graph(title: &str, lines: &[String]) -> io::Result<Vec<u8>> {
    let mut options = flamegraph::Options::default();
    title.clone_into(&mut options.title);
    "instructions".clone_into(&mut options.count_name);
    options.name_type = "Function".to_owned();
    let mut svg = Vec::new();
    let lines = lines.iter().map(String::as_str);
    flamegraph::from_lines(&mut options, lines, &mut svg).map_err(io::Error::other)?;
    Ok(svg)
}
