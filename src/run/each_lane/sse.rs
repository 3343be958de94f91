//! Server-sent events.

use super::{At, EachLane, Wanted, chunk};
use crate::{
    catalogue::{Lane, SSE},
    channel::Publication,
    client::{Follow, sse::Sse},
    codec::{envelope, sse},
};

pub struct EventStream;

impl EachLane for EventStream {
    fn lane(&self) -> &'static Lane {
        &SSE
    }

    fn client(&self, _wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(Sse::default())
    }

    fn message(&self, _at: &At<'_>, publication: &Publication, out: &mut Vec<u8>) -> Option<u64> {
        let mut json = Vec::new();
        let layers = envelope::encode_publication(publication, &mut json);
        let id = publication.position().to_string();
        let mut event = Vec::new();
        sse::encode_event(None, Some(&id), &json, &mut event);
        chunk(&event, out);
        Some(layers.envelope)
    }
}
