//! Native clients: one file for each way to follow a channel, all behind [`Follow`], so that a
//! measurement treats them alike.
//!
//! A client follows one channel on one connection at a time and tells an [`Inbox`] what it gets;
//! [`lifecycle::follow`] keeps it going: it reconnects, resumes from its [`Cursor`] if it may, and is
//! away during tunnels. HTTP and WebSocket are spoken here by hand, since the bytes are
//! what is measured: [`connection`] counts them, [`http`] and [`frames`] say which layer they are.
//!
//! One [`exchange`] of each row is kept for people to look at.
//!
//! [`ordinary`] is none of them: it makes the requests that nobody measures.
//!
//! Not here: deciding what to publish and what the figures mean ([`crate::run`]).
//!
//! May use: `clock`, `channel`, `codec`, `lane`.

pub mod arrival;
pub mod back_off;
pub mod channels;
pub mod connection;
pub mod exchange;
pub mod fetch_stream;
pub mod frames;
pub mod http;
pub mod lifecycle;
pub mod long_poll;
pub mod message;
pub mod ordinary;
mod poll;
pub mod short_poll;
pub mod socketio;
pub mod sse;
pub mod steps;
pub mod tls;
pub mod upstream;
pub mod websocket;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    net::SocketAddr,
    time::Duration,
};

use futures_util::future::LocalBoxFuture;

use self::{
    back_off::Curve,
    connection::{Connection, SimulatedLink},
    steps::Steps,
    upstream::Outbox,
};
use crate::{channel::StreamPosition, codec::compressed::Coding};

/// Where a lane is, and the link to it that is simulated.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// For the `Host` header.
    pub host: String,
    /// Distance and slowness that are added.
    pub link: SimulatedLink,
    /// Where it speaks TLS.
    pub tls: Option<tls::Tls>,
    /// What clients there offer to take compressed and ask for by their query, `on` or `context`;
    /// `None`: they offer nothing.
    pub compress: Option<&'static str>,
    /// The content coding that clients name in `Accept-Encoding`; `None`: they say nothing of any.
    pub coding: Option<Coding>,
}

/// One way to get a channel's publications.
pub trait Follow {
    /// Follows until something ends it. Polls and streams alike: it returns only when it cannot
    /// go on, and [`lifecycle::follow`] decides what then.
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended>;

    /// Takes one publication as it comes down, or the body of one answer to a poll, without a
    /// connection: what [`Self::follow`] does with each. `at_us`: when it was there.
    ///
    /// # Errors
    ///
    /// It is none of this protocol.
    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended>;

    /// How long a client that is told to stop may take to get the answer it has asked for.
    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    /// How the real client of this kind comes back after it lost its connection, without any code
    /// of the application's; `None`: never.
    fn native_back_off(&self) -> Option<Curve> {
        None
    }

    /// Whether it sends what is in [`ClientContext::outbox`] itself, by the connection that it reads
    /// from.
    fn sends(&self) -> bool {
        false
    }
}

/// What a client works with from one connect to the next.
pub struct ClientContext<'a> {
    /// The lane.
    pub target: &'a Target,
    /// A second node that every other request goes to: a load balancer that is not sticky.
    pub other: Option<&'a Target>,
    /// The channel's name.
    pub channel: &'a str,
    /// What it is to publish, if it [sends](Follow::sends).
    pub outbox: Option<&'a Outbox>,
    /// Where it is in the channel; what it continues from.
    pub cursor: &'a mut Cursor,
    /// Where publications go.
    pub inbox: &'a dyn Inbox,
    /// Where its bytes and requests are counted.
    pub tally: &'a std::rc::Rc<Tally>,
    /// True once the client is to stop; what can wait for a good moment looks at it.
    pub stopping: &'a Cell<bool>,
    /// If it polls, each of its polls waits to be told. `None`: as its kind does.
    pub steps: Option<&'a Steps>,
    /// A connection that is cut rather than closed answers nothing more: RST instead of FIN.
    pub cut: &'a std::rc::Rc<Cell<bool>>,
}

impl ClientContext<'_> {
    /// The channel below a lane's path, with the position to continue from if there is one.
    pub fn channel_target(&self, path: &str) -> String {
        let channel = self.channel;
        match self.cursor.query() {
            none if none.is_empty() => format!("{path}{channel}"),
            position => format!("{path}{channel}?{position}"),
        }
    }

    /// Waits between two polls, for who is stepped.
    async fn step(&self) {
        if let Some(steps) = self.steps {
            steps.next().await;
        }
    }

    /// Opens a connection and counts it.
    pub async fn connect(&self) -> Result<Connection, Ended> {
        self.connect_to(self.target).await
    }

    /// As [`Self::connect`], to another node.
    pub async fn connect_to(&self, target: &Target) -> Result<Connection, Ended> {
        let opened = Connection::open(target, self.tally.clone(), self.cut.clone()).await?;
        Ok(opened.as_example())
    }
}

