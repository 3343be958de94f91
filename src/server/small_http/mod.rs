//! A small HTTP/1.1 connection, in front of actix-http's: it serves the requests whose answers take
//! long (streams and polls) for as little memory as waiting needs, and gives its connection to
//! actix-http at the first request that is anything else.
//!
//! actix-http's dispatcher allocates 8 KiB to read into and 8 KiB to write from before the first
//! byte, and keeps them while nothing happens: twice as much as all the rest of an idle stream. It
//! offers no smaller size, and yields its connection for upgrades only.
//!
//! ```text
//!  accept ──► LaneStream ──► TLS? ──► this ── streams, polls ──► app ──► answer, written here
//!                                      │                         ▲
//!                                      └─ all else, with what ──►│
//!                                         was read of it         actix-http
//! ```
//!
//! - **One parser and one writer of heads.** Both ways use actix-http's [`Codec`], so what is a
//!   request, where it ends and how an answer's head and chunks are written is the same by either.
//!   What the codec refuses goes to actix-http as it came, which then refuses it in its own way.
//! - **One app.** The request goes to the same service with the same middlewares; what actix-http
//!   keeps as data of the connection goes with the request ([`ReadHere`]).
//! - **No buffer of its own while it waits.** It reads into the thread's buffer and writes from
//!   another one of the thread's; only what is incomplete, or what the kernel did not take, is kept.
//! - **Which requests**: those for a path that [`LaneWorker::stays_alone`] knows, with any method and no
//!   body, that expect and upgrade nothing. A wrong guess costs memory and nothing else, since
//!   either way leads to the same handler.
//!
//! It differs from actix-http's in little. What is pipelined behind an answer that is under way is
//! not parsed before its turn, so that a bad head there does not end the answer before it. The next
//! chunk of a body is asked for when all before it is with the kernel (actix-http gathers another
//! 32 KiB). The head of every request has a time limit (there, that of the first); one that grows past
//! 8 KiB has it twice, once here and once there.
//!
//! # What it costs
//!
//! Resident memory of a client that is held and gets nothing, of 5,000 (`cargo bench --bench fanout --
//! idle`; the fallbacks of Channels and Socket.IO's polling by a script that does the same), before
//! this and with it:
//!
//! | lane | before | now |
//! |---|---|---|
//! | SSE | 28.1 KiB | 4.1 |
//! | fetch-stream | 28.4 | 4.0 |
//! | Channels, `xhr_streaming` | 33.2 | 9.4 |
//! | long poll | 35.8 | 6.8 |
//! | WebSocket | 18.5 | 3.2 |
//! | Channels, WebSocket | 15.7 | 3.4 |
//! | Socket.IO, WebSocket | 18.4 | 5.6 |
//! | Channels, `xhr` | 33.2 | 8.8, if it were served here |
//! | Socket.IO, polling | 37.6 | 9.0, if it were served here |
//!
//! The last two are not: their clients say what they want by the connection that they poll by, so
//! actix-http has it after the first words. Tried all the same; on a busy machine, in a debug build, two
//! runs of fifteen under cuts had Socket.IO clients that got nothing more, and none of fifteen without it.
//! The cause was not found.
//!
//! The 16 KiB of buffers were the larger part of it. A held request kept another 6.7 KiB: the map of
//! its headers, which actix-http makes for 28 ([`head`]). And every connection kept room for the
//! handshake of TLS, twice, since actix-server moves a connection's future into another one (10.4 KiB
//! in all): what is large is boxed now, which is all that WebSockets gained by that. They are smaller
//! since: the future of a socket keeps no room for what is rare, and nobody keeps the memory of the task
//! that it was taken over from. By a debug build, 2,000 of each, 6.9 KiB before and 3.1 with it; Channels
//! 6.0 and 3.6, Socket.IO 8.5 and 5.6. Of what is left of a held poll, 4.5
//! KiB are the futures of middlewares and handler, the request and its headers (here one; with a
//! browser's fourteen such a poll is 10.1 KiB, by the same script), and 0.7 the meter.
//!
//! # Rejected
//!
//! - **A parser of our own.** Two parsers that disagree about one request are how requests are
//!   smuggled (RFC 9112 §11.2).
//! - **Bodies as well.** Then it would be a second HTTP server, with flow control, limits and drains
//!   of its own, for requests that are over soon. A client that posts and polls by one connection
//!   has its later polls served by actix-http.
//! - **A connection that comes back from actix-http** after its POST: its dispatcher ends with its
//!   connection.

mod head;
mod output;

