//! A WebSocket frame as one of Chrome's `_webSocketMessages`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{hidden_in, replaced};
use crate::capture::{Direction, Unit, about};

const FIN: u8 = 0x80;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7F;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;

/// `None` where not even its first two bytes are kept. Chrome's own four fields, and what it leaves out:
/// `_bytes` on the wire, `_fin` where it is not the message's last frame, `_comment`.
pub fn message(unit: &Unit) -> Option<Value> {
    let [first, second, ..] = *unit.bytes.as_slice() else {
        return None;
    };
    let (begins, key) = payload_begins(&unit.bytes, second)?;
    let kept = unit.bytes.get(begins..).unwrap_or_default();
    // A frame that has a secret in it shows nothing of what it was before compression.
    let inflated = unit.inflated.as_ref().filter(|_| unit.hidden.is_empty());
    let plain: Vec<u8> = match (inflated, key) {
        (Some(inflated), _) => inflated.clone(),
        (None, Some(key)) => kept
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect(),
        (None, None) => kept.to_vec(),
    };
    let plain = replaced(&plain, &hidden_in(unit, begins, unit.bytes.len()));
    let opcode = first & OPCODE;
    let data = match String::from_utf8(plain) {
        Ok(text) if matches!(opcode, TEXT | CONTINUATION) => text,
        Ok(text) => STANDARD.encode(text),
        Err(error) => STANDARD.encode(error.as_bytes()),
    };
    let mut message = json!({
        "type": if unit.direction == Direction::Up { "send" } else { "receive" },
        "time": unit.last_us as f64 / 1e6,
        "opcode": opcode,
        "data": data,
        "_bytes": unit.size,
    });
    if first & FIN == 0 {
        message["_fin"] = json!(false);
    }
    if unit.size > unit.bytes.len() {
        let lost = about::bytes((unit.size - unit.bytes.len()) as u64);
        message["_comment"] = json!(format!("{lost} were not kept."));
    }
    Some(message)
}

/// Where the payload begins, and the masking key (RFC 6455 §5.2); `None` while the header is not whole.
///
/// Not `codec::websocket`'s: that one refuses what is wrong and what is compressed, and here both are
/// shown.
fn payload_begins(bytes: &[u8], second: u8) -> Option<(usize, Option<[u8; 4]>)> {
    let length_bytes = match second & LENGTH {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let at = 2 + length_bytes;
    if second & MASK == 0 {
        return (bytes.len() >= at).then_some((at, None));
    }
    let key = bytes.get(at..at + 4)?.try_into().ok()?;
    Some((at + 4, Some(key)))
}
