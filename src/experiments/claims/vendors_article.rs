//! Article B, "Pusher vs WebSockets: Pros, cons and key differences".

use super::{
    Claim,
    Shown::{ByExperiments, NotTestable, OnPage},
};

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "B1",
        text: "A WebSocket is bi-directional, full duplex, on one socket.",
        theory: "Both ways at once on one TCP connection; beside an event stream each message up is \
            a POST of its own, which waits for the one before.",
        shown: ByExperiments,
    },
    Claim {
        id: "B2",
        text: "It starts as HTTP and goes on on the same TCP connection.",
        theory: "An upgrade answered by 101 (RFC 6455 §4): one round trip for TCP, one for the \
            upgrade, and the same connection from then on.",
        shown: ByExperiments,
    },
    Claim {
        id: "B3",
        text: "The connection \"in theory can last forever\".",
        theory: "In practice until the first box on the way forgets it: without heartbeats a silent \
            connection ends at that box's idle timeout.",
        shown: ByExperiments,
    },
    Claim {
        id: "B4",
        text: "WebSockets carry text and binary.",
        theory: "By opcode; an event stream carries text alone, so that binary grows by a third in \
            Base64.",
        shown: ByExperiments,
    },
    Claim {
        id: "B5",
        text: "\"All modern browsers support\" it, and some browsers still do not.",
        theory: "The article says both. Browsers of the last ten years do; what they limit is how many \
            event streams a site may hold open over HTTP/1.1.",
        shown: ByExperiments,
    },
    Claim {
        id: "B6",
        text: "Compared with HTTP it \"eliminates the need for a new connection with every request\".",
        theory: "False of any client that keeps its connection: polls go over the same one. It is true \
            where the server closes an idle connection sooner than the next poll comes.",
        shown: ByExperiments,
    },
    Claim {
        id: "B7",
        text: "Messages are drastically smaller, with \"no HTTP headers\".",
        theory: "2 to 14 bytes of framing instead of some hundred of headers, in each message; the \
            headers of TCP and IP remain with both.",
        shown: ByExperiments,
    },
    Claim {
        id: "B8",
        text: "A WebSocket saves bandwidth.",
        theory: "Against polls that find nothing, yes. Where much is published, polls for the latest \
            state take fewer bytes than a push of everything.",
        shown: ByExperiments,
    },
    Claim {
        id: "B9",
        text: "A WebSocket improves latency.",
        theory: "Against short polling by half the interval. Against long polling only where round \
            trips are not short beside the time between two events, or events bunch.",
        shown: ByExperiments,
    },
    Claim {
        id: "B10",
        text: "A WebSocket is less taxing on the server.",
        theory: "In processor time, where events are rare. In memory it is the other way round, since \
            each connection is held; and under an overload push does not batch by itself.",
        shown: ByExperiments,
    },
    Claim {
        id: "B11",
        text: "It has sub-protocols and extensions.",
        theory: "They are negotiated in the handshake; Channels and Socket.IO are protocols on top of \
            it in just this way, if without the header.",
        shown: OnPage {
            address: "/chat",
            what: "The code viewer of each lane draws its exchange, with the frames of both.",
        },
    },
    Claim {
        id: "B12",
        text: "Data comes without a request, which suits events that nobody can foresee.",
        theory: "An event at random waits half an interval for a poll on average, a whole one at most; \
            in a hidden tab a minute.",
        shown: ByExperiments,
    },
    Claim {
        id: "B13",
        text: "It is stateful, and tricky at scale.",
        theory: "A server that dies takes its connections with it; polls with a position go on with \
            the next server, if that knows the position.",
        shown: ByExperiments,
    },
    Claim {
        id: "B14",
        text: "WebSockets do not recover automatically.",
        theory: "A bare one stays closed. An event stream comes back by itself and names what it had \
            last.",
        shown: ByExperiments,
    },
    Claim {
        id: "B15",
        text: "Some corporate networks block WebSockets.",
        theory: "A proxy that refuses, strips or hangs upgrades stops them and nothing that is plain \
            HTTP; TLS hides the upgrade from most.",
        shown: ByExperiments,
    },
    Claim {
        id: "B16",
        text: "Pusher falls back to HTTP where a WebSocket does not open.",
        theory: "pusher-js does, by streaming and then by polling; while an upgrade hangs that takes \
            some seconds.",
        shown: ByExperiments,
    },
    Claim {
        id: "B17",
        text: "Pusher has presence.",
        theory: "Joins and leaves of users, one for all of a user's tabs; a client that vanished is \
            there until its heartbeat is missed.",
        shown: OnPage {
            address: "/chat",
            what: "The chat lists who is there, over every lane, and says who came and left.",
        },
    },
    Claim {
        id: "B18",
        text: "Pusher has authentication of channels.",
        theory: "An HMAC of socket id and channel, made by the application's server, for private and \
            presence channels.",
        shown: OnPage {
            address: "/console",
            what: "The console makes a signature step by step, with everything that goes into it.",
        },
    },
    Claim {
        id: "B19",
        text: "Webhooks \"capture and respond to client events\".",
        theory: "Batches of occupied, vacated, member and client events, signed, some time after they \
            happened.",
        shown: OnPage {
            address: "/console",
            what: "The console has a receiver that checks signatures and lists what came.",
        },
    },
    Claim {
        id: "B20",
        text: "Pusher has end-to-end encryption.",
        theory: "On private-encrypted- channels the server carries ciphertext and keys never pass it.",
        shown: OnPage {
            address: "/console",
            what: "The console's feed shows what the server sees of such a channel: ciphertext.",
        },
    },
    Claim {
        id: "B21",
        text: "A message published during a brief disconnection \"will never arrive\" over Pusher.",
        theory: "True by design: of what is published only the share of the time that one is there \
            arrives, 1 − D/P. With a position to resume from, all of it.",
        shown: ByExperiments,
    },
    Claim {
        id: "B22",
        text: "Its single datacentre makes distance cost.",
        theory: "Each transit costs half a round trip: one for push, up to three for long polling, and \
            several for a handshake.",
        shown: ByExperiments,
    },
    Claim {
        id: "B23",
        text: "The free plan has 200,000 messages a day and 100 connections at a time.",
        theory: "Deliveries are counted, so that 100 clients use it up at one message in 43 seconds; \
            the 101st connection is refused with 4004.",
        shown: ByExperiments,
    },
    Claim {
        id: "B24",
        text: "Raw WebSockets are simpler, and lower in memory than Pusher.",
        theory: "What takes memory is the socket and its buffers. The subscriptions that a protocol keeps on \
            top are some hundred bytes, so that both take about the same.",
        shown: ByExperiments,
    },
    Claim {
        id: "B25",
        text: "With Pusher you build a chat faster.",
        theory: "Subscribing, presence and reconnecting are in the library; over a bare WebSocket they \
            are your lines.",
        shown: OnPage {
            address: "/chat",
            what: "The code viewer has the client of every lane, with what it leaves out.",
        },
    },
    Claim {
        id: "B26",
        text: "Its protocol is proprietary, and locks you in.",
        theory: "The protocol is documented, and unmodified pusher-js talks to this lab; what cannot \
            be moved is the service around it.",
        shown: OnPage {
            address: "/chat",
            what: "The Channels lanes of the chat are pusher-js, unmodified, against this server.",
        },
    },
    Claim {
        id: "B27",
        text: "Another vendor guarantees order and delivery.",
        theory: "A number in every event, and a client that names its last one, give order and \
            delivery on any transport; without them no transport does.",
        shown: ByExperiments,
    },
    Claim {
        id: "B28",
        text: "One-way and two-way uses call for different transports.",
        theory: "Where little goes up, an event stream and POSTs do as well as a WebSocket; where \
            everybody sends much, they fall behind.",
        shown: NotTestable(
            "It is a choice, not a figure: make yours on /compare with your own rate, size and \
             network, and see E12 for what the way up costs.",
        ),
    },
];
