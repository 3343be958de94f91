//! What a subscriber gets: publications of one channel that leave together, and their bytes.
//!
//! A [`Batch`] is made once and offered to all; a [`Delivery`] is the part of it that one
//! subscriber lacks. Most lack nothing, so most write the very same bytes: who joined in the middle
//! shares a slice of them.
//!
//! Rejected: a list of publications for each subscriber, each with its own encoding. With a
//! thousand subscribers that is a thousand times the same JSON.

use std::{array, cell::OnceCell, sync::Arc};

use bytes::Bytes;

use super::format::{Format, Outgoing};
use crate::{catalogue::WireFormat, channel::Publication, wire::Layers};

/// Publications of one channel, in order, that are delivered together: either all with an offset or
/// all ephemeral.
pub struct Batch {
    pub(super) list: Vec<Arc<Outgoing>>,
    /// Read from the history for one subscriber: its age is not a delivery delay.
    is_replay: bool,
    joined: [OnceCell<(Bytes, Layers)>; WireFormat::COUNT],
}

impl Batch {
    pub(super) fn new(list: Vec<Arc<Outgoing>>) -> Self {
        Self {
            list,
            is_replay: false,
            joined: array::from_fn(|_| OnceCell::new()),
        }
    }

    /// A batch of what recovery found, which did not come through the hub.
    pub fn replay(publications: &[Arc<Publication>]) -> Self {
        let list = publications
            .iter()
            .map(|publication| Arc::new(Outgoing::new(publication.clone())))
            .collect();
        Self {
            is_replay: true,
            ..Self::new(list)
        }
    }

    /// Whether the batch is ephemeral; the shard never mixes the two kinds.
    pub(super) fn is_ephemeral(&self) -> bool {
        self.list
            .first()
            .is_some_and(|outgoing| outgoing.publication.is_ephemeral())
    }

    /// All of it.
    pub fn whole(&self) -> Delivery<'_> {
        Delivery {
            batch: self,
            from: 0,
            to: self.list.len(),
        }
    }

    /// The bytes of all, one after the other; made once, and for one publication not even copied.
    fn encoded(&self, format: &'static Format) -> &(Bytes, Layers) {
        if let [only] = self.list.as_slice() {
            return only.encoded(format);
        }
        self.joined[format.form as usize].get_or_init(|| {
            let parts = self.list.iter().map(|outgoing| outgoing.encoded(format));
            let mut out = Vec::with_capacity(parts.clone().map(|part| part.0.len()).sum());
            let mut layers = Layers::default();
            for (bytes, of_part) in parts {
                out.extend_from_slice(bytes);
                layers += *of_part;
            }
            (out.into(), layers)
        })
    }
}

/// The part of a batch that one subscriber gets: from the first publication it lacks to the end, or
/// a run within that.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    pub(super) batch: &'a Batch,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl<'a> Delivery<'a> {
    /// What is delivered, in the order of the channel.
    pub fn publications(self) -> impl ExactSizeIterator<Item = &'a Arc<Publication>> + Clone {
        self.batch.list[self.from..self.to]
            .iter()
            .map(|outgoing| &outgoing.publication)
    }

    /// Whether it comes from the history, and not through the hub.
    pub fn is_replay(self) -> bool {
        self.batch.is_replay
    }

    /// `published_us` of what is delivered live; empty for a replay, whose age is not a delay.
    pub fn live_since_us(self) -> impl Iterator<Item = u64> + Clone {
        let live = if self.batch.is_replay {
            &[]
        } else {
            &self.batch.list[self.from..self.to]
        };
        live.iter()
            .map(|outgoing| outgoing.publication.published_us)
    }

    /// The runs of publications that `wanted` lets through, in order: a subscriber that must not
    /// get one of them (for example its own message) still shares the bytes of the others.
    pub fn only(
        self,
        wanted: impl Fn(&Publication) -> bool + 'a,
    ) -> impl Iterator<Item = Delivery<'a>> {
        let mut at = self.from;
        std::iter::from_fn(move || {
            let list = &self.batch.list[..self.to];
            let is_wanted = |outgoing: &Arc<Outgoing>| wanted(&outgoing.publication);
            let from = at + list[at..].iter().position(is_wanted)?;
            at = list[from..]
                .iter()
                .position(|outgoing| !is_wanted(outgoing))
                .map_or(list.len(), |run| from + run);
            Some(Delivery {
                batch: self.batch,
                from,
                to: at,
            })
        })
    }

    /// Each publication as it goes on the wire, for transports that frame them one by one.
    pub fn each(self, format: &'static Format) -> impl Iterator<Item = &'a (Bytes, Layers)> {
        self.batch.list[self.from..self.to]
            .iter()
            .map(move |outgoing| outgoing.encoded(format))
    }

    /// All of it as it goes on the wire, shared with every other subscriber of the format.
    pub fn encoded(self, format: &'static Format) -> Encoded<'a> {
        let (whole, layers) = self.batch.encoded(format);
        let sum = |part: &[Arc<Outgoing>]| {
            part.iter()
                .map(|outgoing| outgoing.encoded(format))
                .fold((0, Layers::default()), |(sum, of), (bytes, layers)| {
                    (sum + bytes.len(), of + *layers)
                })
        };
        let (skip, before) = sum(&self.batch.list[..self.from]);
        let (rest, after) = sum(&self.batch.list[self.to..]);
        Encoded {
            whole,
            skip,
            end: whole.len() - rest,
            layers: *layers - before - after,
        }
    }
}

/// Wire bytes of a delivery. Borrowed; a caller that has to queue them uses [`Self::share`], which
/// does not copy either.
#[derive(Clone, Copy)]
pub struct Encoded<'a> {
    whole: &'a Bytes,
    skip: usize,
    end: usize,
    /// How the bytes divide.
    pub layers: Layers,
}

impl Encoded<'_> {
    /// The bytes as they go on the wire.
    pub fn as_slice(&self) -> &[u8] {
        &self.whole[self.skip..self.end]
    }

    /// A share of the bytes after the first `written`.
    pub fn share(&self, written: usize) -> Bytes {
        self.whole.slice(self.skip + written..self.end)
    }
}
