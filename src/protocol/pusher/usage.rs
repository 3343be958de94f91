//! What the hosted service would count, over all applications of the lab: its limits are per
//! account (reference, 19).
//!
//! A message is a call of the HTTP API (one more for each publish that asks for `info`), a delivery
//! to a connection, a member event delivered, or a request to a webhook's receiver. Pings and
//! subscriptions are none. The day is that of UTC, by the machine's clock; the rate is measured by
//! a monotonic clock. A day that begins again because the clock was set back is not counted as new.
//!
//! A delivery is counted when it is handed to its connection: the hosted service counts what it
//! distributes to those who are subscribed, 50 for 50 of them, not what their sockets took
//! (<https://support.pusher.com/hc/en-us/articles/200842913>). What was written is beside it,
//! `handed_over` and `written` since the start; that is less while bytes wait, behind a lane's
//! conditions for example, and for good where a connection ended first.
//!
//! Each thread counts deliveries in counters that no other thread writes, and they are added up
//! when somebody asks; so fan-out shares no counter between threads. The meter always runs. With a
//! [`Plan`] its limits are enforced as well: one connection too many is refused with 4004, and past
//! the day's messages publishing is answered with 403.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde::Serialize;

use super::{
    app_event::{AppEvent, Observer},
    plan::{CHECKED, LADDER, Plan, SANDBOX},
};
use crate::{
    channel::{JOIN_EVENT, LEAVE_EVENT},
    clock,
    hub::Delivery,
};

const DAY_S: u64 = 86_400;
/// The rate is that of the last so many seconds.
const RATE_OVER_S: u64 = 60;

/// Messages by what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Messages {
    pub api: u64,
    pub deliveries: u64,
    pub webhooks: u64,
    pub member_events: u64,
}

impl Messages {
    fn total(&self) -> u64 {
        self.api + self.deliveries + self.webhooks + self.member_events
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            api: self.api.saturating_sub(before.api),
            deliveries: self.deliveries.saturating_sub(before.deliveries),
            webhooks: self.webhooks.saturating_sub(before.webhooks),
            member_events: self.member_events.saturating_sub(before.member_events),
        }
    }
}

/// Deliveries of one thread. Only that thread writes; whoever sums up reads.
#[derive(Debug, Default)]
pub struct ThreadCounters {
    deliveries: AtomicU64,
    member_events: AtomicU64,
}

impl ThreadCounters {
    /// A connection of this thread was handed these.
    pub fn delivered(&self, delivery: Delivery<'_>) {
        let publications = delivery.publications();
        let all = publications.len() as u64;
        let of_members = publications
            .filter(|p| matches!(&*p.event, JOIN_EVENT | LEAVE_EVENT))
            .count() as u64;
        bump(&self.deliveries, all - of_members);
        if of_members > 0 {
            bump(&self.member_events, of_members);
        }
    }
}

/// Adds to a counter that only this thread writes, which is cheaper than an atomic addition.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

/// The account's meter. See the module.
pub struct Usage {
    /// Tells meters of one process apart in the threads' own tables.
    id: usize,
    plan: Option<&'static Plan>,
    api: AtomicU64,
    webhooks: AtomicU64,
    threads: Mutex<Vec<Arc<ThreadCounters>>>,
    connections: AtomicUsize,
    day: Mutex<Day>,
}

/// The day so far. Written by the ticking task and by whoever asks.
#[derive(Default)]
struct Day {
    /// Days since the Unix epoch, by the clock as it is.
    number: u64,
    /// The latest day that began, and when, on the monotonic clock.
    newest: u64,
    began_s: u64,
    /// Counts when it began.
    before: Messages,
    connections_peak: usize,
    /// Second on the monotonic clock, and total; one entry a second, over [`RATE_OVER_S`].
    totals: VecDeque<(u64, u64)>,
}

thread_local! {
    static COUNTS: RefCell<HashMap<usize, Arc<ThreadCounters>>> = RefCell::default();
}

/// What the console shows.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The plan whose limits are enforced, if any.
    plan: Option<&'static str>,
    /// `2026-11-22`, UTC.
    day: String,
    messages: ShownMessages,
    connections: ShownConnections,
    /// All there are, for comparison, and where they are from.
    plans: &'static [Plan],
    plans_checked: &'static str,
}

#[derive(Debug, Serialize)]
struct ShownMessages {
    today: u64,
    limit: u64,
    by: Messages,
    /// Deliveries and member events since the start: handed to connections, and with the kernel.
    handed_over: u64,
    written: u64,
    per_s: f64,
    /// When the limit is reached if it goes on like this; `null`: not today.
    reached_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownConnections {
    now: usize,
    peak: usize,
    limit: usize,
}

impl Usage {
    pub fn new(plan: Option<&'static Plan>) -> Self {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            plan,
            api: AtomicU64::new(0),
            webhooks: AtomicU64::new(0),
            threads: Mutex::default(),
            connections: AtomicUsize::new(0),
            day: Mutex::default(),
        }
    }

