//! What a publication must cost on its way up, to the byte, where clients publish: a frame on the
//! socket that the client reads from, or a request of its own.
//!
//! What comes down is [`super::bytes`]'s. Not here: the server's answers to what went up.

use super::{
    bytes::{EVENT, Model},
    lanes::Row,
    names,
};
use crate::{
    channel::{ChannelName, Epoch},
    client::{Target, connection::SimulatedLink, upstream},
    codec::websocket::{self, OpCode},
    demo::{content::sized, payloads::Content},
};

/// Bytes up for one publication.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpBytes {
    /// Up, all layers, without what TCP and IP add.
    pub total: f64,
    /// Of these, HTTP headers.
    pub headers: f64,
    /// Of these, frame headers and masks.
    pub framing: f64,
}

/// Bytes up for one publication that a client sends itself, by the socket that it reads from or by
/// a request of its own: the mean over all that are sent in turn.
pub fn up(sends: bool, to: &Target, channel: &str, content: &Content) -> UpBytes {
    let cycle = content.one_cycle().count() as f64;
    let mut mean = UpBytes {
        total: 0.0,
        headers: 0.0,
        framing: 0.0,
    };
    for number in content.one_cycle() {
        let one = up_for(sends, to, channel, content.numbered(number).get());
        mean.total += one.total / cycle;
        mean.headers += one.headers / cycle;
        mean.framing += one.framing / cycle;
    }
    mean
}

fn up_for(sends: bool, to: &Target, channel: &str, data: &str) -> UpBytes {
    const MASK_BYTES: usize = 4;
    let publication = upstream::publication(EVENT, data);
    let (headers, framing, body) = match sends {
        true => {
            let message = crate::client::websocket::message(&publication);
            let mut header = Vec::new();
            websocket::encode_header(OpCode::Text, message.len(), &mut header);
            (0, header.len() + MASK_BYTES, message.len())
        }
        false => {
            let request = upstream::request(to, channel, &publication);
            (request.len() - publication.len(), 0, publication.len())
        }
    };
    UpBytes {
        total: (headers + framing + body) as f64,
        headers: headers as f64,
        framing: framing as f64,
    }
}

/// How many bytes of data make a message of `message_bytes` without its framing: where a frame's
/// header grows. Up, a WebSocket's; down, a lane's whose messages name no epoch, which only the
/// server knows. `None` where no data does, or the lane's messages are no frames.
pub fn size_for_message(lane: &str, is_up: bool, message_bytes: usize) -> Option<usize> {
    let of = |size: usize| -> Option<usize> {
        if is_up {
            let publication = upstream::publication(EVENT, sized(1, size).get());
            return Some(crate::client::websocket::message(&publication).len());
        }
        let row = Row::new(crate::catalogue::lane(lane)?, false);
        let model = Model {
            channel: ChannelName::parse(&names::channel(&names::pass(INSTANT_US, 0), 0)).ok()?,
            row,
            epoch: Epoch::parse("e")?,
            content: Content::Sized(size),
            clients: 1,
            numbers: 1..=1,
            lane: Target {
                address: ([127, 0, 0, 1], 80).into(),
                host: String::new(),
                link: SimulatedLink::default(),
                tls: None,
                compress: None,
                coding: None,
            },
            app_key: String::new(),
            hold_ms: 0,
        };
        let cost = model.per_publication(None)?;
        Some((cost.message() - cost.framing) as usize)
    };
    let around = message_bytes.checked_sub(of(LONG_ENOUGH)?.checked_sub(LONG_ENOUGH)?)?;
    (of(around)? == message_bytes).then_some(around)
}

/// Data of this size has all its fields.
const LONG_ENOUGH: usize = 60;
/// Any instant of this century: 16 digits of µs since the Unix epoch.
const INSTANT_US: u64 = 1_700_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_a_client_sends_grows_at_126_and_at_65536() {
        let target = Target {
            address: ([127, 0, 0, 1], 80).into(),
            host: "h".into(),
            link: SimulatedLink::default(),
            tls: None,
            compress: None,
            coding: None,
        };
        for (message, framing) in [(125, 6.0), (126, 8.0), (65_535, 8.0), (65_536, 14.0)] {
            let size = size_for_message("websocket", true, message).unwrap();
            let bytes = up(true, &target, "c", &Content::Sized(size));
            assert_eq!(bytes.framing, framing, "{message}");
            assert_eq!(bytes.total, message as f64 + framing);
        }
        let posted = up(false, &target, "c", &Content::Sized(60));
        assert_eq!(posted.framing, 0.0);
        assert_eq!(posted.total - posted.headers, 60.0 + 24.0, "its envelope");
    }

    #[test]
    fn a_frame_of_the_server_is_as_long_as_asked() {
        let sizes = [126, 65_535, 65_536].map(|message| {
            let size = size_for_message("channels", false, message).unwrap();
            message - size
        });
        assert!(
            sizes.iter().all(|envelope| *envelope == sizes[0]),
            "{sizes:?}"
        );
        // The envelope alone is longer than that.
        assert_eq!(size_for_message("websocket", false, 125), None);
        assert_eq!(size_for_message("short-poll", false, 300), None);
    }
}
