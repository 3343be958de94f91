//! The catalogue of lanes: what each lane is, said once.
//!
//! The server, the native clients, the predictions, the pages (`/api/lab`, `/static/css/lanes.css`)
//! and the tests read the facts here. The README's table repeats them, and a test holds it equal.
//!
//! A new lane is
//! - here: a `static`, its place at the end of [`LANES`], and, if it has a form of its own on the wire,
//!   a line in [`WireFormat`];
//! - its server side: a file or folder in `transport` or `protocol` with its `mod` line, and a line at
//!   the same place in `server/serving.rs`;
//! - its native client and closed forms: a file in `run/each_lane`, and one in `client` if no client
//!   there can follow it;
//! - its browser client: a file in `static/js/transports`;
//! - for readers: its rows in `README.md`, its page in `docs/lanes` with a line in `docs/SUMMARY.md`, its wire in
//!   `tests/lab/docs/wire.rs`, and in `docs/limits.md` what a stranger can grow by it;
//! - its test: a file in `tests/lab`.
//!
//! Its Rust files are called like the lane, with `_` for `-`. Tests fail where the line in `server`, in
//! `run` or in the README's table, or the browser's module, is missing.
//!
//! May use: no other room.

mod sheet;
mod variants;

use std::fmt;

use serde::Serialize;

pub use sheet::sheet;
pub use variants::{
    CHANNELS_POLLING_RESUME, CHANNELS_RESUME, CHANNELS_STREAMING_RESUME, Form, SSE_BARE, VARIANTS,
    Variant, WEBSOCKET_BARE, stroke_of, variant, variant_of,
};

/// Which lane. The main lane serves pages, and what the other lanes serve but for those that need a
/// port of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct LaneId(pub &'static str);

impl LaneId {
    /// The lane of pages and of the lab's API, which is measured by nobody.
    pub const MAIN: Self = Self("main");
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What is known of a lane before anything runs on it.
#[derive(Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its id, in settings, files and addresses.
    pub id: LaneId,
    /// Label of metrics: how bytes travel. One transport may carry several protocols.
    pub transport: &'static str,
    /// Label of metrics: what the bytes mean.
    pub protocol: &'static str,
    /// Its name in a heading or a list.
    pub label: &'static str,
    /// Its name where there is little room.
    pub short: &'static str,
    /// Its name in the middle of a sentence, with its article: one thing, whatever it is.
    pub spoken: &'static str,
    /// One sentence for who uses it in the chat.
    pub note: &'static str,
    /// Its addresses start with this; siblings may share it.
    pub path: &'static str,
    /// An address that it answers, as a hint for who asked for another.
    pub example: &'static str,
    /// How publications come down.
    pub fetching: Fetching,
    /// How a client publishes.
    pub sending: Sending,
    /// Whether its connections begin with a request to upgrade (RFC 9110 §7.8).
    pub upgrades: bool,
    /// Whether it is served only at its own port, and not at the main lane's: an ordinary handler takes
    /// its upgrades, and actix-http can be set to that only for a whole port.
    pub needs_own_port: bool,
    /// Whether it goes on from its position after a break.
    pub resuming: Resuming,
    /// What this lab adds around the data.
    pub lab_part: LabPart,
    /// Whether the compare page starts with it.
    pub is_compared_first: bool,
    /// Colour and dashes.
    pub look: Look,
    /// The module that pages use it with.
    pub browser_client: BrowserClient,
}

impl Lane {
    /// Whether its messages can be deflated one by one (RFC 7692): its WebSockets are the lab's own.
    pub fn deflates(&self) -> bool {
        self.upgrades && !self.needs_own_port
    }
}

/// How publications come down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetching {
    /// A request for each look, answered at once.
    ShortPolls,
    /// A request that is held until there is something (RFC 6202 §2).
    HeldPolls,
    /// One connection that stays open.
    Stream,
}

/// How a client publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sending {
    /// On the connection that publications come by.
    SameConnection,
    /// By a request of its own.
    OwnRequest,
}

/// Whether a client goes on from its position after an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resuming {
    /// Its protocol has positions.
    ByProtocol,
    /// This lab's extension of the protocol has. What is measured by it says so, and is measured
    /// beside the protocol as it is, never instead of it.
    ByExtension,
}