use std::{
    cell::RefCell,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_codec::Encoder;
use actix_http::{
    ConnectionType, HttpMessage, KeepAlive, Request, Response, ServiceConfig, StatusCode,
    body::{BodySize, BoxBody, MessageBody},
    error::DispatchError,
    h1::{Codec, Message},
};
use actix_server::GracefulShutdownSignal;
use actix_service::{
    Service,
    boxed::{BoxService, RcService},
};
use bytes::{Buf, BytesMut};
use futures_util::future::LocalBoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep_until},
};

use self::{
    head::{HEAD_MAX_BYTES, Whose},
    output::Output,
};
use crate::{
    lane::stream::LaneStream,
    registry::{LaneWorker, ReadHere},
};

/// Read at once, into a buffer that all connections of a thread share.
const READ_BYTES: usize = 16 << 10;
/// Of requests that are pipelined behind one that is not answered yet. Less than actix-http reads
/// before it parses (128 KiB), so that it reads at once all that is put back for it.
const AHEAD_MAX_BYTES: usize = 64 << 10;

/// Steps of one connection before the next has its turn: some twenty requests in a row.
const STEPS_AT_ONCE: usize = 64;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
    /// One for all lanes: each has a task of its own that keeps the date.
    static CONFIG: RefCell<Option<(Duration, Duration, ServiceConfig)>> =
        const { RefCell::new(None) };
}

/// Requests and answers of one connection, by actix-http.
pub type ActixHttp = BoxService<(LaneStream, Option<SocketAddr>), (), DispatchError>;
/// What answers a request.
pub type App = RcService<Request, Response<BoxBody>, actix_web::Error>;

/// What all connections of a lane share that a thread serves.
pub struct Served {
    /// Answers what is served here.
    pub app: App,
    /// Serves the rest; it asks the same app.
    pub actix_http: ActixHttp,
    /// Knows which requests stay.
    pub worker: Arc<LaneWorker>,
    /// Times, as [`config`] has them.
    pub config: ServiceConfig,
    /// Tells of a stop.
    pub stopping: GracefulShutdownSignal,
}

/// The times of connections, and what keeps the date in heads. Must be called inside a runtime of a
/// server's worker.
pub fn config(keep_alive: Duration, request_timeout: Duration) -> ServiceConfig {
    CONFIG.with_borrow_mut(|kept| match kept {
        Some((alive, request, config)) if (*alive, *request) == (keep_alive, request_timeout) => {
            config.clone()
        }
        _ => {
            let keep_alive_for = KeepAlive::from(keep_alive);
            let config =
                ServiceConfig::new(keep_alive_for, request_timeout, Duration::ZERO, false, None);
            *kept = Some((keep_alive, request_timeout, config.clone()));
            config
        }
    })
}

/// A connection until it ends: a small one, or one that actix-http was given.
pub enum Serving {
    /// Boxed, since actix-server keeps room for a connection's future twice.
    Small(Box<Connection>),
    /// Of the small one nothing is kept.
    ActixHttp(LocalBoxFuture<'static, Result<(), DispatchError>>),
}

/// See the module.
pub struct Connection {
    served: Rc<Served>,
    peer: Option<SocketAddr>,
    /// `None` once it is actix-http's.
    stream: Option<LaneStream>,
    state: State,
    /// What was read and is no request yet.
    read: BytesMut,
    output: Output,
    timer: Option<(Limit, Pin<Box<Sleep>>)>,
    /// `None` once it has said so.
    stopping: Option<LocalBoxFuture<'static, ()>>,
    /// The peer sends no more.
    has_ended: bool,
    has_asked: bool,
}

enum State {
    /// A head is awaited.
    Asking,
    /// The app has a request.
    Asked(Codec, LocalBoxFuture<'static, Answered>),
    /// The answer's head is made, and of its body what was there.
    Answering(Codec, Option<BoxBody>),
    /// What is written is flushed, and then the peer told that no more comes.
    Closing,
}

type Answered = Result<Response<BoxBody>, actix_web::Error>;

/// What has a time limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    Head,
    KeepAlive,
}

/// How a step ended.
enum Step {
    /// The next one can be taken.
    Again,
    /// Something has to happen first, and will wake the task.
    Wait,
    /// What comes next is for actix-http.
    GiveAway,
    Over,
}

/// How far a body has come.
enum Filled {
    /// No more is there now.
    Waits,
    /// As much as is written at once.
    Enough,
    Ended,
}

impl Serving {
    /// Of a lane's stream, which is secured already where it is to be.
    pub fn new(served: Rc<Served>, stream: LaneStream, peer: Option<SocketAddr>) -> Self {
        let stopping = served.stopping.clone();
        Self::Small(Box::new(Connection {
            stopping: Some(Box::pin(async move { stopping.notified().await })),
            served,
            peer,
            stream: Some(stream),
            state: State::Asking,
            read: BytesMut::new(),
            output: Output::default(),
            timer: None,
            has_ended: false,
            has_asked: false,
        }))
    }
}

impl Connection {
    fn step(&mut self, context: &mut Context<'_>) -> Result<Step, DispatchError> {
        let Some(stream) = &mut self.stream else {
            return Ok(Step::Over);
        };
        if matches!(self.state, State::Asked(..) | State::Answering(..)) {
            // First, so that the task is woken when the peer is gone.
            let (read, has_ended) = (&mut self.read, &mut self.has_ended);
            read_on(stream, read, has_ended, AHEAD_MAX_BYTES, context)?;
        }
        match &mut self.state {
            State::Asking => self.ask(context),
            State::Asked(_, answer) => match answer.as_mut().poll(context) {
                Poll::Ready(answered) => self.begin_answer(answered).map(|()| Step::Again),
                Poll::Pending => Ok(self.wait()),
            },
            State::Answering(codec, body) => {
                let filled = match self.output.is_behind() {
                    // More of the body is asked for once there is room.
                    true => Filled::Enough,
                    false => fill(codec, body, &mut self.output, context)?,
                };
                if self.output.poll_sent(stream, context)?.is_pending() {
                    return Ok(self.wait());
                }
                match filled {
                    Filled::Enough => Ok(Step::Again),
                    Filled::Waits => Ok(self.wait()),
                    Filled::Ended => {
                        let goes_on = codec.keep_alive() && self.stopping.is_some();
                        self.state = if goes_on {
                            State::Asking
                        } else {
                            State::Closing
                        };
                        Ok(Step::Again)
                    }
                }
            }
            State::Closing => {
                if self.output.poll_sent(stream, context)?.is_pending() {
                    return Ok(Step::Wait);
                }
                match Pin::new(stream).poll_shutdown(context)? {
                    Poll::Ready(()) => Ok(Step::Over),
                    Poll::Pending => Ok(Step::Wait),
                }
            }
        }
    }

