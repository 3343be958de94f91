//! `GET /api/class/events`: the state of the class, as an event stream.
//!
//! ```text
//! event: state   data: {"revision":17,…}   at once, and after each change; at most five a second
//! event: tick    data: {"revision":17}     every 3 s
//! event: end     data: {}                  the class is over; the stream ends
//! ```
//! Without a class: see [`super::between`].
//! Too many walls are refused: `GET /api/class` tells the same. No queue stands between the class and a
//! reader: whoever reads slowly misses states between, never the newest. The stream ends when the server
//! stops.

use std::{net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use super::{
    ClassRoom, between,
    live::{self, Leading},
    refusals::no_class,
    who::{self, Sees},
};
use crate::{
    class::{Counts, State, Whom, state::LessonChoice},
    clock,
    codec::sse,
    error::{Code, Refusal},
    lab::Lab,
    lab_api::{
        MainLane,
        class_room::walls::{WALLS_MAX, WALLS_OF_ADDRESS_MAX},
        class_room::{now, voices},
        event_stream::{self, End},
    },
    node::Connected,
    registry::LaneWorker,
};

/// Between two states of one stream.
const GAP: Duration = Duration::from_millis(200);
pub(super) const TICK: Duration = Duration::from_secs(3);
/// How long a reader waits before it comes back.
pub(super) const RETRY_MS: u64 = 1_000;
/// Streams of one phone: the oldest ends when there is one more. A phone that has lost its network
/// leaves some behind.
const OF_A_PHONE_MAX: u64 = 4;

/// The state for somebody; `None`: no class is on.
pub async fn state(lab: &Arc<Lab>, main: &web::Data<MainLane>, whom: Whom) -> Option<State> {
    let mut state = main.class.look(|class| class.state(whom, now()))?;
    if let Some(grid) = &mut state.grid {
        voices::give(grid, &main.class.addresses());
    }
    if let Some(lead) = &mut state.lead {
        lead.lessons = choices(lab, main).await;
        let addresses = main.class.addresses();
        lead.addresses = (addresses.iter())
            .map(|(id, place)| (*id, place.peer.to_string()))
            .collect();
        lead.not_kept = main.class.kept().trouble();
    }
    Some(state)
}

/// The lessons to choose from. Reading a teacher's folder does not hold up the worker.
async fn choices(lab: &Arc<Lab>, main: &web::Data<MainLane>) -> Vec<LessonChoice> {
    let (lab, main) = (lab.clone(), main.clone());
    let listed = web::block(move || {
        let shelf = main.lessons.shelf();
        let choice = |shelved: &crate::lessons::shelf::Shelved| {
            let front = &shelved.lesson.front;
            LessonChoice {
                id: front.id.clone(),
                title: front.title.clone(),
                minutes: front.minutes,
                order: front.order,
                why_not: live::why_not(&lab, &shelved.lesson),
            }
        };
        shelf.all().map(choice).collect()
    });
    listed.await.unwrap_or_default()
}

pub async fn open(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let sees = match who::sees(&request, &worker.lab, &main.class) {
        Err(Refusal {
            code: Code::NoClass,
            ..
        }) => return between::open(&worker.lab, &main, worker.lab.client_address(&request)),
        sees => sees?,
    };
    let (end, connected) = End::of_stream(&worker.lab)?;
    let changes = match sees.whom {
        Whom::Phone(_) => main.class.watch_revisions(),
        Whom::Wall | Whom::Presenter => main.class.watch(),
    };
    let address = worker.lab.client_address(&request);
    let seat = Seat::take(&main.class, &sees, address)?;
    if let Whom::Phone(id) = sees.whom {
        main.class.note_address(id, &request, address);
    }
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one comes at once.
    tick.reset();
    let leading = match sees.whom {
        Whom::Presenter => Some(Leading::new(&main, &worker.lab).await),
        Whom::Phone(_) | Whom::Wall => None,
    };
    let reader = Reader {
        _leading: leading,
        lab: worker.lab.clone(),
        main,
        sees,
        changes,
        tick,
        end,
        sent: None,
        next_at: Instant::now(),
        is_over: false,
        seat,
        _connected: connected,
    };
    Ok(event_stream::read_by(reader))
}

/// Tells the class that a phone's stream is open, as long as it is; and bounds the others.
struct Seat {
    room: Arc<ClassRoom>,
    sees: Sees,
    address: Option<IpAddr>,
    /// Of a phone's streams, growing.
    number: u64,
}

impl Seat {
    fn take(room: &Arc<ClassRoom>, sees: &Sees, address: Option<IpAddr>) -> Result<Self, Refusal> {
        let mut number = 0;
        match sees.whom {
            Whom::Phone(id) => {
                let opened = room.change(|class| class.stream_opened(id, now()));
                number = opened.ok_or_else(no_class)??;
            }
            Whom::Wall if !room.walls.take(address) => {
                return Err(Refusal::new(
                    Code::TooManyReaders,
                    format!(
                        "{WALLS_MAX} walls are open, or {WALLS_OF_ADDRESS_MAX} from this address"
                    ),
                )
                .with_hint("Close a wall that nobody looks at, then load this page again."));
            }
            Whom::Wall | Whom::Presenter => {}
        }
        Ok(Self {
            room: room.clone(),
            sees: sees.clone(),
            address,
            number,
        })
    }

    /// The phone has opened so many since that this one ends.
    fn is_given_up(&self) -> bool {
        let Whom::Phone(id) = self.sees.whom else {
            return false;
        };
        let newest = self
            .room
            .look(|class| class.participant(id).map(|one| one.live.streams_ever));
        let newest = newest.flatten().unwrap_or_default();
        newest.saturating_sub(self.number) >= OF_A_PHONE_MAX
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        match self.sees.whom {
            Whom::Phone(id) => {
                self.room.change(|class| {
                    // Another class has another phone of this id.
                    if class.id() == self.sees.class {
                        class.stream_closed(id, now());
                    }
                });
            }
            Whom::Wall => self.room.walls.leave(self.address),
            Whom::Presenter => {}
        }
    }
}

/// What a stream sent last.
#[derive(Clone, Copy, PartialEq)]
struct Sent {
    revision: u64,
    /// For those who have a grid.
    grid: Option<(u64, Counts)>,
    /// The presenter is told that the class is not kept.
    is_kept: bool,
}

/// One reader's stream.
struct Reader {
    _leading: Option<Leading>,
    lab: Arc<Lab>,
    main: web::Data<MainLane>,
    sees: Sees,
    changes: watch::Receiver<u64>,
    tick: Interval,
    end: Rc<End>,
    sent: Option<Sent>,
    /// Not before this is the next state sent.
    next_at: Instant,
    is_over: bool,
    seat: Seat,
    _connected: Connected,
}

impl event_stream::Reader for Reader {
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        if self.sent.is_none() && !self.is_over {
            sse::encode_retry(RETRY_MS, &mut out);
            self.write_state(&mut out).await;
        }
        while out.is_empty() {
            if self.is_over {
                return None;
            }
            let end = self.end.clone();
            let is_tick = tokio::select! {
                () = end.comes() => return None,
                changed = self.changes.changed() => {
                    changed.ok()?;
                    false
                }
                _ = self.tick.tick() => true,
            };
            if !is_tick {
                tokio::select! {
                    () = end.comes() => return None,
                    () = sleep_until(self.next_at) => {}
                }
                self.changes.borrow_and_update();
            }
            if end.has_come() || self.seat.is_given_up() {
                return None;
            }
            let now = self.now();
            if now != self.sent {
                self.write_state(&mut out).await;
            }
            if let Some(now) = now.filter(|_| is_tick && !self.is_over) {
                let tick = format!("{{\"revision\":{}}}", now.revision);
                sse::encode_event(Some("tick"), None, tick.as_bytes(), &mut out);
            }
        }
        Some(out.into())
    }
}