/// What this instrument adds around each publication's data, beside what any user of the protocol
/// pays: the layer `lab` of every byte figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabPart {
    /// The instants at which it was meant and published, the same bytes on every lane that has them.
    Instants,
    /// Nothing, and why.
    Nothing(&'static str),
    /// What this lab's extension of the protocol adds, and why that is more.
    Extension(&'static str),
}

impl LabPart {
    /// What people are told of it.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Instants => {
                "The instants at which an event was meant and published are around its data: 63 bytes, the same on every lane that has them."
            }
            Self::Nothing(why) | Self::Extension(why) => why,
        }
    }
}

const UNMODIFIED: LabPart = LabPart::Nothing(
    "The protocol as it is, which has no place for the lab's instants; what is measured by is in the data itself, as on every lane.",
);

/// How it is drawn: colour and dash pattern together, since colour never stands alone.
#[derive(Debug, PartialEq, Eq)]
pub struct Look {
    /// `#rrggbb`; dark enough for a light ground.
    pub on_light: &'static str,
    /// `#rrggbb`; light enough for a dark ground.
    pub on_dark: &'static str,
    /// Lengths in px, drawn and left out in turn; empty is a solid line.
    pub dash: &'static [u8],
}

/// The module that pages use it with, and what the library in it is told.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct BrowserClient {
    /// File below `/static/js/transports/`.
    pub module: &'static str,
    /// The library's own names of the transports it may use.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub transports: &'static [&'static str],
    /// Whether it names the demo application's key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wants_key: bool,
}

const fn module(module: &'static str) -> BrowserClient {
    BrowserClient {
        module,
        transports: &[],
        wants_key: false,
    }
}

const fn pusher_js(transports: &'static [&'static str]) -> BrowserClient {
    BrowserClient {
        module: "channels.js",
        transports,
        wants_key: true,
    }
}

const fn socketio_client(transports: &'static [&'static str]) -> BrowserClient {
    BrowserClient {
        module: "socketio.js",
        transports,
        wants_key: false,
    }
}

const ASK_WITH_PUSHER_JS: &str = "pusher-js, whose settings the console page shows";
const ASK_WITH_SOCKETIO: &str = "socket.io-client, at /socket.io";

/// Short polling: a request for each look (RFC 6202 §2).
pub static SHORT_POLL: Lane = Lane {
    id: LaneId("short-poll"),
    transport: "short-poll",
    protocol: "plain",
    label: "Short polling",
    short: "Short poll",
    spoken: "short polling",
    note: "This page asks once a second, whether or not there is anything.",
    path: "/short-poll/",
    example: "GET /short-poll/news",
    fetching: Fetching::ShortPolls,
    sending: Sending::OwnRequest,
    upgrades: false,
    needs_own_port: false,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: true,
    look: Look {
        on_light: "#b34700",
        on_dark: "#f58a33",
        dash: &[3, 4],
    },
    browser_client: module("short-poll.js"),
};

/// Long polling: a held request (RFC 6202 §2).
pub static LONG_POLL: Lane = Lane {
    id: LaneId("long-poll"),
    transport: "long-poll",
    protocol: "plain",
    label: "Long polling",
    short: "Long poll",
    spoken: "long polling",
    note: "One question is always open at the server; it is answered the moment something happens.",
    path: "/long-poll/",
    example: "GET /long-poll/news",
    fetching: Fetching::HeldPolls,
    sending: Sending::OwnRequest,
    upgrades: false,
    needs_own_port: false,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: true,
    look: Look {
        on_light: "#7b1e6e",
        on_dark: "#f0a6e3",
        dash: &[10, 5],
    },
    browser_client: module("long-poll.js"),
};

/// Server-sent events (WHATWG HTML §9.2).
pub static SSE: Lane = Lane {
    id: LaneId("sse"),
    transport: "sse",
    protocol: "plain",
    label: "Server-sent events",
    short: "SSE",
    spoken: "an event stream",
    note: "One answer that never ends. Sending takes a request of its own.",
    path: "/sse/",
    example: "GET /sse/news",
    fetching: Fetching::Stream,
    sending: Sending::OwnRequest,
    upgrades: false,
    needs_own_port: false,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: true,
    look: Look {
        on_light: "#00785b",
        on_dark: "#35d0a5",
        dash: &[9, 3, 2, 3],
    },
    browser_client: module("sse.js"),
};

