//! Text that strangers wrote.

/// The most characters of a text that are shown.
const LONGEST: usize = 500;

/// The most bytes that a text takes of a page.
const BYTES: usize = 1_000;

/// The most bytes that a name takes within a line.
const NAME: usize = 120;

/// Text that a contract or an ABI made: what turns or hides other text is spelled out, and what is
/// long is cut.
pub(crate) fn plain(text: &str) -> String {
    within(text, BYTES)
}

/// The same of a name that stands in a line with other words.
pub(crate) fn name(text: &str) -> String {
    within(text, NAME)
}

fn within(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    let mut left = most;
    for (count, letter) in text.chars().enumerate() {
        let spelled = if hides(letter) {
            format!("\\u{{{:x}}}", u32::from(letter))
        } else {
            letter.into()
        };
        let size = escaped(&spelled);
        if count == LONGEST || size > left {
            out.push('…');
            break;
        }
        left -= size;
        out.push_str(&spelled);
    }
    out
}

/// True if a letter turns or hides others.
fn hides(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

/// The bytes that text takes in HTML.
pub(crate) fn escaped(text: &str) -> usize {
    let of = |letter: char| match letter {
        '&' => 5,
        '<' | '>' => 4,
        '"' => 6,
        other => other.len_utf8(),
    };
    text.chars().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use maud::html;
    use proptest::prelude::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(plain(&"x".repeat(10_000)).chars().count(), LONGEST + 1);
        assert!(plain(&"\"".repeat(10_000)).len() < 200);
        assert_eq!(plain("a\u{202e}b"), "a\\u{202e}b");
    }

    proptest! {
        #[test]
        fn any_text_takes_no_more_of_a_page_than_it_may(text: String) {
            let size = |text: &str| html! { (text) }.into_string().len();
            prop_assert!(size(&plain(&text)) <= BYTES + 3);
            prop_assert!(size(&name(&text)) <= NAME + 3);
            prop_assert_eq!(size(&text), escaped(&text));
        }
    }
}
