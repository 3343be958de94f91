//! HTTP's content codings (RFC 9110 §8.4): gzip (RFC 1952), brotli (RFC 7932) and zstd (RFC 8878),
//! for answers that are made at once and for answers that go on.
//!
//! A coding runs through a whole answer: an event stream is *one* gzip member that never ends, and
//! what an event says again of those before costs next to nothing. So a stream has a compressor of
//! its own, and nobody else can use what it makes.
//!
//! ```text
//! event ──► Compressor::event ──► its bytes and a flush ──► Decompressor::feed ──► the same event
//!             window: what was said before                   window: the same
//! ```
//!
//! A compressor that is not flushed keeps what it is given until it has enough for a good block: an
//! event would wait for those after it. Every [`Compressor::event`] ends in a flush, which costs some
//! bytes (5 of gzip, 1 or 2 of brotli, 3 of zstd), and the reader has all of the event.
//!
//! # What a stream holds
//!
//! All three are given a window of 32 KiB, so that the codings are compared and not their windows: it
//! is what gzip has and 100 publications of a chat. What a compressor then holds
//! on the server for as long as the stream is open is 320 KiB by gzip and by zstd, and 370 by brotli, which goes up to
//! 700 (resident, `pushlab experiment E23`). An idle stream without one holds 4 KiB. By their
//! own defaults brotli and zstd look back megabytes, and hold as much for every reader.
//!
//! # Bombs
//!
//! A megabyte of zeros is a kilobyte of gzip, 60 bytes of zstd. [`Decompressor`] is told how much one
//! piece may become, and fails before it has more; a zstd stream that wants a window of over 8 MiB is
//! refused (RFC 9659).
//!
//! Not here: `deflate`, which some take for zlib and some for raw deflate (RFC 9110 §8.4.1.2, note),
//! and `compress`, which nobody sends any more. Frames of WebSockets are not coded so: see
//! [`super::websocket`].

mod br;
mod dictionary;
mod gzip;
mod negotiation;
mod zst;

use std::cell::RefCell;
use std::io::{self, Write};

pub use dictionary::Dictionary;
pub use negotiation::{choose, weight_of};
use serde::{Deserialize, Serialize};

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coding {
    /// `gzip`, RFC 1952: what every client has.
    Gzip,
    /// `br`, RFC 7932: the smallest for text; browsers offer it to https and to localhost alone.
    #[serde(rename = "br")]
    Brotli,
    /// `zstd`, RFC 8878: nearly as small, in less time.
    Zstd,
}

impl Coding {
    /// All of them, the ones that a server would rather send first: zstd is as small as the others
    /// where events repeat each other, and costs the least time.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in `Accept-Encoding` and `Content-Encoding` (RFC 9110 §16.6.1 and IANA's registry).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The coding that is called so, to the letter.
    pub fn exactly(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| coding.name() == name)
    }

    /// The coding of this name, in any case; `x-gzip` is gzip (RFC 9110 §8.4.1.3).
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("x-gzip") {
            return Some(Self::Gzip);
        }
        let mut all = Self::ALL.into_iter();
        all.find(|coding| coding.name().eq_ignore_ascii_case(name))
    }
}

/// Below this an answer is left as it is: heads of a coding and the line `content-encoding` cost more
/// than can be saved. Of 116 bytes of chat gzip makes 113.
pub const WORTHWHILE_BYTES: usize = 256;

/// Makes one answer's bytes fewer, event by event.
pub struct Compressor(Coder);

enum Coder {
    Gzip(gzip::Compressor),
    Brotli(Box<br::Compressor>),
    Zstd(zst::Compressor),
}

impl Compressor {
    /// For one answer; see the module for what it holds.
    pub fn new(coding: Coding) -> Self {
        Self(match coding {
            Coding::Gzip => Coder::Gzip(gzip::Compressor::new()),
            Coding::Brotli => Coder::Brotli(Box::new(br::Compressor::new())),
            Coding::Zstd => Coder::Zstd(zst::Compressor::new()),
        })
    }

