//! Messages of somebody's own, published in turn instead of ones that are made to a size.
//!
//! Whoever measures knows a delivery by the publication's number, and not every protocol speaks of
//! positions, so the number travels in the message, where [`content::sized`] has it as well:
//!
//! ```text
//! {"user":"ada","text":"hi"}   →  {"n":17,"user":"ada","text":"hi"}
//! {"n":"mine"}, [1,2], "text"  →  {"n":17,"data":[1,2]}
//! ```
//!
//! An object is given it as its first member; what has no room for it (no object, or one with an `n`
//! of its own) is put beside it. Everything else stays as it was written, byte for byte. The number is
//! part of what is published and counted: `"n":17,` is 5 bytes and its digits.

use std::{fmt, ops::RangeInclusive, sync::Arc};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use super::content;
use crate::codec::{envelope, surrogates};

/// How many messages there may be, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Messages.
    pub messages: usize,
    /// Bytes of each.
    pub message_bytes: usize,
    /// Bytes of all together.
    pub all_bytes: usize,
}

/// Of a source that a page starts: they fit into a request's body (64 KiB).
pub const SOURCE_BOUNDS: Bounds = Bounds {
    messages: 1_000,
    message_bytes: content::SIZE_MAX_BYTES,
    all_bytes: 60_000,
};

/// Of a run's file.
pub const FILE_BOUNDS: Bounds = Bounds {
    messages: 10_000,
    message_bytes: 256 << 10,
    all_bytes: 4 << 20,
};

/// Where a message stands, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Of a file.
    Line(usize),
    /// Of a list.
    Message(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Message(number) => write!(f, "message {number}"),
        }
    }
}

/// Why messages are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPayloads {
    /// There is no message in the text.
    #[error("there is no message: write one JSON value a line")]
    Empty,
    /// More messages than are taken.
    #[error("there are {count} messages; choose at most {max} of them, which are sent in turn")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many are taken.
        max: usize,
    },
    /// A message is no JSON.
    #[error("{at} is no JSON value: {why}; write each on one line, strings in double quotes")]
    NoJson {
        /// Where.
        at: Place,
        /// What the parser says.
        why: String,
    },
    /// A message is too long.
    #[error("{at} has {bytes} bytes; choose at most {max}")]
    TooLong {
        /// Where.
        at: Place,
        /// Bytes that it has.
        bytes: usize,
        /// Bytes that one may have.
        max: usize,
    },
    /// A message nests too deep.
    #[error(
        "{at} nests deeper than {max} levels; flatten it",
        max = DEPTH_MAX
    )]
    TooDeep {
        /// Where.
        at: Place,
    },
    /// All together are too much.
    #[error(
        "the messages have {bytes} bytes together; choose at most {max}: fewer or shorter ones"
    )]
    TooMuch {
        /// Bytes that they have.
        bytes: usize,
        /// Bytes that they may have.
        max: usize,
    },
}

/// One level is left for the object that a message may be put into.
const DEPTH_MAX: usize = envelope::JSON_MAX_DEPTH - 1;

/// JSON values to publish in turn; never empty. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payloads(Arc<[Numbered]>);

/// A message, cut where its number goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbered {
    /// After `{"n":17`.
    rest: Box<str>,
}

impl Payloads {
    /// Reads one JSON value a line; blank lines count as lines and are skipped.
    pub fn from_lines(text: &str, bounds: Bounds) -> Result<Self, BadPayloads> {
        // A byte order mark is no JSON, and editors write one unasked.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = (1..).map(Place::Line).zip(text.lines().map(str::trim));
        Self::new(lines.filter(|(_, line)| !line.is_empty()), bounds)
    }

    fn new<'a>(
        texts: impl Iterator<Item = (Place, &'a str)>,
        bounds: Bounds,
    ) -> Result<Self, BadPayloads> {
        let mut all = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        for (at, text) in texts {
            count += 1;
            bytes += text.len();
            if text.len() > bounds.message_bytes {
                let (bytes, max) = (text.len(), bounds.message_bytes);
                return Err(BadPayloads::TooLong { at, bytes, max });
            }
            // Counts on, to say how many there are, and keeps no more than may be.
            if count <= bounds.messages && bytes <= bounds.all_bytes {
                all.push(Numbered::read(at, text)?);
            }
        }
        match (count, bytes) {
            (0, _) => Err(BadPayloads::Empty),
            (count, _) if count > bounds.messages => Err(BadPayloads::TooMany {
                count,
                max: bounds.messages,
            }),
            (_, bytes) if bytes > bounds.all_bytes => Err(BadPayloads::TooMuch {
                bytes,
                max: bounds.all_bytes,
            }),
            _ => Ok(Self(all.into())),
        }
    }

    /// How many there are before the first comes again.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What publication `n`, from 1 on, carries.
    pub fn numbered(&self, n: u64) -> Box<RawValue> {
        let turn = (n.saturating_sub(1) % self.0.len() as u64) as usize;
        let text = format!("{{\"n\":{n}{}", self.0[turn].rest);
        RawValue::from_string(text).expect("a number before the members of an object is JSON")
    }

    /// Mean size over all of them, as they are published with a number of so many digits.
    pub fn mean_bytes(&self, digits: usize) -> f64 {
        let rests: usize = self.0.iter().map(|message| message.rest.len()).sum();
        rests as f64 / self.0.len() as f64 + ("{\"n\":".len() + digits) as f64
    }
}

