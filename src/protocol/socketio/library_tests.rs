//! The library as those use it who write handlers: its clients are sessions on polling without a
//! socket, so that nothing but the library is between a test and what it asserts.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::sync::oneshot;

use super::{
    client,
    engine::{EngineSettings, Reason},
    io::{Denied, Io, IoSettings, Namespaces},
    link::{Link, Request},
    socket::{NoAck, Socket},
};
use crate::codec::socketio::Args;

const PATIENCE: Duration = Duration::from_secs(5);
/// Of acknowledgements that do not come.
const SOON: Duration = Duration::from_millis(20);

fn settings() -> EngineSettings {
    EngineSettings {
        ping_interval: Duration::from_secs(60),
        ping_timeout: Duration::from_secs(60),
        upgrade_timeout: Duration::from_secs(10),
        max_payload: 1_000_000,
        queue_max_bytes: 1 << 20,
    }
}

fn serve(namespaces: Namespaces) -> Io {
    client::serve(IoSettings::default(), settings(), namespaces)
}

/// A server whose main namespace takes everybody in and keeps them in `joined`.
fn plain() -> (Io, Joined) {
    let mut namespaces = Namespaces::default();
    namespaces.of("/").on_connect(|socket| {
        JOINED.with_borrow_mut(|joined| joined.push(socket.clone()));
    });
    JOINED.take();
    (serve(namespaces), Joined)
}

thread_local! {
    static JOINED: RefCell<Vec<Rc<Socket>>> = RefCell::default();
}

/// The sockets of [`plain`] in the order in which they came.
struct Joined;

impl Joined {
    fn last(&self) -> Rc<Socket> {
        JOINED.with_borrow(|joined| joined.last().expect("somebody has joined").clone())
    }
}

fn request() -> Request {
    Request {
        query: String::new(),
        binary_as_text: false,
        address: None,
        peer: None,
        may_upgrade: true,
        labels: None,
        meters: Arc::default(),
    }
}

/// A client that polls when it is asked to.
struct Client {
    link: Rc<Link>,
    polls: Cell<u64>,
    packets: RefCell<VecDeque<String>>,
}

impl Client {
    fn new(io: &Io) -> Self {
        Self {
            link: Link::open(io.engine(), request(), None),
            polls: Cell::new(0),
            packets: RefCell::default(),
        }
    }

