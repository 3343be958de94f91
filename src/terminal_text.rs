//! Text from elsewhere on a terminal: a terminal obeys control characters, and shows text that is turned
//! round as something else. Whatever a file or another machine wrote passes here before it is printed.
//!
//! May use: no other room.

/// The text as it may be printed: what a terminal would obey, or nobody would see, is written as its
/// number (`\u{1b}`). Ends of lines and tabs stay.
pub fn fit(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' => shown.push(letter),
            _ if is_obeyed(letter) || is_mark(letter) => shown.extend(letter.escape_unicode()),
            _ => shown.push(letter),
        }
    }
    shown
}

/// Control characters, and those that turn the text after them round: no text needs them, but for ends of
/// lines and tabs.
pub fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Of direction or of nothing, which texts of some languages have.
fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_as_its_number() {
        let text = "A \u{1b}]0;pwned\u{7}\u{1b}[2J\u{9b}31m\rb\u{202e}c\u{7f}\n\té 李 नेहा 🙂";
        let shown = fit(text);
        assert_eq!(
            shown,
            "A \\u{1b}]0;pwned\\u{7}\\u{1b}[2J\\u{9b}31m\\u{d}b\\u{202e}c\\u{7f}\n\té 李 नेहा 🙂"
        );
        assert_eq!(fit(&shown), shown);
    }
}
