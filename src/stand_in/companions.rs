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
    open: Arc<AtomicUsize>,
    count: usize,
    crew: Crew,
}

/// Some on one lane.
#[derive(Debug, Clone, PartialEq)]
pub struct OnLane {
    pub lane: String,
    pub count: usize,
    pub poll_interval: Option<Duration>,
}

impl Companions {
    /// They follow `channel` in the lab at `url` until they are told to stop.
    ///
    /// # Errors
    ///
    /// No thread could be started.
    pub fn start(url: &str, channel: &str, wanted: Vec<OnLane>) -> io::Result<Self> {
        let open = Arc::<AtomicUsize>::default();
        let all = wanted.iter().map(|on| on.count).sum::<usize>();
        let count = all.min(COMPANIONS_MAX);
        let (url, channel, telling) = (url.to_owned(), channel.to_owned(), open.clone());
        let crew = Crew::start("companions", async move || {
            let lab = reach(&url, |_| {}).await;
            let mut following = Vec::new();
            for on in &wanted {
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
                        Ok(started) => following.push((started, heard)),
                        Err(error) => tracing::warn!(%error, "a client beside the phones"),
                    }
                }
            }
            let mut looks = interval(LOOK_EVERY);
            loop {
                looks.tick().await;
                let is_open = |(_, heard): &&(Following, Rc<Heard>)| heard.state() == State::Open;
                telling.store(following.iter().filter(is_open).count(), Ordering::Release);
                // Nobody to look after: only the end is waited for.
                if following.is_empty() {
                    sleep(Duration::from_secs(3_600)).await;
                }
            }
        })?;
        Ok(Self { open, count, crew })
    }

    /// Whether all of them are in the channel.
    pub fn are_in(&self) -> bool {
        self.open.load(Ordering::Acquire) >= self.count
    }

    /// Waits for the end of their thread, so not on an actix worker.
    pub fn stop(self) {
        self.crew.stop();
    }
}
