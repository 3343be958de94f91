//! What the clients of one row received: delays from the intended instants, and the books of
//! what is missing, doubled or out of order.
//!
//! A publication is known by its number in the schedule, which is in its data, so this works for
//! every protocol and needs no clock but this process's own. Times come in as parameters.

use std::cell::{Cell, RefCell};

use hdrhistogram::Histogram;
use tokio::sync::Notify;

use super::processing::Reached;
use crate::client::{Ended, Inbox};

/// Parts that the measured time is divided into: batches for intervals, points for charts.
pub const SLICES: usize = 20;
/// Longer delays count as this long: an hour.
const LONGEST_US: u64 = 3_600_000_000;
/// Publications of the warm-up that are kept, the last ones.
const WARM_UP_MAX: usize = 4_096;
/// Failures that are kept in words.
const REASONS_MAX: usize = 3;

/// Tries that are kept with their instants; more are only counted.
const TRIES_MAX: usize = 1_000_000;
/// The stretch of time of which the busiest is a figure.
pub const BUSY_US: u64 = 100_000;

/// The schedule with its start known: what the collector needs to count a delay.
#[derive(Debug, Clone)]
pub struct Timetable {
    /// Of publication number 1, 2, …; µs since the Unix epoch.
    pub intended_us: Vec<u64>,
    /// Publications before this index belong to the warm-up.
    pub first: usize,
    /// When measuring starts and ends.
    pub from_us: u64,
    /// What is due after this does not count, µs.
    pub until_us: u64,
    /// How many clients publish in turn; `None` where the run does.
    pub publishers: Option<usize>,
    /// When all connections are cut and when they can be made again.
    pub outage_us: Option<(u64, u64)>,
}

impl Timetable {
    /// Publications that are due while it is measured, and up to its end.
    pub fn due(&self) -> (usize, usize) {
        let by = |at_us| self.intended_us.partition_point(|due_us| *due_us <= at_us);
        (by(self.until_us) - by(self.from_us), by(self.until_us))
    }

    /// How many publications are measured.
    pub fn measured(&self) -> usize {
        self.intended_us.len() - self.first
    }

    fn slice_of(&self, intended_us: u64) -> usize {
        let share = (intended_us.saturating_sub(self.from_us)) as f64
            / (self.until_us - self.from_us).max(1) as f64;
        ((share * SLICES as f64) as usize).min(SLICES - 1)
    }
}

/// Counts of one row in one pass.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// Clients that got into the channel.
    pub arrived: usize,
    /// Publications times clients.
    pub expected: u64,
    /// Publications that came to a client, each client counted.
    pub delivered: u64,
    /// Publications that came to the same client again.
    pub duplicates: u64,
    /// First deliveries that came after a later publication's.
    pub order_violations: u64,
    /// Runs of missing publications, over all clients.
    pub gaps: u64,
    /// Clients that gave up.
    pub failures: u64,
    /// Why, each reason once, a few of them.
    pub reasons: Vec<String>,
    /// By slice of the measured time, by the intended instant.
    pub slices: Vec<Histogram<u64>>,
    /// Client start → in the channel, and → first publication, for each client that got there.
    pub subscribed_us: Vec<u64>,
    /// From connecting to the first publication, of each client, µs.
    pub first_publication_us: Vec<u64>,
    /// Mean age of what the clients showed, µs.
    pub mean_age_us: Option<f64>,
    /// The same at its peaks: just before something newer is shown.
    pub peak_age_us: Option<f64>,
    /// Of those that read slowly, which are in none of the above: expected and delivered.
    pub slow: (u64, u64),
    /// Mean difference between the delays of publications that followed each other (RFC 3393, the
    /// selection function being "consecutive"), µs.
    pub jitter_us: Option<f64>,
    /// Publications that came back to the client that published them; `None` where no client did.
    pub echoes: Option<u64>,
    /// Requests and handshakes that the server refused.
    pub refusals: u64,
    /// Publications of the clients that the server has confirmed.
    pub acknowledged: u64,
    /// Of those publications of the warm-up that came to everybody.
    pub warm_up: Vec<Reached>,
    /// What happened after the cut of an outage.
    pub comeback: Option<Comeback>,
}

