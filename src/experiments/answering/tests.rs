//! The sentence of each experiment on figures that are made up: as predicted, whole; otherwise and
//! withheld, what all have in common.

use super::*;
use crate::{
    catalogue::LANES,
    experiments::{
        ALL,
        guess::GuessKind,
        sample::{carried, put, put_as_predicted as same, withhold},
    },
    run::{
        coded_bytes,
        plan::{BackOff, Balance, BlobOn, PollFor, PublishBy},
        report::Report,
    },
};

type Fill = fn(&Plan, &mut Report);

/// Figures as theory has them, and what is said of them.
struct Case {
    id: &'static str,
    fill: Fill,
    said: &'static str,
}

fn all_rows(report: &mut Report, name: &str, value: impl Fn(&LaneReport) -> f64) {
    let rows: Vec<(String, f64)> = report
        .lanes
        .iter()
        .map(|l| (l.row.clone(), value(l)))
        .collect();
    for (row, value) in rows {
        same(report, &row, name, value);
    }
}

fn upgrades(lane: &LaneReport) -> bool {
    crate::catalogue::lane(&lane.lane).is_some_and(|known| known.upgrades)
}

const CASES: &[Case] = &[
    Case {
        id: "E1",
        fill: |_, report| {
            all_rows(report, "bytes_per_publication", |_| 96.0);
            same(report, "short-poll", "bytes_per_publication", 606.0);
            all_rows(report, "payload_bytes", |_| 20.0);
        },
        said: "At one event a second of 20 bytes and as many polls, with 50 clients, a delivery by \
               short polling took 606 bytes and by a WebSocket 96, 6.3 times as many, for one client \
               as for all: smaller messages, as B7 says.",
    },
    Case {
        id: "E2",
        fill: |plan, report| {
            let interval_us = plan.poll_interval.0.as_micros() as f64;
            same(report, "short-poll", "mean_us", interval_us / 2.0 + 1_000.0);
            let empty = (-plan.rate * interval_us / 1e6).exp();
            same(report, "short-poll", "empty_ratio", empty);
        },
        said: "At 20 events a second at random, polling every 100 ms was 51 ms late on average with \
               14 % of its answers empty, and every 25 ms 14 ms late with 61 % empty.",
    },
    Case {
        id: "E3",
        fill: |plan, report| {
            let x = plan.poll_interval.0.as_secs_f64() * plan.rate;
            same(
                report,
                "short-poll",
                "delivery_ratio",
                f64::min(1.0, 1.0 / x),
            );
            same(
                report,
                "short-poll",
                "needless_ratio",
                f64::max(0.0, 1.0 - x),
            );
            same(report, "websocket", "delivery_ratio", 1.0);
            put(
                report,
                "websocket",
                "server_cpu_us_per_delivery",
                (10.0, 10.0),
            );
            put(
                report,
                "short-poll",
                "server_cpu_us_per_delivery",
                (30.0, 30.0),
            );
        },
        said: "Published every 80 ms and asked for every 408 ms, polls showed 20 % of the items and a \
               WebSocket 100 %; asked for every 81 ms and published every 400 ms, 80 % of the answers \
               brought nothing new.",
    },
    Case {
        id: "E4",
        fill: |plan, report| {
            let age = 1e6 / plan.rate;
            let conflated = plan.conflate.0.as_micros() as f64 / 2.0;
            same(report, "websocket", "age_us", age + conflated);
            same(report, "short-poll", "age_us", age + 125_000.0);
            let pushed = if conflated > 0.0 {
                plan.rate.min(4.0)
            } else {
                plan.rate
            };
            same(report, "websocket", "bytes_per_s", pushed * 640.0);
            same(report, "short-poll", "bytes_per_s", 4_700.0);
        },
        said: "At 2.3 snapshots a second, what a dashboard shows was 560 ms old on average by polls \
               every 250 ms and 435 ms pushed; at 97.3 snapshots a second push took 13 times the bytes \
               of polling.",
    },
    Case {
        id: "E5",
        fill: |plan, report| {
            let round_trip_us = plan.round_trip.0.as_micros() as f64;
            let gap = if round_trip_us * plan.rate > 1e6 {
                round_trip_us / 2.0
            } else {
                0.0
            };
            same(report, "websocket", "mean_us", round_trip_us / 2.0);
            same(report, "long-poll", "mean_us", round_trip_us / 2.0 + gap);
        },
        said: "At ten events a second, evenly apart, long polling added less than 0.5 ms to a WebSocket's \
               delay at a round trip of 90 ms, and 57 ms at 113 ms, once it was longer than the time \
               between two events.",
    },
    Case {
        id: "E6",
        fill: |plan, report| {
            let size = plan.size as f64;
            match plan.publish_by {
                PublishBy::Run => all_rows(report, "message_bytes", |_| size + 112.0),
                PublishBy::Clients => {
                    all_rows(report, "up_header_bytes", |lane| match upgrades(lane) {
                        true => 0.0,
                        false => 214.0,
                    })
                }
            }
        },
        said: "Of a message with 20 bytes of data on a WebSocket 85 % was not data, and of one with \
               262,144 bytes less than 0.1 %; on the way up, a POST beside an event stream took 214 \
               bytes of headers each.",
    },
    Case {
        id: "E7",
        fill: |_, report| {
            all_rows(report, "delivery_ratio", |lane| {
                if lane.resume { 1.0 } else { 0.867 }
            });
            all_rows(report, "duplicates", |_| 0.0);
        },
        said: "At ten events a second, everybody away for 400 ms in every 3 s, a WebSocket got 87 % of \
               the events without resume and 100 % with it, and Channels, whose protocol has none, \
               87 %.",
    },
    Case {
        id: "E8",
        fill: |plan, report| {
            report.server.settings = serde_json::json!({"sse_retry": "1s"});
            let is_silent = plan.conditions.contains("half-open");
            let back = |row: &str| !is_silent && row != "websocket";
            all_rows(report, "returned_ratio", |lane| {
                f64::from(u8::from(back(&lane.row)))
            });
            if !is_silent {
                all_rows(report, "first_after_us", |_| 1_000_000.0);
                same(report, "short-poll", "first_after_us", 750_000.0);
            }
        },
        said: "At ten events a second, killed once by RST and with no code of the application's, an \
               event stream had its next event after 1 s, Channels after 1 s, Socket.IO after 1 s, and \
               a bare WebSocket never; of event streams that went silent without a word 0 % came back.",
    },
    Case {
        id: "E9",
        fill: |plan, report| match plan.arrive_within.0.is_zero() {
            true => {
                all_rows(report, "delivery_ratio", |_| 1.0);
                same(report, "websocket", "delivery_ratio", 0.0);
            }
            false => {
                let in_ = |lane: &LaneReport| if upgrades(lane) { 0.0 } else { 1.0 };
                all_rows(report, "arrived_ratio", in_);
                all_rows(report, "delivery_ratio", in_);
                let told = if plan.conditions.contains("hang") {
                    0.0
                } else {
                    5.0
                };
                all_rows(report, "refusals", |_| told);
            }
        },
        said: "Behind a proxy that answers upgrades with 403, {plain} of {lanes} lanes got through, all those \
               that are plain HTTP; behind one that cuts what was idle for 1 s, at one event in 2.5 \
               seconds, a bare WebSocket got 0 % of the events and an event stream 100 %.",
    },
    Case {
        id: "E10",
        fill: |plan, report| {
            let round_trip_us = plan.round_trip.0.as_micros() as f64;
            all_rows(report, "subscribed_us", |lane| {
                let each = crate::run::each_lane::of(&lane.lane);
                each.map_or(0.0, |each| each.round_trips_to_channel()) * round_trip_us
            });
        },
        said: "With a round trip of 200 ms, a client was in its channel after 2 of them on a \
               WebSocket, 3 on Channels, 4 on Socket.IO over a WebSocket and 6 on Socket.IO by polling.",
    },
    Case {
        id: "E11",
        fill: |plan, report| {
            all_rows(report, "mean_us", |_| 1_000.0);
            all_rows(report, "p50_us", |_| 1_000.0);
            all_rows(report, "max_us", |_| 3_000.0);
            all_rows(report, "delivery_ratio", |_| 1.0);
            if let Some(sse) = report.lanes.iter_mut().find(|lane| lane.row == "sse") {
                sse.predicted.insert("message_bytes".into(), 200.0.into());
            }
            if plan.conditions.contains("65536B") && plan.conditions.contains("ignore") {
                let late = 600_000.0;
                same(report, "sse", "mean_us", late);
                same(report, "sse", "max_us", 1_200_000.0);
            }
            if plan.conditions.contains("1024B") {
                same(report, "sse", "p50_us", 210_000.0);
            }
        },
        said: "At 9.5 events a second, through a proxy that gathers for up to 1.2 s, an event stream \
               was 600 ms late on average and a WebSocket less than 2 ms; through one that honours \
               X-Accel-Buffering: no the event stream was less than 2 ms late.",
    },
    Case {
        id: "E12",
        fill: |_, report| {
            same(report, "websocket", "p95_us", 26_000.0);
            same(report, "sse", "p95_us", 2_280_000.0);
            all_rows(report, "jitter_us", |_| 0.0);
        },
        said: "With 5 people who each send 40 updates a second, at a round trip of 50 ms, 95 of 100 \
               arrived within 26 ms on a WebSocket and within 2.28 s by POST beside an event stream.",
    },
    Case {
        id: "E13",
        fill: |plan, report| {
            let offered = plan.rate * plan.clients as f64;
            all_rows(report, "throughput_per_s", |_| offered);
            let writes = if plan.server.contains("20ms") {
                0.02
            } else {
                1.0
            };
            all_rows(report, "writes_per_publication", |_| writes);
            if plan.rate > 1_000.0 && plan.server.contains("coalesce=off") {
                same(report, "websocket", "throughput_per_s", 120_000.0);
            }
        },
        said: "At 2,000 events a second to 200 clients, long polls brought 400,000 deliveries a second, \
               WebSockets that are written one by one 120,000, and WebSockets that a busy server \
               writes in rounds 400,000.",
    },
    Case {
        id: "E14",
        fill: |plan, report| {
            all_rows(report, "delivery_ratio", |_| 1.0);
            let asked = plan.clients as f64 / plan.poll_interval.0.as_secs_f64();
            same(
                report,
                "short-poll",
                "requests_per_s",
                f64::min(asked, 9_000.0),
            );
        },
        said: "This server answered 9,000 polls a second, which is room for 230 clients that ask every \
               25 ms and 900 that ask every 100 ms; of 500 clients that were pushed to, 100 % of the \
               events arrived.",
    },
    Case {
        id: "E15",
        fill: |plan, report| {
            let size = plan.size as f64;
            let bytes = match plan.poll_for {
                PollFor::ChangedState => 420.0 + size * 0.1,
                _ => 410.0 + size,
            };
            same(report, "short-poll", "bytes_per_request", bytes);
        },
        said: "With one new state in ten polls, 304 instead of an unchanged state of 20 kB made a poll \
               cost 2,420 bytes instead of 20,400; of a state of 0.1 kB it cost 16 % fewer.",
    },
    Case {
        id: "E16",
        fill: |plan, report| {
            let beats = if plan.server.contains("250ms") {
                7.6
            } else {
                0.0
            };
            let beat = if plan.lanes == "sse" { 18.0 } else { 8.0 };
            all_rows(report, "framing_bytes", |_| 4.0 + beats * beat);
            all_rows(report, "delivery_ratio", |_| 1.0);
            all_rows(report, "failures", |_| 0.0);
            all_rows(
                report,
                "server_memory_per_client_bytes",
                |lane| match lane.row.as_str() {
                    "channels" => 16_384.0,
                    _ => 14_336.0,
                },
            );
            let each = if plan.conditions.is_empty() { 1.0 } else { 2.0 };
            all_rows(report, "connections_opened", |_| each * plan.clients as f64);
        },
        said: "An idle WebSocket cost the server 14 KiB of memory and, with a heartbeat every 0.25 s, \
               120,000 bytes an hour; without heartbeats, behind a box that cuts after 1 s of silence, \
               each client had to connect 2 times in 1.9 s.",
    },
    Case {
        id: "E17",
        fill: |plan, report| {
            all_rows(report, "delivery_ratio", |_| 1.0);
            all_rows(report, "p90_us", |_| 3_000.0);
            if plan.slow_readers > 0 {
                all_rows(report, "drops", |_| 600.0);
                all_rows(report, "slow_delivery_ratio", |_| 0.011);
            }
        },
        said: "At 200 events a second of 1,024 bytes, with one of 20 readers at 1 % of the speed, the \
               others got 100 % of the events on a WebSocket, nine of ten within 2 to 4 ms, and the slow \
               one 1 %.",
    },
    Case {
        id: "E18",
        fill: |plan, report| {
            let us = match plan.blob_on {
                BlobOn::Same => 185_000.0,
                BlobOn::Own => 1_000.0,
            };
            all_rows(report, "max_us", |_| us);
        },
        said: "At 10 Mbit/s, a chat message on a WebSocket waited up to 185 ms with 256 KiB in front of \
               it on the same connection, and up to less than 2 ms with those on a connection of their \
               own.",
    },
    Case {
        id: "E19",
        fill: |plan, report| {
            let share = match (plan.balance, plan.kill_node_at.0.is_zero()) {
                (Balance::Alternate, _) => 0.0,
                (_, true) => 0.5,
                (_, false) => 0.75,
            };
            all_rows(report, "delivery_ratio", |lane| {
                if lane.resume && !plan.kill_node_at.0.is_zero() {
                    1.0
                } else {
                    share
                }
            });
        },
        said: "At five events a second on the first of two nodes with nothing between them, 50 % of \
               the deliveries on a WebSocket were made, and 75 % when the second was killed and its \
               clients came over; by Socket.IO's polling with requests to both nodes in turn it was \
               0 %.",
    },
    Case {
        id: "E20",
        fill: |plan, report| {
            let (peak, back_us) = match plan.back_off {
                BackOff::Jitter => (60.0, 1_300_000.0),
                BackOff::Exponential => (200.0, 1_400_000.0),
                _ => (200.0, 1_020_000.0),
            };
            same(report, "websocket", "tries_peak", peak);
            same(report, "websocket", "back_95_us", back_us);
        },
        said: "After an outage of 900 ms, 200 clients with a fixed wait made up to 200 tries within \
               100 ms and 95 of 100 were back after 1.02 s; with waits that double and are part chance \
               it was 60 tries, and 1.3 s.",
    },
    Case {
        id: "E23",
        fill: |plan, report| {
            let row = plan.lanes.as_str();
            let coded = coded_bytes::per_publication(plan, &plan.rows().unwrap()[0]);
            let (cpu_us, kib) = match coded {
                None => (12.0, 24.0),
                Some(_) => (24.0, 300.0),
            };
            let bytes = coded.unwrap_or(250.0);
            same(report, row, "bytes_per_publication", bytes);
            same(report, row, "server_cpu_us_per_delivery", cpu_us);
            same(report, row, "server_memory_per_client_bytes", kib * 1_024.0);
            same(report, row, "delivery_ratio", 1.0);
            same(report, row, "p50_us", 500.0);
        },
        said: "On an event stream a chat message took 250 bytes as it is, 62 by gzip, 75.9 by brotli and \
               68.7 by zstd, each flushed at once, and a WebSocket 250, each message deflated 158, in context 50.9; of a \
               model's tokens zstd left 18 %; gzip took the server 24 µs a delivery instead of 12, and 300 KiB a stream instead of 24.",
    },
    Case {
        id: "E24",
        fill: |plan, report| match plan.may_be_refused {
            0 => {
                same(report, "channels", "quota_s", 10.0);
                same(report, "channels", "duplicates", 0.0);
            }
            _ => {
                same(report, "channels", "subscribed", 100.0);
                report.lanes[0].remarks.push("1 refused with 4004".into());
            }
        },
        said: "At 200 events a second to 100 clients, 200,000 messages were used up in 10 s, so that \
               one event in 43 seconds lasts all day; of 101 clients 100 got in.",
    },
];

