//! One test for each kind of sentence, with the sentence whole.

use super::*;

/// A lane with figures that state no error.
pub fn lane(name: &str, figures: &[(&str, f64)]) -> LaneFigures {
    let is = |value: f64| Reading::Is {
        value,
        low: None,
        high: None,
        error: None,
    };
    LaneFigures {
        lane: name.to_owned(),
        label: String::new(),
        figures: figures
            .iter()
            .map(|(name, value)| (name.to_string(), is(*value)))
            .collect(),
    }
}

fn rare() -> Load {
    Load {
        rate_per_s: 0.2,
        size_bytes: Some(60.0),
        clients: Some(1),
        poll_interval_ms: Some(500.0),
        hold_ms: Some(25_000.0),
        ..Load::default()
    }
}

fn with(mut lane: LaneFigures, name: &str, reading: Reading) -> LaneFigures {
    lane.figures.insert(name.to_owned(), reading);
    lane
}

fn off(value: f64, error: f64) -> Reading {
    Reading::Is {
        value,
        low: None,
        high: None,
        error: Some(error),
    }
}

fn below(below: f64) -> Reading {
    Reading::Below { below }
}

fn withheld(why: &str) -> Reading {
    Reading::Withheld {
        invalid: why.to_owned(),
    }
}

fn said(load: &Load, lanes: &[LaneFigures]) -> String {
    answer(load, lanes).sentence
}

fn poll(us: f64, bytes: f64) -> LaneFigures {
    lane(
        "short-poll",
        &[(HALF, us), (BYTES, bytes), (DELIVERED, 1.0)],
    )
}

fn socket(us: f64, bytes: f64) -> LaneFigures {
    lane("websocket", &[(HALF, us), (BYTES, bytes), (DELIVERED, 1.0)])
}

#[test]
fn bytes_decide_where_one_takes_many_times_as_many() {
    let lanes = [
        lane("sse", &[(HALF, 4_900.0), (BYTES, 150.0), (DELIVERED, 1.0)]),
        poll(247_800.0, 5_940.0),
        lane(
            "long-poll",
            &[(HALF, 6_800.0), (BYTES, 600.0), (DELIVERED, 1.0)],
        ),
        socket(4_600.0, 132.0),
    ];
    let answer = answer(&rare(), &lanes);
    assert_eq!(
        answer.sentence,
        "At one event in five seconds, short polling every 500 ms used 45 times the bytes of a \
         WebSocket, and was 243 ms later."
    );
    assert_eq!(answer.about, Some(BYTES));
    assert_eq!(
        answer.order,
        ["short-poll", "long-poll", "sse", "websocket"]
    );
}

#[test]
fn nothing_is_said_more_precisely_than_its_error() {
    let poll = with(poll(0.0, 5_940.0), HALF, off(247_800.0, 30_000.0));
    let poll = with(poll, BYTES, off(5_940.0, 900.0));
    assert_eq!(
        said(&rare(), &[poll, socket(4_600.0, 132.0)]),
        "At one event in five seconds, short polling every 500 ms used 50 times the bytes of a \
         WebSocket, and was 240 ms later."
    );
    let spread = Reading::Is {
        value: 350.0,
        low: Some(330.0),
        high: Some(380.0),
        error: None,
    };
    let stream = with(lane("sse", &[(HALF, 4_600.0)]), BYTES, spread);
    assert_eq!(
        said(&rare(), &[stream, socket(4_600.0, 132.0)]),
        "At one event in five seconds, an event stream used 2.7 times the bytes of a WebSocket, and \
         was as quick to within 2 ms."
    );
}

#[test]
fn short_polls_and_a_web_socket_are_compared_where_both_are_there() {
    let load = Load {
        rate_per_s: 50.0,
        ..rare()
    };
    let lanes = [
        lane("long-poll", &[(HALF, 9_000.0), (BYTES, 590.0)]),
        poll(255_000.0, 150.0),
        lane("channels", &[(HALF, 4_000.0), (BYTES, 120.0)]),
        socket(5_000.0, 132.0),
    ];
    let answer = answer(&load, &lanes);
    assert_eq!(
        answer.sentence,
        "At 50 events a second, short polling every 500 ms was 250 ms later than a WebSocket, and \
         used 14 % more bytes."
    );
    assert_eq!(
        answer.order,
        ["short-poll", "long-poll", "websocket", "channels"]
    );
}

#[test]
fn a_delay_with_a_large_error_is_a_range_and_overlaps_show_no_difference() {
    let few = |low, high| Reading::Is {
        value: 250_000.0,
        low: Some(low),
        high: Some(high),
        error: None,
    };
    let with_few = |low, high| with(poll(0.0, 5_940.0), HALF, few(low, high));
    assert_eq!(
        said(
            &rare(),
            &[with_few(120_000.0, 390_000.0), socket(4_600.0, 132.0)]
        ),
        "At one event in five seconds, short polling every 500 ms used 45 times the bytes of a \
         WebSocket, and was between 110 and 390 ms later."
    );
    assert_eq!(
        said(
            &rare(),
            &[with_few(5_000.0, 490_000.0), socket(4_600.0, 132.0)]
        ),
        "At one event in five seconds, short polling every 500 ms used 45 times the bytes of a \
         WebSocket, and no difference in delay can be shown."
    );
}