/// How clients came back after all of them were cut.
#[derive(Debug, Clone, Default)]
pub struct Comeback {
    /// How many were cut.
    pub clients: usize,
    /// Tries to connect.
    pub tries: u64,
    /// Most tries within [`BUSY_US`] when connections could be made again: what meets the server.
    pub tries_peak: u64,
    /// End of the outage → in the channel again, of each client that was; rising.
    pub back_us: Vec<u64>,
    /// The cut → the first publication after it, of each client that had one; rising.
    pub first_after_us: Vec<u64>,
    /// By stretch of [`BUSY_US`] since the cut: tries, and clients that were back.
    pub over_time: Vec<(u64, u64)>,
}

/// See the module. One thread; shared by the row's clients.
pub struct Collector {
    clients: RefCell<Vec<ClientBook>>,
    /// The first so many read slowly: they are counted by themselves.
    slow_readers: usize,
    /// So many need not get in.
    may_be_refused: usize,
    slow_delivered: Cell<u64>,
    timetable: RefCell<Option<Timetable>>,
    /// Of the last publications of the warm-up: to how many they came, the first and the last.
    warm_up: RefCell<Vec<(usize, Reached)>>,
    slices: RefCell<Vec<Histogram<u64>>>,
    delivered: Cell<u64>,
    /// First deliveries of everything, the warm-up's too.
    received: Cell<u64>,
    duplicates: Cell<u64>,
    order_violations: Cell<u64>,
    failures: Cell<u64>,
    reasons: RefCell<Vec<String>>,
    refusals: Cell<u64>,
    acknowledged: Cell<u64>,
    echoes: Cell<u64>,
    tries: Cell<u64>,
    /// Instants of the tries since the cut.
    tried_us: RefCell<Vec<u64>>,
    subscribed: Cell<usize>,
    /// Of them, those that read slowly.
    slow_subscribed: Cell<usize>,
    /// Told at every change somebody may wait for.
    pub changed: Notify,
}

#[derive(Default)]
struct ClientBook {
    started_us: u64,
    subscribed_us: Option<u64>,
    first_publication_us: Option<u64>,
    /// Number of the newest publication of the warm-up that it got.
    warmed_up: usize,
    /// One bit per measured publication.
    seen: Vec<u64>,
    /// Highest index so far, plus one; of each publisher, which alone promises an order.
    newest: Vec<usize>,
    age: Age,
    last_delay_us: Option<u64>,
    jitter_sum_us: u64,
    jitter_count: u64,
    back_us: Option<u64>,
    /// It has tried to connect since the cut: what comes now comes by the new connection.
    has_tried: bool,
    first_after_us: Option<u64>,
}

/// Area under the age of what a client shows, a sawtooth.
#[derive(Default)]
struct Age {
    shown: Option<(u64, u64)>,
    area: f64,
    time_us: f64,
    peaks_us: f64,
    peaks: u64,
}

impl Age {
    fn show(&mut self, intended_us: u64, at_us: u64) {
        if let Some((before_us, since_us)) = self.shown {
            let from = since_us.saturating_sub(before_us) as f64;
            let to = at_us.saturating_sub(before_us) as f64;
            self.area += (to * to - from * from) / 2.0;
            self.time_us += to - from;
            // What came together with something newer was never shown.
            if at_us > since_us {
                self.peaks_us += to;
                self.peaks += 1;
            }
        }
        self.shown = Some((intended_us, at_us));
    }
}

impl Collector {
    /// `slow_readers` of the clients, the first ones, read slowly; `may_be_refused` may stay out.
    pub fn new(clients: usize, slow_readers: usize, may_be_refused: usize) -> Self {
        Self {
            slow_readers,
            may_be_refused,
            slow_delivered: Cell::default(),
            clients: RefCell::new((0..clients).map(|_| ClientBook::default()).collect()),
            timetable: RefCell::new(None),
            warm_up: RefCell::default(),
            slices: RefCell::new((0..SLICES).map(|_| empty_histogram()).collect()),
            delivered: Cell::default(),
            received: Cell::default(),
            duplicates: Cell::default(),
            order_violations: Cell::default(),
            failures: Cell::default(),
            reasons: RefCell::default(),
            refusals: Cell::default(),
            acknowledged: Cell::default(),
            echoes: Cell::default(),
            tries: Cell::default(),
            tried_us: RefCell::default(),
            subscribed: Cell::default(),
            slow_subscribed: Cell::default(),
            changed: Notify::new(),
        }
    }

