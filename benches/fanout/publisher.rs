//! The publisher of a run: hands over what its open-loop schedule has made due, through the socket of
//! the first subscriber or by requests (`doors.rs`), and notes how late it was. It never waits for an answer, so a stalled server
//! does not silence the load (wrk2's rule).

use std::io;

use crate::doors::{Door, Requests};
use crate::subscriber::Subscriber;
use crate::sys;
use crate::tally::Schedule;

/// The open-loop side of the generator.
pub struct Publisher {
    /// Of a door that is a WebSocket.
    message: Option<String>,
    pub requests: Requests,
    /// Publications in one message or request.
    at_once: u64,
    pub schedule: Schedule,
    /// How many publications were handed over so far.
    pub published: u64,
    /// Nothing is due from here on.
    pub stop_ns: u64,
    pub is_measuring: bool,
    /// How late each publication of the measured interval was handed over, in µs.
    pub lag_us: Vec<u32>,
}

impl Publisher {
    /// A publisher of strings of `pad_bytes` letters; `expected` is how many publications to have
    /// memory ready for.
    pub fn new(
        schedule: Schedule,
        (door, requests): (Door, Requests),
        pad_bytes: usize,
        expected: usize,
    ) -> Self {
        Publisher {
            message: door.message(pad_bytes),
            requests,
            at_once: door.at_once(),
            schedule,
            published: 0,
            stop_ns: u64::MAX,
            is_measuring: false,
            lag_us: Vec::with_capacity(expected),
        }
    }

    /// Publishes all that is due, through `socket` or by a request if one can be sent. What the kernel
    /// does not take stays queued. Several in a request leave when the last of them is due.
    #[inline]
    pub fn publish_due(&mut self, socket: &mut Subscriber) -> io::Result<()> {
        let now_ns = sys::monotonic_ns();
        while let Some(due_ns) = self.next_due_ns().filter(|due_ns| *due_ns <= now_ns) {
            match &self.message {
                Some(message) => socket.queue_text(message.as_bytes()),
                None if self.requests.send()? => {}
                None => return Ok(()),
            }
            if self.is_measuring {
                self.lag_us
                    .push(u32::try_from((now_ns - due_ns) / 1000).unwrap_or(u32::MAX));
            }
            self.published += self.at_once;
        }
        socket.flush();
        Ok(())
    }

    /// When the next publication is due; `None` when there will be no more.
    #[inline]
    pub fn next_due_ns(&self) -> Option<u64> {
        let due_ns = self
            .schedule
            .due_ns(self.schedule.first_offset + self.published + self.at_once - 1);
        (due_ns < self.stop_ns).then_some(due_ns)
    }
}