#[test]
fn a_delay_decides_where_bytes_are_nearly_the_same() {
    let load = Load {
        rate_per_s: 4.0,
        clients: Some(25),
        ..rare()
    };
    let held = lane("long-poll", &[(HALF, 131_000.0), (BYTES, 150.0)]);
    let answer = answer(&load, &[socket(4_600.0, 132.0), held]);
    assert_eq!(
        answer.sentence,
        "At four events a second to 25 clients, long polling was 126 ms later than a WebSocket, and \
         used 14 % more bytes."
    );
    assert_eq!(
        (answer.about, answer.order[0].as_str()),
        (Some(HALF), "long-poll")
    );
}

#[test]
fn a_bound_is_said_as_a_bound() {
    let lanes = [
        with(poll(0.0, 140.0), HALF, off(250_000.0, 2_000.0)),
        with(socket(0.0, 132.0), HALF, below(3_000.0)),
    ];
    assert_eq!(
        said(&rare(), &lanes),
        "At one event in five seconds, short polling every 500 ms was at least 245 ms later than a \
         WebSocket, and used 6 % more bytes."
    );
    let lanes = [
        with(poll(0.0, 5_940.0), HALF, below(4_000.0)),
        with(socket(0.0, 132.0), HALF, below(3_000.0)),
    ];
    assert_eq!(
        said(&rare(), &lanes),
        "At one event in five seconds, short polling every 500 ms used 45 times the bytes of a \
         WebSocket, and was as quick to within 4 ms."
    );
}

#[test]
fn losses_come_before_everything() {
    let load = Load {
        rate_per_s: 10.0,
        conditions: "train tunnel".to_owned(),
        ..rare()
    };
    let lossy = lane(
        "channels",
        &[(DELIVERED, 0.872), (BYTES, 240.0), (HALF, 5_000.0)],
    );
    let answer = answer(
        &load,
        &[poll(250_000.0, 9_000.0), lossy, socket(4_600.0, 132.0)],
    );
    assert_eq!(
        answer.sentence,
        "At ten events a second, under train tunnel, Channels over a WebSocket delivered 87 % of \
         the events, a WebSocket all of them."
    );
    assert_eq!(
        (answer.about, answer.order[0].as_str()),
        (Some(DELIVERED), "channels")
    );
}

#[test]
fn who_delivered_nothing_is_told_and_so_is_who_else_lost() {
    let lossy = |name, delivered| lane(name, &[(DELIVERED, delivered)]);
    let lanes = [
        lossy("sse", 1.0),
        lossy("websocket", 0.0),
        lossy("channels", 0.5),
    ];
    assert_eq!(
        said(&rare(), &lanes),
        "At one event in five seconds, a WebSocket delivered none of the events, an event stream \
         all of them; two of three lanes lost some."
    );
    assert_eq!(
        said(&rare(), &[lossy("sse", 0.5), lossy("websocket", 0.5)]),
        "At one event in five seconds, both lanes delivered 50 % of the events."
    );
    assert_eq!(
        said(
            &rare(),
            &[lossy("sse", 0.9996), lossy("channels-resume", 0.25)]
        ),
        "At one event in five seconds, Channels over a WebSocket with the lab's resume delivered \
         25 % of the events, an event stream all of them."
    );
}

#[test]
fn what_one_of_three_repetitions_lost_is_lost() {
    let lost = Reading::Is {
        value: 0.9,
        low: Some(0.47),
        high: Some(1.33),
        error: None,
    };
    let lanes = [
        with(lane("sse", &[]), DELIVERED, lost),
        lane("websocket", &[(DELIVERED, 1.0)]),
    ];
    assert!(said(&rare(), &lanes).contains("an event stream delivered 90 % of the events"));
}

