//! What a live step has counted: two looks at the lanes' meters and at the delays, and the figures
//! between them, by the names that lessons use (`crate::lessons::figure`). What phones measured themselves is
//! beside it ([`super::by_phones`](mod@super::by_phones)).
//!
//! Pure: the looks are taken by [`super`].

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::{
    catalogue::{Form, LANES, Lane, LaneId, Resuming, VARIANTS, lane, variant_of},
    lane::meter::{SEGMENT_HEADER_BYTES, Series, Totals},
    metrics::{
        latency::{LatencyKey, Stage},
        prometheus::by_layer,
    },
};

/// Figures by name.
pub type Figures = BTreeMap<String, f64>;

/// The meters of one channel and the delays of all lanes, at one instant.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// On the monotonic clock, µs.
    pub at_us: u64,
    /// Of the channel, by lane and form.
    series: BTreeMap<(&'static str, &'static str), (u64, Totals)>,
    /// Publications of the channel since it is there.
    pub publications: u64,
    /// By the lab's own clock, since its start.
    pub delays: BTreeMap<(&'static str, Stage), Histogram<u64>>,
}

impl Look {
    /// `all` of a lab's series; those of other channels are left out.
    pub fn new(at_us: u64, all: &[Series], channel: &str, publications: u64) -> Self {
        let mut series = BTreeMap::<_, (u64, Totals)>::new();
        for one in all.iter().filter(|one| &*one.labels.channel == channel) {
            let labels = &one.labels;
            let lane = lane_of(labels.lane, labels.transport, labels.protocol);
            let key = (lane, labels.form);
            let (open, totals) = series.entry(key).or_default();
            *open += one.connections_open;
            totals.add(&one.totals);
        }
        Self {
            at_us,
            series,
            publications,
            delays: BTreeMap::new(),
        }
    }

    /// With these delays, in place of earlier ones; those that were reported are [`super::by_phones`](mod@super::by_phones)'s, where no
    /// one of them outweighs the others.
    pub fn with_delays(mut self, merged: BTreeMap<LatencyKey, Histogram<u64>>) -> Self {
        self.delays.clear();
        let own = (merged.into_iter()).filter(|(key, _)| key.stage == Stage::Written);
        for (key, histogram) in own {
            let lane = lane_of(key.lane, key.transport, key.protocol);
            match self.delays.get_mut(&(lane, key.stage)) {
                // All have the same bounds; what cannot be added is not shown.
                Some(sum) => drop(sum.add(&histogram)),
                None => drop(self.delays.insert((lane, key.stage), histogram)),
            }
        }
        self
    }
}

/// The lane of what was counted: with one port for all of them it is told by what was spoken there.
fn lane_of(at: LaneId, transport: &str, protocol: &str) -> &'static str {
    if at != LaneId::MAIN {
        return at.0;
    }
    let spoken = |lane: &&&Lane| lane.transport == transport && lane.protocol == protocol;
    LANES.iter().find(spoken).map_or(at.0, |lane| lane.id.0)
}

/// Who was there while it was counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Audience {
    /// Participants that are open.
    pub phones: f64,
    /// Phones and clients beside them, by lane and form.
    pub on: BTreeMap<(&'static str, &'static str), f64>,
    /// Guesses or answers so far.
    pub answered: f64,
}

/// Who was there over a while: each for as long as it was, so that a phone that comes half-way is half a phone.
#[derive(Debug)]
pub struct Attendance {
    since_us: u64,
    last_us: u64,
    last: Audience,
    /// Phones times µs, since the beginning.
    phones: f64,
    on: BTreeMap<(&'static str, &'static str), f64>,
}

impl Attendance {
    /// From now on; instants are of the running clock.
    pub fn new(now_us: u64, there: Audience) -> Self {
        Self {
            since_us: now_us,
            last_us: now_us,
            last: there,
            phones: 0.0,
            on: BTreeMap::new(),
        }
    }

    /// Who is there now. Who came or went since the last time did so midway.
    pub fn add(&mut self, now_us: u64, there: Audience) {
        let span_us = now_us.saturating_sub(self.last_us) as f64;
        self.phones += (self.last.phones + there.phones) / 2.0 * span_us;
        for audience in [&self.last, &there] {
            for (key, count) in &audience.on {
                *self.on.entry(*key).or_default() += count / 2.0 * span_us;
            }
        }
        self.last_us = self.last_us.max(now_us);
        self.last = there;
    }

