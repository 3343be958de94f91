//! What a publication costs on each lane, to the byte, and by layer.
//!
//! Nothing here is measured. A message is what the codecs make of the run's data, a request what
//! the client writes, and what is a lane's own stands in [`super::each_lane`]. Three lengths are the
//! server's own affair and taken from it: the epoch's, the application key's, and the host's.
//!
//! # Streams: SSE, lines of JSON, WebSocket, Channels, Socket.IO over WebSocket, `xhr_streaming`
//!
//! Nothing goes up, and one publication is one message down:
//! bytes = envelope(publication) + what delimits it (a frame's header; a chunk with an event's
//! fields; a chunk with a line).
//!
//! # Polls: short, long, Socket.IO by polling, `xhr_polling`
//!
//! A request and its answer cost *q*(*k*) = request + head + body of *k* publications. The body is
//! the wrapper, *k* envelopes, and what joins them. There are *r* requests for each event, of
//! which a share *e* is answered with nothing ([`super::theory`] has both), so that those which
//! are not carry *k̄* = 1 / (*r*(1 − *e*)) on average, and
//!
//! bytes per publication = *r*·*e*·*q*(0) + *r*(1 − *e*)·*q*(*k̄*)
//!
//! *q* is a straight line in *k* but for the digits of `content-length`; between two whole numbers
//! it is taken to be one. With *r* = 1 and *e* = 0, a long poll in time, it is *q*(1).
//!
//! # Where it is exact
//!
//! Given which publications each answer carried, every byte above is fixed. [`Model::unexplained`]
//! is the difference to what the lane counted, and 0 is what it must be: for lanes where each
//! message has its publication over the measured time, for short polls over the whole life of
//! their connections, as the clients' own list of answers says.
//!
//! Not here: handshakes, subscriptions, heartbeats (they are not a publication's), TLS, TCP.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use serde_json::value::RawValue;

use super::{
    each_lane::{self, At, Polled},
    lanes::Row,
    names,
    server_stats::Counts,
    theory::Prediction,
};
use crate::{
    catalogue::Fetching,
    channel::{ChannelName, Epoch, Publication, StreamPosition},
    client::{Cursor, Target, connection::SimulatedLink},
    demo::payloads::Content,
    wire::Layers,
};

/// The run's event.
pub const EVENT: &str = "tick";
/// Any instant of this century: 16 digits of µs since the Unix epoch.
const INSTANT_US: u64 = 1_700_000_000_000_000;
/// Numbers that a mean is taken over; more of them differ in no digit that counts.
const SAMPLES_MAX: u64 = 500;
/// Bytes that are written out for a mean, about; of large messages fewer numbers do.
const SAMPLED_BYTES: u64 = 1 << 18;
const SAMPLES_MIN: u64 = 10;
/// Publications of one answer that are written out to be weighed; each further one weighs as much as
/// the later half of these. Theory knows answers of millions, which nobody can hold in memory.
const WEIGHED_MAX: u64 = 8;

/// Bytes by layer, both ways together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// HTTP's heads.
    pub headers: f64,
    /// What the transport frames with.
    pub framing: f64,
    /// What the protocol says around the data.
    pub protocol: f64,
    /// The lab's instants.
    pub lab: f64,
    /// The data.
    pub payload: f64,
}

impl Cost {
    /// All five together.
    pub fn total(self) -> f64 {
        self.headers + self.message()
    }

    /// Without HTTP headers.
    pub fn message(self) -> f64 {
        self.framing + self.envelope() + self.payload
    }

    /// What the protocol and this instrument add around the data.
    pub fn envelope(self) -> f64 {
        self.protocol + self.lab
    }

    /// Layer by layer.
    pub fn plus(self, other: Self) -> Self {
        Self {
            headers: self.headers + other.headers,
            framing: self.framing + other.framing,
            protocol: self.protocol + other.protocol,
            lab: self.lab + other.lab,
            payload: self.payload + other.payload,
        }
    }

    /// Layer by layer.
    pub fn times(self, by: f64) -> Self {
        Self {
            headers: self.headers * by,
            framing: self.framing * by,
            protocol: self.protocol * by,
            lab: self.lab * by,
            payload: self.payload * by,
        }
    }
}

/// Answers that clients got: the offset that was asked from (none at first) and the one that it
/// led to, with how many there were of it.
pub type Answers = BTreeMap<(Option<u64>, u64), u64>;