#[test]
fn lanes_that_are_the_same_are_not_told_apart() {
    let lanes = [
        lane("sse", &[(HALF, 400.0), (BYTES, 135.0)]),
        socket(300.0, 132.0),
        lane("actix-ws", &[(HALF, 350.0), (BYTES, 132.0)]),
    ];
    let load = Load {
        rate_per_s: 4.0,
        ..rare()
    };
    let answer = answer(&load, &lanes);
    assert_eq!(
        answer.sentence,
        "At four events a second, nothing told the three lanes apart: all within 2 ms and 3 % of \
         the bytes."
    );
    assert_eq!(answer.order.len(), 3);
    assert_eq!(
        said(&load, &lanes[..2]),
        "At four events a second, nothing told an event stream and a WebSocket apart: both within \
         2 ms and 3 % of the bytes."
    );
    let mut all = lanes.to_vec();
    all.push(lane("websocket-bare", &[(HALF, 350.0), (BYTES, 66.0)]));
    assert_eq!(said(&load, &all), answer.sentence, "a bare row is a floor");
    // The reference is the WebSocket, which is near the least and not it.
    let spread = [
        lane("sse", &[(BYTES, 141.0)]),
        socket(300.0, 140.0),
        lane("actix-ws", &[(BYTES, 132.0)]),
    ];
    assert!(said(&load, &spread).contains("within 7 % of the bytes"));
}

#[test]
fn one_lane_says_what_it_took() {
    let asking = lane(
        "short-poll",
        &[
            (HALF, 251_000.0),
            (BYTES, 5_940.0),
            (REQUESTS, 10.0),
            (EMPTY, 0.9),
            (DELIVERED, 1.0),
        ],
    );
    let answer = answer(&rare(), &[asking]);
    assert_eq!(
        answer.sentence,
        "At one event in five seconds, short polling every 500 ms brought half of the events within \
         251 ms, for 5,940 bytes each, with 10 requests for each, 90 % of them in vain."
    );
    assert_eq!(answer.order, ["short-poll"]);
    let few = lane("websocket", &[(MEAN, 4_600.0)]);
    assert_eq!(
        said(&rare(), &[few]),
        "At one event in five seconds, a WebSocket brought each event between 3.6 and 5.6 ms late on \
         average."
    );
    let bound = with(lane("websocket", &[]), HALF, below(3_000.0));
    assert_eq!(
        said(&rare(), &[bound]),
        "At one event in five seconds, a WebSocket brought half of the events in less than 3 ms."
    );
}

#[test]
fn empty_answers_decide_where_bytes_are_not_known() {
    let asking = lane(
        "short-poll",
        &[(REQUESTS, 10.2), (EMPTY, 0.902), (HALF, 12_000.0)],
    );
    let lanes = [asking, lane("websocket", &[(REQUESTS, 0.0), (HALF, 400.0)])];
    let answer = answer(&rare(), &lanes);
    assert_eq!(
        answer.sentence,
        "At one event in five seconds, short polling every 500 ms asked 10 times for each event, \
         90 % of them in vain, and a WebSocket not at all."
    );
    assert_eq!(answer.about, Some(REQUESTS));
}

#[test]
fn what_the_gate_withholds_cannot_be_told_and_why() {
    let why = "the generator was 4 ms late, against 3 ms";
    let late = |lane| with(lane, HALF, withheld(why));
    assert_eq!(
        said(
            &rare(),
            &[late(poll(0.0, 5_940.0)), late(socket(0.0, 132.0))]
        ),
        "At one event in five seconds, short polling every 500 ms used 45 times the bytes of a \
         WebSocket; how much later it was cannot be told here, because the generator was 4 ms late, \
         against 3 ms."
    );
    let nothing = |name| with(lane(name, &[]), HALF, withheld(why));
    let answer = answer(&rare(), &[nothing("sse"), nothing("websocket")]);
    assert_eq!(
        answer.sentence,
        "At one event in five seconds, what sets an event stream and a WebSocket apart cannot be \
         told here, because the generator was 4 ms late, against 3 ms."
    );
    assert_eq!((answer.about, answer.order.len()), (None, 2));
    let dark = with(lane("long-poll", &[]), BYTES, withheld("two ends disagree"));
    assert_eq!(
        said(
            &rare(),
            &[
                lane("sse", &[(HALF, 247_800.0), (BYTES, 5_940.0)]),
                socket(4_600.0, 132.0),
                dark
            ]
        ),
        "At one event in five seconds, an event stream used 45 times the bytes of a \
         WebSocket, and was 243 ms later; of long polling it cannot be told here, because two ends \
         disagree."
    );
}

#[test]
fn where_nothing_was_measured_that_is_said() {
    assert_eq!(
        said(&rare(), &[]),
        "At one event in five seconds, nothing was measured."
    );
    assert_eq!(
        said(&rare(), &[lane("sse", &[])]),
        "At one event in five seconds, nothing was measured of an event stream."
    );
    assert_eq!(
        said(&rare(), &[lane("sse", &[]), lane("websocket", &[])]),
        "At one event in five seconds, nothing was measured that sets an event stream and a \
         WebSocket apart."
    );
}

#[test]
fn a_row_that_no_catalogue_has_is_called_by_its_label() {
    let mut row = lane("bare", &[(HALF, 1_000.0)]);
    row.label = "A bare\nframe".to_owned();
    assert_eq!(
        said(&rare(), &[row]),
        "At one event in five seconds, A bare frame brought half of the events in less than 2 ms."
    );
}
