//! Events and acknowledgements as units: encoded once, whoever they go to.

use std::sync::Arc;

use super::unit::{Part, Unit};
use crate::codec::socketio::{self, Args};

/// `None`, and a line in the log, for a reserved name: a server that sent one would break its
/// clients. `id`: of the acknowledgement that is wanted; `offset`: its number, where it is kept for
/// recovery.
pub fn event(
    namespace: &str,
    id: Option<u64>,
    event: &str,
    args: &Args,
    offset: Option<&str>,
) -> Option<Arc<Unit>> {
    if socketio::is_reserved(event) {
        tracing::error!(event, "the event's name is reserved and was not sent");
        return None;
    }
    let mut packet = vec![b'4'];
    socketio::encode_event(namespace, id, event, args, offset, &mut packet);
    Some(with_attachments(packet, args))
}

/// A packet, which begins with its Engine.IO type, and the attachments of its arguments.
pub fn with_attachments(packet: Vec<u8>, args: &Args) -> Arc<Unit> {
    let attachments = args.attachments().iter().cloned().map(Part::Binary);
    let parts = std::iter::once(Part::Text(packet.into())).chain(attachments);
    Unit::new(parts.collect(), args.payload_bytes())
}
