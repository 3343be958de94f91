//! The machine, event by event, with the actions as short words.

use super::{super::unit::Part, *};
use crate::{
    codec::{engine::Data, envelope},
    hub::{
        Batch, Format,
        queue::contract::{self, Suspect},
    },
    wire::Layers,
};

const MS: u64 = 1_000;

fn settings() -> EngineSettings {
    EngineSettings {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        upgrade_timeout: Duration::from_secs(10),
        max_payload: 1_000_000,
        queue_max_bytes: 100,
    }
}

fn polling() -> Session {
    Session::new(settings(), false, 0)
}

/// Actions as short words.
fn words(actions: Vec<Action>) -> String {
    let words: Vec<String> = actions
        .into_iter()
        .map(|action| match action {
            Action::Answer(payload) => {
                assert_eq!(payload.layers.total(), payload.body.len() as u64);
                format!("get:{}", String::from_utf8(payload.body).unwrap())
            }
            Action::Message(Data::Text(text)) => format!("message:{text}"),
            Action::Message(Data::Binary(bytes)) => format!("message:{bytes:?}"),
            Action::Send(unit, _) => format!("send:{}", unit.parts().len()),
            Action::AnswerProbe => "3probe".into(),
            Action::Dropped(publications) => format!("dropped:{publications}"),
            Action::DropProbe => "drop-probe".into(),
            Action::Upgraded => "upgraded".into(),
            Action::CloseSocket => "close-socket".into(),
            Action::Closed(reason) => reason.as_str().into(),
            Action::Forget => "forget".into(),
        })
        .collect();
    words.join(" | ")
}

fn act(act: impl FnOnce(&mut Vec<Action>)) -> String {
    let mut out = Vec::new();
    act(&mut out);
    words(out)
}

fn poll(session: &mut Session, now: u64) -> (Result<(), Refused>, String) {
    let mut out = Vec::new();
    let result = session.poll(now, &mut out);
    (result, words(out))
}

fn queue(session: &mut Session, text: &'static str) {
    session.send(&Unit::text(text), Kind::Message, &mut Vec::new());
}

#[test]
fn a_poll_waits_and_takes_all_that_is_there() {
    let mut session = polling();
    assert_eq!(poll(&mut session, 0), (Ok(()), String::new()));
    queue(&mut session, "4a");
    queue(&mut session, "4b");
    assert_eq!(act(|out| session.flush(out)), "get:4a\x1e4b");
    queue(&mut session, "4c");
    assert_eq!(poll(&mut session, 0).1, "get:4c");
}

#[test]
fn an_answer_has_at_most_16_packets_and_keeps_units_together() {
    let mut session = Session::new(
        EngineSettings {
            queue_max_bytes: 1 << 20,
            ..settings()
        },
        false,
        0,
    );
    (0..15).for_each(|_| queue(&mut session, "4x"));
    let pair = vec![Part::Text("45".into()), Part::Binary("1".into())];
    session.send(&Unit::new(pair, 0), Kind::Message, &mut Vec::new());
    let many = vec![Part::Text("4y".into()); 20];
    session.send(&Unit::new(many, 0), Kind::Message, &mut Vec::new());
    let sizes: Vec<usize> = (0..4)
        .map(|_| poll(&mut session, 0).1.split('\x1e').count())
        .collect();
    assert_eq!(sizes, [15, 2, 16, 4]);
}

#[test]
fn the_heartbeat_counts_from_the_handshake() {
    let mut session = polling();
    let _ = poll(&mut session, 0);
    assert_eq!(session.deadline(), Some(300 * MS));
    assert_eq!(act(|out| session.tick(299 * MS, out)), "");
    assert_eq!(act(|out| session.tick(310 * MS, out)), "get:2");
    assert_eq!(session.deadline(), Some(500 * MS), "not 510");
    act(|out| session.packet(400 * MS, Packet::Pong, out));
    assert_eq!(session.deadline(), Some(700 * MS));
    act(|out| session.packet(450 * MS, Packet::Pong, out));
    assert_eq!(session.deadline(), Some(700 * MS), "an unexpected pong");
    act(|out| session.tick(700 * MS, out));
    assert!(!session.is_overdue(899 * MS));
    let ended = act(|out| session.end_if_overdue(900 * MS, out));
    assert_eq!(ended, "ping timeout | forget");
    assert_eq!(poll(&mut session, 901 * MS).0, Err(Refused::UnknownSession));
}