    /// One that has joined the main namespace.
    async fn joined(io: &Io) -> Self {
        let client = Self::new(io);
        client.send("40");
        let answer = client.next().await;
        assert!(answer.starts_with(r#"40{"sid":"#), "{answer}");
        client
    }

    fn send(&self, packet: &str) {
        let _ = self.link.post(packet.as_bytes());
    }

    /// Begins a poll; its answer is the receiver's.
    fn hold(&self) -> oneshot::Receiver<super::link::PollAnswer> {
        let (to_us, answer) = oneshot::channel();
        self.polls.set(self.polls.get() + 1);
        self.link.poll(self.polls.get(), to_us);
        answer
    }

    async fn next(&self) -> String {
        loop {
            if let Some(packet) = self.packets.borrow_mut().pop_front() {
                return packet;
            }
            let answer = tokio::time::timeout(PATIENCE, self.hold()).await;
            let payload = answer.expect("an answer in time").unwrap().unwrap();
            let body = String::from_utf8(payload.body).unwrap();
            let packets = body.split('\u{1e}').map(str::to_owned);
            self.packets.borrow_mut().extend(packets);
        }
    }

    /// What comes up to an event `end`, which is sent to everybody.
    async fn all(&self) -> String {
        let mut all = Vec::new();
        loop {
            match self.next().await.as_str() {
                r#"42["end"]"# => return all.join(" "),
                packet => all.push(packet.trim_start_matches("42").to_owned()),
            }
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(async {
        let local = tokio::task::LocalSet::new();
        local.run_until(test).await;
    });
}

#[test]
fn a_pattern_makes_namespaces_and_a_fixed_name_wins() {
    run(async {
        let mut namespaces = Namespaces::default();
        namespaces
            .matching(|name| {
                name.strip_prefix("/room-")
                    .is_some_and(|n| n.parse::<u8>().is_ok())
            })
            .on_connect(|socket| socket.emit("by-pattern", json!(&*socket.namespace)));
        namespaces
            .of("/room-7")
            .on_connect(|socket| socket.emit("fixed", Args::new()));
        let io = serve(namespaces);
        let client = Client::new(&io);
        for (name, hello) in [
            ("/room-1", r#"["by-pattern","/room-1"]"#),
            ("/room-2", r#"["by-pattern","/room-2"]"#),
            ("/room-7", r#"["fixed"]"#),
        ] {
            client.send(&format!("40{name},"));
            assert!(client.next().await.starts_with(&format!("40{name},{{")));
            assert_eq!(client.next().await, format!("42{name},{hello}"));
        }
        for unknown in ["/room-x", "/room-256", "/"] {
            client.send(&format!("40{unknown},"));
            let refused = client.next().await;
            assert!(
                refused.ends_with(r#"{"message":"Invalid namespace"}"#),
                "{refused}"
            );
        }
        // What is sent in one is not heard in another that the same pattern made.
        io.of("/room-2").emit("for-two", Args::new());
        assert_eq!(client.next().await, r#"42/room-2,["for-two"]"#);
    });
}

#[test]
fn middleware_runs_in_order_up_to_a_refusal_with_its_data() {
    run(async {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut namespaces = Namespaces::default();
        for (name, word) in [("first", "a"), ("second", "b"), ("third", "c")] {
            let asked = asked.clone();
            namespaces.of("/").middleware(move |candidate| {
                asked.lock().unwrap().push(name);
                if candidate.auth.get().contains(word) {
                    return Ok(());
                }
                Err(Denied {
                    message: format!("{name} says no"),
                    data: Some(json!({"wants": word})),
                })
            });
        }
        let io = serve(namespaces);
        let client = Client::new(&io);
        for (auth, answer, who) in [
            (
                "{}",
                r#"44{"message":"first says no","data":{"wants":"a"}}"#,
                vec!["first"],
            ),
            (
                r#"{"x":"a"}"#,
                r#"44{"message":"second says no","data":{"wants":"b"}}"#,
                vec!["first", "second"],
            ),
            (
                r#"{"x":"abc"}"#,
                r#"40{"sid":"#,
                vec!["first", "second", "third"],
            ),
        ] {
            client.send(&format!("40{auth}"));
            let got = client.next().await;
            assert!(got.starts_with(answer), "{got}");
            assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), who);
        }
    });
}

#[test]
fn selections_reach_whom_they_name_and_each_once() {
    run(async {
        let (io, joined) = plain();
        let ann = Client::joined(&io).await;
        let of_ann = joined.last();
        of_ann.join("a");
        let bob = Client::joined(&io).await;
        let of_bob = joined.last();
        of_bob.join("a");
        of_bob.join("b");
        let eve = Client::joined(&io).await;
        let of_eve = joined.last();
        of_eve.join("b");
        of_eve.join("b");
        type Emit = Box<dyn Fn(&'static str)>;
        let emit: Vec<(&str, Emit)> = {
            let all = io.of("/");
            let (one, two) = (of_ann.clone(), of_bob.clone());
            let ids = (of_ann.id.clone(), of_bob.id.clone());
            vec![
                (
                    "ann bob eve",
                    Box::new({
                        let all = all.clone();
                        move |e| all.emit(e, Args::new())
                    }),
                ),
                (
                    "ann bob",
                    Box::new({
                        let all = all.clone();
                        move |e| all.clone().to("a").emit(e, Args::new())
                    }),
                ),
                (
                    "ann bob eve",
                    Box::new({
                        let all = all.clone();
                        move |e| all.clone().to("a").in_room("b").emit(e, Args::new())
                    }),
                ),
                (
                    "ann",
                    Box::new({
                        let all = all.clone();
                        move |e| all.clone().to("a").except("b").emit(e, Args::new())
                    }),
                ),
                (
                    "ann",
                    Box::new({
                        let (all, id) = (all.clone(), ids.0.clone());
                        move |e| all.clone().to(&id).emit(e, Args::new())
                    }),
                ),
                (
                    "bob eve",
                    Box::new({
                        let (all, id) = (all.clone(), ids.0.clone());
                        move |e| all.clone().except(&id).emit(e, Args::new())
                    }),
                ),
                (
                    "",
                    Box::new(move |e| all.clone().to("nowhere").emit(e, Args::new())),
                ),
                (
                    "bob eve",
                    Box::new({
                        let one = one.clone();
                        move |e| one.broadcast().emit(e, Args::new())
                    }),
                ),
                (
                    "bob",
                    Box::new({
                        let one = one.clone();
                        move |e| one.to("a").emit(e, Args::new())
                    }),
                ),
                (
                    "ann eve",
                    Box::new(move |e| two.to("a").to("b").emit(e, Args::new())),
                ),
                ("ann", Box::new(move |e| one.emit(e, Args::new()))),
            ]
        };
        for (whom, emit) in emit {
            emit("x");
            io.of("/").emit("end", Args::new());
            let mut reached = Vec::new();
            for (name, client) in [("ann", &ann), ("bob", &bob), ("eve", &eve)] {
                match client.all().await.as_str() {
                    "" => {}
                    r#"["x"]"# => reached.push(name),
                    more => panic!("{name} got {more}"),
                }
            }
            assert_eq!(reached.join(" "), whom);
        }
        // A choice is a value: it can be kept, and holds for who is there then.
        let kept = io.of("/").to("b").except("a");
        of_bob.leave("a");
        kept.emit("later", Args::new());
        assert_eq!(bob.next().await, r#"42["later"]"#);
        assert_eq!(eve.next().await, r#"42["later"]"#);
        let mut rooms = of_bob.info().rooms;
        rooms.retain(|room| **room != *of_bob.id);
        assert_eq!(rooms, ["b".into()]);
    });
}

#[test]
fn groups_join_and_leave_and_are_listed() {
    run(async {
        let (io, joined) = plain();
        let _ann = Client::joined(&io).await;
        let ann = joined.last();
        let _bob = Client::joined(&io).await;
        let bob = joined.last();
        io.of("/").sockets_join("all");
        io.of("/").to(&bob.id).sockets_join("b");
        io.of("/").except("b").sockets_leave("all");
        let mut found = io.of("/").fetch_sockets().await;
        found.sort_by_key(|info| info.id != ann.id);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].rooms, [(*ann.id).into()]);
        assert_eq!(found[1].rooms.len(), 3, "its own, all and b");
        assert_eq!(io.of("/").to("b").fetch_sockets().await[0].id, bob.id);
        assert!(io.of("/nowhere").fetch_sockets().await.is_empty());
    });
}

#[test]
fn volatile_events_are_for_those_who_can_take_them_now() {
    run(async {
        let (io, joined) = plain();
        let client = Client::joined(&io).await;
        let socket = joined.last();
        socket.emit_volatile("lost", Args::new());
        io.of("/").volatile().emit("lost", Args::new());
        socket.emit("kept", Args::new());
        socket.emit_volatile("lost", Args::new().json("it would wait behind the other"));
        io.of("/").emit("end", Args::new());
        assert_eq!(client.all().await, r#"["kept"]"#);
        let held = client.hold();
        socket.emit_volatile("now", Args::new());
        let payload = held.await.unwrap().unwrap();
        assert_eq!(payload.body, br#"42["now"]"#);
    });
}

#[test]
fn an_acknowledgement_comes_or_is_timed_out_or_its_client_goes() {
    run(async {
        let (io, joined) = plain();
        let client = Client::joined(&io).await;
        let socket = joined.last();
        let ask = |timeout| {
            let socket = socket.clone();
            tokio::task::spawn_local(async move {
                let answer = socket.emit_with_ack("q", json!(1), timeout).await;
                answer.map(|args| args.read::<u32>(0))
            })
        };
        let first = ask(PATIENCE);
        let question = client.next().await;
        let id = question
            .strip_prefix("42")
            .unwrap()
            .strip_suffix(r#"["q",1]"#)
            .unwrap();
        client.send(&format!("43{id}[5]"));
        assert_eq!(first.await.unwrap(), Ok(Some(5)));
        client.send(&format!("43{id}[6]"));
        let late = ask(SOON);
        let question = client.next().await;
        assert_eq!(late.await.unwrap(), Err(NoAck::Timeout));
        let id = question
            .strip_prefix("42")
            .unwrap()
            .strip_suffix(r#"["q",1]"#)
            .unwrap();
        client.send(&format!("43{id}[7]"));
        assert!(client.link.is_open(), "what is late is ignored");
        let gone = ask(PATIENCE);
        client.next().await;
        client.send("41");
        assert_eq!(gone.await.unwrap(), Err(NoAck::Gone));
    });
}

#[test]
fn a_broadcast_gathers_answers_until_all_are_in_or_time_is_up() {
    run(async {
        let (io, _) = plain();
        let clients = [
            Client::joined(&io).await,
            Client::joined(&io).await,
            Client::joined(&io).await,
        ];
        let ask = |timeout| {
            let all = io.of("/");
            tokio::task::spawn_local(
                async move { all.emit_with_ack("q", Args::new(), timeout).await },
            )
        };
        let id = async |client: &Client| {
            let question = client.next().await;
            let id = question
                .strip_prefix("42")
                .and_then(|rest| rest.strip_suffix(r#"["q"]"#));
            id.expect("a question with a number").to_owned()
        };
        let asked = ask(PATIENCE);
        let mut numbers = Vec::new();
        for client in &clients {
            numbers.push(id(client).await);
            client.send(&format!("43{}[1]", numbers[0]));
        }
        assert!(
            numbers.iter().all(|n| *n == numbers[0]),
            "one number for all"
        );
        let answers = asked.await.unwrap();
        assert_eq!((answers.answers.len(), answers.missing), (3, 0));

        let asked = ask(SOON);
        let number = id(&clients[0]).await;
        clients[0].send(&format!("43{number}[1]"));
        let answers = asked.await.unwrap();
        assert_eq!((answers.answers.len(), answers.missing), (1, 2));

        // Nobody is waited for who has left.
        let asked = ask(PATIENCE * 10);
        let number = id(&clients[0]).await;
        clients[0].send(&format!("43{number}[1]"));
        clients[1].send("41");
        clients[2].link.fail(Reason::TransportClose);
        let answers = tokio::time::timeout(PATIENCE, asked)
            .await
            .expect("at once")
            .unwrap();
        assert_eq!((answers.answers.len(), answers.missing), (1, 2));
    });
}

#[test]
fn handlers_are_told_why_a_socket_is_gone() {
    run(async {
        type End = fn(&Client, &Rc<Socket>);
        let ends: [(&str, End); 9] = [
            ("client namespace disconnect", |client, _| client.send("41")),
            ("server namespace disconnect", |_, socket| {
                socket.disconnect(false)
            }),
            ("forced server close", |_, socket| socket.disconnect(true)),
            ("transport close", |client, _| client.send("1")),
            ("transport error", |client, _| client.send("2")),
            ("parse error", |client, _| client.send("x")),
            ("forced close", |client, _| client.send("4nonsense")),
            ("transport close", |client, _| {
                drop(client.hold());
                client.link.poll_gone(client.polls.get());
            }),
            ("server shutting down", |client, _| {
                client.link.fail(Reason::ServerShuttingDown)
            }),
        ];
        for (reason, end) in ends {
            let (io, joined) = plain();
            let client = Client::joined(&io).await;
            let socket = joined.last();
            socket.join("a");
            let heard = Rc::new(RefCell::new(Vec::new()));
            let first = heard.clone();
            socket.on_disconnecting(move |socket, reason| {
                let rooms = socket.info().rooms.len();
                first
                    .borrow_mut()
                    .push(format!("{rooms} rooms, {}", reason.as_str()));
            });
            let then = heard.clone();
            socket.on_disconnect(move |socket, reason| {
                let rooms = socket.info().rooms.len();
                then.borrow_mut()
                    .push(format!("{rooms} rooms, {}", reason.as_str()));
            });
            end(&client, &socket);
            assert_eq!(
                *heard.borrow(),
                [format!("2 rooms, {reason}"), format!("0 rooms, {reason}")]
            );
            assert!(!socket.is_connected());
            assert!(io.of("/").fetch_sockets().await.is_empty());
            // What comes too late does nothing.
            socket.emit("late", Args::new());
            socket.join("late");
            socket.disconnect(true);
            assert_eq!(heard.borrow().len(), 2, "{reason}: heard once");
        }
    });
}

#[test]
fn a_client_that_is_silent_is_gone_by_ping_timeout() {
    run(async {
        let mut namespaces = Namespaces::default();
        let (to_us, heard) = oneshot::channel();
        let to_us = Mutex::new(Some(to_us));
        namespaces.of("/").on_connect(move |socket| {
            let to_us = to_us.lock().unwrap().take();
            socket.on_disconnect(|_, reason| to_us.unwrap().send(reason).unwrap());
        });
        let quick = EngineSettings {
            ping_interval: Duration::from_millis(20),
            ping_timeout: Duration::from_millis(20),
            ..settings()
        };
        let io = client::serve(IoSettings::default(), quick, namespaces);
        let client = Client::joined(&io).await;
        assert_eq!(client.next().await, "2");
        let reason = tokio::time::timeout(PATIENCE, heard).await;
        assert_eq!(reason.unwrap(), Ok(Reason::PingTimeout));
        assert_eq!(io.engine().ended().of(Reason::PingTimeout), 1);
        assert_eq!(io.engine().sessions(), 0);
    });
}

#[test]
fn a_thread_that_was_held_up_hears_a_pong_before_it_judges() {
    run(async {
        let quick = EngineSettings {
            ping_interval: Duration::from_millis(20),
            ping_timeout: Duration::from_millis(20),
            ..settings()
        };
        let mut namespaces = Namespaces::default();
        namespaces.of("/");
        let io = client::serve(IoSettings::default(), quick, namespaces);
        for _ in 0..5 {
            let client = Client::joined(&io).await;
            assert_eq!(client.next().await, "2");
            // The pong arrives, and a handler holds the thread up beyond the deadline.
            let sid = client.link.sid.clone();
            std::thread::sleep(Duration::from_millis(60));
            client.link.worker.later(move |worker| {
                let link = worker.link(&sid).expect("still there");
                link.post(b"3").answer.unwrap();
            });
            assert_eq!(client.next().await, "2", "the heartbeat goes on");
            client.link.fail(Reason::TransportClose);
        }
        assert_eq!(io.engine().ended().of(Reason::PingTimeout), 0);
    });
}

#[test]
fn groups_are_disconnected_with_their_connections_or_without() {
    run(async {
        let (io, joined) = plain();
        let stays = Client::joined(&io).await;
        joined.last().join("stays");
        let leaves = Client::joined(&io).await;
        io.of("/").except("stays").disconnect_sockets(false);
        assert_eq!(leaves.next().await, "41");
        assert!(leaves.link.is_open(), "the session stays");
        io.of("/").disconnect_sockets(true);
        assert_eq!(stays.next().await, "41");
        assert_eq!(stays.next().await, "6");
        assert_eq!(stays.next().await, "1");
        assert_eq!(io.engine().ended().of(Reason::ForcedServerClose), 1);
    });
}

#[test]
fn a_slow_reader_is_closed_by_policy_and_counted() {
    run(async {
        let mut namespaces = Namespaces::default();
        let closed = Arc::new(AtomicU64::new(0));
        let seen = closed.clone();
        namespaces.of("/").on_connect(move |socket| {
            let seen = seen.clone();
            socket.on_disconnect(move |_, reason| {
                assert_eq!(reason, Reason::SlowConsumer);
                seen.fetch_add(1, Ordering::Relaxed);
            });
        });
        let narrow = EngineSettings {
            queue_max_bytes: 10_000,
            ..settings()
        };
        let io = client::serve(IoSettings::default(), narrow, namespaces);
        let slow = Client::joined(&io).await;
        let reader = Client::joined(&io).await;
        let big = "x".repeat(1_000);
        for n in 0..20 {
            io.of("/").emit("big", json!(big));
            let got = reader.next().await;
            assert!(got.len() > 1_000, "{n}: {got}");
        }
        let closed_in_time = tokio::time::timeout(PATIENCE, async {
            while slow.link.is_open() {
                tokio::task::yield_now().await;
            }
        });
        closed_in_time
            .await
            .expect("closed at the worker's next turn");
        assert!(reader.link.is_open());
        assert_eq!(closed.load(Ordering::Relaxed), 1);
        assert_eq!(io.engine().ended().of(Reason::SlowConsumer), 1);
    });
}

#[test]
fn acknowledgements_answer_once_and_not_after_the_end() {
    run(async {
        let mut namespaces = Namespaces::default();
        namespaces.of("/").on_connect(|socket| {
            socket.on("now", |event| event.ack.unwrap().send(event.args));
            socket.on("late", |event| {
                event.socket.disconnect(false);
                event.ack.unwrap().send(Args::new());
            });
        });
        let io = serve(namespaces);
        let client = Client::joined(&io).await;
        client.send(r#"420["now","é",1.50]"#);
        assert_eq!(client.next().await, r#"430["é",1.50]"#);
        client.send(r#"421["late"]"#);
        assert_eq!(client.next().await, "41");
        client.send("40");
        assert!(
            client.next().await.starts_with("40{"),
            "no answer in between"
        );
    });
}
