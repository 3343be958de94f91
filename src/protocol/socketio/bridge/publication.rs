//! A publication as Socket.IO clients of the lab get it: one event with one argument, the same
//! object as on every plain transport.
//!
//! ```text
//! 42/lab,["publication",{"channel":"news","epoch":"k3x9","offset":17,…,"data":…}]
//! ```
//! Encoded once for all subscribers, as a WebSocket frame; polling takes the packet out of it.

use crate::{
    catalogue::WireFormat,
    channel::Publication,
    codec::{envelope, websocket},
    hub::Format,
    wire::Layers,
};

/// Engine.IO's type digit, Socket.IO's, the namespace and the event's name.
const HEAD: &[u8] = b"42/lab,[\"publication\",";
const TAIL: &[u8] = b"]";

/// A publication as the event `publication` of the namespace `/lab`, in an Engine.IO message.
pub static FRAME: Format = Format {
    form: WireFormat::SocketioPacket,
    encode,
};

fn encode(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (header, layers) = websocket::encode_text_with(out, |out| {
        out.extend_from_slice(HEAD);
        let layers = envelope::encode_publication(publication, out);
        out.extend_from_slice(TAIL);
        layers
    });
    let type_digit = 1;
    Layers {
        framing: header + type_digit,
        protocol: layers.protocol + (HEAD.len() + TAIL.len()) as u64 - type_digit,
        lab: layers.lab,
        payload: layers.payload,
        saved: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        channel::{ChannelName, Epoch},
        codec::socketio::{self, Args},
        protocol::socketio::bridge::NAMESPACE,
    };
    use serde_json::value::RawValue;

    #[test]
    fn it_is_the_packet_that_the_codec_writes_and_its_layers_add_up() {
        for length in [1, 200, 70_000] {
            let publication = Publication {
                channel: ChannelName::parse("news").unwrap(),
                epoch: Epoch::parse("e1").unwrap(),
                offset: 17,
                event: "tick".into(),
                data: RawValue::from_string(format!("\"{}\"", "x".repeat(length))).unwrap(),
                intended_us: 1,
                published_us: 2,
                origin: None,
            };
            let mut frame = Vec::new();
            let layers = encode(&publication, &mut frame);
            assert_eq!(layers.total(), frame.len() as u64);
            assert_eq!(layers.payload, length as u64 + 2);
            let mut object = Vec::new();
            envelope::encode_publication(&publication, &mut object);
            let object = RawValue::from_string(String::from_utf8(object).unwrap()).unwrap();
            let args = Args::new().raw(&object);
            let mut packet = vec![b'4'];
            socketio::encode_event(NAMESPACE, None, "publication", &args, None, &mut packet);
            assert_eq!(&frame[layers.framing as usize - 1..], packet);
        }
    }
}