    /// A client begins to connect.
    pub fn client_starts(&self, client: usize, at_us: u64) {
        if let Some(book) = self.clients.borrow_mut().get_mut(client) {
            book.started_us = at_us;
        }
    }

    /// Publishing begins: from now on, what comes is counted.
    pub fn begin(&self, timetable: Timetable) {
        let words = timetable.measured().div_ceil(64);
        for book in &mut *self.clients.borrow_mut() {
            book.seen = vec![0; words];
            book.newest = vec![0; timetable.publishers.unwrap_or(1).max(1)];
        }
        let nobody = Reached {
            first_us: u64::MAX,
            last_us: 0,
        };
        *self.warm_up.borrow_mut() = vec![(0, nobody); timetable.first.min(WARM_UP_MAX)];
        *self.timetable.borrow_mut() = Some(timetable);
    }

    /// A first delivery of one of the warm-up.
    fn warmed_up(&self, timetable: &Timetable, number: usize, delay_us: u64) {
        let mut kept = self.warm_up.borrow_mut();
        let from_the_end = timetable.first - number;
        let place = kept.len().checked_sub(from_the_end + 1);
        if let Some((count, reached)) = place.and_then(|place| kept.get_mut(place)) {
            *count += 1;
            reached.first_us = reached.first_us.min(delay_us);
            reached.last_us = reached.last_us.max(delay_us);
        }
    }

    /// How many clients are in their channel.
    pub fn subscribed(&self) -> usize {
        self.subscribed.get()
    }

    /// Publications of the measured time that have been published up to `published`, and have not
    /// reached everybody.
    pub fn is_complete(&self, published: usize) -> bool {
        let first = match &*self.timetable.borrow() {
            Some(timetable) => timetable.first,
            None => return false,
        };
        let due = published.saturating_sub(first) * self.counted();
        self.delivered.get() >= due as u64
    }

    /// Clients that are to get everything: those that read as fast as they can, and of those who
    /// never got in, who may be refused are not among them.
    pub fn counted(&self) -> usize {
        let fast = self
            .clients
            .borrow()
            .len()
            .saturating_sub(self.slow_readers);
        let absent = fast - (self.subscribed.get() - self.slow_subscribed.get());
        // A slow reader that stayed out may be the one that was refused.
        fast - absent.min(self.may_be_refused - self.slow_refused())
    }

    /// Slow readers that stayed out and may.
    fn slow_refused(&self) -> usize {
        (self.slow_readers - self.slow_subscribed.get()).min(self.may_be_refused)
    }

    /// Deliveries so far, of everything that was published.
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Measured publications so far, over all clients.
    pub fn delivered(&self) -> u64 {
        self.delivered.get()
    }

    fn outage_us(&self) -> Option<(u64, u64)> {
        self.timetable.borrow().as_ref()?.outage_us
    }

    /// Why a client could not go on, of the first that told.
    pub fn first_reason(&self) -> Option<String> {
        self.reasons.borrow().first().cloned()
    }

