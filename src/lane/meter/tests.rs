//! What connections count, and where it goes when they end or are relabelled.

use super::{ended::SERIES_MAX, *};
use crate::wire::Layers;

fn labels(transport: &'static str, channel: &str) -> Labels {
    Labels {
        lane: LaneId::MAIN,
        transport,
        protocol: "plain",
        demo: "none",
        form: "",
        channel: channel.into(),
    }
}

fn payload(bytes: u64) -> Layers {
    Layers {
        payload: bytes,
        ..Layers::default()
    }
}

/// An HTTP answer with a body of so many bytes.
fn answer_of(body: usize) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n\r\n", &*vec![b'x'; body]].concat()
}

/// Writes so many bytes straight to the kernel, an empty head among the first of them.
fn write(meter: &ConnectionMeter, bytes: usize) {
    let head = answer_of(0).len();
    let body = bytes.saturating_sub(head);
    let written = answer_of(body);
    meter.kernel_took(bytes);
    meter.accepted(&written[..bytes]);
}

fn series(meters: &Meters, transport: &str) -> Totals {
    let mut sum = Totals::default();
    for series in meters.series() {
        if series.labels.transport == transport {
            sum.add(&series.totals);
        }
    }
    sum
}

#[test]
fn a_connection_that_changes_its_use_is_counted_under_both() {
    let meters = Arc::<Meters>::default();
    let meter = meters.open(LaneId::MAIN);
    meter.read(&[0; 100]);
    meter.begin_request(Some(labels("short-poll", "a")), None);
    meter.answer(payload(10).into());
    write(&meter, 60);
    meter.read(&[0; 200]);
    meter.begin_request(Some(labels("sse", "a")), None);
    write(&meter, 70);
    let poll = series(&meters, "short-poll");
    assert_eq!((poll.bytes_up, poll.bytes_down), (100, 60));
    assert_eq!(poll.connections_opened, 1);
    assert_eq!((poll.payload_down, poll.requests), (10, 1));
    let stream = series(&meters, "sse");
    assert_eq!((stream.bytes_up, stream.bytes_down), (200, 70));
    drop(meter);
    assert_eq!(series(&meters, "sse"), stream, "ended counts stay");
    let lane = meters.lane(LaneId::MAIN);
    assert_eq!((lane.totals.bytes_up, lane.connections_open), (300, 0));
}

#[test]
fn the_labs_own_requests_are_in_the_lane_but_in_no_series() {
    let meters = Arc::<Meters>::default();
    let meter = meters.open(LaneId::MAIN);
    meter.read(&[0; 50]);
    meter.begin_request(None, None);
    write(&meter, 500);
    meter.read(&[0; 30]);
    meter.begin_request(Some(labels("sse", "a")), None);
    assert_eq!(series(&meters, "sse").bytes_up, 30);
    assert_eq!(series(&meters, "sse").bytes_down, 0);
    assert_eq!(meters.lane(LaneId::MAIN).totals.bytes_down, 500);
}

#[test]
fn a_session_keeps_its_labels_over_connections_that_others_use_as_well() {
    let meters = Arc::<Meters>::default();
    let meter = meters.open(LaneId::MAIN);
    for (channel, bytes) in [("a", 10), ("a", 10), ("b", 7)] {
        meter.read(&vec![0; bytes]);
        meter.begin_request(Some(labels("polling", "(none)")), None);
        meter.belongs_to(&labels("polling", channel));
    }
    meters.dropped(&labels("polling", "b"), 3);
    drop(meter);
    let figures = meters.series().into_iter();
    let figures: Vec<_> = figures
        .map(|s| {
            (
                s.labels.channel.to_string(),
                s.totals.bytes_up,
                s.totals.drops,
            )
        })
        .collect();
    assert_eq!(figures, [("a".into(), 20, 0), ("b".into(), 7, 3)]);
}

