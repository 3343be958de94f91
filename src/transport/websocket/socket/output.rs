//! Writing: at once while the queue is empty, else through the queue; and announcing what is
//! written to the meter. A busy worker's socket writes once in each round, and queues what comes
//! between two ([`crate::hub::rounds`]).
//!
//! ```text
//! send ──► queue empty, ──yes──► kernel takes all      nothing is queued, no task is woken
//!          not busy?    │        kernel takes a part ─┐
//!                       no ──────────────────────────►└─► queue ──► run() writes when the kernel can,
//!                                                                   or when the next round begins
//! ```
//!
//! Rejected: always queueing and letting the task write. A delivery would wait for a task to be
//! called, and a thousand of them for a thousand tasks, where the kernel would have taken each at
//! once.

use std::{
    borrow::Cow,
    io,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::time::Instant;

use super::Socket;
use crate::{
    clock,
    hub::{
        queue::{Budget, Chunk, Kind, Pushed, Queue},
        rounds::Rounds,
    },
    lane::meter::Message,
    wire::Layers,
};

/// Most bytes that one write gathers from the queue.
const GATHER_MAX_BYTES: usize = 64 << 10;

/// The queue, and whether more may be queued.
pub(super) struct Outgoing {
    pub queue: Queue<Chunk>,
    /// A close frame is queued or written: nothing may follow it (§5.5.1).
    pub is_closed: bool,
    /// The kernel takes no more: the connection is gone.
    pub is_broken: bool,
}

impl Outgoing {
    pub fn new(budget: Budget) -> Self {
        Self {
            queue: Queue::new(budget),
            is_closed: false,
            is_broken: false,
        }
    }
}

/// What frames contain that are sent.
pub struct Contents<S> {
    /// How the bytes divide.
    pub layers: Layers,
    /// How many there are in it; 0 for what is the protocol's own.
    pub publications: usize,
    /// `published_us` of those that are live.
    pub live_since_us: S,
}

impl Contents<std::iter::Empty<u64>> {
    /// No publications.
    pub fn none(layers: Layers) -> Self {
        Self {
            layers,
            publications: 0,
            live_since_us: std::iter::empty(),
        }
    }
}

impl Socket {
    /// Writes whole frames as far as the kernel takes them now; the rest, `share(written)`, is
    /// queued. Writes nothing after a close frame.
    pub(super) fn write_or_queue(
        &self,
        bytes: &[u8],
        share: impl FnOnce(usize) -> Bytes,
        contents: Contents<impl Iterator<Item = u64>>,
        kind: Kind,
    ) -> Pushed {
        self.make_room(bytes.len());
        let mut out = self.out.borrow_mut();
        if out.is_closed || out.is_broken {
            return Pushed::Queued;
        }
        let at = self.meter().accepted_bytes();
        let Some(written) = self.write_now(&mut out, bytes) else {
            return Pushed::Queued;
        };
        let Contents {
            layers,
            publications,
            live_since_us,
        } = contents;
        let live_since_us = match written {
            0 => live_since_us.collect(),
            _ => {
                self.book(at, layers, publications, live_since_us);
                Vec::new()
            }
        };
        if written == bytes.len() {
            return Pushed::Queued;
        }
        let rest = Chunk {
            bytes: share(written),
            layers,
            publications,
            live_since_us,
            written,
        };
        let pushed = out.queue.push(rest, kind);
        drop(out);
        if !self.is_held() {
            self.wake();
        }
        pushed
    }

    /// How many of `bytes` the kernel takes now; 0 while the queue is not empty, or must wait for
    /// the next round. `None`: the connection is gone.
    fn write_now(&self, out: &mut Outgoing, bytes: &[u8]) -> Option<usize> {
        if !out.queue.is_empty() || self.must_wait() {
            return Some(0);
        }
        match self.io.try_write(bytes) {
            Ok(written) => {
                self.wrote();
                Some(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(0),
            Err(_) => {
                out.is_broken = true;
                self.wake();
                None
            }
        }
    }

    /// Announces a message to the meter that begins at `at` of the stream and is at least partly
    /// written. Mostly the kernel has it whole already.
    fn book(
        &self,
        at: u64,
        layers: Layers,
        publications: usize,
        live_since_us: impl Iterator<Item = u64>,
    ) {
        let meter = self.meter();
        if !meter.kernel_has(at + layers.total()) {
            let message = Message {
                layers,
                publications,
                stamps: live_since_us.collect(),
                is_empty_answer: false,
            };
            return meter.starts_at(at, message);
        }
        meter.sent(layers, publications);
        if publications > 0
            && let Some(recorder) = &self.recorder
        {
            let now_us = clock::time_of_day_us();
            let delays_us = live_since_us.filter_map(|since| clock::delay_us(since, now_us));
            recorder.record_all(delays_us, 0, clock::now_us());
        }
    }

    /// Writes the queue as far as the kernel takes it, many frames in one call.
    fn flush(&self) -> io::Result<()> {
        let mut out = self.out.borrow_mut();
        while !out.queue.is_empty() {
            let at = self.meter().accepted_bytes();
            match self.io.try_write(&gather(&out.queue)) {
                Ok(taken) => {
                    self.wrote();
                    out.queue.advance(taken, |from, chunk| {
                        let stamps = std::mem::take(&mut chunk.live_since_us).into_iter();
                        self.book(at + from as u64, chunk.layers, chunk.publications, stamps);
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        drop(out);
        self.drained.take().into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn wrote(&self) {
        self.last_write.set(Instant::now());
        if let Some(rounds) = &self.rounds {
            self.wrote_in.set(rounds.current());
        }
    }

    /// Whether what is to be written now must wait for the next round.
    fn must_wait(&self) -> bool {
        let Some(rounds) = &self.rounds else {
            return false;
        };
        if self.wrote_in.get() != rounds.current() || !rounds.is_busy() {
            return false;
        }
        self.held_in.set(rounds.current());
        if let Some(waker) = &*self.waker.borrow() {
            self.await_round(rounds, waker);
        }
        true
    }

    /// Whether the queue waits for the next round.
    fn is_held(&self) -> bool {
        let rounds = self.rounds.as_ref();
        rounds.is_some_and(|rounds| self.held_in.get() == rounds.current())
    }

    fn await_round(&self, rounds: &Rounds, waker: &Waker) {
        if self.awaits.replace(rounds.current()) != rounds.current() {
            rounds.wait(waker);
        }
    }

    /// Writes what waits for a round only, if so much more would exceed the budget: a busy worker
    /// must make nobody a slow consumer.
    fn make_room(&self, bytes: usize) {
        if !self.is_held() || self.out.borrow().queue.has_room_for(bytes) {
            return;
        }
        self.held_in.set(0);
        if self.flush().is_err() {
            self.out.borrow_mut().is_broken = true;
        }
        self.wake();
    }

    /// As [`Self::flush`], if no round must be waited for, and wakes the task when there is more to
    /// do.
    pub(super) fn poll_flush(&self, context: &mut Context<'_>) -> io::Result<()> {
        while !self.out.borrow().queue.is_empty() {
            if let Some(rounds) = &self.rounds
                && self.is_held()
            {
                self.await_round(rounds, context.waker());
                return Ok(());
            }
            match self.io.poll_write_ready(context) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Ok(()),
            }
            self.flush()?;
        }
        match self.io.poll_flushed(context) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }
}

/// The front of the queue: one chunk as it is, several copied together. For small frames one copy
/// and one `write` cost less than a vectored write.
fn gather(queue: &Queue<Chunk>) -> Cow<'_, [u8]> {
    let mut slices = queue.slices();
    let first = slices.next().unwrap_or_default();
    if slices.len() == 0 {
        return Cow::Borrowed(first);
    }
    let mut together = Vec::with_capacity(GATHER_MAX_BYTES.min(16 << 10));
    together.extend_from_slice(first);
    for slice in slices {
        if together.len() + slice.len() > GATHER_MAX_BYTES {
            break;
        }
        together.extend_from_slice(slice);
    }
    Cow::Owned(together)
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, sync::Arc, time::Duration};

    use tokio::{net, runtime};

    use super::*;
    use crate::{
        codec::{envelope, websocket::Limits},
        disconnect::Disconnect,
        hub::{
            Batch, Format,
            coalesce::Coalesce,
            queue::contract::{self, Suspect},
            rounds::Pacing,
        },
        lane::{
            LaneId,
            meter::Meters,
            pace::Pace,
            stream::{LaneStream, TcpOptions},
        },
        transport::websocket::{
            deflating::FrameFormat,
            socket::{Socket, SocketSettings},
        },
    };

    static FRAME: FrameFormat = FrameFormat {
        plain: Format {
            form: crate::catalogue::WireFormat::PlainFrame,
            encode: envelope::encode_publication,
        },
        deflated: Format {
            form: crate::catalogue::WireFormat::PlainFrameDeflated,
            encode: envelope::encode_publication,
        },
    };

    /// A socket whose kernel takes nothing more.
    struct Unread {
        runtime: runtime::Runtime,
        socket: Socket,
        client: net::TcpStream,
    }

    fn a_runtime() -> runtime::Runtime {
        runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    }

    async fn connected() -> (Socket, net::TcpStream) {
        let listener = net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let client = net::TcpStream::connect(address).await.expect("connects");
        let (io, _) = listener.accept().await.expect("accepts");
        let patience = Duration::from_secs(60);
        let options = TcpOptions {
            keepalive: patience,
            probes: 3,
            unacknowledged: patience,
            send_buffer_bytes: 8_192,
            answers: Pace {
                patience,
                bytes_per_s: 1,
            },
        };
        let meter = Arc::<Meters>::default().open(LaneId("websocket"));
        let io = LaneStream::new(io, meter, options, Arc::default());
        let settings = SocketSettings {
            ping_every: patience,
            pong_within: patience,
            close_within: patience,
            budget: Budget::or_disconnect(contract::MAX_BYTES),
            limits: Limits {
                message_max_bytes: 1_000,
                accept_binary: false,
            },
            close_code: Disconnect::close_code,
        };
        (Socket::new(io, 0, settings, None), client)
    }

    impl Unread {
        fn new() -> Self {
            let runtime = a_runtime();
            let (socket, client) = runtime.block_on(connected());
            let unread = Self {
                runtime,
                socket,
                client,
            };
            unread.fill();
            unread
        }

        /// Until something waits, which counts: less than a twentieth of the budget.
        fn fill(&self) {
            while self.socket.is_flushed() {
                self.runtime.block_on(poll_fn(|context| {
                    let _ = self.socket.io.poll_write_ready(context);
                    Poll::Ready(())
                }));
                self.socket.send_control(vec![b'x'; 500]);
            }
        }
    }

    impl Suspect for Unread {
        fn deliver(&mut self, batch: &Batch) {
            self.socket.deliver(batch.whole(), &FRAME);
        }
        fn acknowledge(&mut self, bytes: usize) {
            let layers = Layers::of_protocol(bytes);
            self.socket.send(vec![b'x'; bytes].into(), layers);
        }
        fn read_all(&mut self) {
            let mut buffer = vec![0; 64 << 10];
            let Self {
                runtime,
                socket,
                client,
            } = self;
            runtime.block_on(poll_fn(|context| {
                while client.poll_read_ready(context).is_ready() {
                    // Nothing there: asked again, the task is called when there is.
                    let _ = client.try_read(&mut buffer);
                }
                socket.poll_flush(context).expect("the client is there");
                match socket.is_flushed() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            }));
            self.fill();
        }
        fn is_slow_consumer(&mut self) -> bool {
            self.socket.disconnected() == Some(Disconnect::SlowConsumer)
        }
        fn dropped(&mut self) -> usize {
            self.socket.meter().totals().drops as usize
        }
    }

    /// What a task of a socket does, and nothing else.
    async fn write_what_waits(socket: &Socket) {
        poll_fn(|context| {
            socket.keep_waker(context);
            socket.poll_flush(context).expect("the client is there");
            Poll::<()>::Pending
        })
        .await;
    }

    #[test]
    fn on_a_busy_worker_a_socket_writes_once_in_each_round_and_keeps_the_order() {
        tokio::task::LocalSet::new().block_on(&a_runtime(), async {
            let coalesce = Coalesce::Adaptive(Pacing {
                pause_max: Duration::from_secs(1),
                ..Pacing::default()
            });
            let hub = Arc::new(crate::hub::Hub::new(coalesce));
            let rounds = hub.rounds().expect("the default");
            let (socket, mut client) = connected().await;
            let socket = std::rc::Rc::new(socket.in_rounds(Some(rounds.clone())));
            let its = socket.clone();
            let task = tokio::task::spawn_local(async move { write_what_waits(&its).await });
            tokio::task::yield_now().await;
            let writes = || socket.meter().totals().writes;
            let send = |text: &str| {
                let frame = Bytes::copy_from_slice(text.as_bytes());
                socket.send(frame, Layers::of_protocol(text.len()));
            };
            ["a", "b"].iter().for_each(|text| send(text));
            assert_eq!(writes(), 2, "idle: each at once");

            rounds.owe_the_longest_pause();
            ["c", "d", "e"].iter().for_each(|text| send(text));
            assert!(!socket.is_flushed(), "busy, and written in this round");
            assert_eq!(writes(), 2);
            let mut read = [0; 5];
            tokio::io::AsyncReadExt::read_exact(&mut client, &mut read)
                .await
                .expect("five bytes");
            assert_eq!(&read, b"abcde");
            assert_eq!(writes(), 3, "all of it in the next round");

            // A message that has no room beside what waits for the round is no reason to
            // disconnect.
            rounds.owe_the_longest_pause();
            send("f");
            let large = "x".repeat(contract::MAX_BYTES / 3);
            for _ in 0..4 {
                send(&large);
            }
            assert_eq!(socket.disconnected(), None);
            task.abort();
        });
    }

    #[test]
    fn the_budget_is_that_of_all_transports() {
        contract::run(Unread::new);
    }
}