    fn publication(&self, client: usize, data: &str, at_us: u64) {
        let timetable = self.timetable.borrow();
        let (Some(timetable), Some(number)) = (&*timetable, number_in(data)) else {
            return;
        };
        let Some(intended_us) = number
            .checked_sub(1)
            .and_then(|index| timetable.intended_us.get(index))
        else {
            return;
        };
        let mut clients = self.clients.borrow_mut();
        let Some(book) = clients.get_mut(client) else {
            return;
        };
        book.first_publication_us.get_or_insert(at_us);
        if let Some((cut_us, _)) = timetable.outage_us
            && book.has_tried
        {
            book.first_after_us
                .get_or_insert(at_us.saturating_sub(cut_us));
        }
        let Some(index) = (number - 1).checked_sub(timetable.first) else {
            if number > book.warmed_up && client >= self.slow_readers {
                self.received.set(self.received.get() + 1);
                self.warmed_up(timetable, number, at_us.saturating_sub(*intended_us));
            }
            book.warmed_up = book.warmed_up.max(number);
            return;
        };
        let (word, bit) = (index / 64, 1u64 << (index % 64));
        if client < self.slow_readers {
            let is_new = u64::from(book.seen[word] & bit == 0);
            book.seen[word] |= bit;
            self.slow_delivered.set(self.slow_delivered.get() + is_new);
            return;
        }
        if book.seen[word] & bit != 0 {
            self.duplicates.set(self.duplicates.get() + 1);
            return;
        }
        book.seen[word] |= bit;
        let publisher = (number - 1) % book.newest.len().max(1);
        if timetable.publishers.is_some() && publisher == client {
            self.echoes.set(self.echoes.get() + 1);
        }
        if index < book.newest[publisher] {
            self.order_violations.set(self.order_violations.get() + 1);
        } else {
            book.newest[publisher] = index + 1;
            book.age.show(*intended_us, at_us);
        }
        let delay_us = at_us.saturating_sub(*intended_us);
        if let Some(last_us) = book.last_delay_us.replace(delay_us) {
            book.jitter_sum_us += delay_us.abs_diff(last_us);
            book.jitter_count += 1;
        }
        let slice = timetable.slice_of(*intended_us);
        record(&mut self.slices.borrow_mut()[slice], delay_us);
        self.delivered.set(self.delivered.get() + 1);
        self.received.set(self.received.get() + 1);
        self.changed.notify_one();
    }

    /// The books, for the first `published` publications.
    pub fn close(&self, published: usize) -> Collected {
        let all = self.clients.borrow();
        let first = self.timetable.borrow().as_ref().map_or(0, |t| t.first);
        let measured = published.saturating_sub(first);
        let since_start = |at: fn(&ClientBook) -> Option<u64>| {
            let since = all
                .iter()
                .filter_map(|book| Some(at(book)?.saturating_sub(book.started_us)));
            since.collect::<Vec<_>>()
        };
        let counted = self.counted();
        let clients = &all[self.slow_readers..];
        let peaks: u64 = clients.iter().map(|book| book.age.peaks).sum();
        let peaks_us: f64 = clients.iter().map(|book| book.age.peaks_us).sum();
        let slow = (measured * (self.slow_readers - self.slow_refused())) as u64;
        let time_us: f64 = clients.iter().map(|book| book.age.time_us).sum();
        let area: f64 = clients.iter().map(|book| book.age.area).sum();
        let jitters: u64 = clients.iter().map(|book| book.jitter_count).sum();
        let jitter: u64 = clients.iter().map(|book| book.jitter_sum_us).sum();
        let timetable = self.timetable.borrow();
        let publishers = timetable.as_ref().and_then(|t| t.publishers);
        let outage_us = timetable.as_ref().and_then(|t| t.outage_us);
        Collected {
            arrived: self.subscribed.get(),
            expected: (measured * counted) as u64,
            delivered: self.delivered.get(),
            duplicates: self.duplicates.get(),
            order_violations: self.order_violations.get(),
            gaps: clients
                .iter()
                .filter(|book| book.subscribed_us.is_some())
                .map(|book| gaps(&book.seen, measured))
                .sum(),
            failures: self.failures.get(),
            reasons: self.reasons.borrow().clone(),
            slices: self.slices.borrow().clone(),
            subscribed_us: since_start(|book| book.subscribed_us),
            first_publication_us: since_start(|book| book.first_publication_us),
            mean_age_us: (time_us > 0.0).then(|| area / time_us),
            peak_age_us: (peaks > 0).then(|| peaks_us / peaks as f64),
            slow: (slow, self.slow_delivered.get()),
            jitter_us: (jitters > 0).then(|| jitter as f64 / jitters as f64),
            echoes: publishers.map(|_| self.echoes.get()),
            refusals: self.refusals.get(),
            acknowledged: self.acknowledged.get(),
            warm_up: {
                let kept = self.warm_up.borrow();
                let by_all = kept.iter().filter(|(count, _)| *count >= counted.max(1));
                by_all.map(|(_, reached)| *reached).collect()
            },
            comeback: outage_us.map(|outage_us| self.comeback(clients, outage_us)),
        }
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.clients.borrow().len()
    }

