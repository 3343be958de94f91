//! What the plain envelope says, read by a client: as little of it as following a channel needs.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Cursor, Ended, Inbox};
use crate::channel::{Epoch, StreamPosition};

/// In the query: publications are to be their data alone. There is then no position to go on from.
pub const BARE: &str = "envelope=bare";

/// One publication, `{"epoch","offset","data",…}`.
#[derive(Deserialize)]
pub struct Published<'a> {
    #[serde(borrow)]
    epoch: Cow<'a, str>,
    offset: u64,
    #[serde(borrow, deserialize_with = "text_of")]
    data: &'a str,
}

fn text_of<'de, D: Deserializer<'de>>(from: D) -> Result<&'de str, D::Error> {
    <&RawValue>::deserialize(from).map(RawValue::get)
}

impl<'a> Published<'a> {
    /// Reads one as the lab writes it ([`crate::codec::envelope`]), member by member, without
    /// looking into its data; whatever is written otherwise is read as any JSON. A generator that
    /// receives 50,000 a second does little else.
    pub fn read(json: &'a str) -> Result<Self, Ended> {
        match Self::scan(json) {
            Some(published) => Ok(published),
            None => read(json.as_bytes()),
        }
    }

    fn scan(json: &'a str) -> Option<Self> {
        let rest = json.strip_prefix("{\"channel\":\"")?;
        let (_, rest) = plain(rest)?;
        let (epoch, rest) = plain(rest.strip_prefix(",\"epoch\":\"")?)?;
        let (offset, rest) = digits(rest.strip_prefix(",\"offset\":")?)?;
        let (_, rest) = plain(rest.strip_prefix(",\"event\":\"")?)?;
        let (_, rest) = digits(rest.strip_prefix(",\"intended_us\":")?)?;
        let (_, rest) = digits(rest.strip_prefix(",\"published_us\":")?)?;
        let data = rest.strip_prefix(",\"data\":")?.strip_suffix('}')?;
        Some(Self {
            epoch: Cow::Borrowed(epoch),
            offset: offset.parse().ok()?,
            data,
        })
    }

    /// Tells the inbox and moves the cursor.
    pub fn deliver(&self, cursor: &mut Cursor, inbox: &dyn Inbox, at_us: u64) {
        match &cursor.0 {
            Some(position) if position.epoch.as_str() == self.epoch => cursor.passed(self.offset),
            _ => {
                if let Some(epoch) = Epoch::parse(&self.epoch) {
                    let offset = self.offset;
                    cursor.moved_to(StreamPosition { epoch, offset });
                }
            }
        }
        inbox.publication(self.data, at_us);
    }
}

/// The rest of a string without escapes, and what follows its quote.
fn plain(text: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr2(b'"', b'\\', text.as_bytes())?;
    match text.as_bytes()[end] {
        b'"' => Some((&text[..end], &text[end + 1..])),
        _ => None,
    }
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit())?;
    (end > 0).then(|| text.split_at(end))
}

/// The answer to a poll.
#[derive(Deserialize)]
pub struct Polled<'a> {
    epoch: String,
    offset: u64,
    /// In order.
    #[serde(borrow)]
    pub publications: Vec<Published<'a>>,
}

impl Polled<'_> {
    /// Tells the inbox what is in it and moves the cursor to where it leads.
    pub fn deliver(self, cursor: &mut Cursor, inbox: &dyn Inbox, at_us: u64) -> Result<(), Ended> {
        for publication in &self.publications {
            publication.deliver(cursor, inbox, at_us);
        }
        cursor.moved_to(position(&self.epoch, self.offset)?);
        Ok(())
    }

    /// As [`Self::deliver`], for an answer that has what the client may have already: that is not
    /// told again.
    pub fn deliver_news(
        mut self,
        cursor: &mut Cursor,
        inbox: &dyn Inbox,
        at_us: u64,
    ) -> Result<(), Ended> {
        if let Some(known) = &cursor.0
            && known.epoch.as_str() == self.epoch
        {
            let last = known.offset;
            self.publications.retain(|each| each.offset > last);
        }
        self.deliver(cursor, inbox, at_us)
    }
}

/// First words of a stream or socket.
#[derive(Deserialize)]
pub struct Subscribed {
    epoch: String,
    offset: u64,
    recovered: bool,
}

impl Subscribed {
    /// Where the client is now. One that goes on from its position stays there: what it missed
    /// comes next.
    pub fn accept(self, cursor: &mut Cursor) -> Result<(), Ended> {
        if !(self.recovered && cursor.0.is_some()) {
            cursor.moved_to(position(&self.epoch, self.offset)?);
        }
        Ok(())
    }
}

fn position(epoch: &str, offset: u64) -> Result<StreamPosition, Ended> {
    let epoch =
        Epoch::parse(epoch).ok_or_else(|| Ended::NotUnderstood(format!("the epoch {epoch:?}")))?;
    Ok(StreamPosition { epoch, offset })
}

/// Reads JSON, or says what was not understood.
pub fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Ended> {
    serde_json::from_slice(json).map_err(|error| {
        let shown = String::from_utf8_lossy(&json[..json.len().min(200)]).into_owned();
        Ended::NotUnderstood(format!("{error} in {shown}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_reads_what_a_parser_reads() {
        let usual = r#"{"channel":"c","epoch":"e1","offset":7,"event":"tick","intended_us":1,"published_us":2,"data":{"n":7,"pad":"}\""}}"#;
        for text in [
            usual,
            // None of these is as the lab writes it, or would be.
            r#"{"channel":"c","epoch":"e1","offset":7,"event":"a\"b","intended_us":1,"published_us":2,"data":{"n":7,"pad":"}\""}}"#,
            r#"{ "epoch":"e1","offset":7,"data":{"n":7,"pad":"}\""} }"#,
        ] {
            let published = Published::read(text).unwrap();
            assert_eq!((&*published.epoch, published.offset), ("e1", 7));
            assert_eq!(published.data, r#"{"n":7,"pad":"}\""}"#);
        }
        assert!(Published::scan(usual).is_some());
        for bad in [
            "",
            "{}",
            "{\"channel\":\"c",
            "{\"channel\":\"c\",\"epoch\":\"e\"}",
        ] {
            assert!(Published::read(bad).is_err(), "{bad}");
        }
    }
}