impl Reader {
    /// What would be sent; `None`: the class is over.
    fn now(&self) -> Option<Sent> {
        let has_grid = !matches!(self.sees.whom, Whom::Phone(_));
        let is_presenter = self.sees.whom == Whom::Presenter;
        let is_kept = !is_presenter || self.main.class.kept().trouble().is_none();
        let now = self.main.class.look(|class| {
            // Asked at each change of any phone: whoever has no grid needs no counts.
            let grid = || (class.grid_revision(), class.counts(clock::now_us()));
            (class.id() == self.sees.class).then_some(Sent {
                revision: class.revision(),
                grid: has_grid.then(grid),
                is_kept,
            })
        });
        now.flatten()
    }

    async fn write_state(&mut self, out: &mut Vec<u8>) {
        self.next_at = Instant::now() + GAP;
        let now = self.now();
        // What changes from here on is sent with the next one.
        let state = state(&self.lab, &self.main, self.sees.whom).await;
        let state = state.filter(|state| now.is_some() && state.class == self.sees.class);
        let text = state.as_ref().map(serde_json::to_vec).and_then(Result::ok);
        match text {
            Some(text) => {
                sse::encode_event(Some("state"), None, &text, out);
                self.sent = now;
            }
            None => {
                sse::encode_event(Some("end"), None, b"{}", out);
                self.is_over = true;
            }
        }
    }
}
