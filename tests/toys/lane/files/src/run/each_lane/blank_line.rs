//! The toy: JSON with a blank line after each.

use super::{At, EachLane, Wanted, chunk};
use crate::{
    catalogue::{BLANK_LINE, Lane},
    channel::Publication,
    client::{Follow, blank_line::BlankLine},
    codec::envelope,
    wire::Layers,
};

pub struct BlankLines;

impl EachLane for BlankLines {
    fn lane(&self) -> &'static Lane {
        &BLANK_LINE
    }

    fn client(&self, _wanted: &Wanted<'_>) -> Box<dyn Follow> {
        Box::new(BlankLine)
    }

    fn message(
        &self,
        _at: &At<'_>,
        publication: &Publication,
        out: &mut Vec<u8>,
    ) -> Option<Layers> {
        let mut block = Vec::new();
        let layers = envelope::encode_publication(publication, &mut block);
        block.extend_from_slice(b"\n\n");
        chunk(&block, out);
        Some(layers)
    }
}