/// Where a client is in a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(pub Option<StreamPosition>);

impl Cursor {
    /// `epoch=…&offset=…`, or nothing.
    pub fn query(&self) -> String {
        match &self.0 {
            Some(position) => format!(
                "epoch={}&offset={}",
                position.epoch.as_str(),
                position.offset
            ),
            None => String::new(),
        }
    }

    /// `,"epoch":"…","offset":…`, to follow other fields of a JSON object; or nothing.
    pub fn json_fields(&self) -> String {
        match &self.0 {
            Some(position) => format!(
                ",\"epoch\":\"{}\",\"offset\":{}",
                position.epoch.as_str(),
                position.offset
            ),
            None => String::new(),
        }
    }

    /// Its offset; `None` before the first position.
    pub fn offset(&self) -> Option<u64> {
        self.0.as_ref().map(|position| position.offset)
    }

    /// Everything up to there has been seen.
    pub fn moved_to(&mut self, position: StreamPosition) {
        self.0 = Some(position);
    }

    /// The next publication of the same epoch.
    pub fn passed(&mut self, offset: u64) {
        if let Some(position) = &mut self.0 {
            position.offset = offset;
        }
    }
}

/// Receives what a client gets.
pub trait Inbox {
    /// The client is in the channel: what is published from now on is for it.
    fn subscribed(&self, at_us: u64);
    /// A publication's data came, read from the socket at `at_us` on this process's clock.
    fn publication(&self, data: &str, at_us: u64);
    /// A connection could not be made or did not last.
    fn failed(&self, why: &Ended);
    /// It is about to connect, at `at_us`.
    fn tries(&self, _at_us: u64) {}
    /// The server has confirmed something that this client published.
    fn acknowledged(&self) {}
}

/// Why a client cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The connection broke, or could not be made.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// The server answered with a status that is no success.
    #[error("the server answered {status} to {request}: {body}")]
    Refused {
        /// Its first line.
        request: String,
        /// The status.
        status: u16,
        /// The answer's body, as text.
        body: String,
    },
    /// What came is not what the protocol says; what it was.
    #[error("not understood: {0}")]
    NotUnderstood(String),
    /// The server ended it in good order; its reason.
    #[error("the server closed the connection: {0}")]
    Closed(String),
    /// It was told to stop and has done so.
    #[error("stopped")]
    Stopped,
}

/// What a client counted. Written by its own connections, read by the run.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections that were opened.
    pub connections: Cell<u64>,
    /// Requests that were answered, the opening ones of streams included.
    pub requests: Cell<u64>,
    /// Polls answered with no publication.
    pub empty_answers: Cell<u64>,
    /// What was written.
    pub up: Sides,
    /// What was read.
    pub down: Sides,
    /// What the kernel says was received on connections that have ended.
    pub kernel_down: Cell<u64>,
    /// Whether the kernel said so for every one of them.
    pub kernel_silent: Cell<bool>,
    /// How long what its connections read had been there.
    pub read_lag: arrival::ReadLag,
    /// Answers to short polls, by the offset asked from and the one that they led to.
    pub answers: RefCell<BTreeMap<(Option<u64>, u64), u64>>,
    /// One exchange, for people.
    pub example: exchange::Example,
}

impl Tally {
    /// Kinds of answers that are kept apart; with more of them the list is not whole, which its
    /// sum shows.
    const ANSWERS_MAX: usize = 100_000;

    /// Notes an answer: it named `asked` and led to offset `led_to`; the same one means nothing
    /// new.
    pub fn answered(&self, asked: Option<u64>, led_to: Option<u64>) {
        let mut answers = self.answers.borrow_mut();
        let kind = (asked, led_to.unwrap_or_default());
        if answers.len() < Self::ANSWERS_MAX || answers.contains_key(&kind) {
            *answers.entry(kind).or_default() += 1;
        }
    }
}

/// Bytes in one direction by what a client can tell apart.
#[derive(Debug, Default)]
pub struct Sides {
    /// All bytes, as given to the socket or got from it.
    pub total: Cell<u64>,
    /// Request and status lines with their headers.
    pub heads: Cell<u64>,
    /// Chunk sizes, event-stream fields, frame headers and masks.
    pub framing: Cell<u64>,
    /// What compression took off messages.
    pub saved: Cell<u64>,
}

/// Adds to a counter.
pub fn add(counter: &Cell<u64>, by: usize) {
    counter.set(counter.get() + by as u64);
}