#[test]
fn a_late_timer_does_not_keep_a_dead_session() {
    let mut session = polling();
    act(|out| session.tick(310 * MS, out));
    let (refused, actions) = poll(&mut session, 500 * MS);
    assert_eq!(refused, Err(Refused::UnknownSession));
    assert_eq!(actions, "ping timeout | forget");
}

#[test]
fn a_thread_that_was_held_up_reads_before_it_judges() {
    // The pong was on its way in time; the thread looks after the deadline only.
    let mut session = polling();
    act(|out| session.tick(300 * MS, out));
    assert_eq!(act(|out| session.tick(600 * MS, out)), "");
    assert!(session.is_overdue(600 * MS));
    act(|out| session.packet(601 * MS, Packet::Pong, out));
    assert_eq!(act(|out| session.end_if_overdue(601 * MS, out)), "");
    assert!(session.is_open());
    // It did not even send the ping in time: the client has half of its time.
    let mut session = polling();
    let _ = poll(&mut session, 0);
    assert_eq!(act(|out| session.tick(800 * MS, out)), "get:2");
    assert_eq!(session.deadline(), Some(900 * MS));
    assert!(!session.is_overdue(899 * MS) && session.is_overdue(900 * MS));
}

#[test]
fn a_second_poll_ends_the_session() {
    let mut session = polling();
    let _ = poll(&mut session, 0);
    let (refused, actions) = poll(&mut session, 0);
    assert_eq!(refused, Err(Refused::Overlap));
    assert_eq!(actions, "get:1 | transport error | forget");
}

#[test]
fn the_client_closes_with_a_poll_held_or_on_its_way() {
    let mut session = polling();
    let _ = poll(&mut session, 0);
    let closed = act(|out| session.packet(0, Packet::Close, out));
    assert_eq!(closed, "get:6 | transport close | forget");
    let mut session = polling();
    let closed = act(|out| session.packet(0, Packet::Close, out));
    assert_eq!(closed, "transport close");
    assert_eq!(session.may_post(), Err(Refused::UnknownSession));
    assert_eq!(poll(&mut session, 0).1, "get:6 | forget");
    assert_eq!(poll(&mut session, 0).0, Err(Refused::UnknownSession));
}

#[test]
fn the_server_closes_in_three_ways() {
    let close = |session: &mut Session| act(|out| session.close(0, Reason::ForcedClose, out));
    let mut session = polling();
    let _ = poll(&mut session, 0);
    assert_eq!(close(&mut session), "get:1 | forced close | forget");
    let mut session = polling();
    let _ = poll(&mut session, 0);
    queue(&mut session, "41");
    assert_eq!(close(&mut session), "get:41 | forced close");
    assert_eq!(poll(&mut session, 0).1, "get:6\x1e1 | forget");
    let mut session = polling();
    assert_eq!(close(&mut session), "forced close");
    assert_eq!(act(|out| session.tick(CLOSING_US, out)), "forget");
}

#[test]
fn an_upgrade_moves_what_waits() {
    let mut session = polling();
    let _ = poll(&mut session, 0);
    assert!(session.probe_opens(0));
    assert!(!session.probe_opens(0), "one at a time");
    let probe = || Some(Packet::Ping("probe".into()));
    let probed = act(|out| session.probe_packet(probe(), out));
    assert_eq!(probed, "3probe | get:6");
    assert_eq!(act(|out| session.probe_packet(probe(), out)), "3probe");
    // A poll in this phase is released after 100 ms.
    assert_eq!(poll(&mut session, 0).1, "");
    assert_eq!(session.deadline(), Some(100 * MS));
    assert_eq!(act(|out| session.tick(100 * MS, out)), "get:6");
    queue(&mut session, "4a");
    queue(&mut session, "4b");
    let upgraded = act(|out| session.probe_packet(Some(Packet::Upgrade), out));
    assert_eq!(upgraded, "upgraded | send:1 | send:1");
    assert_eq!(poll(&mut session, 0).0, Err(Refused::BadRequest));
    assert_eq!(session.may_post(), Err(Refused::BadRequest));
    assert!(!session.probe_opens(0));
    let closed = act(|out| session.packet(0, Packet::Close, out));
    assert_eq!(closed, "close-socket | transport close | forget");
}

