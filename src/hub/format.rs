//! How a publication takes its form on the wire, once for all of its subscribers.
//!
//! A form is a number ([`WireFormat`]) and a function. The number is an index into the
//! publication's encodings, so that looking for one is no hash and no lock; the first who needs a
//! form makes it, on whatever thread (`OnceLock`), and the others wait for that rather than making
//! another.
//!
//! Rejected: encoding in `publish`, for every form there is. Most channels have subscribers of one
//! or two lanes.

use std::{
    array,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::{catalogue::WireFormat, channel::Publication, wire::Layers};

/// How publications take a form on the wire. There is one `static` of each.
pub struct Format {
    /// Which one, and no other's.
    pub form: WireFormat,
    /// Appends the publication as it goes on the wire and says how the bytes divide.
    pub encode: fn(&Publication, &mut Vec<u8>) -> Layers,
}

/// A publication on its way, with its encodings so far.
pub struct Outgoing {
    pub publication: Arc<Publication>,
    encoded: [OnceLock<(Bytes, Layers)>; WireFormat::COUNT],
}

impl Outgoing {
    /// Nothing is encoded yet: perhaps nobody wants it.
    pub fn new(publication: Arc<Publication>) -> Self {
        Self {
            publication,
            encoded: array::from_fn(|_| OnceLock::new()),
        }
    }

    /// Its bytes in a form, made by whoever asks first.
    pub fn encoded(&self, format: &'static Format) -> &(Bytes, Layers) {
        self.encoded[format.form as usize].get_or_init(|| {
            let mut out = Vec::with_capacity(self.publication.retained_bytes() + 64);
            let layers = (format.encode)(&self.publication, &mut out);
            (out.into(), layers)
        })
    }
}