/// WebSocket by a socket of the lab's own (RFC 6455).
pub static WEBSOCKET: Lane = Lane {
    id: LaneId("websocket"),
    transport: "websocket",
    protocol: "plain",
    label: "WebSocket",
    short: "WebSocket",
    spoken: "a WebSocket",
    note: "One connection, frames in both directions.",
    path: "/ws/",
    example: "new WebSocket(\"ws://HOST:PORT/ws/news\")",
    fetching: Fetching::Stream,
    sending: Sending::SameConnection,
    upgrades: true,
    needs_own_port: false,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: true,
    look: Look {
        on_light: "#2463c0",
        on_dark: "#4f9cf5",
        dash: &[],
    },
    browser_client: module("websocket.js"),
};

/// Pusher Channels, protocol 7, over WebSocket.
pub static CHANNELS: Lane = Lane {
    id: LaneId("channels"),
    transport: "websocket",
    protocol: "pusher",
    label: "Channels over WebSocket",
    short: "Channels ws",
    spoken: "Channels over a WebSocket",
    note: "pusher-js, unmodified. Messages are published by the application's server; only typing goes from client to client.",
    path: "/app/",
    example: ASK_WITH_PUSHER_JS,
    fetching: Fetching::Stream,
    sending: Sending::OwnRequest,
    upgrades: true,
    needs_own_port: false,
    resuming: Resuming::ByExtension,
    lab_part: UNMODIFIED,
    is_compared_first: true,
    look: Look {
        on_light: "#5a3fc0",
        on_dark: "#a99bff",
        dash: &[14, 3],
    },
    browser_client: pusher_js(&["ws"]),
};

/// Channels over one HTTP response that grows: `xhr_streaming` of pusher-js.
pub static CHANNELS_STREAMING: Lane = Lane {
    id: LaneId("channels-streaming"),
    transport: "xhr_streaming",
    protocol: "pusher",
    label: "Channels over xhr_streaming",
    short: "Channels streaming",
    spoken: "Channels over xhr_streaming",
    note: "pusher-js without a WebSocket: one request whose answer goes on, replaced by the next when it has grown large.",
    path: "/pusher/app/",
    example: ASK_WITH_PUSHER_JS,
    fetching: Fetching::Stream,
    sending: Sending::OwnRequest,
    upgrades: false,
    needs_own_port: false,
    resuming: Resuming::ByExtension,
    lab_part: UNMODIFIED,
    is_compared_first: false,
    look: Look {
        on_light: "#5c6a00",
        on_dark: "#b9cc45",
        dash: &[12, 3, 2, 3, 2, 3],
    },
    browser_client: pusher_js(&["xhr_streaming"]),
};

/// Channels over held requests: `xhr_polling` of pusher-js.
pub static CHANNELS_POLLING: Lane = Lane {
    id: LaneId("channels-polling"),
    transport: "xhr_polling",
    protocol: "pusher",
    label: "Channels over xhr_polling",
    short: "Channels polling",
    spoken: "Channels over xhr_polling",
    note: "pusher-js at its last resort: one request after the other, held until there is something.",
    path: "/pusher/app/",
    example: ASK_WITH_PUSHER_JS,
    fetching: Fetching::HeldPolls,
    sending: Sending::OwnRequest,
    upgrades: false,
    needs_own_port: false,
    resuming: Resuming::ByExtension,
    lab_part: UNMODIFIED,
    is_compared_first: false,
    look: Look {
        on_light: "#ad1a5b",
        on_dark: "#ff6f9f",
        dash: &[7, 3, 7, 3, 2, 3],
    },
    browser_client: pusher_js(&["xhr_polling"]),
};

/// Socket.IO over Engine.IO's polling.
pub static SOCKETIO_POLLING: Lane = Lane {
    id: LaneId("socketio-polling"),
    transport: "polling",
    protocol: "socketio",
    label: "Socket.IO, polling only",
    short: "Socket.IO polling",
    spoken: "Socket.IO by polling",
    note: "socket.io-client: held requests bring packets, further ones send them.",
    path: "/socket.io",
    example: ASK_WITH_SOCKETIO,
    fetching: Fetching::HeldPolls,
    sending: Sending::OwnRequest,
    upgrades: false,
    needs_own_port: false,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: false,
    look: Look {
        on_light: "#7a4b22",
        on_dark: "#d8a878",
        dash: &[2, 2],
    },
    browser_client: socketio_client(&["polling"]),
};

