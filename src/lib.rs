//! pushlab: a laboratory for one question: poll or push, and how?
//!
//! One binary carries the same chat and the same dashboard over several ways of getting data from
//! a server to a browser, and measures each of them the same way.
//!
//! ```text
//!             bytes                                  publications
//!  browser ─────────► lane ─────► transport ─────► node ─────► hub ─────► subscribers ─┐
//!     ▲                │  meter     │  protocol     │                                 │
//!     │                │            └─ codec        └──► broker: memory, durable      │
//!     └────────────────┴──────────────────────────────────────────────────────────────┘
//!                      ▼
//!                   metrics ─────► pages, lab_api, /metrics
//! ```
//!
//! This page is where reading begins: how one publication gets through, in which order the rooms
//! make sense, and which room may use which. The head of each room says what it is and what it may
//! use; those of [`lane`], [`hub`] and [`transport`] also what was rejected, what it costs, by
//! which command that is shown, and in which experiment and lesson it can be seen. Words are those
//! of `docs/glossary.md`; why the house has this shape is in `docs/architecture.md`.
//!
//! # One publication, from a POST to a WebSocket
//!
//! ```text
//! curl -X POST http://127.0.0.1:8080/api/channels/news/publications -d '{"event":"tick","data":{"n":1}}'
//! ```
//!
//! 1. **In.** [`lane::stream::LaneStream`] reads the bytes and counts them before anybody knows what
//!    they are. actix-http makes a request of them; where the answer is a stream or a poll, a small
//!    connection in front of it does, which keeps no buffer while it waits ([`server`]).
//! 2. **Whose.** [`registry::Route`] finds the endpoint by the path, and with it the labels under
//!    which the bytes are metered; [`gate`] looks at the names that it came under and from.
//! 3. **Understood.** [`transport::http_api`] reads the body; [`codec::envelope::decode_publish`]
//!    makes a [`channel::Draft`] of it. `data` is not taken apart: it will leave as it came.
//! 4. **Published.** [`node::Node::publish_by`] asks the bounds, and the [`broker`] appends it to
//!    the channel's [`channel::history`]. Now it has an epoch and an offset: it is a
//!    [`channel::Publication`], and the POST is answered with its position.
//! 5. **Fanned out.** [`hub::Hub::broadcast`] hands a pointer to each thread that has subscribers.
//!    [`hub::Shard`]'s loop encodes it once for the form `PlainFrame` ([`hub::Format`]) and offers
//!    the same bytes to every subscriber.
//! 6. **Out.** The subscriber of [`transport::websocket`] gives them to its socket, which writes
//!    them in this very call if the kernel takes them and the worker has time ([`hub::rounds`]); else
//!    they wait in a [`hub::queue`], within a budget.
//! 7. **Counted.** What the kernel took, [`lane::meter`] books by layer, and [`metrics::latency`]
//!    how long it was from publishing to there. `/api/stats` and the pages read both.
//! 8. **Seen.** `static/js/transports/websocket.js` parses the frame, and hands it to the page once.
//!
//! On another lane only steps 5 to 8 differ: a held poll is answered ([`transport::long_poll`]), a
//! stream gets an event ([`transport::sse`]), a client that asks now and then finds it in the
//! history ([`transport::short_poll`]).
//!
//! # Reading order
//!
//! Whoever has an hour reads [`transport::short_poll`], [`transport::long_poll`],
//! [`transport::sse`] and [`transport::websocket`], and beside each its module in
//! `static/js/transports/`. Whoever has a day goes from the ground up:
//!
//! 1. [`catalogue`]: every lane, as facts; [`channel`]: names, publications, positions; history and
//!    presence without I/O; [`disconnect`]: why a connection is ended
//! 2. [`codec`]: bytes to values and back: the plain envelope, event streams, lines of JSON,
//!    WebSocket frames, Pusher's frames, Engine.IO and Socket.IO packets; what compresses them
//!    ([`codec::deflate`], [`codec::compressed`]); [`capture`]: what was
//!    read and written, as units that can be shown
//! 3. [`hub`]: fan-out on one node, when publications leave for their subscribers
//!    ([`hub::coalesce`]; a busy worker's go in [`hub::rounds`]), and what waits for one that does
//!    not read ([`hub::queue`]); [`broker`]: history; [`node`]: the one place that publishes
//! 4. [`lane`]: listening sockets whose every byte is counted, the network conditions they are put
//!    under ([`lane::conditions`]), and the taps that copy what passes for who looks
//!    ([`lane::tap`]); [`wire`]: the words for bytes; [`network`]: whom an address counts for;
//!    [`writing`]: how long a thread has been writing, by which its rounds go
//! 5. [`lab`]: what the parts of a lab share; [`registry`]: which endpoint a request belongs to;
//!    [`transport`]: one file or folder each, side by side; [`error`]: refusals
//! 6. [`protocol`]: Pusher Channels and Socket.IO, on the same lanes
//! 7. [`client`]: native clients of each; [`run`]: schedules, predictions, figures, what each may be
//!    off, and the sentence made from them;
//!    [`experiments`]: the catalogue; [`lessons`]: guess, look, explain, and [`lesson_folder`]: a
//!    teacher's own; [`class`]: a lesson hour with a phone for each student, and [`class_keep`]: its
//!    file; [`stand_in`]: native clients in the phones' place; [`lesson_play`]: a lesson without
//!    people; [`saved`]: results on disk; [`jobs`]: runs that pages start
//! 8. [`reach`] and [`qr`]: how phones find this machine; [`demo`], [`metrics`], [`lab_api`],
//!    [`pages`], [`assets`] with what is [`packed`]: what is shown
//! 9. [`config`], [`cli`], [`tls`], [`server`]: how it is started and stopped; [`access`]: who asks,
//!    and the presenter; [`gate`]: which requests are let in;
//!    [`program`]: what `main` does; [`system`]: what each operating system calls otherwise;
//!    [`terminal_text`]: what may be printed
//!
//! # Who may use whom
//!
//! `tests/lab/imports.rs` holds the tree to this table; a missing arrow is part of the design.
//!
//! ```text
//! wire, clock, disconnect, network, terminal_text, catalogue, system, packed, writing   nothing
//! reach, qr                     nothing
//! channel                       nothing
//! codec                         channel, wire
//! capture                       codec, catalogue
//! lane                          capture, wire, clock, network, catalogue, writing
//! metrics                       lane, wire
//! hub                           channel, disconnect, wire, catalogue, writing
//! broker                        channel
//! tls                           config, reach, system
//! node                          hub, broker, channel, disconnect, clock, network
//! demo                          node, channel, codec, clock, network
//! error                         node, broker, channel, codec
//! access                        error
//! config                        access, system, and hub, lane, node … for the types of their limits
//! telemetry                     access, config
//! client                        codec, channel, clock; lane for the kernel's counts
//! run                           client, demo, codec, channel, clock, config, catalogue, wire,
//!                               system; lane for conditions
//! experiments                   config, run, catalogue
//! lessons                       experiments for claims and what can be run, catalogue; lane for
//!                               conditions, demo for sources, run for closed forms
//! lesson_folder                 lessons
//! lesson_play                   stand_in, class, lessons, client, run for how a child is bound to its
//!                               parent, config, system
//! class                         lessons; for its paper catalogue, run, experiments
//! class_keep                    class, system
//! saved                         experiments, run, config, system
//! jobs                          run for how a child is bound to its parent; system
//! stand_in                      run, client, catalogue, codec, clock, config
//! lab                           access, node, metrics, lane, config; no transport, no protocol
//! registry                      lab, access, metrics, lane, channel, error, catalogue, clock; no
//!                               endpoint by name
//! transport                     registry, node, hub, codec, channel, lane, metrics, error, config,
//!                               catalogue, disconnect, wire, clock
//! protocol                      transport, registry, lab, access, network, and what transport uses;
//!                               client for webhooks and trigger; of its folders none knows another
//! lab_api                       lab, registry, access, jobs, stand_in, saved, experiments, lessons,
//!                               lesson_folder, class, class_keep, run, capture, transport, protocol,
//!                               demo, node, metrics, lane, channel, error, config, …
//! pages                         lab_api, lab, registry, access, saved, experiments, lessons, run,
//!                               transport, …
//! assets                        error, packed, transport
//! gate                          access, error, registry, lab_api
//! server                        everything but cli and program
//! cli                           config, jobs, run, saved
//! program                       cli, server, system, and what the command line starts
//! ```
//!
//! # Invariants
//!
//! 1. `catalogue`, `channel`, `class`, `codec`, `capture` and `lessons` do no I/O, read no clock,
//!    and import neither actix nor tokio.
//! 2. A publication is encoded once per wire format; subscribers share the bytes. (Compressed it is once
//!    for all on WebSockets, but for each stream, and each WebSocket in context.)
//! 3. Every queue has a budget in bytes and a stated policy; a drop is counted and shown.
//! 4. A subscriber that names a position gets everything after it, in order, once; or is told
//!    `recovered: false` and gets what is there.
//! 5. What is shown as a measurement was measured. The lab's own traffic is in no series.
//! 6. Time is a parameter in domain code; [`clock`] is read by the shell.