    /// How many there were on average.
    pub fn mean(&self) -> Audience {
        let span_us = self.last_us.saturating_sub(self.since_us) as f64;
        if span_us <= 0.0 {
            return self.last.clone();
        }
        let on = self.on.iter().map(|(key, sum)| (*key, sum / span_us));
        Audience {
            phones: self.phones / span_us,
            on: on.collect(),
            answered: self.last.answered,
        }
    }
}

/// Lane and form of a phone, as its bytes are labelled; `None` for a lane that there is not.
pub fn row_of(name: &str, bare: bool, recovery: bool) -> Option<(&'static str, &'static str)> {
    let lane = lane(name)?;
    let form = match (bare, recovery, lane.resuming) {
        (true, ..) => Form::Bare,
        (_, true, Resuming::ByExtension) => Form::WithPositions,
        _ => Form::AsItIs,
    };
    let form = match variant_of(lane, form) {
        Some(variant) => variant.form,
        None => Form::AsItIs,
    };
    Some((lane.id.0, form.label()))
}

/// As [`row_of`], of a client that uses the lane as it is.
pub fn row_of_lane(name: &str) -> Option<(&'static str, &'static str)> {
    row_of(name, false, false)
}

/// The figures of what was counted from one look to the other. Lanes with an audience are there even
/// where nothing passed on them; of other lanes those that the channel has been on.
pub fn counted(first: &Look, last: &Look, audience: &Audience) -> Figures {
    let mut figures = Figures::new();
    let seconds = last.at_us.saturating_sub(first.at_us) as f64 / 1e6;
    figures.insert("seconds".to_owned(), seconds);
    let publications = last.publications.saturating_sub(first.publications);
    figures.insert("publications".to_owned(), publications as f64);
    figures.insert("phones".to_owned(), audience.phones);
    figures.insert("answered".to_owned(), audience.answered);
    for (row, lane, forms) in rows(first, last, audience) {
        let mut sum = Totals::default();
        let (mut open, mut phones) = (0, 0.0);
        for form in &forms {
            let key = (lane, *form);
            if let Some((now_open, totals)) = last.series.get(&key) {
                let before = first.series.get(&key).map(|(_, totals)| *totals);
                sum.add(&totals.since(&before.unwrap_or_default()));
                open += now_open;
            }
            phones += audience.on.get(&key).copied().unwrap_or_default();
        }
        of_row(&mut figures, row, &sum, open);
        figures.insert(format!("{row}.phones"), phones);
    }
    for ((lane, stage), now) in &last.delays {
        let between = between(now, first.delays.get(&(*lane, *stage)));
        if !between.is_empty() {
            delays(
                &mut figures,
                &format!("{lane}.{}", stage.as_str()),
                &between,
            );
        }
    }
    figures
}

/// Each row that there is something to say of, with its lane and the forms that it adds up. A lane's
/// own name is the lane as it is where that was used now, also beside another form, as in a comparison;
/// else all that it carried. Used is what has an audience; on a lane without one what counted something
/// between the looks; else what the channel has ever been on: an earlier lesson's form says nothing.
fn rows(
    first: &Look,
    last: &Look,
    audience: &Audience,
) -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let all = [Form::AsItIs, Form::Bare, Form::WithPositions].map(Form::label);
    let has_audience = |lane, form| audience.on.get(&(lane, form)).is_some_and(|on| *on > 0.0);
    let totals = |look: &Look, lane, form| look.series.get(&(lane, form)).map(|(_, it)| *it);
    let has_grown = |lane, form| totals(first, lane, form) != totals(last, lane, form);
    let was_there = |lane, form| last.series.contains_key(&(lane, form));
    let is_used = |lane, form| was_there(lane, form) || has_audience(lane, form);
    let mut rows = Vec::new();
    for lane in LANES {
        let lane = lane.id.0;
        let tests: [&dyn Fn(&'static str, &'static str) -> bool; 3] =
            [&has_audience, &has_grown, &was_there];
        let found = |test: &&dyn Fn(&'static str, &'static str) -> bool| {
            let forms: Vec<_> = all.into_iter().filter(|form| test(lane, form)).collect();
            (!forms.is_empty()).then_some(forms)
        };
        let mut forms = tests.iter().find_map(found).unwrap_or_default();
        if forms.contains(&Form::AsItIs.label()) {
            forms = vec![Form::AsItIs.label()];
        }
        if !forms.is_empty() {
            rows.push((lane, lane, forms));
        }
    }
    for variant in VARIANTS {
        let (lane, form) = (variant.lane.id.0, variant.form.label());
        if is_used(lane, form) {
            rows.push((variant.id, lane, vec![form]));
        }
    }
    rows
}