/// One row's channel, and what its clients are like.
#[derive(Debug, Clone)]
pub struct Model {
    /// Lane, form, with or without resume.
    pub row: Row,
    /// The channel, whose name is in the bytes.
    pub channel: ChannelName,
    /// The history's life, which is in the bytes.
    pub epoch: Epoch,
    /// What is published.
    pub content: Content,
    /// How many clients.
    pub clients: u64,
    /// Of the measured publications.
    pub numbers: RangeInclusive<u64>,
    /// Where they connect to; the address is in the bytes.
    pub lane: Target,
    /// Of the application, for Channels.
    pub app_key: String,
    /// What long polls ask for, ms.
    pub hold_ms: u64,
}

impl Model {
    /// Mean cost of a publication as theory has it; `None` where it has nothing to say of polls.
    pub fn per_publication(&self, theory: Option<Prediction>) -> Option<Cost> {
        if !self.polls() {
            return self.mean(|number| self.message(number));
        }
        let theory = theory?;
        let (requests, empty) = (theory.requests_per_event, theory.empty_ratio);
        let filled = requests * (1.0 - empty);
        let carried = (1.0 / filled).max(1.0);
        self.mean(|number| {
            let empty_one = self.poll(Some(number), number)?;
            let filled_one = self.filled(number, carried)?;
            Some(
                empty_one
                    .times(requests * empty)
                    .plus(filled_one.times(filled)),
            )
        })
    }

    /// A request after that publication, and an answer with the next so many, on average.
    fn filled(&self, number: u64, carried: f64) -> Option<Cost> {
        let poll = |count: u64| self.poll(Some(number), number + count);
        if carried >= WEIGHED_MAX as f64 {
            let (half, whole) = (poll(WEIGHED_MAX / 2)?, poll(WEIGHED_MAX)?);
            let each = whole.plus(half.times(-1.0));
            let each = each.times(1.0 / (WEIGHED_MAX / 2) as f64);
            return Some(whole.plus(each.times(carried - WEIGHED_MAX as f64)));
        }
        let (whole, part) = (carried.floor(), carried.fract());
        let fewer = poll(whole as u64)?.times(1.0 - part);
        Some(fewer.plus(poll(whole as u64 + 1)?.times(part)))
    }

    /// Bytes that the lane counted and that no publication accounts for. `None` where it cannot be
    /// said which publications came in which messages.
    pub fn unexplained(&self, measured: Counts, whole: Counts, answers: &Answers) -> Option<f64> {
        let count = self.numbers.clone().count() as u64;
        // Before compression: what that makes of them no closed form says.
        let counted = |counts: Counts| {
            (counts.up.before_compression() + counts.down.before_compression()) as f64
        };
        if self.fetching() == Some(Fetching::ShortPolls) {
            let asked: u64 = answers.values().sum();
            if asked != whole.requests {
                return None;
            }
            let mut expected = 0.0;
            for ((from, to), times) in answers {
                expected += self.poll(*from, *to)?.total() * *times as f64;
            }
            return Some(counted(whole) - expected);
        }
        let is_one_each = measured.delivered == count * self.clients
            && (!self.polls() || measured.requests == measured.delivered);
        if !is_one_each {
            return None;
        }
        let mut expected = 0.0;
        for number in self.numbers.clone() {
            expected += match self.polls() {
                // Over the measured time as many requests leave as answers come: each follows
                // the answer whose offset it names.
                true => {
                    self.request_bytes(Some(number))?
                        + self.answer(Some(number - 1), number)?.total()
                }
                false => self.message(number)?.total(),
            };
        }
        Some(counted(measured) - expected * self.clients as f64)
    }

    fn fetching(&self) -> Option<Fetching> {
        self.row.lane().map(|lane| lane.fetching)
    }

    fn polls(&self) -> bool {
        self.fetching() != Some(Fetching::Stream)
    }

