//! What a small connection keeps while it waits, what it gives away, and its size. Its answers beside
//! actix-http's, by raw bytes: `tests/lab/small_http.rs`.

use std::{mem::size_of, net::SocketAddr, task::Poll};

use actix_rt::System;
use actix_server::ServerBuilder;
use futures_util::poll;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::yield_now,
};

use super::*;
use crate::{
    channel::ChannelName,
    config::{Config, Span},
    lane::LaneId,
    server::{Server, connections},
};

/// A lane's HTTP without its listener.
struct Lane {
    server: Server,
    served: Rc<Served>,
    listener: TcpListener,
}

impl Lane {
    async fn start() -> Self {
        let server = Server::build(Config {
            port: 0,
            hosts: "lab".parse().expect("a name"),
            data_dir: std::env::temp_dir().join("pushlab-small-http"),
            long_poll_hold: Span(Duration::from_secs(600)),
            ..Config::default()
        })
        .expect("the lanes can be bound");
        let worker = LaneWorker::new(LaneId::MAIN, server.lab.clone(), server.endpoints.clone());
        let stopping = ServerBuilder::new().graceful_shutdown_signal();
        let main = Some(server.main.clone());
        let served = connections::served(Arc::new(worker), main, stopping).await;
        Self {
            server,
            served: served.expect("there is an app"),
            listener: TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it listens")
    }

    async fn accept(&self) -> (TcpStream, Serving) {
        let client = TcpStream::connect(self.address())
            .await
            .expect("it listens");
        let (io, peer) = self.listener.accept().await.expect("somebody comes");
        let lab = &self.server.lab;
        let meter = lab.meters.open(LaneId::MAIN);
        let conditions = lab.conditions.of(LaneId::MAIN);
        let stream = LaneStream::new(io, meter, lab.config.tcp_options(), conditions);
        (
            client,
            Serving::new(self.served.clone(), stream, Some(peer)),
        )
    }

    fn subscribers(&self) -> usize {
        let channel = ChannelName::parse("idle").expect("a name");
        self.server.lab.node.subscribers(&channel)
    }
}

/// Lets a connection run until something holds.
async fn run_until(serving: &mut Serving, mut holds: impl FnMut() -> bool) {
    while !holds() {
        assert!(poll!(&mut *serving).is_pending(), "it goes on");
        yield_now().await;
    }
}

#[test]
fn who_waits_keeps_no_buffer() {
    System::new().block_on(async {
        let lane = Lane::start().await;
        let key = &lane.server.apps().demo_app().expect("a demo").settings.key;
        for (line, subscribes) in [
            ("GET /sse/idle", true),
            ("GET /fetch-stream/idle", true),
            ("GET /long-poll/idle", true),
            (
                &*format!("POST /pusher/app/{key}/1/idle/xhr_streaming?protocol=7"),
                false,
            ),
        ] {
            let (mut client, mut serving) = lane.accept().await;
            let request = format!("{line} HTTP/1.1\r\nhost: lab\r\ncontent-length: 0\r\n\r\n");
            client
                .write_all(request.as_bytes())
                .await
                .expect("it is sent");
            match subscribes {
                true => run_until(&mut serving, || lane.subscribers() == 1).await,
                false => run_until(&mut serving, || client.try_read(&mut [0; 1]).is_ok()).await,
            }
            let Serving::Small(held) = &serving else {
                panic!("{line} is served here");
            };
            assert_eq!(held.read.capacity(), 0, "{line}");
            assert_eq!(held.output.capacity(), 0, "{line}");
            assert!(held.timer.is_none(), "{line}");
            match &held.state {
                State::Answering(_, Some(_)) => assert!(!line.contains("poll"), "{line}"),
                State::Asked(..) => assert!(line.contains("poll"), "{line}"),
                _ => panic!("{line} is held"),
            }
            drop(serving);
            assert_eq!(lane.subscribers(), 0, "{line}");
        }
    });
}

#[test]
fn who_is_between_polls_keeps_no_buffer_either() {
    System::new().block_on(async {
        let lane = Lane::start().await;
        let (mut client, mut serving) = lane.accept().await;
        for _ in 0..3 {
            let request = b"GET /long-poll/idle?hold_ms=0 HTTP/1.1\r\nhost: lab\r\n\r\n";
            client.write_all(request).await.expect("it is sent");
            let mut answer = Vec::new();
            run_until(&mut serving, || {
                let _ = client.try_read_buf(&mut answer);
                answer.ends_with(b"}")
            })
            .await;
            let Serving::Small(idle) = &serving else {
                panic!("polls are served here");
            };
            assert_eq!((idle.read.capacity(), idle.output.capacity()), (0, 0));
            assert!(matches!(idle.state, State::Asking));
        }
    });
}

#[test]
fn all_else_is_given_to_actix_http_with_what_was_read_of_it() {
    System::new().block_on(async {
        let lane = Lane::start().await;
        for (request, status) in [
            ("GET /healthz HTTP/1.1\r\nhost: lab\r\n\r\n", "200"),
            (
                "\r\nGET /short-poll/idle HTTP/1.1\r\nhost: lab\r\n\r\n",
                "200",
            ),
            (
                "GET /short-poll/idle HTTP/1.1\r\nhost: lab\r\ncontent-length: 1\r\n\r\nx",
                "200",
            ),
            (
                "GET /short-poll/idle HTTP/1.1\r\nhost: lab\r\nconnection: upgrade\r\n\r\n",
                "200",
            ),
            ("GET /sse/idle HTTP/9.9\r\n\r\n", "400"),
        ] {
            let (mut client, mut serving) = lane.accept().await;
            client
                .write_all(request.as_bytes())
                .await
                .expect("it is sent");
            let mut answer = [0; 12];
            let read = async {
                client
                    .read_exact(&mut answer)
                    .await
                    .expect("it is answered");
            };
            let mut read = Box::pin(read);
            while poll!(&mut read).is_pending() {
                let _: Poll<_> = poll!(&mut serving);
                yield_now().await;
            }
            drop(read);
            assert!(answer.ends_with(status.as_bytes()), "{request}");
            assert!(matches!(serving, Serving::ActixHttp(_)), "{request}");
        }
    });
}

/// What each of thousands costs; whoever adds a field to them sees it here.
#[test]
fn a_connection_is_small() {
    assert!(size_of::<Serving>() <= 24, "{}", size_of::<Serving>());
    assert!(
        size_of::<Connection>() <= 424,
        "{}",
        size_of::<Connection>()
    );
    assert!(
        size_of::<LaneStream>() <= 168,
        "{}",
        size_of::<LaneStream>()
    );
}