    /// As [`Self::new`], in the coding `dcz`: by zstd, for a client that has this dictionary.
    pub fn with_dictionary(dictionary: &Dictionary) -> Self {
        Self(Coder::Zstd(zst::Compressor::with_dictionary(dictionary)))
    }

    /// Appends `event` coded and flushed: a reader of what was appended so far has all of it.
    pub fn event(&mut self, event: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Coder::Gzip(coder) => coder.write(event, gzip::THEN_FLUSH, out),
            Coder::Brotli(coder) => coder.event(event, out),
            Coder::Zstd(coder) => coder.event(event, out),
        }
    }

    /// Appends the coding's end. After it nothing may follow.
    pub fn end(self, out: &mut Vec<u8>) {
        match self.0 {
            Coder::Gzip(mut coder) => coder.write(b"", gzip::THEN_END, out),
            Coder::Brotli(coder) => coder.end(out),
            Coder::Zstd(mut coder) => coder.end(out),
        }
    }
}

/// A whole answer, coded by itself. Each thread keeps a compressor for it, from the first one on.
pub fn whole(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 2 + 32);
    match coding {
        Coding::Gzip => GZIP.with_borrow_mut(|coder| coder.whole(bytes, &mut out)),
        // It cannot be begun anew.
        Coding::Brotli => br::Compressor::new().whole(bytes, &mut out),
        Coding::Zstd => ZSTD.with_borrow_mut(|coder| coder.whole(bytes, &mut out)),
    }
    out
}

thread_local! {
    static GZIP: RefCell<gzip::Compressor> = RefCell::new(gzip::Compressor::new());
    static ZSTD: RefCell<zst::Compressor> = RefCell::new(zst::Compressor::new());
}

/// As [`whole`], for a client that has this dictionary.
pub fn whole_with_dictionary(dictionary: &Dictionary, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
    zst::Compressor::with_dictionary(dictionary).whole(bytes, &mut out);
    out
}

/// Why what came is not what a coding says.
#[derive(Debug, thiserror::Error)]
pub enum BadCoding {
    /// It is more than was allowed.
    #[error("{coding} of more than {max_bytes} bytes in one piece")]
    TooMuch {
        /// Which coding.
        coding: &'static str,
        /// How much was allowed.
        max_bytes: usize,
    },
    /// It is something else.
    #[error("it is no {coding}: {why}")]
    Other {
        /// Which coding it was to be.
        coding: &'static str,
        /// What the decoder says.
        why: String,
    },
    /// It ends before its end.
    #[error("{coding} that stops in the middle")]
    Unfinished {
        /// Which coding.
        coding: &'static str,
    },
}

/// The way back, of an answer that comes in pieces.
pub struct Decompressor {
    coding: Coding,
    /// What one piece may become.
    max_bytes: usize,
    decoder: Decoder,
}

enum Decoder {
    Gzip(gzip::Decompressor),
    Brotli(Box<br::Decompressor>),
    Zstd(zst::Decompressor),
}

impl Decompressor {
    /// For one answer; a piece may become `max_bytes`.
    pub fn new(coding: Coding, max_bytes: usize) -> Self {
        Self {
            coding,
            max_bytes,
            decoder: match coding {
                Coding::Gzip => Decoder::Gzip(gzip::Decompressor::new()),
                Coding::Brotli => Decoder::Brotli(Box::new(br::Decompressor::new())),
                Coding::Zstd => Decoder::Zstd(zst::Decompressor::new()),
            },
        }
    }

    /// As [`Self::new`], of an answer in the coding `dcz`.
    pub fn with_dictionary(dictionary: &Dictionary, max_bytes: usize) -> Self {
        Self {
            coding: Coding::Zstd,
            max_bytes,
            decoder: Decoder::Zstd(zst::Decompressor::with_dictionary(dictionary)),
        }
    }