    fn at(&self) -> At<'_> {
        At {
            channel: self.channel.as_str(),
            lane: &self.lane,
            app_key: &self.app_key,
            hold_ms: self.hold_ms,
            form: self.row.form(),
        }
    }

    fn mean(&self, cost: impl Fn(u64) -> Option<Cost>) -> Option<Cost> {
        let count = self.numbers.clone().count() as u64;
        let samples_max = match &self.content {
            Content::Sized(bytes) => SAMPLED_BYTES / (*bytes as u64).max(1),
            Content::Own(_) => SAMPLES_MAX,
        };
        let samples_max = samples_max.clamp(SAMPLES_MIN, SAMPLES_MAX);
        let mut step = count.div_ceil(samples_max).max(1);
        // Not the same few of a cycle of messages every time.
        let cycle = self.content.one_cycle().count() as u64;
        while common_divisor(step, cycle) > 1 {
            step += 1;
        }
        let (mut sum, mut samples) = (Cost::default(), 0.0);
        for number in self.numbers.clone().step_by(step as usize) {
            sum = sum.plus(cost(number)?);
            samples += 1.0;
        }
        (samples > 0.0).then(|| sum.times(1.0 / samples))
    }

    fn publication(&self, number: u64) -> Publication {
        let data: Box<RawValue> = self.content.numbered(number);
        Publication {
            channel: self.channel.clone(),
            epoch: self.epoch.clone(),
            // The run's channel has the run's publications only.
            offset: number,
            event: EVENT.into(),
            data,
            intended_us: INSTANT_US,
            published_us: INSTANT_US,
            origin: None,
        }
    }

    /// One publication on a lane that stays open.
    fn message(&self, number: u64) -> Option<Cost> {
        let mut out = Vec::new();
        let publication = self.publication(number);
        let each = each_lane::of(&self.row.lane)?;
        let layers = each.message(&self.at(), &publication, &mut out)?;
        Some(cost(0, out.len(), layers))
    }

    /// A request and its answer.
    fn poll(&self, from: Option<u64>, to: u64) -> Option<Cost> {
        let mut cost = self.answer(from, to)?;
        cost.headers += self.request_bytes(from)?;
        Some(cost)
    }

    fn request_bytes(&self, from: Option<u64>) -> Option<f64> {
        let cursor = Cursor(from.map(|offset| self.position(offset)));
        let request = each_lane::of(&self.row.lane)?.request(&self.at(), &cursor)?;
        Some(request.len() as f64)
    }

    fn position(&self, offset: u64) -> StreamPosition {
        StreamPosition {
            epoch: self.epoch.clone(),
            offset,
        }
    }

    /// An answer that leads from one offset to another, and carries what is between them.
    fn answer(&self, from: Option<u64>, to: u64) -> Option<Cost> {
        let first = from.map_or(to, |from| from);
        let publications: Vec<Arc<Publication>> = (first + 1..=to)
            .map(|number| Arc::new(self.publication(number)))
            .collect();
        let polled = Polled {
            publications: &publications,
            position: self.position(to),
            recovered: from.is_some(),
        };
        let answer = each_lane::of(&self.row.lane)?.answer(&self.at(), &polled)?;
        let (head, body) = (answer.head_bytes(), answer.body_bytes());
        Some(cost(head, body, answer.layers))
    }
}

/// What a row's publications cost wherever nothing else is said: on pages, in texts, before a run.
///
/// Some lengths are of a run's or of a server's own. Here they are as they mostly are: a channel as
/// long as a run's and the compare page's, the epoch of a young lab, an address on this machine, the
/// demo application's key, and positions of two digits. `None` where those names are none.
pub fn usual(row: Row, size_bytes: usize, hold_ms: u64) -> Option<Model> {
    const APP_KEY: &str = "0123456789abcdefghij";
    Some(Model {
        row,
        channel: ChannelName::parse(&names::channel(&names::pass(INSTANT_US, 0), 0)).ok()?,
        epoch: Epoch::parse("abcdef0")?,
        content: Content::Sized(size_bytes),
        clients: 1,
        numbers: 10..=99,
        lane: Target {
            address: ([127, 0, 0, 1], 40_000).into(),
            host: "127.0.0.1:40000".into(),
            link: SimulatedLink::default(),
            tls: None,
            compress: None,
            coding: None,
        },
        app_key: APP_KEY.into(),
        hold_ms,
    })
}

fn common_divisor(a: u64, b: u64) -> u64 {
    match b {
        0 => a,
        b => common_divisor(b, a % b),
    }
}

