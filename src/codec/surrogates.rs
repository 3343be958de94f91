//! Half a pair in JSON's escapes: `"\ud83d"`, from a text that was cut in the middle of an emoji.
//!
//! JavaScript writes it for half a pair (ECMA-262, `QuoteJSONString`), RFC 8259 §8.2 allows it, and
//! no UTF-8 can hold what it means. The lab has one policy, where JSON comes in and wherever a text
//! is opened that is JSON itself: a lone half becomes `\ufffd`, the replacement character (Unicode
//! 3.9, "U+FFFD substitution"); everything around it stays as it came. What is signed is compared
//! before that, as the very text.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// JSON in which every half of a pair stands beside the other. What has none is handed back as it
/// is; the length never changes.
pub fn replace_lone(json: &str) -> Cow<'_, str> {
    match replace_lone_bytes(json.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(json),
        // Six bytes of ASCII for six bytes of ASCII: it stays UTF-8.
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Cow::Owned(text),
            Err(_) => Cow::Borrowed(json),
        },
    }
}

/// The same for what need not be UTF-8.
pub fn replace_lone_bytes(json: &[u8]) -> Cow<'_, [u8]> {
    let mentions = |escape: &[u8]| memmem::find(json, escape).is_some();
    if !mentions(b"\\ud") && !mentions(b"\\uD") {
        return Cow::Borrowed(json);
    }
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += found;
        let (is_lone, length) = match code_unit(json, at) {
            Some(0xD800..=0xDBFF) => match code_unit(json, at + 6) {
                Some(0xDC00..=0xDFFF) => (false, 12),
                _ => (true, 6),
            },
            Some(0xDC00..=0xDFFF) => (true, 6),
            // Any other escape: its character is skipped, for `\\ud800` is a backslash and text.
            _ => (false, 2),
        };
        if is_lone {
            out.get_or_insert_with(|| json.to_vec())[at..at + 6].copy_from_slice(b"\\ufffd");
        }
        at += length;
    }
    out.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// The number of `\uXXXX` at that place.
fn code_unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |number, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(number << 4 | digit as u16)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lone_half_is_replaced_and_a_pair_is_kept() {
        for (json, replaced) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""hi \uD83D tail""#, r#""hi \ufffd tail""#),
            (r#""\udE00""#, r#""\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\n\u0041""#, r#""\ufffd\n\u0041""#),
            // A backslash, and text.
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (
                r#"["é\ud83d",{"\ud83d":"\ud7ff"}]"#,
                r#"["é\ufffd",{"\ufffd":"\ud7ff"}]"#,
            ),
            // Broken JSON is not this module's business, and breaks nothing.
            (r#""\ud8"#, r#""\ud8"#),
            (r#""\ud83d"#, r#""\ufffd"#),
            (r#""\ud83d\"#, r#""\ufffd\"#),
            (r#""\é\ud83d""#, r#""\é\ufffd""#),
        ] {
            assert_eq!(replace_lone(json), replaced, "{json}");
        }
        assert!(matches!(
            replace_lone(r#""\ud83d\ude00""#),
            Cow::Borrowed(_)
        ));
    }

    proptest! {
        #[test]
        fn what_comes_out_is_read_and_has_the_length_of_what_came(
            parts in prop::collection::vec(
                prop::sample::select(vec!["\\ud83d", "\\uDE00", "\\\\", "\\n", "ud83d", "é", "\\u0041"]),
                0..12,
            ),
        ) {
            let json = format!("\"{}\"", parts.concat());
            let replaced = replace_lone(&json);
            prop_assert!(serde_json::from_str::<String>(&replaced).is_ok(), "{}", replaced);
            prop_assert_eq!(replaced.len(), json.len());
        }
    }
}
