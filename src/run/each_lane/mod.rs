//! What a run knows of each lane besides its facts ([`crate::catalogue`]): the native client that
//! follows it, and what its bytes are in closed form. One file a lane, all in the same order.
//!
//! A new lane is a file here, with its `mod` line and its place in [`ALL`], which is in the order of the
//! catalogue; the clients themselves are in [`crate::client`].

mod actix_ws;
mod channels;
mod channels_polling;
mod channels_streaming;
mod fetch_stream;
mod long_poll;
mod short_poll;
mod socketio_polling;
mod socketio_websocket;
mod sse;
mod websocket;

use std::sync::Arc;

use super::{destination::Peer, lanes::Row, plan::Plan};
use crate::{
    catalogue::{Form, Lane, lane},
    channel::{Publication, StreamPosition},
    client::{Cursor, Follow, Target, channels::Channels, http, socketio::Talk},
    codec::{
        envelope,
        pusher::{event, extension},
    },
    wire::Layers,
};

/// One for each lane, in the catalogue's order.
pub static ALL: &[&dyn EachLane] = &[
    &short_poll::ShortPolling,
    &long_poll::LongPolling,
    &sse::EventStream,
    &websocket::PlainWebSocket,
    &channels::ChannelsWebSocket,
    &channels_streaming::ChannelsStreaming,
    &channels_polling::ChannelsPolling,
    &socketio_polling::SocketioOverPolling,
    &socketio_websocket::SocketioOverWebSocket,
    &actix_ws::PlainActixWs,
    &fetch_stream::JsonLines,
];

/// What is known of this lane; `None` for a lane that there is not.
pub fn of(name: &str) -> Option<&'static dyn EachLane> {
    let lane = lane(name)?;
    ALL.iter().copied().find(|each| each.lane().id == lane.id)
}

/// See the module.
pub trait EachLane: Sync {
    /// The lane that this is about.
    fn lane(&self) -> &'static Lane;

    /// A client that follows it.
    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow>;

    /// How many connections a client has open at a time.
    fn connections(&self) -> usize {
        1
    }

    /// Round trips from nothing to being in a channel: TCP's, and the request's or the upgrade's.
    fn round_trips_to_channel(&self) -> f64 {
        2.0
    }

    /// Appends one publication as it comes down a connection that stays open, and answers how that
    /// divides but for what delimits it. `None`: publications come in answers.
    fn message(
        &self,
        _at: &At<'_>,
        _publication: &Publication,
        _out: &mut Vec<u8>,
    ) -> Option<Layers> {
        None
    }

    /// The request of one poll, head and body. `None`: it does not poll.
    fn request(&self, _at: &At<'_>, _cursor: &Cursor) -> Option<Vec<u8>> {
        None
    }

    /// The answer to one poll.
    fn answer(&self, _at: &At<'_>, _polled: &Polled<'_>) -> Option<Answer> {
        None
    }
}

/// What a client is made for.
pub struct Wanted<'a> {
    /// The run.
    pub plan: &'a Plan,
    /// The row.
    pub row: &'a Row,
    /// The `index`th of all.
    pub index: usize,
    /// Of the lab's demo application, for Channels.
    pub app_key: Option<&'a str>,
    /// Whom it talks to, where that is no lab.
    pub peer: Option<&'a Peer>,
}

impl Wanted<'_> {
    fn talk(&self) -> Talk {
        match self.peer {
            Some(Peer::Socketio(broadcast)) => Talk::Broadcast(broadcast.clone()),
            _ => Talk::Lab,
        }
    }

    fn channels(&self) -> Channels {
        Channels {
            key: self.app_key.unwrap_or_default().to_owned(),
            positions: self.row.form() == Form::WithPositions,
        }
    }
}

/// Where a client of a row is.
pub struct At<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// Where the lane listens.
    pub lane: &'a Target,
    /// Of the lab's demo application.
    pub app_key: &'a str,
    /// What long polls ask for, ms.
    pub hold_ms: u64,
    /// In which form publications are asked for.
    pub form: Form,
}

impl At<'_> {
    fn get(&self, path: &str) -> Vec<u8> {
        http::request("GET", self.lane, path, "", b"")
    }

    /// A frame of Channels.
    fn channels_frame(&self, publication: &Publication, out: &mut Vec<u8>) -> Layers {
        match self.form {
            Form::WithPositions => extension::publication(publication, out),
            Form::AsItIs | Form::Bare => event::publication(publication, out),
        }
    }
}

/// What an answer carries, and where it leads.
pub struct Polled<'a> {
    /// In order.
    pub publications: &'a [Arc<Publication>],
    /// After the last of them.
    pub position: StreamPosition,
    /// Whether the client named a position.
    pub recovered: bool,
}

/// An answer in closed form.
pub struct Answer {
    /// Header lines that are this lane's own.
    own_head: String,
    body: Vec<u8>,
    /// Of `body`, but for what delimits publications.
    pub layers: Layers,
}

/// As long as every one of them (RFC 9110 §5.6.7).
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

