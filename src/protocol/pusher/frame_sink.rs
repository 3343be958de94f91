//! Where a connection's frames go. A WebSocket is one such place; HTTP streaming and polling are
//! others, with other units and formats, so a connection knows only this.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use crate::{
    catalogue::{Form, WireFormat},
    channel::Publication,
    codec::{
        pusher::{event, extension},
        websocket::{self, CloseCode},
    },
    disconnect::Disconnect,
    hub::{Delivery, Format},
    transport::websocket::socket::Socket,
    wire::Layers,
};

/// Where a connection's frames go: a WebSocket, or a session over HTTP.
pub trait FrameSink {
    /// Sends one frame, whose JSON `write` appends.
    fn send(&self, write: &mut dyn FnMut(&mut Vec<u8>));
    /// Sends publications.
    fn deliver(&self, delivery: Delivery<'_>);
    /// Sends publications with their positions ([`extension`]).
    fn deliver_with_positions(&self, delivery: Delivery<'_>);
    /// Ready when nothing waits to be written; wakes whoever asks.
    fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()>;
    /// Closes with one of the protocol's codes.
    fn close(&self, code: u16, why: &str);
    /// Closes for a reason of the common table.
    fn disconnect(&self, reason: Disconnect);
    /// Meters what travels here under this channel and form.
    fn name_channel(&self, channel: &str, form: Form);
    /// Counts a publication that the client sent.
    fn publication_received(&self);
}

/// A publication as one text frame of a WebSocket.
static FRAME: Format = Format {
    form: WireFormat::PusherFrame,
    encode: encode_frame,
};

fn encode_frame(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (framing, layers) =
        websocket::encode_text_with(out, |out| event::publication(publication, out));
    Layers { framing, ..layers }
}

/// As [`FRAME`], with its position.
static FRAME_WITH_POSITION: Format = Format {
    form: WireFormat::PusherFrameWithPosition,
    encode: encode_frame_with_position,
};

fn encode_frame_with_position(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (framing, layers) =
        websocket::encode_text_with(out, |out| extension::publication(publication, out));
    Layers { framing, ..layers }
}

/// Each frame a text message.
pub struct WebSocketSink(pub Rc<Socket>);

impl FrameSink for WebSocketSink {
    fn send(&self, write: &mut dyn FnMut(&mut Vec<u8>)) {
        send(&self.0, write);
    }

    fn deliver(&self, delivery: Delivery<'_>) {
        self.0.deliver(delivery, &FRAME);
    }

    fn deliver_with_positions(&self, delivery: Delivery<'_>) {
        self.0.deliver(delivery, &FRAME_WITH_POSITION);
    }

    fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_drained(context)
    }

    fn close(&self, code: u16, why: &str) {
        self.0.close(CloseCode(code), why);
    }

    fn disconnect(&self, reason: Disconnect) {
        self.0.disconnect(reason);
    }

    fn name_channel(&self, channel: &str, form: Form) {
        self.0.meter().name_channel(channel, form);
    }

    fn publication_received(&self) {
        self.0.meter().publication_received();
    }
}

/// Sends one frame as a text message.
pub fn send(socket: &Socket, write: impl FnOnce(&mut Vec<u8>)) {
    let mut out = Vec::with_capacity(160);
    let (framing, ()) = websocket::encode_text_with(&mut out, write);
    let layers = Layers {
        framing,
        protocol: out.len() as u64 - framing,
        lab: 0,
        payload: 0,
        saved: 0,
    };
    socket.send(out.into(), layers);
}
