//! What the bench knows of the plain envelope (`src/codec/envelope.rs`) and its like: how to publish, how to tell
//! a publication from an acknowledgement, and where its offset stands. JSON is never parsed here:
//! at 400,000 publications a second the load generator must stay lean.

/// The one channel of the bench. One letter, to come as near to a 97-byte frame as the envelope lets.
pub const CHANNEL: &str = "b";

const OFFSET_KEY: &[u8] = b"\"offset\":";
/// How a publication begins over Channels.
const TICK: &[u8] = b"{\"event\":\"tick\",";

/// What a text frame from the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Subscribed,
    Publication,
    /// A publication without an offset: Channels has none.
    Unnumbered,
    /// Of Engine.IO.
    Ping,
    Acknowledgement,
    Error,
    Unknown,
}

#[inline]
pub fn kind_of(payload: &[u8]) -> Kind {
    match payload {
        [b'{', b'"', b'c', b'h', ..] | [b'4', b'2', ..] => Kind::Publication,
        [b'{', b'"', b'e', b'v', ..] if payload.starts_with(TICK) => Kind::Unnumbered,
        b"2" => Kind::Ping,
        [b'{', b'"', b'a', b'c', b'k', ..] => Kind::Acknowledgement,
        [b'{', b'"', b's', b'u', b'b', ..] => Kind::Subscribed,
        [b'{', b'"', b'e', b'r', b'r', ..] => Kind::Error,
        _ => Kind::Unknown,
    }
}

/// Finds offsets. Channel and epoch do not change in a run, so an offset stands where the last one
/// stood; the finder looks there first.
#[derive(Default)]
pub struct OffsetFinder {
    at: usize,
}

impl OffsetFinder {
    /// The number behind the first `"offset":`; neither a channel name nor an epoch can contain it.
    #[inline]
    pub fn find(&mut self, payload: &[u8]) -> Option<u64> {
        let is_there = |rest: &[u8]| rest.starts_with(OFFSET_KEY);
        if !payload.get(self.at..).is_some_and(is_there) {
            self.at = position_of(payload, OFFSET_KEY)?;
        }
        let digits = &payload[self.at + OFFSET_KEY.len()..];
        let count = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (count > 0).then(|| {
            digits[..count]
                .iter()
                .fold(0, |n, d| n * 10 + u64::from(d - b'0'))
        })
    }
}

/// Where `wanted` first stands in `bytes`.
pub fn position_of(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// The message that publishes one tick whose `data` is a string of `pad_bytes` letters:
/// `{"publish":{"event":"tick","data":"xx"}}`.
pub fn publish_message(pad_bytes: usize) -> String {
    format!("{{\"publish\":{}}}", publication_body(pad_bytes))
}

/// The same publication as the body of a POST.
pub fn publication_body(pad_bytes: usize) -> String {
    format!(
        "{{\"event\":\"tick\",\"data\":\"{}\"}}",
        "x".repeat(pad_bytes)
    )
}

/// A publication as the server once sent it, with a gap where the offset goes: the bare loop fills
/// the gap once per tick, so that its frames have exactly the bytes the server's have.
pub struct Template {
    before_offset: Vec<u8>,
    after_offset: Vec<u8>,
}

impl Template {
    /// Cuts a publication, such as `{"channel":"b","epoch":"k3","offset":1,"event":…}`, at its
    /// offset; `None` when it has none.
    pub fn from_publication(payload: &str) -> Option<Self> {
        let bytes = payload.as_bytes();
        let start = position_of(bytes, OFFSET_KEY)? + OFFSET_KEY.len();
        let digits = bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        Some(Template {
            before_offset: bytes[..start].to_vec(),
            after_offset: bytes[start + digits..].to_vec(),
        })
    }

    /// The publication with this offset.
    pub fn fill(&self, offset: u64) -> Vec<u8> {
        [
            &self.before_offset,
            offset.to_string().as_bytes(),
            &self.after_offset,
        ]
        .concat()
    }
}

/// Run by the smoke run, like [`crate::frame::check_against_the_standard`].
pub fn check_examples() {
    let publication = r#"{"channel":"b","epoch":"k3","offset":17,"event":"tick","data":"x"}"#;
    let mut finder = OffsetFinder::default();
    assert_eq!(kind_of(publication.as_bytes()), Kind::Publication);
    assert_eq!(finder.find(publication.as_bytes()), Some(17));
    assert_eq!(finder.find(b"{\"subscribed\":{\"offset\":3}}"), Some(3));
    assert_eq!(finder.find(b"{}"), None);
    let template = Template::from_publication(publication).expect("has an offset");
    assert_eq!(template.fill(17), publication.as_bytes());
    assert_eq!(finder.find(&template.fill(1_000_000)), Some(1_000_000));
}