fn on(case: &Case, change: impl Fn(&mut Report)) -> CarriedOut {
    let experiment = find(case.id).unwrap();
    carried(experiment, |plan, report| {
        (case.fill)(plan, report);
        change(report);
    })
}

#[test]
fn every_experiment_says_what_came_out_with_load_and_setting() {
    assert_eq!(CASES.len(), ALL.len());
    for case in CASES {
        let done = on(case, |_| {});
        assert_eq!(done.verdict, Verdict::AsPredicted, "{} {done}", case.id);
        // Of a sentence that counts lanes, which a new one changes.
        let plain = LANES.iter().filter(|lane| !lane.upgrades).count();
        let said = case.said.replace("{plain}", &plain.to_string());
        let said = said.replace("{lanes}", &LANES.len().to_string());
        assert_eq!(done.answer, said, "{}", case.id);
    }
}

/// What is measured is not what is predicted: the sentence has the measured, and says so.
#[test]
fn what_came_out_otherwise_is_told_in_one_short_clause() {
    for case in CASES {
        let done = on(case, |report| {
            for lane in &mut report.lanes {
                for predicted in lane.predicted.values_mut() {
                    *predicted = (predicted.form() * 5.0 + 40_000_000.0).into();
                }
            }
        });
        // Some compare with arithmetic of their own, which is not changed here.
        if done.verdict == Verdict::Otherwise {
            let said = " came out otherwise than predicted.";
            assert!(done.answer.ends_with(said), "{} {}", case.id, done.answer);
            assert_eq!(done.answer.matches(". ").count(), 0, "{}", done.answer);
        }
    }
    let case = CASES.iter().find(|case| case.id == "E7").unwrap();
    let done = on(case, |report| {
        put(report, "channels", "delivery_ratio", (0.5, 0.867))
    });
    // As many as there are lanes, with resume and without.
    let all = done.tally().all();
    assert!(all > 20, "{all}");
    assert_eq!(
        done.answer,
        format!(
            "At ten events a second, everybody away for 400 ms in every 3 s, a WebSocket got 87 % of the \
             events without resume and 100 % with it, and Channels, whose protocol has none, 50 %; \
             one of {all} figures came out otherwise than predicted."
        )
    );
}

