//! Lines: how frames travel where the transport is HTTP (reference, 14.3 and 14.6).
//!
//! ```text
//! o                                   the session is open
//! a["{\"event\":…}","{\"event\":…}"]  frames, each a string: JSON inside JSON
//! h                                   heartbeat
//! c[4009,"reason"]                    closed, with a code as of a WebSocket
//! ```
//! Each ends with one LF, and no other LF is in it. Up comes a JSON array of strings, one for each
//! frame; an empty one is a sign of life. Not here: `m"…"`, a shorter form for one frame.

use super::data::write_string;
use crate::codec::surrogates;

/// First line of a session; a client that gets it twice has lost its session.
pub const OPEN: &[u8] = b"o\n";
/// A client on streaming answers it with an empty array, on polling with its next poll.
pub const HEARTBEAT: &[u8] = b"h\n";
/// No frames: what shows life to a client without being answered.
pub const NOTHING: &[u8] = b"a[]\n";

const BEGIN: &[u8] = b"a[";
const END: &[u8] = b"]\n";

/// Appends one frame, whose JSON `write` appends to its own buffer, as a line. Answers what that
/// added to the frame's bytes, and what `write` answered.
pub fn encode_frame<R>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> R) -> (u64, R) {
    let mut frame = Vec::with_capacity(160);
    let answer = write(&mut frame);
    let from = out.len();
    out.extend_from_slice(BEGIN);
    // Frames are JSON and so UTF-8.
    write_string(&String::from_utf8_lossy(&frame), out);
    out.extend_from_slice(END);
    let added = (out.len() - from).saturating_sub(frame.len());
    (added as u64, answer)
}

pub fn encode_close(code: u16, why: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("c[{code},").as_bytes());
    write_string(why, out);
    out.extend_from_slice(END);
}

/// Appends lines, runs of frames as one line.
pub fn join<'a>(lines: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    let mut follows_frame = false;
    for line in lines {
        let frames = line
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END))
            .filter(|frames| !frames.is_empty());
        match frames {
            Some(frames) if follows_frame => {
                out.truncate(out.len() - END.len());
                out.push(b',');
                out.extend_from_slice(frames);
                out.extend_from_slice(END);
            }
            _ => out.extend_from_slice(line),
        }
        follows_frame = frames.is_some();
    }
}

/// How long a line is as clients count: in UTF-16 code units.
pub fn utf16_units(line: &[u8]) -> usize {
    let characters = line.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
    let pairs = line.iter().filter(|byte| **byte >= 0xF0).count();
    characters + pairs
}

/// Reads the body of a send request: its frames in order.
pub fn decode_frames(body: &[u8]) -> Result<Vec<String>, String> {
    let body = surrogates::replace_lone_bytes(body);
    serde_json::from_slice(&body).map_err(|error| {
        format!("a JSON array of strings is expected, one for each frame: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(frame: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let (added, ()) = encode_frame(&mut out, |frame_out| {
            frame_out.extend_from_slice(frame.as_bytes());
        });
        assert_eq!(added as usize, out.len() - frame.len());
        out
    }

    #[test]
    fn a_frame_is_json_inside_json_on_one_line() {
        assert_eq!(
            line(r#"{"event":"e","data":"{\"x\":1}"}"#),
            br#"a["{\"event\":\"e\",\"data\":\"{\\\"x\\\":1}\"}"]
"#
        );
        assert_eq!(line("{\"a\":\n1}"), b"a[\"{\\\"a\\\":\\n1}\"]\n");
    }

    #[test]
    fn a_close_is_a_code_and_a_text() {
        let mut out = Vec::new();
        encode_close(4009, "not \"allowed\"", &mut out);
        assert_eq!(out, b"c[4009,\"not \\\"allowed\\\"\"]\n");
    }

    #[test]
    fn runs_of_frames_are_one_line() {
        let (one, two) = (line("1"), line("2"));
        let lines = [OPEN, &one, &two, NOTHING, &one, HEARTBEAT, &two];
        let mut out = Vec::new();
        join(lines.into_iter(), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "o\na[\"1\",\"2\"]\na[]\na[\"1\"]\nh\na[\"2\"]\n"
        );
    }

    #[test]
    fn lengths_are_those_of_javascript() {
        for text in ["", "abc\n", "é", "日本", "🦀a", "\u{10ffff}\u{7ff}\u{800}"] {
            let units = text.encode_utf16().count();
            assert_eq!(utf16_units(text.as_bytes()), units, "{text}");
        }
    }

    #[test]
    fn bodies_are_arrays_of_strings_and_nothing_else() {
        assert_eq!(decode_frames(b"[]").unwrap(), Vec::<String>::new());
        assert_eq!(decode_frames(br#"["{}","x"]"#).unwrap(), ["{}", "x"]);
        for bad in [
            &b""[..],
            b"{}",
            b"[1]",
            b"[null]",
            b"\"x\"",
            b"[\"x\"",
            b"[\"\xff\"]",
            b"[[]]",
            b"[]]",
        ] {
            assert!(decode_frames(bad).is_err(), "{}", bad.escape_ascii());
        }
    }
}
