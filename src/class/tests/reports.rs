//! What phones report of themselves, and what of it counts.

use super::*;

#[test]
fn a_frozen_class_takes_reports_alone() {
    let (mut class, ids) = with_phones(1);
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    class.go(To::Next, 0).unwrap();
    let freeze = |frozen: bool| Tools {
        frozen: Some(frozen),
        ..Tools::default()
    };
    class.tools(freeze(true), 0).unwrap();
    let number = Guess::Number(1.0);
    assert_eq!(
        class.guess(ids[0], 2, number.clone()),
        Err(ClassError::Frozen)
    );
    assert_eq!(class.rename(ids[0], "Ada"), Err(ClassError::Frozen));
    assert_eq!(class.answer(ids[0], 6, 1), Err(ClassError::Frozen));
    class.report(ids[0], Report::default(), 0).unwrap();
    class.tools(freeze(false), 0).unwrap();
    class.guess(ids[0], 2, number).unwrap();
}

#[test]
fn a_phone_is_open_asleep_and_gone() {
    let (mut class, ids) = with_phones(1);
    let state = |class: &Class, at| class.participant(ids[0]).unwrap().state(at);
    assert_eq!(state(&class, 0), GridState::Open);
    assert_eq!(
        state(&class, GONE_AFTER_US),
        GridState::Gone,
        "it never listened"
    );
    class.stream_opened(ids[0], 0).unwrap();
    assert_eq!(state(&class, 100 * SECOND), GridState::Open);
    let before = class.revision();
    class.report(ids[0], Report::default(), SECOND).unwrap();
    assert_eq!(state(&class, SECOND), GridState::Asleep);
    assert_eq!(
        class.revision(),
        before,
        "others' pages need not hear of it"
    );
    class.stream_closed(ids[0], 20 * SECOND);
    assert_eq!(state(&class, 29 * SECOND), GridState::Asleep);
    assert_eq!(state(&class, 30 * SECOND), GridState::Gone);
    class.stream_opened(ids[0], 31 * SECOND).unwrap();
    assert_eq!(state(&class, 31 * SECOND), GridState::Open);
    let odd = Report {
        visible: true,
        lane: Some("x".repeat(1_000)),
        delay_ms: Some(f64::NAN),
        ..Report::default()
    };
    class.report(ids[0], odd, 0).unwrap();
    let entry = &class.state(Whom::Wall, 0).grid.unwrap()[0];
    assert_eq!((&entry.lane, entry.delay_ms), (&None, None));
    // Of a class that is ten seconds old.
    for (delay_ms, shown) in [(-1.0, None), (12_600.0, Some(12_600.0)), (12_601.0, None)] {
        let report = Report {
            visible: true,
            delay_ms: Some(delay_ms),
            ..Report::default()
        };
        class.report(ids[0], report, 10 * SECOND).unwrap();
        let entry = &class.state(Whom::Wall, 0).grid.unwrap()[0];
        assert_eq!(entry.delay_ms, shown, "{delay_ms}");
    }
}