/// Socket.IO over Engine.IO's WebSocket.
pub static SOCKETIO_WEBSOCKET: Lane = Lane {
    id: LaneId("socketio-websocket"),
    transport: "websocket",
    protocol: "socketio",
    label: "Socket.IO, WebSocket only",
    short: "Socket.IO ws",
    spoken: "Socket.IO over a WebSocket",
    note: "socket.io-client: the same packets as with polling, over one WebSocket.",
    path: "/socket.io",
    example: ASK_WITH_SOCKETIO,
    fetching: Fetching::Stream,
    sending: Sending::SameConnection,
    upgrades: true,
    needs_own_port: false,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: true,
    look: Look {
        on_light: "#00697f",
        on_dark: "#46c6de",
        dash: &[6, 2],
    },
    browser_client: socketio_client(&["websocket"]),
};

/// WebSocket by the crate `actix-ws`, as its documentation teaches it.
pub static ACTIX_WS: Lane = Lane {
    id: LaneId("actix-ws"),
    transport: "actix-ws",
    protocol: "plain",
    label: "WebSocket by actix-ws",
    short: "actix-ws",
    spoken: "a WebSocket by actix-ws",
    note: "The same frames as WebSocket, by the crate that one would begin with.",
    path: "/actix-ws/",
    example: "new WebSocket(\"ws://HOST:PORT/actix-ws/news\")",
    fetching: Fetching::Stream,
    sending: Sending::SameConnection,
    upgrades: true,
    needs_own_port: true,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: false,
    look: Look {
        on_light: "#0b2a70",
        on_dark: "#c9d6f5",
        dash: &[16, 3, 2, 3],
    },
    browser_client: module("actix-ws.js"),
};

/// Lines of JSON, read by `fetch` as they come (WHATWG Streams).
pub static FETCH_STREAM: Lane = Lane {
    id: LaneId("fetch-stream"),
    transport: "fetch-stream",
    protocol: "plain",
    label: "Lines of JSON by fetch",
    short: "Fetch stream",
    spoken: "a stream of JSON lines",
    note: "One answer that never ends, a line of JSON for each message. Sending takes a request of its own.",
    path: "/fetch-stream/",
    example: "GET /fetch-stream/news",
    fetching: Fetching::Stream,
    sending: Sending::OwnRequest,
    upgrades: false,
    needs_own_port: false,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: false,
    look: Look {
        on_light: "#0f4015",
        on_dark: "#5fb53c",
        dash: &[9, 2, 2, 2, 2, 2],
    },
    browser_client: module("fetch-stream.js"),
};

/// Every lane but the main one, in the order in which they take their ports and are shown. New
/// ones go to the end: people have the ports in their settings.
pub static LANES: &[&Lane] = &[
    &SHORT_POLL,
    &LONG_POLL,
    &SSE,
    &WEBSOCKET,
    &CHANNELS,
    &CHANNELS_STREAMING,
    &CHANNELS_POLLING,
    &SOCKETIO_POLLING,
    &SOCKETIO_WEBSOCKET,
    &ACTIX_WS,
    &FETCH_STREAM,
];

/// The lane of this name; `None` for the main lane, too.
pub fn lane(id: &str) -> Option<&'static Lane> {
    LANES.iter().copied().find(|lane| lane.id.0 == id)
}

/// A form that publications have on the wire. Each is encoded once per publication, whatever the
/// number of its subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFormat {
    /// The plain envelope in a WebSocket frame.
    PlainFrame,
    /// The plain envelope in a server-sent event.
    PlainEvent,
    /// A Socket.IO packet.
    SocketioPacket,
    /// A frame of Pusher Channels in a WebSocket frame, as the protocol has it.
    PusherFrame,
    /// The same with its position, by this lab's extension.
    PusherFrameWithPosition,
    /// A frame of Pusher Channels in a line of SockJS, as the protocol has it.
    PusherLine,
    /// The same with its position, by this lab's extension.
    PusherLineWithPosition,
    /// The plain envelope as text, for a library that makes the frame.
    PlainText,
    /// The plain envelope and a line end.
    PlainLine,
    /// The data alone in a WebSocket frame.
    BareFrame,
    /// The data alone in a server-sent event.
    BareEvent,
    /// [`Self::PlainFrame`], compressed by itself; so the following.
    PlainFrameDeflated,
    /// [`Self::BareFrame`].
    BareFrameDeflated,
    /// [`Self::PusherFrame`].
    PusherFrameDeflated,
    /// [`Self::PusherFrameWithPosition`].
    PusherFrameWithPositionDeflated,
    /// [`Self::SocketioPacket`], in its frame.
    SocketioPacketDeflated,
}