    /// Publications of clients that were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.get()
    }

    fn comeback(&self, clients: &[ClientBook], (cut_us, until_us): (u64, u64)) -> Comeback {
        let mut tried_us = self.tried_us.borrow().clone();
        tried_us.sort_unstable();
        let rising = |of: fn(&ClientBook) -> Option<u64>| {
            let mut all: Vec<u64> = clients.iter().filter_map(of).collect();
            all.sort_unstable();
            all
        };
        let back_us = rising(|book| book.back_us);
        let met = &tried_us[tried_us.partition_point(|at_us| *at_us < until_us)..];
        let away_us = until_us - cut_us;
        let slice = |us: u64| (us / BUSY_US) as usize;
        let last = tried_us.last().map_or(0, |at_us| at_us - cut_us);
        let last = last.max(back_us.last().map_or(0, |us| us + away_us));
        let mut over_time = vec![(0, 0); (slice(last) + 1).min(TRIES_MAX)];
        for at_us in &tried_us {
            if let Some((tries, _)) = over_time.get_mut(slice(at_us - cut_us)) {
                *tries += 1;
            }
        }
        for us in &back_us {
            if let Some((_, back)) = over_time.get_mut(slice(us + away_us)) {
                *back += 1;
            }
        }
        Comeback {
            clients: clients.len(),
            tries: self.tries.get(),
            tries_peak: busiest(met),
            back_us,
            first_after_us: rising(|book| book.first_after_us),
            over_time,
        }
    }
}

/// Most of these instants, which rise, within [`BUSY_US`].
fn busiest(instants_us: &[u64]) -> u64 {
    let mut first = 0;
    let mut most = 0;
    for (index, at_us) in instants_us.iter().enumerate() {
        while at_us - instants_us[first] >= BUSY_US {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most as u64
}

/// One client's way to the collector.
pub struct ClientInbox<'a> {
    /// Whose counts it goes into.
    pub collector: &'a Collector,
    /// Which client of the row, from 0.
    pub client: usize,
}

impl Inbox for ClientInbox<'_> {
    fn subscribed(&self, at_us: u64) {
        let mut clients = self.collector.clients.borrow_mut();
        let outage_us = self.collector.outage_us();
        if let Some((cut_us, until_us)) = outage_us
            && at_us > cut_us
            && let Some(book) = clients.get_mut(self.client)
        {
            book.back_us.get_or_insert(at_us.saturating_sub(until_us));
        }
        if let Some(book) = clients.get_mut(self.client)
            && book.subscribed_us.replace(at_us).is_none()
        {
            self.collector
                .subscribed
                .set(self.collector.subscribed.get() + 1);
            if self.client < self.collector.slow_readers {
                let slow = &self.collector.slow_subscribed;
                slow.set(slow.get() + 1);
            }
            self.collector.changed.notify_one();
        }
    }

    fn publication(&self, data: &str, at_us: u64) {
        self.collector.publication(self.client, data, at_us);
    }

    fn tries(&self, at_us: u64) {
        if let Some((cut_us, _)) = self.collector.outage_us()
            && at_us > cut_us
        {
            if let Some(book) = self.collector.clients.borrow_mut().get_mut(self.client) {
                book.has_tried = true;
            }
            self.collector.tries.set(self.collector.tries.get() + 1);
            let mut tried_us = self.collector.tried_us.borrow_mut();
            if tried_us.len() < TRIES_MAX {
                tried_us.push(at_us);
            }
        }
    }

    fn acknowledged(&self) {
        let acknowledged = &self.collector.acknowledged;
        acknowledged.set(acknowledged.get() + 1);
    }

    fn failed(&self, why: &Ended) {
        if let Ended::Refused { .. } = why {
            self.collector
                .refusals
                .set(self.collector.refusals.get() + 1);
        }
        self.collector
            .failures
            .set(self.collector.failures.get() + 1);
        let mut reasons = self.collector.reasons.borrow_mut();
        if reasons.len() < REASONS_MAX {
            let text = match why {
                Ended::Io(cause) => format!("{why}: {cause}"),
                _ => why.to_string(),
            };
            if !reasons.contains(&text) {
                reasons.push(text);
            }
        }
        drop(reasons);
        self.collector.changed.notify_one();
    }
}