#[test]
fn what_was_measured_in_an_earlier_run_or_setting_is_not_shown_for_this_one() {
    let (mut class, ids) = with_phones(2);
    class.stream_opened(ids[0], 0).unwrap();
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let at = |class: &Class, kind: &str| {
        let lesson = class.lesson().unwrap();
        (lesson.steps.iter())
            .position(|step| step.kind.name() == kind)
            .unwrap()
    };
    class.go(To::Step(at(&class, "set")), 0).unwrap();
    let set = class.state(Whom::Wall, 0).set;
    let say = |class: &mut Class, set: u64, run: Option<u64>| {
        let late = participant::Late {
            mean: 40.0,
            max: 50.0,
            ..participant::Late::default()
        };
        let report = Report {
            visible: true,
            state: participant::LineState::Open,
            lane: Some("short-poll".to_owned()),
            delay_ms: Some(40.0),
            seen: Some(participant::Seen {
                received: 7,
                ..participant::Seen::default()
            }),
            delays: Some(participant::Delays {
                received: Some(late),
                ..participant::Delays::default()
            }),
            set,
            run,
            can: None,
        };
        class.report(ids[0], report, 10 * SECOND).unwrap();
    };
    let shown = |class: &Class| {
        let entry = class.state(Whom::Wall, 0).grid.unwrap().remove(0);
        let has_lane = entry.lane.is_some();
        (
            has_lane,
            entry.delay_ms,
            entry.seen.map(|seen| seen.received),
        )
    };
    say(&mut class, set, None);
    assert_eq!(shown(&class), (true, Some(40.0), Some(7)));
    say(&mut class, set - 1, None);
    assert_eq!(shown(&class), (false, None, None), "of the setting before");

    class.go(To::Step(at(&class, "run")), 0).unwrap();
    say(&mut class, set, None);
    let view = class.run_here().unwrap();
    let first = class.begin_run(view, SECOND).unwrap().number;
    assert_eq!(shown(&class), (true, None, None), "it begins with nothing");
    say(&mut class, set, None);
    assert_eq!(shown(&class), (true, None, None), "of the time before");
    say(&mut class, set, Some(first));
    assert_eq!(shown(&class), (true, Some(40.0), Some(7)));
    assert_eq!(class.delays(first, 10 * SECOND).len(), 1);
    let mut without_stream = class.clone();
    without_stream.stream_closed(ids[0], 10 * SECOND);
    let counts = without_stream.counts(10 * SECOND);
    assert_eq!(
        counts.open,
        class.counts(10 * SECOND).open,
        "for a moment it is here"
    );
    assert!(without_stream.delays(first, 10 * SECOND).is_empty());
    class.end_run(Outcome::default(), 11 * SECOND);
    assert_eq!(shown(&class), (true, Some(40.0), Some(7)), "it stays");

    class.go(To::Again, 12 * SECOND).unwrap();
    assert_eq!(shown(&class), (true, None, None), "another run is to come");
    let view = class.run_here().unwrap();
    let second = class.begin_run(view, 12 * SECOND).unwrap().number;
    say(&mut class, set, Some(first));
    assert_eq!(shown(&class), (true, None, None), "of the first run");
    assert!(class.delays(second, 10 * SECOND).is_empty());
    class.end_run(Outcome::default(), 13 * SECOND);

    // The same lesson again: the same groups are set up anew.
    let again = class.lesson().cloned();
    class.give_lesson(again, 14 * SECOND).unwrap();
    class.go(To::Step(at(&class, "set")), 14 * SECOND).unwrap();
    assert!(class.state(Whom::Wall, 0).set > set);
}

#[test]
fn a_phone_s_delays_are_no_longer_than_its_run_is_old() {
    let (mut class, ids) = with_phones(1);
    class.stream_opened(ids[0], 0).unwrap();
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let steps = &class.lesson().unwrap().steps;
    let run = steps
        .iter()
        .position(|step| step.kind.name() == "run")
        .unwrap();
    class.go(To::Step(run), 0).unwrap();
    let view = class.run_here().unwrap();
    let number = class.begin_run(view, 100 * SECOND).unwrap().number;
    let set = class.state(Whom::Wall, 0).set;
    for (max, bound_ms, is_taken) in [
        (12_600.0, 0.0, true),
        (12_601.0, 0.0, false),
        (f64::NAN, 0.0, false),
        (-1.0, 0.0, false),
        (5.0, 2_600.0, true),
        (5.0, 2_601.0, false),
        (5.0, f64::NAN, false),
    ] {
        let late = participant::Late {
            max,
            ..participant::Late::default()
        };
        let report = Report {
            visible: true,
            delays: Some(participant::Delays {
                bound_ms,
                received: Some(late),
                painted: None,
            }),
            set,
            run: Some(number),
            ..Report::default()
        };
        class.report(ids[0], report, 110 * SECOND).unwrap();
        let taken = class.delays(number, 110 * SECOND);
        assert_eq!(!taken.is_empty(), is_taken, "{max} {bound_ms}");
    }
}