// What is added goes to the end, and into COUNT.
impl WireFormat {
    /// How many there are: the last one's number and one.
    pub const COUNT: usize = Self::SocketioPacketDeflated as usize + 1;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_lanes_share_a_name_or_a_look() {
        fn all_differ<T: std::hash::Hash + Eq>(of: impl Fn(&'static Lane) -> T) -> bool {
            LANES
                .iter()
                .map(|lane| of(lane))
                .collect::<HashSet<_>>()
                .len()
                == LANES.len()
        }
        assert!(all_differ(|lane| lane.id));
        assert!(all_differ(|lane| lane.label));
        assert!(all_differ(|lane| lane.short));
        assert!(all_differ(|lane| lane.spoken));
        assert!(all_differ(|lane| (lane.transport, lane.protocol)));
        assert!(all_differ(|lane| lane.look.dash));
        assert!(all_differ(|lane| lane.look.on_light));
        assert!(all_differ(|lane| lane.look.on_dark));
        assert_eq!(lane("main"), None);
    }

    /// Red, green and blue in light, 0 to 1, of `#rrggbb`.
    fn linear(colour: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let part = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
            let part = f64::from(part) / 255.0;
            match part <= 0.04045 {
                true => part / 12.92,
                false => ((part + 0.055) / 1.055).powf(2.4),
            }
        })
    }

    /// WCAG 2.2, "contrast ratio".
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour| {
            let [r, g, b] = linear(colour);
            0.05 + 0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (one, other) = (luminance(one), luminance(other));
        one.max(other) / one.min(other)
    }

    /// How different two colours look: their distance in Oklab (B. Ottosson, 2020), times 100.
    fn apart(one: &str, other: &str) -> f64 {
        let oklab = |colour| {
            let [r, g, b] = linear(colour);
            let l = (0.412_221_5 * r + 0.536_332_5 * g + 0.051_446 * b).cbrt();
            let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_397 * b).cbrt();
            let s = (0.088_302_5 * r + 0.281_718_8 * g + 0.629_978_7 * b).cbrt();
            [
                0.210_454_3 * l + 0.793_617_8 * m - 0.004_072_1 * s,
                1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
                0.025_904 * l + 0.782_771_8 * m - 0.808_675_8 * s,
            ]
        };
        let (one, other) = (oklab(one), oklab(other));
        let squares = one.iter().zip(other).map(|(a, b)| (a - b).powi(2));
        100.0 * squares.sum::<f64>().sqrt()
    }

    #[test]
    fn every_lane_is_seen_on_either_ground_and_no_two_look_alike() {
        type Shade = fn(&Look) -> &'static str;
        // The grounds of static/css/colors.css, and of what is exported.
        let grounds: [(Shade, [&str; 3]); 2] = [
            (|look| look.on_light, ["#e9edea", "#fdfefd", "#ffffff"]),
            (|look| look.on_dark, ["#0b0f0e", "#181e1c", "#15181c"]),
        ];
        for (shade, grounds) in grounds {
            for (index, lane) in LANES.iter().enumerate() {
                let own = shade(&lane.look);
                for ground in grounds {
                    let found = contrast(own, ground);
                    assert!(
                        found >= 4.5,
                        "{} on {ground}: a contrast of {found:.2}, and 4.5 is wanted",
                        lane.id
                    );
                }
                for other in &LANES[index + 1..] {
                    let found = apart(own, shade(&other.look));
                    assert!(
                        found >= 8.0,
                        "{} and {}: {own} and {} look alike ({found:.1}, and 8 are wanted); choose \
                         another hue or lightness for the newer one's `look`",
                        lane.id,
                        other.id,
                        shade(&other.look)
                    );
                }
            }
        }
    }

    #[test]
    fn a_dash_pattern_draws_and_leaves_out_in_turn() {
        for lane in LANES {
            assert_eq!(lane.look.dash.len() % 2, 0, "{}", lane.id);
        }
    }
}
