//! Text of strangers in lines of the log.

/// A letter of it: what would end the line, or hide in it, is spelled out. Quotes stay as they are.
pub(crate) fn letter(letter: char) -> impl Iterator<Item = char> {
    let spelled = match letter {
        '\'' | '"' => None,
        letter => Some(letter.escape_debug()),
    };
    let plain = spelled.is_none().then_some(letter);
    plain.into_iter().chain(spelled.into_iter().flatten())
}

/// All of it.
pub(crate) fn text(text: &str) -> String {
    text.chars().flat_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn only_what_could_mislead_is_spelled_out() {
        let said = "it's \"late\"\n\u{202e}";
        assert_eq!(text(said), "it's \"late\"\\n\\u{202e}");
    }
}