#[test]
fn what_phones_received_stands_beside_what_was_published_and_stays_when_the_run_is_over() {
    let (mut class, ids) = with_phones(3);
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let steps = &class.lesson().unwrap().steps;
    let run = (steps.iter())
        .position(|step| step.kind.name() == "run")
        .unwrap();
    class.go(To::Step(run), 0).unwrap();
    for id in &ids {
        class.stream_opened(*id, 0).unwrap();
    }
    let set = class.state(Whom::Wall, 0).set;
    assert_eq!(
        class.arrivals(0),
        (0, 3),
        "nobody has said that it is connected"
    );
    let view = class.run_here().unwrap();
    let number = class.begin_run(view, 0).unwrap().number;
    // Two on short polls, one on an event stream.
    for (id, (lane, received)) in
        ids.iter()
            .zip([("short-poll", 40), ("short-poll", 3), ("sse", 48)])
    {
        let seen = participant::Seen {
            received,
            ..participant::Seen::default()
        };
        let report = Report {
            visible: true,
            state: participant::LineState::Open,
            lane: Some(lane.to_owned()),
            seen: Some(seen),
            set,
            run: Some(number),
            ..Report::default()
        };
        class.report(*id, report, SECOND).unwrap();
    }
    assert_eq!(class.arrivals(SECOND), (3, 3));
    let have = |lane, counter, least| class.have_counted((lane, counter), least, number, SECOND);
    assert_eq!(have("short-poll", "delivered", 40.0), Some((1, 2)));
    assert_eq!(have("sse", "delivered", 48.0), Some((1, 1)));
    assert_eq!(have("websocket", "delivered", 1.0), Some((0, 0)));
    assert_eq!(have("sse", "bytes", 1.0), None, "no phone counts bytes");

    class.note_published(number, 48);
    let wall = class.state(Whom::Wall, SECOND);
    assert_eq!(wall.published, Some(48));
    let received = wall
        .grid
        .unwrap()
        .into_iter()
        .map(|one| one.seen.unwrap().received);
    assert_eq!(received.collect::<Vec<_>>(), [40, 3, 48]);
    assert_eq!(class.state(Whom::Phone(ids[0]), SECOND).published, None);
    class.end_run(Outcome::default(), 2 * SECOND);
    let own = class.state(Whom::Phone(ids[0]), 2 * SECOND);
    assert_eq!(
        own.lesson.unwrap().run.as_ref().unwrap().published,
        Some(48)
    );
}

#[test]
fn a_clock_that_is_set_sends_no_phone_away_and_keeps_none() {
    let (mut class, ids) = with_phones(1);
    let now = |of_day_us: u64, running_us: u64| Now {
        of_day_us,
        running_us,
    };
    class.stream_opened(ids[0], now(100 * SECOND, 0)).unwrap();
    class.stream_closed(ids[0], now(101 * SECOND, SECOND));
    let counts = |class: &Class, now: Now| class.state(Whom::Wall, now).here;
    // An hour on, and an hour back, within a second.
    assert_eq!(counts(&class, now(3_700 * SECOND, 2 * SECOND)), 1);
    assert_eq!(counts(&class, now(SECOND, 3 * SECOND)), 1);
    class.remove_gone(3 * SECOND);
    assert!(class.participant(ids[0]).is_some());
    // Ten seconds without a stream are ten seconds, whatever the time is.
    assert_eq!(counts(&class, now(SECOND, SECOND + GONE_AFTER_US)), 0);
    let record = class.record();
    assert_eq!(record.participants[0].last_seen_us, 101 * SECOND);
}

#[test]
fn a_page_that_is_loaded_again_in_a_run_goes_on_counting() {
    let (mut class, ids) = with_phones(1);
    class.stream_opened(ids[0], 0).unwrap();
    class.give_lesson(Some(lesson(NUMBER)), 0).unwrap();
    let steps = &class.lesson().unwrap().steps;
    let run = steps.iter().position(|step| step.kind.name() == "run");
    class.go(To::Step(run.unwrap()), 0).unwrap();
    let view = class.run_here().unwrap();
    let run = class.begin_run(view, 0).unwrap().number;
    let set = class.state(Whom::Wall, 0).set;
    let mut say = |run: u64, requests: u64, received: u64| {
        let report = Report {
            visible: true,
            set,
            run: Some(run),
            seen: Some(participant::Seen {
                requests,
                empty: requests - received,
                received,
            }),
            ..Report::default()
        };
        class.report(ids[0], report, SECOND).unwrap();
        let seen = class.state(Whom::Wall, SECOND).grid.unwrap()[0].seen;
        seen.map(|seen| (seen.requests, seen.empty, seen.received))
    };
    assert_eq!(say(run, 20, 3), Some((20, 17, 3)));
    assert_eq!(say(run, 24, 3), Some((24, 21, 3)));
    assert_eq!(say(0, 0, 0), None, "it does not know of the run yet");
    assert_eq!(say(run, 0, 0), Some((24, 21, 3)), "it was loaded again");
    assert_eq!(say(run, 6, 2), Some((30, 25, 5)));
    assert_eq!(say(run, 1, 0), Some((31, 26, 5)), "and once more");
}
