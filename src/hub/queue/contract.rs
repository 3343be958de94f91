//! What every transport must do with a client that does not read, as one suite: the table in
//! [`super`], from the outside.
//!
//! A transport's own test gives a [`Suspect`] and gets the same cases as all others; so a new one
//! cannot have a queue of its own ideas.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::{
    channel::{ChannelName, Epoch, Publication},
    hub::{Batch, Outgoing},
};

/// The budget that a suspect must have.
pub const MAX_BYTES: usize = 20_000;

/// A transport's half of a connection whose client reads only when told to.
pub trait Suspect {
    /// Publications, live or a page of a catch-up.
    fn deliver(&mut self, batch: &Batch);
    /// The answer to something that the client sent, of so many bytes and perhaps some framing. A
    /// transport without a way up sends a publication instead.
    fn acknowledge(&mut self, bytes: usize);
    /// The client reads all that waits.
    fn read_all(&mut self);
    /// Whether the client is disconnected as a slow consumer.
    fn is_slow_consumer(&mut self) -> bool;
    /// Publications that were counted as dropped.
    fn dropped(&mut self) -> usize;
}

/// One live publication with so many bytes of data.
pub fn live(bytes: usize) -> Batch {
    Batch::new(vec![Arc::new(Outgoing::new(publication(bytes)))])
}

fn page(bytes: usize) -> Batch {
    Batch::replay(&[publication(bytes)])
}

fn publication(bytes: usize) -> Arc<Publication> {
    let data = format!("\"{}\"", "x".repeat(bytes - 2));
    Arc::new(Publication {
        channel: ChannelName::parse("news").expect("a name"),
        epoch: Epoch::parse("e1").expect("an epoch"),
        offset: 1,
        event: "tick".into(),
        data: RawValue::from_string(data).expect("JSON"),
        intended_us: 0,
        published_us: 0,
        origin: None,
    })
}

/// Runs the whole suite; each part has a fresh suspect.
pub fn run<S: Suspect>(mut fresh: impl FnMut() -> S) {
    a_page_takes_no_room(fresh());
    acknowledgements_count_beside_a_page(fresh());
    acknowledgements_count(fresh());
    publications_count_and_are_counted_as_dropped(fresh());
    a_page_that_was_read_leaves_no_room_behind(fresh());
}

fn a_page_takes_no_room(mut suspect: impl Suspect) {
    suspect.deliver(&page(3 * MAX_BYTES));
    for _ in 0..3 {
        suspect.acknowledge(MAX_BYTES / 10);
        suspect.deliver(&live(MAX_BYTES / 10));
    }
    assert!(!suspect.is_slow_consumer(), "six tenths wait, and a page");
    suspect.read_all();
    assert_eq!(suspect.dropped(), 0);
}

fn acknowledgements_count_beside_a_page(mut suspect: impl Suspect) {
    suspect.deliver(&page(3 * MAX_BYTES));
    (0..12).for_each(|_| suspect.acknowledge(MAX_BYTES / 10));
    assert!(suspect.is_slow_consumer(), "it sends and never reads");
}

fn acknowledgements_count(mut suspect: impl Suspect) {
    (0..12).for_each(|_| suspect.acknowledge(MAX_BYTES / 10));
    assert!(suspect.is_slow_consumer(), "it sends and never reads");
}

fn publications_count_and_are_counted_as_dropped(mut suspect: impl Suspect) {
    (0..8).for_each(|_| suspect.deliver(&live(MAX_BYTES / 10)));
    assert!(!suspect.is_slow_consumer(), "eight tenths wait");
    (0..4).for_each(|_| suspect.deliver(&live(MAX_BYTES / 10)));
    assert!(suspect.is_slow_consumer());
    let dropped = suspect.dropped();
    // One may be partly out; what comes after the end is nobody's any more.
    assert!((9..=12).contains(&dropped), "{dropped} dropped");
}

fn a_page_that_was_read_leaves_no_room_behind(mut suspect: impl Suspect) {
    suspect.deliver(&page(3 * MAX_BYTES));
    suspect.read_all();
    (0..12).for_each(|_| suspect.deliver(&live(MAX_BYTES / 10)));
    assert!(suspect.is_slow_consumer());
}
