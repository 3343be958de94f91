//! Server-sent events, with the plain envelope or bare.

use super::{At, EachLane, Wanted, chunk};
use crate::{
    catalogue::{Form, Lane, SSE},
    channel::Publication,
    client::{Follow, sse::Sse},
    codec::{envelope, sse},
    wire::Layers,
};

pub struct EventStream;

impl EachLane for EventStream {
    fn lane(&self) -> &'static Lane {
        &SSE
    }

    fn client(&self, wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(Sse::new(wanted.row.form() == Form::Bare))
    }

    fn message(&self, at: &At<'_>, publication: &Publication, out: &mut Vec<u8>) -> Option<Layers> {
        let mut json = Vec::new();
        let mut event = Vec::new();
        let layers = match at.form {
            Form::Bare => {
                let layers = envelope::encode_bare(publication, &mut json);
                sse::encode_event(None, None, &json, &mut event);
                layers
            }
            Form::AsItIs | Form::WithPositions => {
                let layers = envelope::encode_publication(publication, &mut json);
                let id = publication.position().to_string();
                sse::encode_event(None, Some(&id), &json, &mut event);
                layers
            }
        };
        chunk(&event, out);
        Some(layers)
    }
}
