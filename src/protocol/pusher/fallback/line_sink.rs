//! Where a session's frames go: each becomes a line in the session's [`Outbox`].

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    catalogue::{Form, WireFormat},
    channel::Publication,
    codec::pusher::{event, extension, line},
    disconnect::Disconnect,
    hub::{
        Delivery, Format,
        queue::{Kind, Pushed},
    },
    lane::{
        LaneId,
        meter::{Labels, Meters},
    },
    protocol::pusher::{
        close,
        frame_sink::FrameSink,
        http_session::outbox::{Line, Outbox},
    },
    registry::NO_CHANNEL,
    wire::Layers,
};

/// A publication as one line, shared by all sessions.
static LINE: Format = Format {
    form: WireFormat::PusherLine,
    encode: encode_line,
};

fn encode_line(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (framing, layers) = line::encode_frame(out, |out| event::publication(publication, out));
    Layers { framing, ..layers }
}

/// As [`LINE`], with its position.
static LINE_WITH_POSITION: Format = Format {
    form: WireFormat::PusherLineWithPosition,
    encode: encode_line_with_position,
};

fn encode_line_with_position(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (framing, layers) = line::encode_frame(out, |out| extension::publication(publication, out));
    Layers { framing, ..layers }
}

/// A session, as its connection sees it.
pub(super) struct LineSink {
    pub outbox: Arc<Outbox>,
    pub meters: Arc<Meters>,
    pub lane: LaneId,
    pub transport: &'static str,
    /// Publications that the client sent.
    pub received: Rc<Cell<usize>>,
}

impl LineSink {
    fn deliver_as(&self, delivery: Delivery<'_>, format: &'static Format) {
        let is_replay = delivery.is_replay();
        // All of them before the outbox is locked: to encode takes time.
        let lines: Vec<_> = delivery
            .publications()
            .zip(delivery.each(format))
            .map(|(publication, (bytes, layers))| Line {
                bytes: bytes.clone(),
                layers: *layers,
                is_publication: true,
                live_since_us: (!is_replay).then_some(publication.published_us),
            })
            .collect();
        self.push(lines, Kind::of(delivery));
    }

    fn push(&self, lines: impl IntoIterator<Item = Line>, kind: Kind) {
        if self.outbox.push(lines, kind) == Pushed::OverBudget {
            self.end_slow_consumer();
        }
    }

    /// Too much waits: what does is dropped and counted, and the session closed.
    fn end_slow_consumer(&self) {
        let named = self.outbox.channel();
        let (channel, form) = named.unwrap_or_else(|| (NO_CHANNEL.into(), Form::AsItIs));
        let labels = Labels {
            lane: self.lane,
            transport: self.transport,
            protocol: "pusher",
            demo: "none",
            form: form.label(),
            channel,
        };
        let dropped = self.outbox.drop_waiting();
        self.meters.dropped(&labels, dropped);
        self.disconnect(Disconnect::SlowConsumer);
    }
}

impl FrameSink for LineSink {
    fn send(&self, write: &mut dyn FnMut(&mut Vec<u8>)) {
        let mut bytes = Vec::with_capacity(160);
        let (framing, ()) = line::encode_frame(&mut bytes, write);
        self.push([Line::control(bytes, framing)], Kind::Message);
    }

    fn deliver(&self, delivery: Delivery<'_>) {
        self.deliver_as(delivery, &LINE);
    }

    fn deliver_with_positions(&self, delivery: Delivery<'_>) {
        self.deliver_as(delivery, &LINE_WITH_POSITION);
    }

    fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()> {
        self.outbox.poll_drained(context)
    }

    fn close(&self, code: u16, why: &str) {
        let mut bytes = Vec::new();
        line::encode_close(code, why, &mut bytes);
        self.outbox.close(Line::framing(bytes));
    }

    fn disconnect(&self, reason: Disconnect) {
        let closing = close::closing_of(reason);
        self.close(closing.code, closing.why);
    }

    fn name_channel(&self, channel: &str, form: Form) {
        self.outbox.name_channel(channel, form);
    }

    fn publication_received(&self) {
        self.received.set(self.received.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker;

    use super::*;
    use crate::{
        hub::{
            Batch,
            queue::contract::{self, Suspect},
        },
        protocol::pusher::http_session::outbox::{Fetching, Receiving, Taken},
    };

    struct Unread(LineSink);

    impl Suspect for Unread {
        fn deliver(&mut self, batch: &Batch) {
            self.0.deliver(batch.whole());
        }
        fn acknowledge(&mut self, bytes: usize) {
            self.0.send(&mut |out| out.resize(out.len() + bytes, b'x'));
        }
        fn read_all(&mut self) {
            let receiving = Receiving::new(self.0.outbox.clone(), Fetching::Streaming, None);
            let waker = noop_waker();
            let mut context = Context::from_waker(&waker);
            while let Poll::Ready(Taken::Line(_)) = receiving.poll_take(&mut context) {}
        }
        fn is_slow_consumer(&mut self) -> bool {
            self.0.outbox.is_closed()
        }
        fn dropped(&mut self) -> usize {
            let series = self.0.meters.series();
            let drops = series.iter().map(|series| series.totals.drops);
            drops.sum::<u64>() as usize
        }
    }

    #[test]
    fn the_budget_is_that_of_all_transports() {
        contract::run(|| {
            Unread(LineSink {
                outbox: Arc::new(Outbox::new(contract::MAX_BYTES)),
                meters: Arc::default(),
                lane: LaneId("channels"),
                transport: "xhr-streaming",
                received: Rc::default(),
            })
        });
    }
}