/// What of a body is in none of `layers` delimits.
fn cost(head: usize, body: usize, layers: Layers) -> Cost {
    Cost {
        headers: head as f64,
        framing: (body as u64).saturating_sub(layers.envelope() + layers.payload) as f64,
        protocol: layers.protocol as f64,
        lab: layers.lab as f64,
        payload: layers.payload as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::theory::{Arrivals, DeliveryMode, Situation, Timer, predict};

    fn model(lane: &str, resume: bool, numbers: RangeInclusive<u64>) -> Model {
        Model {
            row: Row::new(crate::catalogue::lane(lane).unwrap(), resume),
            channel: ChannelName::parse("c").unwrap(),
            epoch: Epoch::parse("e1").unwrap(),
            content: Content::Sized(60),
            clients: 1,
            numbers,
            lane: Target {
                address: ([127, 0, 0, 1], 8080).into(),
                host: "127.0.0.1:8080".into(),
                link: SimulatedLink::default(),
                tls: None,
                compress: None,
                coding: None,
            },
            app_key: "k".into(),
            hold_ms: 25_000,
        }
    }

    fn mean(lane: &str, numbers: RangeInclusive<u64>) -> f64 {
        let model = model(lane, lane != "channels", numbers);
        model.per_publication(None).unwrap().total()
    }

    #[test]
    fn a_frame_is_its_header_and_its_envelope() {
        let json = r#"{"channel":"c","epoch":"e1","offset":7,"event":"tick","intended_us":1700000000000000,"published_us":1700000000000000,"data":}"#;
        let message = json.len() as f64 + 60.0;
        assert_eq!(mean("websocket", 7..=7), message + 4.0);
        // "id: e1:7", "data: " and their line ends, the empty line; a chunk of two digits.
        assert_eq!(mean("sse", 7..=7), message + 9.0 + 6.0 + 2.0 + 2.0 + 4.0);
        // Two of four have an offset of two digits.
        assert_eq!(mean("websocket", 8..=11), message + 4.5);
        assert_eq!(model("short-poll", true, 1..=9).per_publication(None), None);
    }

    #[test]
    fn a_poll_is_a_request_a_head_a_wrapper_and_what_it_carries() {
        let model = model("short-poll", true, 7..=7);
        let request = "GET /short-poll/c?epoch=e1&offset=7 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
            User-Agent: pushlab/\r\n\r\n"
            .len()
            + crate::VERSION.len();
        let empty = model.poll(Some(7), 7).unwrap();
        let wrapper = r#"{"epoch":"e1","offset":7,"recovered":true,"publications":[]}"#;
        assert_eq!(empty.envelope(), wrapper.len() as f64);
        assert_eq!((empty.payload, empty.framing), (0.0, 0.0));
        assert!(empty.headers > request as f64 + 150.0);
        let two = model.poll(Some(5), 7).unwrap();
        assert_eq!(two.payload, 120.0);
        let one_more = model.poll(Some(4), 7).unwrap().message() - two.message();
        // An envelope and a comma.
        assert_eq!(one_more, mean("websocket", 5..=5) - 4.0 + 1.0);
    }

    #[test]
    fn polls_cost_what_theory_says_that_they_carry() {
        let situation = |rate_per_s| Situation {
            arrivals: Arrivals::Periodic,
            rate_per_s,
            round_trip_s: 0.001,
            one_way_s: 0.0005,
        };
        let mode = DeliveryMode::ShortPoll {
            interval_s: 0.5,
            timer: Timer::Interval,
        };
        let model = model("short-poll", true, 20..=60);
        let cost = |rate| {
            let cost = model.per_publication(Some(predict(mode, situation(rate))));
            cost.unwrap().total()
        };
        // Two for each answer; one for each; one for every second.
        let q = |count: u64| model.poll(Some(30), 30 + count).unwrap().total();
        assert!(
            (cost(4.0) - q(2) / 2.0).abs() < 1.0,
            "{} {}",
            cost(4.0),
            q(2)
        );
        assert!((cost(2.0) - q(1)).abs() < 1e-9);
        assert!((cost(1.0) - q(1) - q(0)).abs() < 1e-9);
    }

    #[test]
    fn an_answer_of_any_length_is_weighed_without_being_written() {
        let model = model("short-poll", true, 20..=60);
        let exact = model.poll(Some(30), 230).unwrap();
        let near = model.filled(30, 200.0).unwrap();
        // Offsets of three digits, and a longer Content-Length.
        assert_eq!(near.payload, exact.payload);
        assert!((near.total() - exact.total()).abs() < 0.01 * exact.total());
        let at_once = Situation {
            arrivals: Arrivals::Poisson,
            rate_per_s: 100_000.0,
            round_trip_s: 60.0,
            one_way_s: 30.0,
        };
        let mode = DeliveryMode::LongPoll { hold_s: 3_600.0 };
        let cost = model.per_publication(Some(predict(mode, at_once))).unwrap();
        assert!((cost.payload - 60.0).abs() < 0.01, "{cost:?}");
    }

    #[test]
    fn layers_add_up_on_every_lane() {
        for lane in crate::catalogue::LANES {
            for resume in [true, false] {
                let model = model(lane.id.0, resume, 20..=29);
                let theory = predict(
                    DeliveryMode::LongPoll { hold_s: 25.0 },
                    Situation {
                        arrivals: Arrivals::Periodic,
                        rate_per_s: 4.0,
                        round_trip_s: 0.001,
                        one_way_s: 0.0005,
                    },
                );
                let cost = model.per_publication(Some(theory)).unwrap();
                assert_eq!(cost.payload, 60.0, "{}", lane.id.0);
                assert!(cost.protocol > 30.0, "{}", lane.id.0);
                assert_eq!(cost.headers > 0.0, model.polls(), "{}", lane.id.0);
            }
        }
    }
}