#[test]
fn what_is_withheld_cannot_be_told_and_why() {
    const WHY: &str = "the generator was 40 ms late, against 3 ms";
    for case in CASES {
        let done = on(case, |report| {
            let rows: Vec<(String, Vec<String>)> = report
                .lanes
                .iter()
                .map(|lane| (lane.row.clone(), lane.measured.keys().cloned().collect()))
                .collect();
            for (row, names) in rows {
                for name in names {
                    withhold(report, &row, &name, WHY);
                }
            }
        });
        assert_eq!(done.verdict, Verdict::NotValid, "{}", case.id);
        assert!(
            done.answer.starts_with("Cannot be told here, because "),
            "{}",
            done.answer
        );
    }
    let case = CASES.iter().find(|case| case.id == "E18").unwrap();
    let done = on(case, |report| withhold(report, "sse", "max_us", WHY));
    assert!(
        done.answer
            .ends_with("on a connection of their own; 2 of 4 figures cannot be told here."),
        "{}",
        done.answer
    );
}

#[test]
fn a_bound_is_told_as_one_and_a_stopped_experiment_as_stopped() {
    let case = CASES.iter().find(|case| case.id == "E18").unwrap();
    let done = on(case, |report| {
        let below = crate::run::figures::Figure::Below {
            below: 190_000.0,
            error: None,
        };
        for lane in &mut report.lanes {
            lane.measured.insert("max_us".into(), below.clone());
        }
    });
    assert!(
        done.answer.contains("waited up to less than 190 ms"),
        "{}",
        done.answer
    );
    let done = on(case, |report| report.partial = true);
    assert_eq!(
        done.answer,
        "Cannot be told here, because it was stopped before its end."
    );
    // Whatever else keeps it from a verdict.
    let case = CASES.iter().find(|case| case.id == "E10").unwrap();
    let done = on(case, |report| {
        report.partial = true;
        let lane = report.lanes.last_mut().expect("lanes");
        lane.measured.remove("subscribed_us");
    });
    assert!(
        done.answer
            .contains("cannot be told here, and it was stopped before its end."),
        "{}",
        done.answer
    );
}

#[test]
fn every_guess_is_answered_by_theory_and_measurement() {
    for case in CASES {
        let done = on(case, |_| {});
        let experiment = find(case.id).unwrap();
        let found = experiment.guess.found(&done);
        let measured = found.measured.unwrap_or_else(|| panic!("{}", case.id));
        match experiment.guess.kind {
            GuessKind::Choice(choices) => assert!((measured as usize) < choices.len()),
            GuessKind::Number { unit, scale } => assert!(!unit.is_empty() && scale > 0.0),
        }
        // How fast a machine is, no theory says.
        assert_eq!(found.theory.is_none(), case.id == "E14", "{}", case.id);
    }
}
