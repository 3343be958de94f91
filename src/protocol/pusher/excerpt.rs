//! Texts from outside, cut for people to read: as long as they like they come, and a console shows
//! many of them. What was cut says so. For serde's `serialize_with`.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::codec::pusher::data;

/// Longest data that is shown whole.
pub const DATA_MAX_BYTES: usize = 1_024;
/// Longest other text that is shown whole.
pub const TEXT_MAX_BYTES: usize = 256;

/// A publication's data as `{"text":…,"bytes":N}`: its text, cut to [`DATA_MAX_BYTES`], its whole
/// length, and `"is_cut":true` where they differ.
pub fn data<S: Serializer>(whole: &&RawValue, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Data<'a> {
        text: &'a str,
        bytes: usize,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_cut: bool,
    }
    let whole = data::to_text(whole);
    let text = cut(&whole, DATA_MAX_BYTES);
    Data {
        text,
        bytes: whole.len(),
        is_cut: text.len() < whole.len(),
    }
    .serialize(serializer)
}

/// A text, cut to [`TEXT_MAX_BYTES`]; an ellipsis at its end says that there was more.
pub fn text<S: Serializer>(whole: &&str, serializer: S) -> Result<S::Ok, S::Error> {
    let text = cut(whole, TEXT_MAX_BYTES);
    if text.len() == whole.len() {
        serializer.serialize_str(text)
    } else {
        serializer.collect_str(&format_args!("{text}…"))
    }
}

/// At most `max_bytes` of a text, whole characters.
fn cut(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}
