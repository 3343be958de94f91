//! What the plain envelope says, read by a client: as little of it as following a channel needs.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Cursor, Ended, Inbox};
use crate::channel::{Epoch, StreamPosition};

/// One publication, `{"epoch","offset","data",…}`.
#[derive(Deserialize)]
pub struct Published<'a> {
    #[serde(borrow)]
    epoch: Cow<'a, str>,
    offset: u64,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Published<'_> {
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
        inbox.publication(self.data.get(), at_us);
    }
}

/// The answer to a poll.
#[derive(Deserialize)]
pub struct Polled<'a> {
    epoch: String,
    offset: u64,
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
