//! The names of a kernel's functions, from the file that `make kernel` writes beside it.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Names by the functions' places in the module: a line for each, place and name. The first line
/// may say of which module they are, `# blake2b` and its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    names: BTreeMap<u32, String>,
    of: Option<[u8; 32]>,
}

/// A line is no place with a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is not the place of a function and its name")]
pub struct NotNames(usize);

impl FromStr for Names {
    type Err = NotNames;

    fn from_str(text: &str) -> Result<Self, NotNames> {
        let read = |(number, line): (usize, &str)| {
            let parts = line.split_once(' ');
            let named = parts.and_then(|(place, name)| Some((place.parse().ok()?, plain(name))));
            named.ok_or(NotNames(number + 1))
        };
        let mut of = None;
        let mut lines = text.lines().enumerate().peekable();
        if let Some((_, first)) = lines.next_if(|(_, first)| first.starts_with('#')) {
            let hash = first.strip_prefix("# blake2b ").ok_or(NotNames(1))?;
            of = Some(hex::FromHex::from_hex(hash).map_err(|_| NotNames(1))?);
        }
        let names = lines.map(read).collect::<Result<_, _>>()?;
        Ok(Self { names, of })
    }
}

/// Without characters that would do something to a terminal or a picture.
fn plain(name: &str) -> String {
    let escaped = |c: char| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    name.chars().map(escaped).collect()
}

impl Names {
    /// blake2b-256 of the module that they are of, if they say so.
    #[must_use]
    pub const fn of(&self) -> Option<[u8; 32]> {
        self.of
    }

    /// The number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of a function, or its place.
    #[must_use]
    pub fn get(&self, function: u32) -> String {
        match self.names.get(&function) {
            Some(name) => name.clone(),
            None => format!("function {function}"),
        }
    }

    /// The functions whose names contain a text, or the one with this place.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<u32> {
        match text.parse() {
            Ok(place) => vec![place],
            Err(_) => self.lines(text).map(|(place, _)| place).collect(),
        }
    }

    /// The functions whose names contain a text, with their names.
    pub fn lines(&self, text: &str) -> impl Iterator<Item = (u32, &str)> {
        let all = self
            .names
            .iter()
            .map(|(place, name)| (*place, name.as_str()));
        all.filter(move |(_, name)| name.contains(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_a_part_or_by_place() {
        let names: Names = "3 purse::give\n5 purse::read amount\n".parse().unwrap();
        assert_eq!(names.find("read"), [5]);
        assert_eq!(names.find("purse"), [3, 5]);
        assert_eq!(names.find("7"), [7]);
        assert_eq!(names.get(5), "purse::read amount");
        assert_eq!(names.get(7), "function 7");
        let hostile: Names = "1 \x1b[2J".parse().unwrap();
        assert_eq!(hostile.get(1), "\\u{1b}[2J");
        assert_eq!("3 a\nfour b".parse::<Names>(), Err(NotNames(2)));
    }
}
