//! A connection that lives across HTTP requests: found by its name, ended by a task of its own.
//!
//! A session lives on the thread that its first request landed on, where its [`Connection`] is
//! and its task runs; requests land on any thread. Down, they meet in the [`Outbox`]; up, frames
//! come through the task's inbox, in [`Order`]. (Requests of Socket.IO act on a
//! session's state, so they are sent to its thread as jobs. Here a queue each way is enough.)
//!
//! The task also keeps the liveness (reference, 14.6): `h` on a quiet session; on streaming, the
//! answer to it within the time for a pong; and a session that no request fetches from ends
//! after the setting `poller_stays`.

use std::{cell::Cell, net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{line_sink::LineSink, order::Order};
use crate::{
    codec::pusher::line,
    hub::queue::Kind,
    lab::Lab,
    lane::LaneId,
    node::SessionPermit,
    protocol::pusher::{
        app::{App, Slot},
        close::{self, Closing},
        commands,
        connection::{Connection, ConnectionGuard},
        http_session::{
            Done, Request, Sent, Session,
            outbox::{Fetching, Line, Outbox},
        },
    },
};

/// How long a send waits for one that it overtook.
const OVERTAKEN_WITHIN: Duration = Duration::from_millis(25);
/// Requests that may wait for a session's task; the next ones wait to be answered.
const INBOX_MAX: usize = 16;
/// Sessions of one application. A session lives for a while without any connection, so the bound on
/// connections does not bound sessions.
const SESSIONS_MAX: usize = 10_000;

/// What a session is opened with.
pub struct Opening {
    pub lab: Arc<Lab>,
    pub lane: LaneId,
    pub transport: &'static str,
    pub slot: Slot,
    pub name: Box<str>,
    /// The opening request's.
    pub number: Option<u64>,
    /// The client's.
    pub address: Option<IpAddr>,
}

/// Opens a session whose task runs on this thread; if another request opened it
/// meanwhile, that one is answered.
pub fn open(opening: Opening) -> Result<Arc<Session>, Closing> {
    let config = &opening.lab.config;
    let outbox = Arc::new(Outbox::new(config.subscriber_queue_max_bytes));
    let (inbox, requests) = mpsc::channel(INBOX_MAX);
    let session = Arc::new(Session {
        outbox: outbox.clone(),
        inbox,
        transport: opening.transport,
    });
    let connections = config.max_connections.saturating_mul(config.workers);
    let max = connections.min(SESSIONS_MAX);
    let session_permit = opening.lab.node.reserve_session(opening.address);
    let session_permit = session_permit.ok_or(close::TOO_MANY_SESSIONS)?;
    let app = opening.slot.0.clone();
    let (session, is_new) = app
        .sessions
        .insert(&opening.name, session, max)
        .ok_or(close::OVER_CAPACITY)?;
    if is_new {
        let _is_queued = outbox.push([Line::framing(line::OPEN)], Kind::Control);
        actix_rt::spawn(live(opening, session.clone(), requests, session_permit));
    }
    Ok(session)
}

/// Takes a session out of the table when its task ends, in whatever way.
struct RegisteredSession {
    app: Arc<App>,
    name: Box<str>,
    session: Arc<Session>,
    /// Of its address's sessions.
    _session_permit: SessionPermit,
}

impl Drop for RegisteredSession {
    fn drop(&mut self) {
        self.app.sessions.remove(&self.name, &self.session);
    }
}

/// The life of a session.
async fn live(
    opening: Opening,
    session: Arc<Session>,
    requests: mpsc::Receiver<Request>,
    session_permit: SessionPermit,
) {
    let Opening {
        lab,
        lane,
        transport,
        slot,
        name,
        number,
        address,
    } = opening;
    let registered_session = RegisteredSession {
        app: slot.0.clone(),
        name,
        session: session.clone(),
        _session_permit: session_permit,
    };
    let received = Rc::<Cell<usize>>::default();
    let sink = LineSink {
        outbox: session.outbox.clone(),
        meters: lab.meters.clone(),
        lane,
        transport,
        received: received.clone(),
    };
    let connection = Rc::new(Connection::new(
        slot.0.clone(),
        lab.node.clone(),
        Box::new(sink),
        transport,
        address,
    ));
    let guard = ConnectionGuard(connection.clone());
    let registered = lab.node.register(connection.clone());
    match &registered {
        Ok(_) => connection.established(),
        Err(_) => connection.close(close::RECONNECT),
    }
    let mut task = Task {
        heartbeat: lab.config.heartbeat.0,
        pong_within: slot.0.settings.pong_timeout.0,
        idle_timeout: lab.config.poller_stays.0,
        outbox: session.outbox.clone(),
        connection: connection.clone(),
        received,
        order: Order::new(number),
        ordered_by: None,
        unanswered_heartbeat: None,
    };
    task.run(requests).await;
    connection.end();
    drop((guard, connection));
    until_fetched(&session.outbox, lab.config.close_timeout.0).await;
    drop((registered_session, registered, slot));
}

/// A closed session stays known until its client has the closing line, or does not come for it.
async fn until_fetched(outbox: &Outbox, at_most: Duration) {
    let fetched = async {
        while outbox.is_closed() && !outbox.is_over() {
            outbox.changed.notified().await;
        }
    };
    let _ = tokio::time::timeout(at_most, fetched).await;
}

/// The session's own side. See the module.
struct Task {
    heartbeat: Duration,
    pong_within: Duration,
    /// How long the session lives while no request fetches from it.
    idle_timeout: Duration,
    outbox: Arc<Outbox>,
    connection: Rc<Connection>,
    /// Publications that the client sent; counted by the sink.
    received: Rc<Cell<usize>>,
    order: Order<Sent>,
    /// Until when sends that came too early wait for those before them.
    ordered_by: Option<Instant>,
    /// When `h` was sent, if a streaming client has not answered it.
    unanswered_heartbeat: Option<Instant>,
}

/// What a session has to do now.
enum Due {
    Nothing { until: Instant },
    Heartbeat(Fetching),
    PongTimeout,
    Ended,
}

impl Task {
    /// Until the session is closed or given up.
    async fn run(&mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            let until = match self.due(Instant::now()) {
                Due::Nothing { until } => until,
                Due::Heartbeat(fetching) => {
                    self.send_heartbeat(fetching);
                    continue;
                }
                Due::PongTimeout => {
                    self.connection.close(close::NO_PONG);
                    continue;
                }
                Due::Ended => return,
            };
            let until = self.ordered_by.map_or(until, |by| by.min(until));
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.on_request(request).await,
                    None => return,
                },
                () = self.outbox.changed.notified() => {}
                () = sleep_until(until) => self.on_time().await,
            }
        }
    }

    fn due(&self, now: Instant) -> Due {
        let status = self.outbox.status();
        if status.is_closed {
            return Due::Ended;
        }
        let Some((fetching, since)) = status.receiver else {
            let until = status.alone_since + self.idle_timeout;
            return if until <= now {
                Due::Ended
            } else {
                Due::Nothing { until }
            };
        };
        let heartbeat = since.max(status.last_push) + self.heartbeat;
        // One at a time: were two on their way, their answers could not be distinguished from
        // pings.
        let answer = self
            .unanswered_heartbeat
            .filter(|_| fetching == Fetching::Streaming)
            .map(|sent| sent + self.pong_within);
        match answer {
            Some(by) if by <= now => Due::PongTimeout,
            Some(by) => Due::Nothing { until: by },
            None if heartbeat <= now => Due::Heartbeat(fetching),
            None => Due::Nothing { until: heartbeat },
        }
    }

    fn send_heartbeat(&mut self, fetching: Fetching) {
        let heartbeat = [Line::framing(line::HEARTBEAT)];
        let _is_queued = self.outbox.push(heartbeat, Kind::Control);
        // A poll ends with it, and the next one is the answer.
        if fetching == Fetching::Streaming {
            self.unanswered_heartbeat = Some(Instant::now());
        }
    }

    async fn on_request(&mut self, request: Request) {
        let was_asked = self.unanswered_heartbeat.take().is_some();
        // An empty array that answers no `h` is the client's own ping. It must not be answered
        // with `h`, or the two go on for ever.
        let is_ping = request
            .sent
            .as_ref()
            .is_some_and(|sent| sent.frames.is_empty());
        if is_ping && !was_asked {
            // Where there is no room for it, there is something else to come.
            self.outbox.push_if_room(Line::framing(line::NOTHING));
        }
        let due = self.order.take(request.number, request.sent);
        self.act_on(due).await;
    }

    async fn on_time(&mut self) {
        if self.ordered_by.is_some_and(|by| by <= Instant::now()) {
            let due = self.order.give_up();
            self.act_on(due).await;
        }
    }

    async fn act_on(&mut self, due: Vec<Sent>) {
        for sent in due {
            let mut done = Done::default();
            for frame in &sent.frames {
                if self.outbox.is_closed() {
                    break;
                }
                done.payload += commands::act_on(&self.connection, frame).await;
            }
            done.publications = self.received.take();
            // Nobody waits for it if the client has gone.
            let _ = sent.done.send(done);
        }
        self.ordered_by = match (self.order.is_waiting(), self.ordered_by) {
            (false, _) => None,
            (true, Some(by)) if by > Instant::now() => Some(by),
            (true, _) => Some(Instant::now() + OVERTAKEN_WITHIN),
        };
    }
}
