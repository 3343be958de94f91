//! What somebody calls a saved result, and wrote about it: plain text beside the result, so that the
//! result itself stays as it was measured, and one without reads as before.

use serde::{Deserialize, Serialize};

/// Longest name, in characters.
pub const NAME_MAX_CHARS: usize = 80;
/// Longest note, in characters.
pub const NOTE_MAX_CHARS: usize = 2_000;
/// Largest text that is read; a character takes four bytes at most, and twelve where JSON escapes both
/// halves of its pair.
pub const FILE_MAX_BYTES: u64 = 12 * (NAME_MAX_CHARS + NOTE_MAX_CHARS) as u64 + 64;

/// See the module. Empty is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// A name, one line.
    #[serde(default)]
    pub name: String,
    /// A note, several lines perhaps.
    #[serde(default)]
    pub note: String,
}

/// Why a text is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAbout {
    /// A text is too long.
    #[error("the {what} has {chars} characters; at most {most} are kept")]
    TooLong {
        /// Which one.
        what: &'static str,
        /// Characters that it has.
        chars: usize,
        /// Characters that it may have.
        most: usize,
    },
    /// A name is one line, and this is not.
    #[error("the name is one line")]
    NameOfLines,
}

impl About {
    /// Without the blanks around and control characters in them; refused where they are too long.
    pub fn checked(self) -> Result<Self, BadAbout> {
        let tidy = |text: &str, also: &[char]| {
            let kept = |c: &char| !c.is_control() || also.contains(c);
            text.trim().chars().filter(kept).collect::<String>()
        };
        if self.name.trim().contains(['\n', '\r']) {
            return Err(BadAbout::NameOfLines);
        }
        let tidied = Self {
            name: tidy(&self.name, &[]),
            note: tidy(&self.note, &['\n', '\t']),
        };
        for (what, text, most) in [
            ("name", &tidied.name, NAME_MAX_CHARS),
            ("note", &tidied.note, NOTE_MAX_CHARS),
        ] {
            let chars = text.chars().count();
            if chars > most {
                return Err(BadAbout::TooLong { what, chars, most });
            }
        }
        Ok(tidied)
    }

    /// Whether there is neither.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.note.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(name: &str, note: &str) -> About {
        let (name, note) = (name.to_owned(), note.to_owned());
        About { name, note }
    }

    #[test]
    fn text_is_bounded_and_without_control_characters() {
        let found = about("  a\u{7} b ", "one\r\n\ttwo\0").checked().unwrap();
        assert_eq!(found, about("a b", "one\n\ttwo"));
        let longest = about(&"é".repeat(NAME_MAX_CHARS), &"€".repeat(NOTE_MAX_CHARS));
        assert_eq!(longest.clone().checked().unwrap(), longest);
        let bytes = serde_json::to_vec(&longest).unwrap().len() as u64;
        assert!(bytes <= FILE_MAX_BYTES);
        let escaped = r#"\ud83d\ude00"#;
        let (name, note) = (
            escaped.repeat(NAME_MAX_CHARS),
            escaped.repeat(NOTE_MAX_CHARS),
        );
        let text = format!(r#"{{"name":"{name}","note":"{note}"}}"#);
        assert!(
            text.len() as u64 <= FILE_MAX_BYTES,
            "as many programs write it"
        );
        let read: About = serde_json::from_str(&text).unwrap();
        assert!(read.checked().is_ok());
        let refused = about(&"é".repeat(NAME_MAX_CHARS + 1), "").checked();
        assert!(refused.unwrap_err().to_string().contains("81 characters"));
        let refused = about("", &"x".repeat(NOTE_MAX_CHARS + 1)).checked();
        assert!(matches!(
            refused,
            Err(BadAbout::TooLong { what: "note", .. })
        ));
        assert_eq!(about("a\nb", "").checked(), Err(BadAbout::NameOfLines));
    }
}