    /// Where this thread counts its deliveries.
    pub fn thread_counters(&self) -> Arc<ThreadCounters> {
        COUNTS.with_borrow_mut(|counts| {
            let new = || {
                let new = Arc::<ThreadCounters>::default();
                let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                threads.push(new.clone());
                new
            };
            counts.entry(self.id).or_insert_with(new).clone()
        })
    }

    /// A publish asked for `info`, and counts once more.
    pub fn info_was_asked(&self) {
        self.api.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection opens; `false` if the plan has no more. Either way [`Self::disconnected`] is
    /// to follow.
    pub fn connected(&self) -> bool {
        let open = self.connections.fetch_add(1, Ordering::AcqRel) + 1;
        if self.plan.is_some_and(|plan| open > plan.connections) {
            return false;
        }
        let mut day = self.day();
        day.connections_peak = day.connections_peak.max(open);
        true
    }

    pub fn disconnected(&self) {
        self.connections.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether the plan lets anybody publish now; if not, why.
    pub fn may_publish(&self) -> Result<(), String> {
        let Some(plan) = self.plan else { return Ok(()) };
        let (today, _) = self.today(Now::read());
        if today.total() < plan.messages_per_day {
            return Ok(());
        }
        Err(format!(
            "The {} messages a day of the {} plan are used up; the next day begins at 00:00 UTC",
            plan.messages_per_day, plan.name
        ))
    }

    fn counted(&self) -> Messages {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |of: fn(&ThreadCounters) -> &AtomicU64| {
            let counts = threads
                .iter()
                .map(|thread| of(thread).load(Ordering::Relaxed));
            counts.sum()
        };
        Messages {
            api: self.api.load(Ordering::Relaxed),
            deliveries: sum(|thread| &thread.deliveries),
            webhooks: self.webhooks.load(Ordering::Relaxed),
            member_events: sum(|thread| &thread.member_events),
        }
    }

    /// Today's messages, and how many a second at the last minute's rate.
    fn today(&self, now: Now) -> (Messages, f64) {
        // Counted under the day's lock: another thread that turned the day in between would have
        // counted more at its beginning than is counted here.
        let mut day = self.day();
        let counted = self.counted();
        day.turn(now, &counted, self.connections.load(Ordering::Acquire));
        let rate = match (day.totals.front(), counted.total()) {
            (Some((since_s, before)), total) if now.running_s > *since_s => {
                total.saturating_sub(*before) as f64 / (now.running_s - since_s) as f64
            }
            _ => 0.0,
        };
        (counted.since(&day.before), rate)
    }

    fn day(&self) -> MutexGuard<'_, Day> {
        self.day.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The meter at an instant. `written`: publications that the kernel has, of all connections of
    /// the protocol since the start.
    pub fn shown(&self, now: Now, written: u64) -> Shown {
        let plan = self.plan.unwrap_or(&SANDBOX);
        let (by, per_s) = self.today(now);
        let handed = self.counted();
        let now_s = now.of_day_s;
        let today = by.total();
        let left = plan.messages_per_day.saturating_sub(today);
        let reached_s = match left {
            0 => Some(now_s),
            left if per_s > 0.0 => Some(now_s + (left as f64 / per_s).ceil() as u64),
            _ => None,
        };
        let midnight_s = (now_s / DAY_S + 1) * DAY_S;
        Shown {
            plan: self.plan.map(|plan| plan.name),
            day: instant(now_s)[..10].to_owned(),
            messages: ShownMessages {
                today,
                limit: plan.messages_per_day,
                by,
                handed_over: handed.deliveries + handed.member_events,
                written,
                per_s: (per_s * 1_000.0).round() / 1_000.0,
                reached_at: reached_s.filter(|at| *at < midnight_s).map(instant),
            },
            connections: ShownConnections {
                now: self.connections.load(Ordering::Acquire),
                peak: self.day().connections_peak,
                limit: plan.connections,
            },
            plans: LADDER,
            plans_checked: CHECKED,
        }
    }
}

impl Observer for Usage {
    fn on_event(&self, app_event: &AppEvent<'_>) {
        match app_event {
            // Refused calls cost nothing: unsigned, of unknown or disabled applications.
            AppEvent::ApiCall { status, .. } if !matches!(status, 401 | 403 | 404) => {
                self.api.fetch_add(1, Ordering::Relaxed);
            }
            // Each request is one, the failed ones too.
            AppEvent::WebhookDelivered { .. } | AppEvent::WebhookFailed { .. } => {
                self.webhooks.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// An instant on both clocks, s.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Since the Unix epoch, by the machine's clock; it may go back.
    of_day_s: u64,
    /// By the monotonic clock.
    running_s: u64,
}

impl Now {
    pub fn read() -> Self {
        Self {
            of_day_s: clock::time_of_day_us() / 1_000_000,
            running_s: clock::now_us() / 1_000_000,
        }
    }
}

impl Day {
    /// A second has passed, and perhaps midnight.
    fn turn(&mut self, now: Now, counted: &Messages, connections: usize) {
        let (number, now_s) = (now.of_day_s / DAY_S, now.running_s);
        let is_new = number > self.newest;
        // The clock was set forward and back again: the days that it showed meanwhile are not
        // counted twice.
        let is_late = number > self.number && now_s.saturating_sub(self.began_s) >= DAY_S;
        if is_new || is_late {
            if self.newest != 0 {
                self.before = *counted;
            }
            self.newest = self.newest.max(number);
            self.began_s = now_s;
            self.connections_peak = connections;
        }
        self.number = number;
        if self.totals.back().is_none_or(|(second, _)| *second < now_s) {
            self.totals.push_back((now_s, counted.total()));
        }
        while self
            .totals
            .front()
            .is_some_and(|(second, _)| second + RATE_OVER_S < now_s)
        {
            self.totals.pop_front();
        }
    }
}

/// `2026-11-22T16:40:00Z`.
fn instant(second: u64) -> String {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(second);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Turns the days and keeps the rate; runs as long as the lab.
pub async fn keep(usage: Arc<Usage>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        usage.today(Now::read());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOON_S: u64 = 20_000 * DAY_S + DAY_S / 2;

    fn at(of_day_s: u64, running_s: u64) -> Now {
        Now {
            of_day_s,
            running_s,
        }
    }

    fn call(status: u16) -> AppEvent<'static> {
        AppEvent::ApiCall {
            method: "POST",
            path: "/apps/1/events",
            status,
        }
    }

    #[test]
    fn the_day_turns_at_midnight_utc_and_the_rate_tells_when_it_is_used_up() {
        let usage = Usage::new(None);
        let at = |second: u64| serde_json::to_value(usage.shown(at(second, second), 0)).unwrap();
        assert_eq!(at(NOON_S)["messages"]["reached_at"], json!(null));
        for _ in 0..1_000 {
            usage.on_event(&call(200));
        }
        usage.on_event(&call(401));
        usage.info_was_asked();
        let thread = usage.thread_counters();
        bump(&thread.deliveries, 9_000);
        let shown = at(NOON_S + 10);
        assert_eq!(shown["plan"], json!(null));
        assert_eq!(shown["day"], "2024-10-04");
        let messages = &shown["messages"];
        assert_eq!(
            (&messages["today"], &messages["limit"]),
            (&json!(10_001), &json!(200_000))
        );
        assert_eq!(messages["by"]["api"], 1_001);
        assert_eq!(messages["per_s"], 1_000.1);
        assert_eq!(messages["reached_at"], "2024-10-04T12:03:20Z");
        assert_eq!(
            at(NOON_S + 100)["messages"]["per_s"],
            0.0,
            "a minute is over"
        );
        let next = at(NOON_S + DAY_S / 2);
        assert_eq!(
            (&next["day"], &next["messages"]["today"]),
            (&json!("2024-10-05"), &json!(0))
        );
    }

    #[test]
    fn a_clock_that_is_set_gives_nobody_a_new_day_and_no_other_rate() {
        let usage = Usage::new(None);
        let shown = |now| serde_json::to_value(usage.shown(now, 0)).unwrap()["messages"].clone();
        shown(at(NOON_S, 100));
        (0..500).for_each(|_| usage.on_event(&call(200)));
        // Set on by an hour, and back by two days, to yesterday's and beyond; then right again.
        let mut running_s = 100;
        for of_day_s in [NOON_S + 3_600, NOON_S - 2 * DAY_S, NOON_S + 9] {
            running_s += 3;
            let messages = shown(at(of_day_s, running_s));
            assert_eq!(
                messages["per_s"],
                (500_000.0 / (running_s - 100) as f64).round() / 1e3
            );
        }
        let day = |of_day_s, running_s| shown(at(of_day_s, running_s))["today"].clone();
        assert_eq!(day(NOON_S + DAY_S, 200), 0, "midnight passed");
        (0..7).for_each(|_| usage.on_event(&call(200)));
        assert_eq!(day(NOON_S, 201), 7, "set back: these are still today's");
    }

    #[test]
    fn threads_count_apart_and_are_summed_up() {
        let usage = Usage::new(None);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..1_000).for_each(|_| bump(&usage.thread_counters().deliveries, 1))
                });
            }
        });
        assert_eq!(usage.counted().deliveries, 4_000);
    }

    #[test]
    fn whoever_turns_the_day_others_may_ask_and_count() {
        let usage = Usage::new(None);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..2_000 {
                        usage.on_event(&call(200));
                        let (today, _) = usage.today(at(NOON_S + n * DAY_S, n * DAY_S));
                        assert!(today.total() <= 8_000);
                    }
                });
            }
        });
    }

    #[test]
    fn a_plan_is_kept_to() {
        let usage = Usage::new(Some(&SANDBOX));
        assert!((0..100).all(|_| usage.connected()));
        assert!(!usage.connected());
        usage.disconnected();
        usage.disconnected();
        assert!(usage.connected());
        assert_eq!(usage.may_publish(), Ok(()));
        bump(&usage.thread_counters().member_events, 200_000);
        assert!(usage.may_publish().unwrap_err().contains("200000 messages"));
        assert_eq!(Usage::new(None).may_publish(), Ok(()));
    }
}
