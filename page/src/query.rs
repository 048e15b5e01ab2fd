//! The part behind the question mark.

/// Names and values of a query, percent signs undone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// The most fields that are looked at.
const MOST: usize = 100;

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let fields = text.split('&').filter(|field| !field.is_empty()).take(MOST);
        let pair = |field: &str| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (undone(name, true), undone(value, true))
        };
        Self(fields.map(pair).collect())
    }

    /// The value of a field, without spaces around it; empty if it is absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        let mut fields = self.0.iter();
        let found = fields.find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// True if a field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// A number in decimal digits.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }
}

/// Text without percent signs; `plus`: a plus is a space.
pub(crate) fn undone(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, behind @ ..]) if let Some(byte) = byte_of(*high, *low) => {
                bytes.push(byte);
                rest = behind;
            }
            (b'+', _) if plus => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn byte_of(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Text as a value of a query.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_and_undone() {
        let query = Query::parse("q=a%20b+c&n=7&q=other&%3Cx%3E=1&bad=%zz%4");
        assert_eq!(query.get("q"), "a b c");
        assert_eq!(query.number("n"), Some(7));
        assert_eq!(query.get("<x>"), "1");
        assert_eq!(query.get("bad"), "%zz%4");
        assert!(query.has("n") && !query.has("m"));
    }

    #[test]
    fn what_is_escaped_comes_back() {
        for text in ["a b&c=d", "<script>", "%", "é"] {
            assert_eq!(undone(&escaped(text), true), text);
        }
    }
}
