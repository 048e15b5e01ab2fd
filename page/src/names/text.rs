//! Text that strangers wrote.

/// The most characters of a text that are shown.
const LONGEST: usize = 500;

/// Text that a contract or an ABI made: what turns or hides other text is spelled out.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (count, letter) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        let hides = letter.is_control()
            || matches!(letter, '\u{ad}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}');
        match hides {
            true => out.push_str(&format!("\\u{{{:x}}}", u32::from(letter))),
            false => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(plain(&"x".repeat(10_000)).chars().count(), LONGEST + 1);
    }
}