impl Answer {
    /// The whole head (RFC 9112 §4), all but this lane's own lines as answers of every lane have it.
    pub fn head_bytes(&self) -> usize {
        let (length, own) = (self.body.len(), &self.own_head);
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\ncache-control: no-store\r\n\
             vary: Origin\r\n{own}date: {DATE}\r\n\r\n"
        )
        .len()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Length of the body.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }
}

/// An answer to a plain poll, short or long.
fn plain_answer(polled: &Polled<'_>) -> Answer {
    let position = &polled.position;
    let (body, layers) = envelope::encode_polled(position, polled.recovered, polled.publications);
    Answer {
        own_head: format!("content-type: application/json\r\netag: \"{position}\"\r\n"),
        body,
        layers,
    }
}

/// RFC 9112 §7.1: the size in hexadecimal, and two line ends.
pub(super) fn chunk(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{:X}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// A Socket.IO event inside an Engine.IO message; its first digit is the engine's.
fn socketio_packet(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let from = out.len();
    out.extend_from_slice(b"42/lab,[\"publication\",");
    let mut layers = envelope::encode_publication(publication, out);
    out.push(b']');
    layers.protocol = (out.len() - from - 1) as u64 - layers.lab - layers.payload;
    layers
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        rc::Rc,
    };

    use serde_json::value::RawValue;

    use super::*;
    use crate::{
        catalogue::{Fetching, LANES, VARIANTS},
        channel::{ChannelName, Epoch},
        client::{ClientContext, Ended, Inbox},
    };

    #[test]
    fn every_lane_is_here_once_in_the_order_of_the_catalogue() {
        let here: Vec<_> = ALL.iter().map(|each| each.lane().id).collect();
        let known: Vec<_> = LANES.iter().map(|lane| lane.id).collect();
        assert_eq!(here, known);
        assert!(of("main").is_none());
    }

    struct Heap(RefCell<Vec<String>>);

    impl Inbox for Heap {
        fn subscribed(&self, _at_us: u64) {}
        fn publication(&self, data: &str, _at_us: u64) {
            self.0.borrow_mut().push(data.to_owned());
        }
        fn failed(&self, _why: &Ended) {}
    }

    fn at(lane: &Target, form: Form) -> At<'_> {
        At {
            channel: "c",
            lane,
            app_key: "k",
            hold_ms: 1,
            form,
        }
    }

    fn nowhere() -> Target {
        Target {
            address: ([127, 0, 0, 1], 8080).into(),
            host: "h".into(),
            link: Default::default(),
            tls: None,
            compress: None,
            coding: None,
        }
    }

    #[test]
    fn what_a_lane_says_its_client_reads() {
        let data = r#"{"n":7,"pad":"\"\u00e9\n]}"}"#;
        let publication = Arc::new(Publication {
            channel: ChannelName::parse("c").unwrap(),
            epoch: Epoch::parse("e1").unwrap(),
            offset: 7,
            event: "tick".into(),
            data: RawValue::from_string(data.to_owned()).unwrap(),
            intended_us: 1,
            published_us: 2,
            origin: None,
        });
        let (plan, target) = (Plan::default(), nowhere());
        let lanes = ALL.iter().map(|each| Row::of_lane(each.lane()));
        let variants = VARIANTS.iter().map(|variant| Row::of_variant(variant));
        for row in lanes.chain(variants) {
            let (each, at) = (of(&row.lane).unwrap(), at(&target, row.form()));
            let mut bytes = Vec::new();
            if each.message(&at, &publication, &mut bytes).is_none() {
                let polled = Polled {
                    publications: std::slice::from_ref(&publication),
                    position: publication.position(),
                    recovered: true,
                };
                bytes = each.answer(&at, &polled).unwrap().body;
            }
            let heap = Heap(RefCell::default());
            let (mut cursor, tally) = (Cursor::default(), Rc::default());
            let (stopping, cut) = (Cell::default(), Rc::default());
            let mut context = ClientContext {
                target: &target,
                other: None,
                channel: "c",
                outbox: None,
                cursor: &mut cursor,
                inbox: &heap,
                tally: &tally,
                stopping: &stopping,
                steps: None,
                cut: &cut,
            };
            let mut client = row.client(&plan, 0, Some("k"), None).unwrap();
            client.read(&bytes, 3, &mut context).unwrap();
            assert_eq!(*heap.0.borrow(), [data], "{}", row.name);
            let cut_off = client.read(&bytes[..bytes.len() / 2], 3, &mut context);
            let is_told = cut_off.is_err() || heap.0.borrow().len() == 1;
            assert!(is_told, "{}: half of it is not taken for all", row.name);
        }
    }

    #[test]
    fn polls_have_requests_and_streams_have_messages() {
        let lane = nowhere();
        let at = at(&lane, Form::AsItIs);
        for each in ALL {
            let is_stream = each.lane().fetching == Fetching::Stream;
            let request = each.request(&at, &Cursor::default());
            assert_eq!(request.is_none(), is_stream, "{}", each.lane().id);
        }
    }
}
