//! What a stand-in follows: a channel on a lane, by the native client that runs use, and what it has
//! heard there.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use serde::Serialize;
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::{asking::Asking, no_lane};
use crate::{
    catalogue,
    client::{
        Ended, Inbox, Tally, Target,
        back_off::Curve,
        connection::SimulatedLink,
        lifecycle::{self, ClientOptions, Control},
    },
    clock,
    config::Span,
    run::{error::RunError, lab_process::LabProcess, lanes::Row, plan::Plan},
};

/// Delays that are kept, the latest.
const DELAYS_MAX: usize = 4_096;
/// Delays that wait for the next report, which comes every 2 s: a source publishes 200 times a second
/// at most.
const FRESH_MAX: usize = 1_000;
/// Of the latest, what a phone that is in no run shows the mean of.
const LATEST: usize = 16;
/// How often a poller asks that was not told how often.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// As the pages' clients come back: see `static/js/transports`.
const BACK_OFF: Curve = Curve {
    first: Duration::from_millis(500),
    factor: 2.0,
    most: Duration::from_secs(5),
    spread: (0.5, 1.0),
};

/// What is to be followed, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub lane: String,
    pub channel: String,
    pub poll_interval: Option<Duration>,
    pub bare: bool,
    pub recovery: bool,
}

/// Before the lane is asked again for a key.
const KEY_AGAIN: Duration = Duration::from_secs(2);

/// Follows until it is dropped.
pub struct Following {
    control: watch::Sender<Control>,
    /// Lets delays be reported as this lane's, once the lane has given it.
    key: Rc<RefCell<Option<String>>>,
    asking: JoinHandle<()>,
}

impl Following {
    /// The `number`th of `count` phones begins to follow: their polls are spread over the interval.
    ///
    /// Must be called inside of a `LocalSet`.
    ///
    /// # Errors
    ///
    /// The lab has no such lane.
    pub fn start(
        lab: &LabProcess,
        wanted: &Wanted,
        (number, count): (usize, usize),
        heard: Rc<Heard>,
    ) -> Result<Self, RunError> {
        let missing = || no_lane(lab, &wanted.lane);
        let lane = catalogue::lane(&wanted.lane).ok_or_else(missing)?;
        let row = Row {
            bare: wanted.bare,
            ..Row::new(lane, wanted.recovery && !wanted.bare)
        };
        let plan = Plan {
            clients: count.max(1),
            poll_interval: Span(wanted.poll_interval.unwrap_or(POLL_INTERVAL)),
            ..Plan::default()
        };
        let follower = row
            .client(&plan, number, lab.app_key(), None)
            .ok_or_else(missing)?;
        let options = ClientOptions {
            target: lab.lane(&wanted.lane, SimulatedLink::default())?,
            other: None,
            fail_over: None,
            outbox: None,
            // A bare client is one for which nobody wrote code that brings it back.
            back_off: (!wanted.bare).then_some(BACK_OFF),
            channel: wanted.channel.clone(),
            resume: row.resume,
        };
        let (control, told) = watch::channel(Control::default());
        let key = Rc::<RefCell<Option<String>>>::default();
        let asking = tokio::task::spawn_local(ask_for_key(
            options.target.clone(),
            wanted.lane.clone(),
            key.clone(),
        ));
        heard.state.set(State::Connecting);
        tokio::task::spawn_local(async move {
            let tally = heard.tally.clone();
            lifecycle::follow(follower, options, &*heard, tally, told).await;
        });
        Ok(Self {
            control,
            key,
            asking,
        })
    }

    pub fn key(&self) -> Option<String> {
        self.key.borrow().clone()
    }

    /// The key does not hold any more: the lab was started anew.
    pub fn forget_key(&self) {
        self.key.take();
    }
}

/// Keeps a key there, on connections of its own, which are in no figure.
async fn ask_for_key(lane: Target, name: String, key: Rc<RefCell<Option<String>>>) {
    loop {
        if key.borrow().is_none() {
            let asked = Asking::new(lane.clone())
                .get(&format!("/api/reports/key?lane={name}"))
                .await;
            if let Ok(answer) = asked
                && let Some(given) = answer.body["key"].as_str()
            {
                key.replace(Some(given.to_owned()));
            }
        }
        sleep(KEY_AGAIN).await;
    }
}

impl Drop for Following {
    /// An answer on its way is still read, so that both ends count the same.
    fn drop(&mut self) {
        self.control.send_modify(|control| control.stop = true);
        self.asking.abort();
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Connecting,
    Open,
    Reconnecting,
}

impl State {
    /// As reports name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Reconnecting => "reconnecting",
        }
    }
}

/// What a phone has heard since it is there, whatever it followed. Written by its client, read by the
/// phone.
#[derive(Default)]
pub struct Heard {
    state: Cell<State>,
    received: Cell<u64>,
    /// When something came (time of day) and how late it was, µs; oldest first.
    delays: RefCell<VecDeque<(u64, u64)>>,
    /// Of these, what was not reported yet, µs.
    fresh: RefCell<Vec<u64>>,
    pub tally: Rc<Tally>,
}

/// One phone's delays, ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Late {
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