    /// Appends what the next piece says, as far as it can be known yet.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), BadCoding> {
        let coding = self.coding.name();
        let mut bounded = Bounded {
            left: self.max_bytes,
            out,
        };
        let fed = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.feed(piece, &mut bounded),
            Decoder::Brotli(decoder) => decoder.feed(piece, &mut bounded),
            Decoder::Zstd(decoder) => decoder.feed(piece, &mut bounded),
        };
        fed.map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => BadCoding::TooMuch {
                coding,
                max_bytes: self.max_bytes,
            },
            _ => BadCoding::Other {
                coding,
                why: error.to_string(),
            },
        })
    }

    /// Whether the coding's end has come.
    pub fn is_over(&self) -> bool {
        match &self.decoder {
            Decoder::Gzip(decoder) => decoder.is_over(),
            Decoder::Brotli(decoder) => decoder.is_over(),
            Decoder::Zstd(decoder) => decoder.is_over(),
        }
    }
}

/// What a whole answer says, at most `max_bytes` of it.
pub fn read_whole(coding: Coding, bytes: &[u8], max_bytes: usize) -> Result<Vec<u8>, BadCoding> {
    let mut decoder = Decompressor::new(coding, max_bytes);
    let mut out = Vec::new();
    decoder.feed(bytes, &mut out)?;
    match decoder.is_over() {
        true => Ok(out),
        false => Err(BadCoding::Unfinished {
            coding: coding.name(),
        }),
    }
}

/// Takes what a decoder makes, up to a bound.
struct Bounded<'a> {
    left: usize,
    out: &'a mut Vec<u8>,
}

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::FileTooLarge)?;
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What decoders make at a time.
const STEP_BYTES: usize = 8 << 10;

