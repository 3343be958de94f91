//! The rows of the file: publications, ids and channels as bytes.
//!
//! ```text
//! channels  number          → top u64 │ epoch's length u8 │ epoch │ name
//! entries   (number, offset)→ since u64 │ published u64 │ intended u64 │ what the origin has u8
//!                             │ event │ excluded? │ user? │ data           each but data with its length, u32
//! ids       (number, offset)→ since u64 │ id
//! members   (channel, client)→ data of its join
//! ```
//!
//! Numbers are little-endian. A number stands for one life of a channel: a name that begins anew gets
//! another, so that the rows of two lives never mix. The form has a number of its own ([`FORM`]).

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::channel::{ChannelName, Epoch, Origin, Publication, StreamPosition};

/// Of the rows; a file of another form is not opened.
pub const FORM: u64 = 1;

const HAS_ORIGIN: u8 = 1;
const BY_CLIENT: u8 = 2;
const HAS_EXCLUDE: u8 = 4;
const HAS_USER: u8 = 8;

/// Of the table of channels.
pub fn channel_row(channel: &ChannelName, position: &StreamPosition) -> Vec<u8> {
    let epoch = position.epoch.as_str().as_bytes();
    let name = channel.as_str().as_bytes();
    let mut row = Vec::with_capacity(9 + epoch.len() + name.len());
    row.extend(position.offset.to_le_bytes());
    row.push(epoch.len() as u8);
    row.extend(epoch);
    row.extend(name);
    row
}

/// What [`channel_row`] wrote.
pub fn read_channel(row: &[u8]) -> Option<(ChannelName, StreamPosition)> {
    let mut rest = Rest(row);
    let offset = rest.number()?;
    let length = rest.bytes(1)?[0].into();
    let epoch = Epoch::parse(str::from_utf8(rest.bytes(length)?).ok()?)?;
    let name = str::from_utf8(rest.0).ok()?;
    // It was checked by its protocol's rules when it came in.
    let name = ChannelName::scoped("", name);
    Some((name, StreamPosition { epoch, offset }))
}

/// Of the table of entries.
pub fn entry_row(publication: &Publication, since_us: u64) -> Vec<u8> {
    let mut row = Vec::with_capacity(publication.retained_bytes());
    row.extend(since_us.to_le_bytes());
    row.extend(publication.published_us.to_le_bytes());
    row.extend(publication.intended_us.to_le_bytes());
    let origin = publication.origin.as_deref();
    let exclude = origin.and_then(|origin| origin.exclude.as_deref());
    let user = origin.and_then(|origin| origin.user.as_deref());
    let by_client = origin.is_some_and(|origin| origin.by_client);
    let flag = |is: bool, flag| if is { flag } else { 0 };
    row.push(
        flag(origin.is_some(), HAS_ORIGIN)
            | flag(by_client, BY_CLIENT)
            | flag(exclude.is_some(), HAS_EXCLUDE)
            | flag(user.is_some(), HAS_USER),
    );
    for text in [Some(&*publication.event), exclude, user]
        .into_iter()
        .flatten()
    {
        row.extend((text.len() as u32).to_le_bytes());
        row.extend(text.as_bytes());
    }
    row.extend(publication.data.get().as_bytes());
    row
}

/// What [`entry_row`] wrote, and when it came.
pub fn read_entry(
    row: &[u8],
    channel: &ChannelName,
    position: StreamPosition,
) -> Option<(Arc<Publication>, u64)> {
    let mut rest = Rest(row);
    let (since_us, published_us, intended_us) = (rest.number()?, rest.number()?, rest.number()?);
    let flags = rest.bytes(1)?[0];
    let event = rest.text()?;
    let exclude = match flags & HAS_EXCLUDE {
        0 => None,
        _ => Some(rest.text()?),
    };
    let user = match flags & HAS_USER {
        0 => None,
        _ => Some(rest.text()?),
    };
    let origin = (flags & HAS_ORIGIN != 0).then(|| {
        Box::new(Origin {
            exclude,
            user,
            by_client: flags & BY_CLIENT != 0,
        })
    });
    let data = RawValue::from_string(String::from_utf8(rest.0.to_vec()).ok()?).ok()?;
    let publication = Publication {
        channel: channel.clone(),
        epoch: position.epoch,
        offset: position.offset,
        event,
        data,
        intended_us,
        published_us,
        origin,
    };
    Some((Arc::new(publication), since_us))
}

/// Of the table of ids.
pub fn id_row(id: &str, since_us: u64) -> Vec<u8> {
    let mut row = Vec::with_capacity(8 + id.len());
    row.extend(since_us.to_le_bytes());
    row.extend(id.as_bytes());
    row
}

/// What [`id_row`] wrote: when it came, and the id.
pub fn read_id(row: &[u8]) -> Option<(u64, &str)> {
    let mut rest = Rest(row);
    Some((rest.number()?, str::from_utf8(rest.0).ok()?))
}

/// What of a row is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<Box<str>> {
        let length = u32::from_le_bytes(self.bytes(4)?.try_into().ok()?);
        let bytes = self.bytes(length as usize)?;
        Some(str::from_utf8(bytes).ok()?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::to_raw_value;

    #[test]
    fn rows_read_back_what_they_write_and_half_a_row_is_none() {
        let channel = ChannelName::scoped("7", "presence-a");
        let position: StreamPosition = "k3x9:17".parse().unwrap();
        let row = channel_row(&channel, &position);
        assert_eq!(
            read_channel(&row),
            Some((channel.clone(), position.clone()))
        );
        assert_eq!(read_channel(&row[..12]), None);
        let origins = [
            None,
            Some(Origin::default()),
            Some(Origin {
                exclude: Some("1.2".into()),
                user: Some("ann".into()),
                by_client: true,
            }),
        ];
        for origin in origins {
            let publication = Publication {
                channel: channel.clone(),
                epoch: position.epoch.clone(),
                offset: position.offset,
                event: "tick".into(),
                data: to_raw_value(&["a", "ü"]).unwrap(),
                intended_us: 1,
                published_us: 2,
                origin: origin.clone().map(Box::new),
            };
            let row = entry_row(&publication, 3);
            let (read, since_us) = read_entry(&row, &channel, position.clone()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{:?}", Arc::new(publication)));
            assert_eq!((since_us, read.origin.as_deref()), (3, origin.as_ref()));
            // Cut anywhere it is no row, or at least no other JSON.
            for cut in 0..row.len() {
                assert!(read_entry(&row[..cut], &channel, position.clone()).is_none());
            }
        }
        assert_eq!(read_id(&id_row("m1", 5)), Some((5, "m1")));
        assert_eq!(read_id(&[1, 2]), None);
    }
}