#[test]
fn written_instants_are_told_once_after_the_write() {
    let meters = Arc::<Meters>::default();
    let meter = meters.open(LaneId::MAIN);
    let seen = Arc::<Mutex<Vec<(u64, u64)>>>::default();
    let log = seen.clone();
    let on_written: OnWritten =
        Arc::new(move |published, written| lock(&log).push((published, written)));
    meter.begin_request(None, Some(on_written));
    meter.follow(Message {
        layers: payload(10),
        stamps: vec![3, 4],
        ..Message::default()
    });
    write(&meter, 9);
    assert!(lock(&seen).is_empty());
    write(&meter, 10);
    let stamps: Vec<_> = lock(&seen).iter().map(|(stamp, _)| *stamp).collect();
    assert_eq!(stamps, [3, 4]);
    assert!(lock(&seen).iter().all(|(_, written)| *written > 0));
}

#[test]
fn an_answer_that_is_still_on_its_way_stays_with_the_use_it_was_given_for() {
    let meters = Arc::<Meters>::default();
    let meter = meters.open(LaneId::MAIN);
    meter.begin_request(Some(labels("short-poll", "a")), None);
    meter.answer(Message {
        layers: payload(10),
        publications: 2,
        ..Message::default()
    });
    let answer = answer_of(10);
    meter.accepted(&answer);
    meter.begin_request(Some(labels("sse", "a")), None);
    assert_eq!(series(&meters, "short-poll").delivered, 0);
    meter.kernel_took(answer.len());
    let poll = series(&meters, "short-poll");
    assert_eq!((poll.delivered, poll.payload_down), (2, 10));
    assert_eq!(poll.bytes_down, answer.len() as u64);
    assert_eq!(series(&meters, "sse").bytes_down, 0);
}

#[test]
fn plain_bytes_count_when_the_records_that_hold_them_are_written() {
    let meters = Arc::<Meters>::default();
    let meter = meters.open(LaneId::MAIN);
    meter.secure();
    meter.begin_request(Some(labels("sse", "a")), None);
    meter.accepted(&[0; 10]);
    meter.accepted_encrypted(32);
    meter.sealed(10);
    meter.starts_at(0, payload(10).into());
    meter.kernel_took(31);
    let early = meter.totals();
    assert_eq!((early.tls_down, early.bytes_down), (31, 0));
    assert_eq!(early.payload_down, 0);
    meter.kernel_took(1);
    let whole = meter.totals();
    assert_eq!((whole.tls_down, whole.bytes_down), (32, 10));
    assert_eq!(whole.payload_down, 10);
}

#[test]
fn series_of_idle_channels_go_and_their_counts_stay() {
    let meters = Arc::<Meters>::default();
    for n in 0..50 {
        let meter = meters.open(LaneId::MAIN);
        meter.begin_request(Some(labels("sse", &format!("c{n}"))), None);
    }
    let in_use = meters.open(LaneId::MAIN);
    in_use.begin_request(Some(labels("sse", "c7")), None);
    meters.forget_idle(Duration::from_secs(3_600));
    assert_eq!(meters.series().len(), 50, "they were used just now");
    meters.forget_idle(Duration::ZERO);
    let series = meters.series();
    let names: Vec<_> = series.iter().map(|s| &*s.labels.channel).collect();
    assert_eq!(names, [OTHER, "c7"]);
    let sum: u64 = series.iter().map(|s| s.totals.requests).sum();
    assert_eq!(sum, 51, "nothing is lost");
}

#[test]
fn label_combinations_are_bounded() {
    let meters = Arc::<Meters>::default();
    for n in 0..SERIES_MAX + 50 {
        let meter = meters.open(LaneId::MAIN);
        meter.begin_request(Some(labels("sse", &format!("c{n}"))), None);
    }
    let series = meters.series();
    assert!(series.len() <= SERIES_MAX + 1, "{}", series.len());
    let sum: u64 = series.iter().map(|s| s.totals.requests).sum();
    assert_eq!(sum, SERIES_MAX as u64 + 50, "nothing is lost");
    let newest = format!("c{}", SERIES_MAX + 49);
    assert!(series.iter().any(|s| *s.labels.channel == newest));
    assert!(!series.iter().any(|s| &*s.labels.channel == "c0"));
}