pub mod access;
pub mod assets;
pub mod broker;
pub mod capture;
pub mod catalogue;
pub mod channel;
pub mod class;
pub mod class_keep;
pub mod cli;
pub mod client;
pub mod clock;
pub mod codec;
pub mod config;
pub mod demo;
pub mod disconnect;
pub mod error;
pub mod experiments;
pub mod gate;
pub mod hub;
pub mod jobs;
pub mod lab;
pub mod lab_api;
pub mod lane;
pub mod lesson_folder;
pub mod lesson_play;
pub mod lessons;
pub mod metrics;
pub mod network;
pub mod node;
pub mod packed;
pub mod pages;
pub mod program;
pub mod protocol;
pub mod qr;
pub mod reach;
pub mod registry;
pub mod run;
pub mod saved;
pub mod server;
pub mod stand_in;
pub mod system;
pub mod telemetry;
pub mod terminal_text;
pub mod tls;
pub mod transport;
pub mod wire;
pub mod writing;

/// musl's allocator takes one lock for all threads and gives it up at every call.
#[cfg(target_env = "musl")]
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whose memory it is: a fact that figures depend on.
pub const ALLOCATOR: &str = match cfg!(target_env = "musl") {
    true => "mimalloc",
    false => "the system's allocator",
};

/// The program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit that it was built from, `-dirty` where files differ from it; `unknown` outside a
/// repository.
pub const REVISION: &str = env!("PUSHLAB_GIT_REVISION");

/// Both, as a result is cited: `0.1.0 (634a8f5)`; the version alone where nobody knows the revision.
pub static CITED: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| match REVISION {
    "unknown" => VERSION.to_owned(),
    revision => format!("{VERSION} ({revision})"),
});