fn no_coding(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX_BYTES: usize = 1 << 20;

    #[test]
    fn codings_are_found_by_their_names_in_any_case() {
        for coding in Coding::ALL {
            assert_eq!(Coding::named(coding.name()), Some(coding));
            let loud = coding.name().to_uppercase();
            assert_eq!(Coding::named(&loud), Some(coding));
        }
        assert_eq!(Coding::named("x-gzip"), Some(Coding::Gzip));
        for unknown in ["", "identity", "deflate", "gzi", "*"] {
            assert_eq!(Coding::named(unknown), None);
        }
    }

    /// An event of a stream, of which nearly all was said by those before.
    fn event(n: usize) -> Vec<u8> {
        format!("id: k3:{n}\ndata: {{\"channel\":\"news\",\"data\":{{\"n\":{n}}}}}\n\n")
            .into_bytes()
    }

    #[test]
    fn an_event_is_with_its_reader_before_the_next_one_is_made() {
        for coding in Coding::ALL {
            let mut coder = Compressor::new(coding);
            let mut decoder = Decompressor::new(coding, MAX_BYTES);
            let mut sizes = Vec::new();
            for n in 0..300 {
                let mut wire = Vec::new();
                coder.event(&event(n), &mut wire);
                let mut read = Vec::new();
                decoder.feed(&wire, &mut read).unwrap();
                assert_eq!(read, event(n), "{coding:?}");
                assert!(!decoder.is_over());
                sizes.push(wire.len());
            }
            let plain = event(299).len();
            assert!(
                sizes[299] * 2 < plain,
                "{coding:?}: {} of {plain}",
                sizes[299]
            );
            assert!(
                sizes[299] < sizes[0],
                "{coding:?}: what was said before helps"
            );
            let mut wire = Vec::new();
            coder.end(&mut wire);
            let mut read = Vec::new();
            decoder.feed(&wire, &mut read).unwrap();
            assert!(read.is_empty() && decoder.is_over(), "{coding:?}");
        }
    }

    #[test]
    fn a_dictionary_says_beforehand_what_a_first_event_cannot_repeat() {
        let dictionary = Dictionary::new([event(1), event(2)].concat());
        let (mut with, mut without) = (Vec::new(), Vec::new());
        let mut coder = Compressor::with_dictionary(&dictionary);
        coder.event(&event(7), &mut with);
        Compressor::new(Coding::Zstd).event(&event(7), &mut without);
        assert!(
            with.len() - dictionary.head().len() < without.len() / 2,
            "{}",
            with.len()
        );
        coder.event(&event(8), &mut with);
        coder.end(&mut with);
        let mut decoder = Decompressor::with_dictionary(&dictionary, MAX_BYTES);
        let mut read = Vec::new();
        for piece in with.chunks(7) {
            decoder.feed(piece, &mut read).unwrap();
        }
        assert!(decoder.is_over());
        assert_eq!(read, [event(7), event(8)].concat());
        let one = whole_with_dictionary(&dictionary, &event(9));
        let other = Dictionary::new(event(1));
        let refused = Decompressor::with_dictionary(&other, MAX_BYTES).feed(&one, &mut read);
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("another dictionary")
        );
    }

    #[test]
    fn a_small_piece_that_becomes_much_is_refused_before_it_has() {
        let zeros = vec![0; 8 << 20];
        for coding in Coding::ALL {
            let bomb = whole(coding, &zeros);
            assert!(bomb.len() < 16 << 10, "{coding:?}: {}", bomb.len());
            let mut out = Vec::new();
            let refused = Decompressor::new(coding, MAX_BYTES).feed(&bomb, &mut out);
            assert!(
                matches!(refused, Err(BadCoding::TooMuch { .. })),
                "{coding:?}"
            );
            assert!(out.len() <= MAX_BYTES && out.capacity() <= 2 * MAX_BYTES);
            assert_eq!(read_whole(coding, &bomb, zeros.len()).unwrap(), zeros);
            assert!(read_whole(coding, &bomb, zeros.len() - 1).is_err());
        }
    }

    #[test]
    fn what_is_no_coding_or_half_of_one_is_an_error() {
        for coding in Coding::ALL {
            let good = whole(coding, &event(1));
            let refused = read_whole(coding, &good[..good.len() - 1], MAX_BYTES);
            assert!(
                matches!(refused, Err(BadCoding::Unfinished { .. })),
                "{coding:?}"
            );
            let refused = read_whole(coding, b"HTTP/1.1 200 OK, which is none", MAX_BYTES);
            assert!(refused.is_err(), "{coding:?}");
            let followed = [&*good, b"more"].concat();
            let refused = read_whole(coding, &followed, MAX_BYTES);
            assert!(
                matches!(refused, Err(BadCoding::Other { .. })),
                "{coding:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_coded_reads_back_wherever_it_is_cut(
            events in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_000), 0..8),
            cut in 1_usize..700,
            of in 0_usize..3,
        ) {
            let coding = Coding::ALL[of];
            let mut coder = Compressor::new(coding);
            let mut wire = Vec::new();
            for event in &events {
                coder.event(event, &mut wire);
            }
            coder.end(&mut wire);
            let mut decoder = Decompressor::new(coding, MAX_BYTES);
            let mut read = Vec::new();
            for piece in wire.chunks(cut) {
                decoder.feed(piece, &mut read).unwrap();
            }
            prop_assert!(decoder.is_over());
            let plain = events.concat();
            prop_assert_eq!(&read, &plain);
            prop_assert_eq!(&read_whole(coding, &whole(coding, &plain), MAX_BYTES).unwrap(), &plain);
        }

        #[test]
        fn decoders_survive_anything(bytes in prop::collection::vec(any::<u8>(), 0..500), of in 0_usize..3) {
            let mut out = Vec::new();
            let _ = Decompressor::new(Coding::ALL[of], MAX_BYTES).feed(&bytes, &mut out);
            prop_assert!(out.len() <= MAX_BYTES);
        }
    }
}