#[test]
fn a_failed_upgrade_leaves_polling_alive() {
    for packet in [
        None,
        Some(Packet::Ping("x".into())),
        Some(Packet::Message(Data::Text("x".into()))),
    ] {
        let mut session = polling();
        session.probe_opens(0);
        let dropped = act(|out| session.probe_packet(packet, out));
        assert_eq!(dropped, "drop-probe");
        queue(&mut session, "4a");
        assert_eq!(poll(&mut session, 0).1, "get:4a");
        assert!(session.probe_opens(0), "and another may try");
    }
    let mut patient = Session::new(
        EngineSettings {
            upgrade_timeout: Duration::from_millis(10),
            ..settings()
        },
        false,
        0,
    );
    patient.probe_opens(0);
    assert_eq!(act(|out| patient.tick(10 * MS, out)), "drop-probe");
    assert!(patient.is_open());
}

#[test]
fn a_ping_from_the_client_ends_it_and_other_packets_do_not() {
    let mut session = polling();
    for packet in [Packet::Open, Packet::Upgrade, Packet::Noop, Packet::Pong] {
        assert_eq!(act(|out| session.packet(0, packet, out)), "");
    }
    let ping = Packet::Ping(String::new());
    let ended = act(|out| session.packet(0, ping, out));
    assert_eq!(ended, "transport error | forget");
}

#[derive(Default)]
struct Unread {
    session: Option<Session>,
    dropped: usize,
}

impl Unread {
    fn send(&mut self, unit: &Arc<Unit>, kind: Kind) {
        if let Some(session) = &mut self.session {
            session.send(unit, kind, &mut Vec::new());
        }
    }
}

static PACKET: Format = Format {
    form: crate::catalogue::WireFormat::PlainFrame,
    encode: envelope::encode_publication,
};

impl Suspect for Unread {
    fn deliver(&mut self, batch: &Batch) {
        let delivery = batch.whole();
        for (packet, layers) in delivery.each(&PACKET) {
            let unit = Unit::publication(packet.clone(), *layers, None);
            self.send(&unit, Kind::of(delivery));
        }
    }
    fn acknowledge(&mut self, bytes: usize) {
        self.send(&Unit::text("x".repeat(bytes)), Kind::Message);
    }
    fn read_all(&mut self) {
        let session = self.session.as_mut().expect("open");
        while !session.is_drained() {
            session.poll(0, &mut Vec::new()).expect("a poll is taken");
        }
    }
    fn is_slow_consumer(&mut self) -> bool {
        let Some(session) = &mut self.session else {
            return true;
        };
        let is_too_slow = session.is_too_slow();
        if is_too_slow {
            let mut out = Vec::new();
            session.fail(Reason::SlowConsumer, &mut out);
            self.dropped = out
                .iter()
                .map(|action| match action {
                    Action::Dropped(publications) => *publications,
                    _ => 0,
                })
                .sum();
            self.session = None;
        }
        is_too_slow
    }
    fn dropped(&mut self) -> usize {
        self.dropped
    }
}

#[test]
fn the_budget_is_that_of_all_transports() {
    contract::run(|| Unread {
        session: Some(Session::new(
            EngineSettings {
                queue_max_bytes: contract::MAX_BYTES,
                ..settings()
            },
            false,
            0,
        )),
        dropped: 0,
    });
}

#[test]
fn a_ping_is_sent_however_much_waits() {
    let mut session = polling();
    let fit = session.settings.queue_max_bytes / ("4x".len() + Queue::<Pending>::PLACE_BYTES);
    (0..fit).for_each(|_| queue(&mut session, "4x"));
    act(|out| session.tick(300 * MS, out));
    assert!(!session.is_too_slow());
    queue(&mut session, "4x");
    assert!(session.is_too_slow());
}

#[test]
fn a_page_is_still_one_after_the_upgrade() {
    let mut session = polling();
    session.send(&Unit::text("4page"), Kind::Page, &mut Vec::new());
    queue(&mut session, "4x");
    session.probe_opens(0);
    let mut out = Vec::new();
    session.probe_packet(Some(Packet::Upgrade), &mut out);
    let kinds: Vec<_> = out
        .iter()
        .filter_map(|action| match action {
            Action::Send(_, kind) => Some(*kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [Kind::Page, Kind::Message]);
}

#[test]
fn publications_that_nobody_will_get_are_counted() {
    let mut session = polling();
    for live_since in [Some(3), None] {
        let unit = Unit::publication(
            "4x".into(),
            Layers {
                payload: 1,
                ..Layers::default()
            },
            live_since,
        );
        session.send(&unit, Kind::Message, &mut Vec::new());
    }
    let ended = act(|out| session.fail(Reason::SlowConsumer, out));
    assert_eq!(ended, "dropped:2 | slow consumer | forget");
}