fn of_row(figures: &mut Figures, row: &str, sum: &Totals, open: u64) {
    let (carried_up, carried_down) = sum.carried();
    let segments = sum.segments_up + sum.segments_down;
    let wire_bytes =
        carried_up + carried_down + sum.retransmitted_down + segments * SEGMENT_HEADER_BYTES;
    for (name, count) in [
        ("requests", sum.requests),
        ("empty_answers", sum.empty_answers),
        ("delivered", sum.delivered),
        ("received", sum.received),
        ("connections_opened", sum.connections_opened),
        ("connections_open", open),
        ("drops", sum.drops),
        ("writes", sum.writes),
        ("segments", segments),
        ("wire_bytes", wire_bytes),
        ("bytes", sum.bytes_up + sum.bytes_down),
        ("up.total", sum.bytes_up),
        ("down.total", sum.bytes_down),
    ] {
        figures.insert(format!("{row}.{name}"), count as f64);
    }
    for (way, layers) in [
        ("up", by_layer(sum.bytes_up, sum.layers_up())),
        ("down", by_layer(sum.bytes_down, sum.layers_down())),
    ] {
        for (layer, bytes) in layers {
            figures.insert(format!("{row}.{way}.{layer}"), bytes as f64);
        }
    }
    if sum.requests > 0 {
        let ratio = sum.empty_answers as f64 / sum.requests as f64;
        figures.insert(format!("{row}.empty_ratio"), ratio);
    }
}

/// What was recorded after an earlier look.
fn between(now: &Histogram<u64>, before: Option<&Histogram<u64>>) -> Histogram<u64> {
    let mut between = now.clone();
    if let Some(before) = before {
        // It was recorded from, so it holds no more than this one; otherwise nothing is taken away.
        let _ = between.subtract(before);
    }
    between
}

