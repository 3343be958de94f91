//! What the clients of one row received: delays from the intended instants, and the books of
//! what is missing, doubled or out of order.
//!
//! A publication is known by its number in the schedule, which is in its data, so this works for
//! every protocol and needs no clock but this process's own. Times come in as parameters.

use std::cell::{Cell, RefCell};

use hdrhistogram::Histogram;
use tokio::sync::Notify;

use crate::client::{Ended, Inbox};

/// Parts that the measured time is divided into: batches for intervals, points for charts.
pub const SLICES: usize = 20;
/// Longer delays count as this long: an hour.
const LONGEST_US: u64 = 3_600_000_000;
/// Failures that are kept in words.
const REASONS_MAX: usize = 3;

/// The schedule with its start known: what the collector needs to count a delay.
#[derive(Debug, Clone)]
pub struct Timetable {
    /// Of publication number 1, 2, …; µs since the Unix epoch.
    pub intended_us: Vec<u64>,
    /// Publications before this index belong to the warm-up.
    pub first: usize,
    /// When measuring starts and ends.
    pub from_us: u64,
    pub until_us: u64,
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
#[derive(Debug, Clone)]
pub struct Collected {
    /// Publications times clients.
    pub expected: u64,
    pub delivered: u64,
    pub duplicates: u64,
    /// First deliveries that came after a later publication's.
    pub order_violations: u64,
    /// Runs of missing publications, over all clients.
    pub gaps: u64,
    pub failures: u64,
    pub reasons: Vec<String>,
    /// By slice of the measured time, by the intended instant.
    pub slices: Vec<Histogram<u64>>,
    /// Client start → in the channel, and → first publication, for each client that got there.
    pub subscribed_us: Vec<u64>,
    pub first_publication_us: Vec<u64>,
    /// Mean age of what the clients showed, µs.
    pub mean_age_us: Option<f64>,
    /// The same at its peaks: just before something newer is shown.
    pub peak_age_us: Option<f64>,
    /// Of those that read slowly, which are in none of the above: expected and delivered.
    pub slow: (u64, u64),
}

/// See the module. One thread; shared by the row's clients.
pub struct Collector {
    clients: RefCell<Vec<ClientBook>>,
    /// The first so many read slowly: they are counted by themselves.
    slow_readers: usize,
    slow_delivered: Cell<u64>,
    timetable: RefCell<Option<Timetable>>,
    slices: RefCell<Vec<Histogram<u64>>>,
    delivered: Cell<u64>,
    /// First deliveries of everything, the warm-up's too.
    received: Cell<u64>,
    duplicates: Cell<u64>,
    order_violations: Cell<u64>,
    failures: Cell<u64>,
    reasons: RefCell<Vec<String>>,
    subscribed: Cell<usize>,
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
    /// Highest index so far, plus one.
    newest: usize,
    age: Age,
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
    /// `slow_readers` of the clients, the first ones, read slowly.
    pub fn new(clients: usize, slow_readers: usize) -> Self {
        Self {
            slow_readers,
            slow_delivered: Cell::default(),
            clients: RefCell::new((0..clients).map(|_| ClientBook::default()).collect()),
            timetable: RefCell::new(None),
            slices: RefCell::new((0..SLICES).map(|_| empty_histogram()).collect()),
            delivered: Cell::default(),
            received: Cell::default(),
            duplicates: Cell::default(),
            order_violations: Cell::default(),
            failures: Cell::default(),
            reasons: RefCell::default(),
            subscribed: Cell::default(),
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
        }
        *self.timetable.borrow_mut() = Some(timetable);
    }

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
        // All slow readers are in the channel: they are the first, and the last are refused.
        let counted = self.subscribed.get().saturating_sub(self.slow_readers);
        let due = published.saturating_sub(first) * counted;
        self.delivered.get() >= due as u64
    }

    /// Clients that are in the channel and read as fast as they can.
    fn counted(&self, clients: &[ClientBook]) -> usize {
        let counted = clients.iter().skip(self.slow_readers);
        counted.filter(|book| book.subscribed_us.is_some()).count()
    }

    /// Deliveries so far, of everything that was published.
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Measured publications so far, over all clients.
    pub fn delivered(&self) -> u64 {
        self.delivered.get()
    }

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
        let Some(index) = (number - 1).checked_sub(timetable.first) else {
            if number > book.warmed_up && client >= self.slow_readers {
                self.received.set(self.received.get() + 1);
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
        if index < book.newest {
            self.order_violations.set(self.order_violations.get() + 1);
        } else {
            book.newest = index + 1;
            book.age.show(*intended_us, at_us);
        }
        let delay_us = at_us.saturating_sub(*intended_us);
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
        let counted = self.counted(&all);
        let clients = &all[self.slow_readers..];
        let peaks: u64 = clients.iter().map(|book| book.age.peaks).sum();
        let peaks_us: f64 = clients.iter().map(|book| book.age.peaks_us).sum();
        let slow = (measured * self.slow_readers) as u64;
        let time_us: f64 = clients.iter().map(|book| book.age.time_us).sum();
        let area: f64 = clients.iter().map(|book| book.age.area).sum();
        Collected {
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
        }
    }
}

/// One client's way to the collector.
pub struct ClientInbox<'a> {
    pub collector: &'a Collector,
    pub client: usize,
}

impl Inbox for ClientInbox<'_> {
    fn subscribed(&self, at_us: u64) {
        let mut clients = self.collector.clients.borrow_mut();
        if let Some(book) = clients.get_mut(self.client)
            && book.subscribed_us.replace(at_us).is_none()
        {
            self.collector
                .subscribed
                .set(self.collector.subscribed.get() + 1);
            self.collector.changed.notify_one();
        }
    }

    fn publication(&self, data: &str, at_us: u64) {
        self.collector.publication(self.client, data, at_us);
    }

    fn failed(&self, why: &Ended) {
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
        let collector = Collector::new(clients, 0);
        for client in 0..clients {
            let collector = &collector;
            ClientInbox { collector, client }.subscribed(1);
        }
        collector.begin(Timetable {
            intended_us: (0..10).map(|n| 1_000_000 + n * 1_000).collect(),
            first: 2,
            from_us: 1_002_000,
            until_us: 1_010_000,
        });
        collector
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
        let collector = Collector::new(3, 1);
        collector.begin(Timetable {
            intended_us: (0..10).map(|n| 1_000_000 + n * 1_000).collect(),
            first: 2,
            from_us: 1_002_000,
            until_us: 1_010_000,
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
