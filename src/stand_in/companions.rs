//! Clients beside the phones of a live step: they follow the class's channel as phones do, and are
//! no participants. So a lesson's polls have a WebSocket to be compared with.

use std::{
    io,
    rc::Rc,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::{interval, sleep};

use crate::catalogue::{self, Resuming};

use super::{
    At,
    following::{Following, Heard, State, Wanted},
    reach,
    thread::Crew,
};

/// Most of them, on all lanes together.
pub const COMPANIONS_MAX: usize = 100;
/// How often it is looked who is in.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// See the module. They leave when this is dropped.
pub struct Companions {
    /// Of each lane, in order: how many have got in.
    got_in: Arc<[AtomicUsize]>,
    lanes: Vec<String>,
    count: usize,
    crew: Crew,
}

/// Some on one lane.
#[derive(Debug, Clone, PartialEq)]
pub struct OnLane {
    /// Id of the lane.
    pub lane: String,
    /// How many.
    pub count: usize,
    /// How often pollers ask.
    pub poll_interval: Option<Duration>,
}

impl Companions {
    /// They follow `channel` in the lab there until they are told to stop.
    ///
    /// # Errors
    ///
    /// No thread could be started.
    pub fn start(at: impl Into<At>, channel: &str, wanted: Vec<OnLane>) -> io::Result<Self> {
        let got_in: Arc<[_]> = wanted.iter().map(|_| AtomicUsize::new(0)).collect();
        let lanes = wanted.iter().map(|on| on.lane.clone()).collect();
        let all = wanted.iter().map(|on| on.count).sum::<usize>();
        let count = all.min(COMPANIONS_MAX);
        let (lab, channel, telling) = (at.into(), channel.to_owned(), got_in.clone());
        let crew = Crew::start("companions", async move || {
            let lab = reach(&lab, |_| {}).await;
            let mut following = Vec::new();
            for (at, on) in wanted.iter().enumerate() {
                let one = Wanted {
                    lane: on.lane.clone(),
                    channel: channel.clone(),
                    poll_interval: on.poll_interval,
                    bare: false,
                    // As real applications use it: Channels has no positions of its own.
                    recovery: catalogue::lane(&on.lane)
                        .is_some_and(|lane| lane.resuming == Resuming::ByProtocol),
                };
                for number in 0..on.count {
                    if following.len() >= count {
                        break;
                    }
                    let heard = Rc::<Heard>::default();
                    let place = (number, on.count);
                    match Following::start(&lab, &one, place, heard.clone()) {
                        Ok(started) => following.push((at, started, heard)),
                        Err(error) => tracing::warn!(%error, "a client beside the phones"),
                    }
                }
            }
            let mut looks = interval(LOOK_EVERY);
            loop {
                looks.tick().await;
                // Whose line is down now has got in, as a phone in a tunnel is still in the class.
                let is_in = |heard: &Heard| heard.state() != State::Connecting;
                for (at, told) in telling.iter().enumerate() {
                    let of_lane = following.iter().filter(|(lane, ..)| *lane == at);
                    let count = of_lane.filter(|(_, _, heard)| is_in(heard)).count();
                    told.store(count, Ordering::Release);
                }
                // Nobody to look after: only the end is waited for.
                if following.is_empty() {
                    sleep(Duration::from_secs(3_600)).await;
                }
            }
        })?;
        Ok(Self {
            got_in,
            lanes,
            count,
            crew,
        })
    }

    /// Whether all of them are in the channel.
    pub fn are_in(&self) -> bool {
        self.in_by_lane().map(|(_, count)| count).sum::<usize>() >= self.count
    }

    /// How many have got into the channel, by lane.
    pub fn in_by_lane(&self) -> impl Iterator<Item = (&str, usize)> {
        let counts = self.got_in.iter().map(|it| it.load(Ordering::Acquire));
        self.lanes.iter().map(String::as_str).zip(counts)
    }

    /// Waits for the end of their thread, so not on an actix worker.
    pub fn stop(self) {
        self.crew.stop();
    }
}