/// What can be subtracted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub empty: u64,
    pub received: u64,
}

impl Counts {
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            empty: self.empty.saturating_sub(earlier.empty),
            received: self.received.saturating_sub(earlier.received),
        }
    }
}

impl Heard {
    pub fn state(&self) -> State {
        self.state.get()
    }

    pub fn counts(&self) -> Counts {
        Counts {
            requests: self.tally.requests.get(),
            empty: self.tally.empty_answers.get(),
            received: self.received.get(),
        }
    }

    /// Of what came from `from_us` to `until_us`; `None`: nothing did.
    pub fn late(&self, (from_us, until_us): (u64, u64)) -> Option<Late> {
        let delays = self.delays.borrow();
        let inside = delays
            .iter()
            .filter(|(at_us, _)| (from_us..=until_us).contains(at_us));
        let mut all: Vec<f64> = inside.map(|(_, us)| *us as f64 / 1_000.0).collect();
        all.sort_by(f64::total_cmp);
        let last = all.len().checked_sub(1)?;
        let at = |part: f64| all[(last as f64 * part).round() as usize];
        Some(Late {
            mean: all.iter().sum::<f64>() / all.len() as f64,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: at(1.0),
        })
    }

    /// Delays since the last call, µs.
    pub fn take_fresh(&self) -> Vec<u64> {
        self.fresh.take()
    }

    /// The mean of the latest few that came since then, ms.
    pub fn latest_ms(&self, since_us: u64) -> Option<f64> {
        let delays = self.delays.borrow();
        let latest = delays.iter().rev().take(LATEST);
        mean_ms(latest.take_while(|(at_us, _)| *at_us >= since_us))
    }
}

fn mean_ms<'a>(delays: impl Iterator<Item = &'a (u64, u64)>) -> Option<f64> {
    let (sum, count) = delays.fold((0u64, 0u64), |(sum, count), (_, delay_us)| {
        (sum.saturating_add(*delay_us), count + 1)
    });
    (count > 0).then(|| sum as f64 / count as f64 / 1_000.0)
}

impl Inbox for Heard {
    fn subscribed(&self, _at_us: u64) {
        self.state.set(State::Open);
    }

    fn publication(&self, data: &str, at_us: u64) {
        self.received.set(self.received.get() + 1);
        let at_us = clock::time_of_day_at(at_us);
        let delay_us = intended_us(data).and_then(|then| clock::delay_us(then, at_us));
        if let Some(delay_us) = delay_us {
            let mut delays = self.delays.borrow_mut();
            if delays.len() >= DELAYS_MAX {
                delays.pop_front();
            }
            delays.push_back((at_us, delay_us));
            let mut fresh = self.fresh.borrow_mut();
            if fresh.len() < FRESH_MAX {
                fresh.push(delay_us);
            }
        }
    }

    fn failed(&self, _why: &Ended) {
        if self.state.get() == State::Open {
            self.state.set(State::Reconnecting);
        }
    }
}

/// When a source meant to publish this, µs since the Unix epoch: what its padding begins with
/// (`demo::content`). `None` where there was no room for it, or it is somebody else's data.
fn intended_us(data: &str) -> Option<u64> {
    const DIGITS: usize = 16;
    let (_, pad) = data.split_once("\"pad\":\"")?;
    let digits = pad.get(..DIGITS)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::content;

    #[test]
    fn a_source_s_data_says_when_it_was_meant() {
        let data = content::sized_with_instant(7, 1_763_800_000_000_000, 60);
        assert_eq!(intended_us(data.get()), Some(1_763_800_000_000_000));
        let short = content::sized_with_instant(7, 1_763_800_000_000_000, 20);
        assert_eq!(intended_us(short.get()), None);
        for other in [
            r#""hello""#,
            r#"{"pad":"17638000000000x0"}"#,
            r#"{"pad":"ä"}"#,
        ] {
            assert_eq!(intended_us(other), None);
        }
    }

    #[test]
    fn delays_are_of_a_window_and_of_the_latest() {
        let heard = Heard::default();
        let now_us = clock::time_of_day_us();
        heard.delays.borrow_mut().extend([
            (now_us, 9_000),
            (now_us + 10, 1_000),
            (now_us + 20, 3_000),
        ]);
        let late = heard.late((now_us + 5, now_us + 20)).unwrap();
        assert_eq!((late.mean, late.max), (2.0, 3.0));
        assert_eq!(heard.late((now_us + 21, now_us + 30)), None);
        let latest = heard.latest_ms(now_us).unwrap();
        assert!((latest - 13.0 / 3.0).abs() < 1e-9);
        assert_eq!(heard.latest_ms(now_us + 10), Some(2.0), "set up anew");
        assert!(Heard::default().latest_ms(0).is_none());
    }

    #[test]
    fn counts_are_since_an_earlier_look() {
        let heard = Heard::default();
        let before = heard.counts();
        heard.publication("{}", clock::now_us());
        heard.tally.requests.set(3);
        let counts = heard.counts().since(before);
        assert_eq!((counts.requests, counts.empty, counts.received), (3, 0, 1));
        assert_eq!(before.since(heard.counts()), Counts::default());
    }
}
