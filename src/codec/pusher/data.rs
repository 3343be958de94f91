//! The text a publisher gave as `data`, kept as plain JSON (reference, 2.1).
//!
//! Pusher's publishers hand over a *text*, most often the text of JSON; plain transports publish
//! *JSON*. Both meet in a publication's `data`, and neither must change what the other sees:
//!
//! ```text
//! the publisher's text        in the publication      to Pusher clients (decoded)
//! {"x": 1}                    {"x": 1}                {"x": 1}          spaces and all
//! plain words                 "plain words"           plain words
//! "quoted"                    "\"quoted\""            "quoted"
//! ```
//! So JSON is kept as itself unless it is a JSON string; everything else is kept as the JSON
//! string of the text. That is one to one: the very text comes out again, but for half a pair in
//! its JSON, which is replaced ([`surrogates`]).

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};

use crate::codec::{envelope::check_depth, surrogates};

/// Longest data of one event on the hosted service, in bytes of the text (18).
pub const MAX_BYTES: usize = 10_240;

/// Keeps a publisher's text.
pub fn from_text(text: &str) -> Box<RawValue> {
    let is_bare = text
        .bytes()
        .next()
        .is_some_and(|first| !first.is_ascii_whitespace() && first != b'"')
        && !text.ends_with([' ', '\t', '\r', '\n']);
    if is_bare
        && check_depth(text.as_bytes()).is_ok()
        && let Ok(json) = serde_json::from_str::<Box<RawValue>>(&surrogates::replace_lone(text))
    {
        return json;
    }
    // Serializing a str cannot fail.
    to_raw_value(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The text again.
pub fn to_text(data: &RawValue) -> Cow<'_, str> {
    let json = data.get();
    if json.starts_with('"')
        && let Ok(text) = serde_json::from_str::<String>(json)
    {
        return Cow::Owned(text);
    }
    Cow::Borrowed(json)
}

/// Appends the text as a JSON string.
pub fn write_text(data: &RawValue, out: &mut Vec<u8>) {
    let json = data.get();
    if json.starts_with('"') {
        out.extend_from_slice(json.as_bytes());
    } else {
        write_string(json, out);
    }
}

/// Appends a JSON string.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    // A Vec takes every byte, and a str always serializes.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn on_the_wire(text: &str) -> String {
        let mut out = Vec::new();
        write_text(&from_text(text), &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn json_is_kept_as_json_and_words_as_a_string() {
        assert_eq!(from_text(r#"{"x": 1}"#).get(), r#"{"x": 1}"#);
        assert_eq!(from_text("plain words").get(), r#""plain words""#);
        assert_eq!(from_text("17").get(), "17");
        assert_eq!(from_text("").get(), r#""""#);
    }

    #[test]
    fn the_very_text_comes_out_again() {
        let deep = "[".repeat(100) + &"]".repeat(100);
        for text in [
            r#"{"x": 1}"#,
            r#"{"x":"caf\u00e9 é 🦀"}"#,
            " {\"a\":1}",
            "{\"a\":1}\n",
            r#""quoted""#,
            r#""broken"#,
            "",
            "null",
            "{broken",
            "1 2",
            "\u{0}\u{1f}",
            &deep,
        ] {
            assert_eq!(on_the_wire(text), text);
            assert_eq!(to_text(&from_text(text)), text);
        }
    }

    #[test]
    fn what_plain_transports_publish_is_the_text_that_an_sdk_would_send() {
        let mut out = Vec::new();
        write_text(
            &RawValue::from_string(r#"{"text":"hi"}"#.to_owned()).unwrap(),
            &mut out,
        );
        assert_eq!(out, br#""{\"text\":\"hi\"}""#);
    }

    proptest! {
        #[test]
        fn any_text_comes_out_again(text in any::<String>()) {
            prop_assert_eq!(on_the_wire(&text), text);
        }
    }
}