    /// Waits for the answer to go on; a peer that sends no more is taken for gone, as by actix-http
    /// (`h1_allow_half_closed`), and what answers it is dropped.
    fn wait(&mut self) -> Step {
        if !self.has_ended {
            return Step::Wait;
        }
        self.state = State::Closing;
        Step::Again
    }

    /// Reads until a head is whole, and has it answered by whoever it is for.
    fn ask(&mut self, context: &mut Context<'_>) -> Result<Step, DispatchError> {
        let Some(stream) = &mut self.stream else {
            return Ok(Step::Over);
        };
        if self.stopping.is_none() {
            self.state = State::Closing;
            return Ok(Step::Again);
        }
        read_on(
            stream,
            &mut self.read,
            &mut self.has_ended,
            HEAD_MAX_BYTES,
            context,
        )?;
        match head::whose(&self.read, &self.served.config, &self.served.worker) {
            Whose::Unknown if self.has_ended => {
                self.state = State::Closing;
                Ok(Step::Again)
            }
            Whose::Unknown => self.watch_the_time(context),
            Whose::ActixHttps => Ok(Step::GiveAway),
            Whose::Ours(ours) => {
                self.timer = None;
                self.has_asked = true;
                self.read.advance(ours.bytes);
                if self.read.is_empty() {
                    // Gives back what it was read into.
                    self.read = BytesMut::new();
                }
                let mut request = ours.request;
                request.head_mut().peer_addr = self.peer;
                request.extensions_mut().insert(ReadHere {
                    meter: stream.meter().clone(),
                    seat: stream.seat().cloned(),
                });
                self.state = State::Asked(ours.codec, self.served.app.call(request));
                Ok(Step::Again)
            }
        }
    }

    /// A head has its time, from when the connection begins or the head does; between two requests
    /// a connection is kept for a while.
    fn watch_the_time(&mut self, context: &mut Context<'_>) -> Result<Step, DispatchError> {
        let limit = match self.has_asked && self.read.is_empty() {
            true => Limit::KeepAlive,
            false => Limit::Head,
        };
        if self.timer.as_ref().is_none_or(|(of, _)| *of != limit) {
            let config = &self.served.config;
            let by = match limit {
                Limit::Head => config.client_request_deadline(),
                Limit::KeepAlive => config.keep_alive_deadline(),
            };
            self.timer = by.map(|by| (limit, Box::pin(sleep_until(by.into()))));
        }
        let Some((_, timer)) = &mut self.timer else {
            return Ok(Step::Wait);
        };
        if timer.as_mut().poll(context).is_pending() {
            return Ok(Step::Wait);
        }
        if limit == Limit::Head {
            // As actix-http writes it, so that the stream puts the words in its place.
            let mut codec = Codec::new(self.served.config.clone());
            let late = Response::with_body(StatusCode::REQUEST_TIMEOUT, ());
            let head = Message::Item((late, BodySize::Sized(0)));
            codec.encode(head, self.output.buffer())?;
        }
        self.state = State::Closing;
        Ok(Step::Again)
    }