/// To three significant digits; grows with what is recorded, so that quick lanes cost little.
pub fn empty_histogram() -> Histogram<u64> {
    Histogram::new(3).expect("3 digits are a valid precision")
}

/// Records, and lets the histogram grow; `saturating_record` would cut at what it holds now.
pub fn record(histogram: &mut Histogram<u64>, us: u64) {
    histogram
        .record(us.clamp(1, LONGEST_US))
        .expect("a histogram that grows takes every value of an hour");
}

/// The `n` of `{"n":17,…}`.
fn number_in(data: &str) -> Option<usize> {
    let digits = data.strip_prefix("{\"n\":")?;
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    digits[..end].parse().ok()
}

/// Runs of zeros among the first `count` bits.
fn gaps(seen: &[u64], count: usize) -> u64 {
    let mut gaps = 0;
    let mut is_missing = false;
    for index in 0..count {
        let is_seen = seen
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1);
        gaps += u64::from(!is_seen && !is_missing);
        is_missing = !is_seen;
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(clients: usize) -> Collector {
        let collector = Collector::new(clients, 0, 0);
        for client in 0..clients {
            let collector = &collector;
            ClientInbox { collector, client }.subscribed(1);
        }
        collector.begin(Timetable {
            intended_us: (0..10).map(|n| 1_000_000 + n * 1_000).collect(),
            first: 2,
            from_us: 1_002_000,
            until_us: 1_010_000,
            publishers: None,
            outage_us: Some((1_005_000, 1_105_000)),
        });
        collector
    }

    #[test]
    fn who_was_cut_is_counted_back_and_the_busiest_stretch_is_found() {
        let collector = started(3);
        let inbox = |client| ClientInbox {
            collector: &collector,
            client,
        };
        inbox(0).tries(1_004_000);
        inbox(0).subscribed(1_004_500);
        // On its way when everybody was cut.
        deliver(&collector, 2, 6, 1_005_100);
        for (client, at_us) in [
            (0, 1_050_000),
            (1, 1_110_000),
            (0, 1_120_000),
            (2, 1_215_000),
        ] {
            inbox(client).tries(at_us);
        }
        deliver(&collector, 1, 7, 1_110_000);
        inbox(1).subscribed(1_111_000);
        inbox(0).subscribed(1_125_000);
        inbox(0).subscribed(1_225_000);
        deliver(&collector, 0, 8, 1_130_000);
        let came = collector.close(10).comeback.unwrap();
        assert_eq!((came.clients, came.tries, came.tries_peak), (3, 4, 2));
        assert_eq!(came.back_us, [6_000, 20_000]);
        assert_eq!(
            came.first_after_us,
            [105_000, 125_000],
            "not what came before"
        );
        assert_eq!(came.over_time, [(1, 0), (2, 2), (1, 0)]);
    }

    #[test]
    fn clients_that_publish_have_an_order_each_and_hear_themselves() {
        let collector = Collector::new(2, 0, 0);
        collector.begin(Timetable {
            intended_us: (0..6).map(|n| 1_000 + n * 10).collect(),
            first: 0,
            from_us: 1_000,
            until_us: 1_060,
            publishers: Some(2),
            outage_us: None,
        });
        // Numbers 1, 3, 5 are the first client's; 2, 4, 6 the other's.
        for number in [2, 1, 4, 3, 6] {
            deliver(&collector, 0, number, 2_000);
        }
        deliver(&collector, 0, 5, 2_000);
        deliver(&collector, 1, 4, 2_000);
        deliver(&collector, 1, 2, 2_005);
        let books = collector.close(6);
        assert_eq!(
            books.order_violations, 1,
            "2 after 4, of the same publisher"
        );
        assert_eq!(books.echoes, Some(3 + 2));
        assert_eq!(books.comeback.map(|c| c.clients), None);
        // At the same instant the delays differ as the intended instants do.
        assert_eq!(
            books.jitter_us,
            Some((10 + 30 + 10 + 30 + 10 + 25) as f64 / 6.0)
        );
    }

    fn deliver(collector: &Collector, client: usize, number: u64, at_us: u64) {
        let data = format!("{{\"n\":{number},\"pad\":\"\"}}");
        ClientInbox { collector, client }.publication(&data, at_us);
    }

    #[test]
    fn the_books_tell_missing_doubled_and_late_ones_apart() {
        let collector = started(2);
        for number in 1..=10 {
            deliver(&collector, 0, number, 1_020_000);
        }
        // The other misses 5 and 6, and 9; gets 4 twice and 8 after 10.
        for number in [3, 4, 4, 7, 10, 8] {
            deliver(&collector, 1, number, 1_020_000);
        }
        let books = collector.close(10);
        assert_eq!(books.expected, 16, "two of ten are warm-up");
        assert_eq!(books.delivered, 8 + 5);
        assert_eq!((books.duplicates, books.order_violations), (1, 1));
        assert_eq!(books.gaps, 2);
        assert_eq!(collector.received(), 10 + 5, "with the warm-up");
        assert!(!collector.is_complete(10));
    }

    #[test]
    fn delays_count_from_the_intended_instant() {
        let collector = started(1);
        deliver(&collector, 0, 3, 1_002_700);
        deliver(&collector, 0, 4, 1_003_300);
        assert!(collector.is_complete(4));
        let books = collector.close(4);
        let all: Vec<_> = books.slices.iter().filter(|s| !s.is_empty()).collect();
        assert_eq!((all[0].max(), all[1].max()), (700, 300));
        // Age: shown from 1,002,700 at age 700 to 1,003,300 at age 1,300.
        assert_eq!(books.mean_age_us, Some(1_000.0));
        assert_eq!(books.peak_age_us, Some(1_300.0));
    }

    #[test]
    fn slow_readers_and_those_who_never_got_in_are_counted_apart() {
        let collector = Collector::new(3, 1, 1);
        collector.begin(Timetable {
            intended_us: (0..10).map(|n| 1_000_000 + n * 1_000).collect(),
            first: 2,
            from_us: 1_002_000,
            until_us: 1_010_000,
            publishers: None,
            outage_us: None,
        });
        for client in [0, 1] {
            let collector = &collector;
            ClientInbox { collector, client }.subscribed(1);
        }
        for number in 1..=10 {
            deliver(&collector, 1, number, 1_020_000);
        }
        deliver(&collector, 0, 5, 9_000_000);
        deliver(&collector, 0, 5, 9_000_000);
        assert!(collector.is_complete(10));
        let books = collector.close(10);
        assert_eq!((books.expected, books.delivered, books.gaps), (8, 8, 0));
        assert_eq!(books.slow, (8, 1));
        assert_eq!(books.duplicates, 0);
    }

    #[test]
    fn where_the_slow_reader_is_refused_nobody_else_is_counted_out() {
        let collector = Collector::new(3, 1, 1);
        collector.begin(Timetable {
            intended_us: vec![1_000_000],
            first: 0,
            from_us: 1_000_000,
            until_us: 1_010_000,
            publishers: None,
            outage_us: None,
        });
        for client in [1, 2] {
            let collector = &collector;
            ClientInbox { collector, client }.subscribed(1);
        }
        deliver(&collector, 1, 1, 1_002_000);
        assert!(!collector.is_complete(1));
        deliver(&collector, 2, 1, 1_002_000);
        let books = collector.close(1);
        assert_eq!(
            (books.expected, books.delivered, books.slow),
            (2, 2, (0, 0))
        );
    }

    #[test]
    fn long_delays_are_kept_to_three_digits() {
        let collector = started(1);
        deliver(&collector, 0, 3, 1_002_000 + 250_000);
        deliver(&collector, 0, 4, u64::MAX);
        let books = collector.close(4);
        let all: Vec<_> = books.slices.iter().filter(|s| !s.is_empty()).collect();
        assert!(all[0].max().abs_diff(250_000) < 250, "{}", all[0].max());
        assert!(all[1].max() >= LONGEST_US);
    }

    #[test]
    fn strangers_are_no_publications_of_the_run() {
        let collector = started(1);
        for data in [
            "{}",
            "{\"n\":0}",
            "{\"n\":11}",
            "{\"n\":99999999999999999999}",
            "[1]",
        ] {
            ClientInbox {
                collector: &collector,
                client: 0,
            }
            .publication(data, 5);
        }
        assert_eq!(collector.close(10).delivered, 0);
    }
}
