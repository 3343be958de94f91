//! Newline-delimited JSON by `fetch`.

use super::{At, EachLane, Wanted, chunk};
use crate::{
    catalogue::{FETCH_STREAM, Lane},
    channel::Publication,
    client::{Follow, fetch_stream::FetchStream},
    codec::envelope,
    wire::Layers,
};

pub struct JsonLines;

impl EachLane for JsonLines {
    fn lane(&self) -> &'static Lane {
        &FETCH_STREAM
    }

    fn client(&self, _wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(FetchStream)
    }

    fn message(
        &self,
        _at: &At<'_>,
        publication: &Publication,
        out: &mut Vec<u8>,
    ) -> Option<Layers> {
        let mut line = Vec::new();
        let layers = envelope::encode_publication(publication, &mut line);
        line.push(b'\n');
        chunk(&line, out);
        Some(layers)
    }
}