    fn begin_answer(&mut self, answered: Answered) -> Result<(), DispatchError> {
        let response = answered.unwrap_or_else(Into::into);
        let (mut head, body) = response.into_parts();
        if self.stopping.is_none() {
            head.head_mut().set_connection_type(ConnectionType::Close);
        }
        let size = body.size();
        let State::Asked(mut codec, _) = std::mem::replace(&mut self.state, State::Closing) else {
            return Ok(());
        };
        codec.encode(Message::Item((head, size)), self.output.buffer())?;
        let has_body = !matches!(size, BodySize::None | BodySize::Sized(0));
        self.state = State::Answering(codec, has_body.then_some(body));
        Ok(())
    }

    /// Notes a stop: the answer that is under way is the last.
    fn hear_of_stop(&mut self, context: &mut Context<'_>) {
        if let Some(stopping) = &mut self.stopping
            && stopping.as_mut().poll(context).is_ready()
        {
            self.stopping = None;
        }
    }
}

impl Future for Serving {
    type Output = Result<(), DispatchError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Self::Small(connection) = &mut *self {
            match ready!(connection.poll(context)) {
                Ended::Over(how) => return Poll::Ready(how),
                Ended::Given(serving) => *self = Self::ActixHttp(serving),
            }
        }
        match &mut *self {
            Self::Small(_) => Poll::Pending,
            Self::ActixHttp(serving) => serving.as_mut().poll(context),
        }
    }
}

/// How a small connection ended.
enum Ended {
    Over(Result<(), DispatchError>),
    /// Whoever goes on with it.
    Given(LocalBoxFuture<'static, Result<(), DispatchError>>),
}

impl Connection {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        self.hear_of_stop(context);
        self.output.borrow();
        let went = self.take_steps(context);
        self.output.give_back();
        Poll::Ready(match went {
            Ok(Step::Again) => {
                // The others of this thread come first.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Ok(Step::Wait) => return Poll::Pending,
            Ok(Step::Over) => Ended::Over(Ok(())),
            Ok(Step::GiveAway) => match self.stream.take() {
                Some(mut stream) => {
                    stream.unread(std::mem::take(&mut self.read));
                    Ended::Given(self.served.actix_http.call((stream, self.peer)))
                }
                None => Ended::Over(Ok(())),
            },
            Err(error) => Ended::Over(Err(error)),
        })
    }

    fn take_steps(&mut self, context: &mut Context<'_>) -> Result<Step, DispatchError> {
        for _ in 0..STEPS_AT_ONCE {
            match self.step(context)? {
                Step::Again => {}
                other => return Ok(other),
            }
        }
        Ok(Step::Again)
    }
}

/// Reads what is there, until so many bytes wait.
fn read_on(
    stream: &mut LaneStream,
    read: &mut BytesMut,
    has_ended: &mut bool,
    max_bytes: usize,
    context: &mut Context<'_>,
) -> Result<(), DispatchError> {
    SCRATCH.with_borrow_mut(|scratch| {
        while !*has_ended && read.len() < max_bytes {
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer)? {
                Poll::Ready(()) if buffer.filled().is_empty() => *has_ended = true,
                Poll::Ready(()) => read.extend_from_slice(buffer.filled()),
                Poll::Pending => break,
            }
        }
        Ok(())
    })
}

/// Asks the body for what it has, up to what is written at once.
fn fill(
    codec: &mut Codec,
    body: &mut Option<BoxBody>,
    output: &mut Output,
    context: &mut Context<'_>,
) -> Result<Filled, DispatchError> {
    let Some(going_on) = body else {
        return Ok(Filled::Ended);
    };
    let buffer = output.buffer();
    while buffer.len() < output::AT_ONCE_BYTES {
        match Pin::new(&mut *going_on).poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) => codec.encode(Message::Chunk(Some(bytes)), buffer)?,
            Poll::Ready(Some(Err(error))) => return Err(DispatchError::Body(error)),
            Poll::Ready(None) => {
                codec.encode(Message::Chunk(None), buffer)?;
                *body = None;
                return Ok(Filled::Ended);
            }
            Poll::Pending => return Ok(Filled::Waits),
        }
    }
    Ok(Filled::Enough)
}

#[cfg(test)]
mod tests;