impl Numbered {
    fn read(at: Place, text: &str) -> Result<Self, BadPayloads> {
        let within = [b"[", text.as_bytes()].concat();
        envelope::check_depth(&within).map_err(|_| BadPayloads::TooDeep { at })?;
        let text = surrogates::replace_lone(text);
        // JSON holds a raw line end between its tokens only, where a blank says the same.
        let text = text.replace(['\n', '\r'], " ");
        let no_json = |error: serde_json::Error| BadPayloads::NoJson {
            at,
            why: error.to_string(),
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(no_json)?;
        let members = match &value {
            serde_json::Value::Object(members) if !members.contains_key("n") => Some(members),
            _ => None,
        };
        let text = text.trim();
        let rest = match members {
            Some(members) if members.is_empty() => "}".to_owned(),
            Some(_) => format!(",{}", text.strip_prefix('{').unwrap_or(text).trim_start()),
            None => format!(",\"data\":{text}}}"),
        };
        Ok(Self { rest: rest.into() })
    }
}

/// What is published: data of an exact size, or somebody's own messages in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// JSON of exactly so many bytes.
    Sized(usize),
    /// These, one after the other, and then from the first again.
    Own(Payloads),
}

impl Content {
    /// The data of publication `n`, from 1 on, with its number in it.
    pub fn numbered(&self, n: u64) -> Box<RawValue> {
        match self {
            Self::Sized(bytes) => content::sized(n, *bytes),
            Self::Own(payloads) => payloads.numbered(n),
        }
    }

    /// Publications of every size that there is, by their number.
    pub fn one_cycle(&self) -> RangeInclusive<u64> {
        match self {
            Self::Sized(_) => 1..=1,
            Self::Own(payloads) => 1..=payloads.count() as u64,
        }
    }

    /// Mean size over the cycle.
    pub fn mean_bytes(&self) -> f64 {
        let sizes = self.one_cycle().map(|n| self.numbered(n).get().len());
        sizes.sum::<usize>() as f64 / self.one_cycle().count() as f64
    }

    /// The largest of the cycle.
    pub fn largest_bytes(&self) -> usize {
        let sizes = self.one_cycle().map(|n| self.numbered(n).get().len());
        sizes.max().unwrap_or_default()
    }
}

/// From a list of JSON values, within [`SOURCE_BOUNDS`].
impl<'de> Deserialize<'de> for Payloads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<Box<RawValue>>::deserialize(deserializer)?;
        let texts = (1..).map(Place::Message);
        let texts = texts.zip(values.iter().map(|value| value.get()));
        Self::new(texts, SOURCE_BOUNDS).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        messages: 4,
        message_bytes: 40,
        all_bytes: 100,
    };

    fn read(text: &str) -> Result<Payloads, BadPayloads> {
        Payloads::from_lines(text, BOUNDS)
    }

    #[test]
    fn messages_come_in_turn_with_their_number_first_and_nothing_else_changed() {
        let text =
            "\u{feff}{\"b\": 1.50, \"a\":\"\\u00e9\"}\r\n\n  [1,\t2]\n{}\n{\"n\":\"mine\"}\n";
        let payloads = read(text).unwrap();
        assert_eq!(payloads.count(), 4);
        let published: Vec<_> = (1..=5).map(|n| payloads.numbered(n)).collect();
        let published: Vec<_> = published.iter().map(|data| data.get()).collect();
        assert_eq!(
            published,
            [
                "{\"n\":1,\"b\": 1.50, \"a\":\"\\u00e9\"}",
                "{\"n\":2,\"data\":[1,\t2]}",
                "{\"n\":3}",
                "{\"n\":4,\"data\":{\"n\":\"mine\"}}",
                "{\"n\":5,\"b\": 1.50, \"a\":\"\\u00e9\"}",
            ]
        );
        let sizes: usize = published[..4].iter().map(|data| data.len()).sum();
        assert_eq!(payloads.mean_bytes(1), sizes as f64 / 4.0);
    }

    #[test]
    fn what_cannot_be_taken_is_refused_by_its_line_with_the_way_out() {
        let long = format!("1\n\n\"{}\"", "x".repeat(50));
        let much = format!("\"{}\"\n", "x".repeat(30)).repeat(4);
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        for (text, says) in [
            ("\n \n", "one JSON value a line"),
            ("1\n2\n3\n4\n5\n6", "6 messages; choose at most 4"),
            ("1\n\n{'a':1}", "line 3 is no JSON value"),
            ("1 2", "line 1 is no JSON value"),
            (&long, "line 3 has 52 bytes; choose at most 40"),
            (&much, "128 bytes together; choose at most 100"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        let error = Payloads::from_lines(&deep, SOURCE_BOUNDS).unwrap_err();
        assert_eq!(error, BadPayloads::TooDeep { at: Place::Line(1) });
    }

    #[test]
    fn a_list_in_a_request_is_read_alike() {
        let list = "[{\"a\":\n1}, \"half \\ud83d\"]";
        let payloads: Payloads = serde_json::from_str(list).unwrap();
        assert_eq!(payloads.numbered(1).get(), "{\"n\":1,\"a\": 1}");
        assert!(payloads.numbered(2).get().contains("half \\ufffd"));
        let refused = serde_json::from_str::<Payloads>("[]").unwrap_err();
        assert!(refused.to_string().contains("no message"));
    }
}