/// In ms.
fn delays(figures: &mut Figures, name: &str, delays: &Histogram<u64>) {
    for (quantile, us) in [
        ("mean", delays.mean()),
        ("p50", delays.value_at_quantile(0.5) as f64),
        ("p90", delays.value_at_quantile(0.9) as f64),
        ("p99", delays.value_at_quantile(0.99) as f64),
        ("max", delays.max() as f64),
    ] {
        figures.insert(format!("{name}.{quantile}"), us / 1_000.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::{LaneId, meter::Labels};

    fn series(lane: &'static str, form: &'static str, channel: &str, totals: Totals) -> Series {
        Series {
            labels: Labels {
                lane: LaneId(lane),
                transport: "x",
                protocol: "plain",
                demo: "none",
                form,
                channel: channel.into(),
            },
            connections_open: 2,
            totals,
            segments_by_kernel: true,
        }
    }

    fn polls(requests: u64, empty_answers: u64) -> Totals {
        Totals {
            requests,
            empty_answers,
            delivered: requests - empty_answers,
            bytes_up: requests * 100,
            bytes_down: requests * 300,
            payload_down: (requests - empty_answers) * 60,
            segments_up: requests,
            segments_down: requests,
            ..Totals::default()
        }
    }

    fn audience(on: &[((&'static str, &'static str), f64)]) -> Audience {
        Audience {
            phones: 28.0,
            on: on.iter().copied().collect(),
            answered: 21.0,
        }
    }

    #[test]
    fn figures_are_between_two_looks_at_one_channel() {
        let first = Look::new(
            1_000_000,
            &[
                series("short-poll", "", "class", polls(100, 90)),
                series("short-poll", "", "lobby", polls(5, 5)),
            ],
            "class",
            2,
        );
        let last = Look::new(
            31_000_000,
            &[
                series("short-poll", "", "class", polls(1_780, 1_602)),
                series("short-poll", "", "lobby", polls(900, 900)),
                series("websocket", "", "class", polls(0, 0)),
            ],
            "class",
            8,
        );
        let found = counted(&first, &last, &audience(&[(("short-poll", ""), 28.0)]));
        let figure = |name: &str| found.get(name).copied();
        assert_eq!(figure("seconds"), Some(30.0));
        assert_eq!(figure("publications"), Some(6.0));
        assert_eq!(figure("phones"), Some(28.0));
        assert_eq!(figure("answered"), Some(21.0));
        assert_eq!(figure("short-poll.requests"), Some(1_680.0));
        assert_eq!(figure("short-poll.empty_answers"), Some(1_512.0));
        assert_eq!(figure("short-poll.empty_ratio"), Some(0.9));
        assert_eq!(figure("short-poll.phones"), Some(28.0));
        assert_eq!(figure("short-poll.bytes"), Some(1_680.0 * 400.0));
        assert_eq!(figure("short-poll.down.payload"), Some(168.0 * 60.0));
        assert_eq!(figure("short-poll.up.http_headers"), Some(168_000.0));
        let wire = 1_680.0 * (400.0 + 2.0 * 66.0);
        assert_eq!(figure("short-poll.wire_bytes"), Some(wire));
        assert_eq!(figure("websocket.delivered"), Some(0.0));
        assert_eq!(figure("websocket.empty_ratio"), None, "nothing was asked");
        assert_eq!(figure("sse.requests"), None, "nobody was there");
    }

    #[test]
    fn a_lane_that_nobody_got_into_has_counted_nothing() {
        let look = Look::new(0, &[], "class", 0);
        let found = counted(&look, &look, &audience(&[(("websocket", ""), 9.0)]));
        assert_eq!(found.get("websocket.delivered"), Some(&0.0));
        assert_eq!(found.get("websocket.phones"), Some(&9.0));
    }

    #[test]
    fn a_lane_in_two_forms_is_two_rows() {
        let both = [
            series("websocket", "", "class", polls(4, 0)),
            series("websocket", "bare", "class", polls(3, 0)),
        ];
        let nothing = Look::default();
        let who = audience(&[(("websocket", ""), 2.0), (("websocket", "bare"), 1.0)]);
        let found = counted(&nothing, &Look::new(1, &both, "class", 0), &who);
        assert_eq!(found["websocket.delivered"], 4.0);
        assert_eq!(found["websocket-bare.delivered"], 3.0);
        assert_eq!(found["websocket-bare.phones"], 1.0);
        // Where it has one form only, both names say the same.
        let bare = Look::new(1, &both[1..], "class", 0);
        let found = counted(&nothing, &bare, &audience(&[]));
        assert_eq!(found["websocket.delivered"], 3.0);
        assert_eq!(found["websocket-bare.delivered"], 3.0);
    }

    #[test]
    fn a_form_that_an_earlier_lesson_used_is_not_meant() {
        let earlier = series("channels", "", "class", polls(900, 0));
        let with_positions =
            |requests| series("channels", "positions", "class", polls(requests, 0));
        let first = Look::new(0, &[earlier.clone(), with_positions(2)], "class", 0);
        let last = Look::new(1, &[earlier.clone(), with_positions(9)], "class", 0);
        let who = audience(&[(("channels", "positions"), 3.0)]);
        let found = counted(&first, &last, &who);
        assert_eq!(found["channels.delivered"], 7.0);
        assert_eq!(found["channels.phones"], 3.0);
        // Without an audience it is what has grown.
        let found = counted(&first, &last, &audience(&[]));
        assert_eq!(found["channels.delivered"], 7.0);
        // Nobody got in: still that form is meant.
        let none = Look::new(0, &[earlier], "class", 0);
        let found = counted(&none, &none, &who);
        assert_eq!(found["channels.delivered"], 0.0);
        assert_eq!(found["channels.phones"], 3.0);
    }

    #[test]
    fn a_later_look_s_delays_replace_an_earlier_one_s() {
        let key = LatencyKey {
            lane: LaneId("sse"),
            transport: "sse",
            protocol: "plain",
            stage: Stage::Written,
        };
        let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
        histogram.record_n(2_000, 9).unwrap();
        let merged = || [(key, histogram.clone())].into();
        let look = Look::new(0, &[], "class", 0)
            .with_delays(merged())
            .with_delays(merged());
        assert_eq!(look.delays[&("sse", Stage::Written)].len(), 9);
    }

    #[test]
    fn with_one_port_a_lane_is_what_is_spoken() {
        assert_eq!(lane_of(LaneId("sse"), "sse", "plain"), "sse");
        assert_eq!(lane_of(LaneId::MAIN, "websocket", "pusher"), "channels");
        assert_eq!(lane_of(LaneId::MAIN, "short-poll", "plain"), "short-poll");
        assert_eq!(lane_of(LaneId::MAIN, "none", "plain"), "main");
    }

    #[test]
    fn a_phone_is_on_its_lane_in_the_form_it_asked_for() {
        assert_eq!(row_of("websocket", true, true), Some(("websocket", "bare")));
        assert_eq!(row_of("websocket", false, true), Some(("websocket", "")));
        assert_eq!(
            row_of("channels", false, true),
            Some(("channels", "positions"))
        );
        assert_eq!(row_of_lane("channels"), Some(("channels", "")));
        // There are no polls without an envelope.
        assert_eq!(row_of("short-poll", true, true), Some(("short-poll", "")));
        assert_eq!(row_of("main", false, true), None);
    }

    #[test]
    fn delays_are_of_what_came_in_between() {
        let key = LatencyKey {
            lane: LaneId("sse"),
            transport: "sse",
            protocol: "plain",
            stage: Stage::Written,
        };
        let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
        histogram.record_n(900_000, 50).unwrap();
        let look = |at_us, histogram: &Histogram<u64>| {
            let delays = [(key, histogram.clone())].into();
            Look::new(at_us, &[], "class", 0).with_delays(delays)
        };
        let first = look(0, &histogram);
        histogram.record_n(2_000, 9).unwrap();
        histogram.record_n(12_000, 1).unwrap();
        let last = look(1, &histogram);
        let found = counted(&first, &last, &Audience::default());
        assert!((found["sse.written.p50"] - 2.0).abs() < 0.01);
        assert!((found["sse.written.mean"] - 3.0).abs() < 0.01);
        assert!((found["sse.written.max"] - 12.0).abs() < 0.1);
        let same = counted(&last, &last, &Audience::default());
        assert_eq!(same.get("sse.written.p50"), None, "nothing came");
    }

    #[test]
    fn a_phone_counts_for_as_long_as_it_was_there() {
        let sse = ("sse", "");
        let with = |count: f64| Audience {
            phones: count,
            on: [(sse, count)].into(),
            answered: 0.0,
        };
        let mut attendance = Attendance::new(5_000_000, with(3.0));
        assert_eq!(attendance.mean(), with(3.0));
        for second in 1..=30 {
            // A fourth comes between the fifth second and the sixth.
            let there = if second <= 5 { 3.0 } else { 4.0 };
            attendance.add(5_000_000 + second * 1_000_000, with(there));
        }
        let mean = attendance.mean();
        assert!((mean.phones - (3.0 + 24.5 / 30.0)).abs() < 1e-9);
        assert!((mean.on[&sse] - mean.phones).abs() < 1e-9);
        // Three asked 60 times and one 49 times.
        let per_phone = 229.0 / mean.on[&sse];
        assert!((per_phone - 60.0).abs() < 0.1, "{per_phone}");

        // One changes its lane half-way.
        let before = audience(&[(sse, 4.0)]);
        let after = audience(&[(sse, 3.0), (("websocket", ""), 1.0)]);
        let mut attendance = Attendance::new(0, before.clone());
        attendance.add(10, before);
        attendance.add(10, after.clone());
        attendance.add(20, after);
        assert_eq!(attendance.mean().on[&sse], 3.5);
        assert_eq!(attendance.mean().on[&("websocket", "")], 0.5);
    }
}
