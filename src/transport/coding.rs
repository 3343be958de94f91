//! In which content coding an answer leaves: as it is, or compressed for a client that names the
//! coding, where the lab is set to it (`--compress`) or the client asks for it (`compress=on` in its query).
//!
//! ```text
//! GET /sse/news?compress=on, Accept-Encoding: gzip, br, zstd
//!   ◄── 200, content-encoding: zstd, vary: Accept-Encoding, chunked     one compressor for this answer,
//!   ◄── an event, compressed, and flushed                               as long as it goes on
//! GET /long-poll/news?compress=on…, Accept-Encoding: gzip
//!   ◄── 200, content-encoding: gzip, vary…, etag: W/"k3:9"              all of the body, made at once
//!   ◄── 200, vary…, etag: "k3:9"                                        a small one is left as it is
//! ```
//!
//! `Vary` is on every answer that could have been otherwise (RFC 9110 §12.5.5), so on small ones as
//! well; a strong ETag names one sequence of bytes, so a coded answer has a weak one (§8.8.3.3). Errors are as they are: they
//! are short, and what could not read an answer is to read why.
//!
//! What is compressed together tells of each other by its length: who can make a page say something and see how
//! long the answer is can guess at what else is in it (BREACH, 2013). An application with secrets beside what
//! strangers write, such as a private channel's events, leaves compression off for them.
//!
//! That nobody else compresses them, answers that go on say themselves (`no-transform`, see
//! `server::as_written`).
//!
//! # Rejected
//!
//! - **actix-web's `Compress`.** It would have to be around all or nothing, does not tell the meter what it
//!   made of a message, and chooses windows and levels itself. Its feature is off here.
//! - **One compressed form of a publication for all who read**, as permessage-deflate can have
//!   it: a coding runs through the answer (see [`crate::codec::compressed`]).

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponseBuilder,
    http::{
        Version,
        header::{self, HeaderValue},
    },
};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    codec::compressed::{self, Coding, Compressor, Dictionary, WORTHWHILE_BYTES},
    config::compress::Compress,
    wire::Layers,
};

/// A longer body is left as it is: a worker would compress it for tens of milliseconds, and serve
/// nobody else.
const WHOLE_MAX_BYTES: usize = 256 << 10;

/// How the answer to one request may leave.
#[derive(Clone, Copy)]
pub struct Coded {
    /// The headers that it depends on, if any.
    varies: Option<&'static str>,
    chosen: Option<Chosen>,
}

/// What an answer is coded with.
#[derive(Clone, Copy)]
enum Chosen {
    Alone(Coding),
    With(&'static Dictionary),
}

impl Chosen {
    fn name(self) -> &'static str {
        match self {
            Self::Alone(coding) => coding.name(),
            Self::With(_) => Dictionary::CODING,
        }
    }
}

impl Coded {
    /// As it is, whatever is set and whoever asks.
    pub const NEVER: Self = Self {
        varies: None,
        chosen: None,
    };

    /// For a request whose connection is set so.
    pub fn of(request: &HttpRequest, set: Compress) -> Self {
        if set == Compress::Off {
            return Self::NEVER;
        }
        Self {
            varies: Some("Accept-Encoding"),
            chosen: compressed::choose(accepted(request), &Coding::ALL).map(Chosen::Alone),
        }
    }

    /// As [`Self::of`], of answers that there may be a dictionary for: who has it and takes what is coded with
    /// it gets that, unless it likes something else better.
    pub fn of_lane(
        request: &HttpRequest,
        set: Compress,
        dictionary: Option<&'static Dictionary>,
    ) -> Self {
        let alone = Self::of(request, set);
        match dictionary {
            Some(dictionary) if alone.varies.is_some() => alone.with(request, dictionary),
            _ => alone,
        }
    }

    fn with(self, request: &HttpRequest, dictionary: &'static Dictionary) -> Self {
        let value = |name| request.headers().get(name)?.to_str().ok();
        let has_it =
            value("available-dictionary").is_some_and(|named| dictionary.is_named_by(named));
        let weight = |coding| compressed::weight_of(accepted(request), coding).unwrap_or(0);
        let liked = weight(Dictionary::CODING);
        let other = self.chosen.map_or("identity", Chosen::name);
        let other = weight(other);
        Self {
            varies: Some("Accept-Encoding, Available-Dictionary"),
            chosen: match has_it && liked > 0 && liked >= other {
                true => Some(Chosen::With(dictionary)),
                false => self.chosen,
            },
        }
    }

    /// Says in the head of an answer that could be coded otherwise that it could.
    pub fn vary(self, response: &mut HttpResponseBuilder) {
        if let Some(on) = self.varies {
            response.append_header((header::VARY, HeaderValue::from_static(on)));
        }
    }

    /// A whole body: compressed, if that makes it smaller by more than the head's line costs.
    pub fn body(self, response: &mut HttpResponseBuilder, body: Vec<u8>) -> Body {
        self.vary(response);
        let plain_bytes = body.len();
        let made = self.chosen.and_then(|chosen| match chosen {
            _ if plain_bytes > WHOLE_MAX_BYTES => None,
            Chosen::Alone(_) if plain_bytes < WORTHWHILE_BYTES => None,
            Chosen::Alone(coding) => Some((chosen, compressed::whole(coding, &body))),
            Chosen::With(dictionary) => {
                Some((chosen, compressed::whole_with_dictionary(dictionary, &body)))
            }
        });
        match made {
            Some((chosen, made)) if made.len() + line_bytes(chosen) < plain_bytes => {
                response.insert_header(named(chosen));
                Body {
                    bytes: made,
                    is_coded: true,
                }
            }
            _ => Body {
                bytes: body,
                is_coded: false,
            },
        }
    }

    /// An answer to this request that goes on. It has a compressor of its own, of as many as
    /// there may be; where all are in use it leaves as it is.
    pub fn stream(
        self,
        request: &HttpRequest,
        response: &mut HttpResponseBuilder,
        compressors: &Arc<Semaphore>,
    ) -> Pieces {
        let held = self
            .chosen
            .zip(compressors.clone().try_acquire_owned().ok());
        let chosen = held.as_ref().map(|(chosen, _)| *chosen);
        Self { chosen, ..self }.head_of_stream(response);
        Pieces {
            coder: held.map(|(chosen, permit)| {
                let compressor = match chosen {
                    Chosen::Alone(coding) => Compressor::new(coding),
                    Chosen::With(dictionary) => Compressor::with_dictionary(dictionary),
                };
                (compressor, permit)
            }),
            is_chunked: is_chunked(request),
        }
    }

    /// As [`Self::stream`], of which only the head is wanted.
    pub fn head_of_stream(self, response: &mut HttpResponseBuilder) {
        self.vary(response);
        if let Some(chosen) = self.chosen {
            response.insert_header(named(chosen));
        }
    }
}

/// What leaves as an answer's body.
pub struct Body {
    /// As they go over the wire.
    pub bytes: Vec<u8>,
    is_coded: bool,
}

impl Body {
    /// Whether they are compressed.
    pub fn is_coded(&self) -> bool {
        self.is_coded
    }

    /// How the bytes on the wire divide, where they divided so before.
    pub fn layers(&self, before: Layers) -> Layers {
        match self.is_coded {
            true => before.compressed_to(self.bytes.len() as u64),
            false => before,
        }
    }
}

/// What becomes of the pieces of an answer that goes on: each is compressed and flushed, if the answer is,
/// and leaves in a chunk, if the client knows chunks.
#[derive(Default)]
pub struct Pieces {
    /// Until the coding's end is written.
    coder: Option<(Compressor, OwnedSemaphorePermit)>,
    is_chunked: bool,
}

impl Pieces {
    /// A piece as it is written, and how the bytes then divide, with the chunk's around them.
    pub fn piece(&mut self, bytes: Bytes, layers: Layers) -> (Bytes, Layers) {
        let (bytes, mut layers) = match &mut self.coder {
            None => (bytes, layers),
            Some((coder, _)) => {
                let mut coded = Vec::new();
                coder.event(&bytes, &mut coded);
                let layers = layers.compressed_to(coded.len() as u64);
                (coded.into(), layers)
            }
        };
        if self.is_chunked {
            layers.framing += chunk_framing_bytes(bytes.len());
        }
        (bytes, layers)
    }

    /// The end of the coding, once, where there is one; after it the answer ends.
    pub fn end(&mut self) -> Option<(Bytes, Layers)> {
        let mut end = Vec::new();
        self.coder.take()?.0.end(&mut end);
        let mut layers = Layers {
            framing: end.len() as u64,
            ..Layers::default()
        };
        if self.is_chunked {
            layers.framing += chunk_framing_bytes(end.len());
        }
        Some((end.into(), layers))
    }

    /// What ends the answer itself: the HTTP server writes it.
    pub fn last(&self) -> Layers {
        Layers {
            framing: if self.is_chunked { LAST_CHUNK_BYTES } else { 0 },
            ..Layers::default()
        }
    }
}

/// The values of `Accept-Encoding`.
fn accepted(request: &HttpRequest) -> impl Iterator<Item = &str> {
    let values = request.headers().get_all(header::ACCEPT_ENCODING);
    values.filter_map(|value| value.to_str().ok())
}

/// Whether an answer of unknown length is chunked: HTTP/1.0 does not know the coding (RFC 9112
/// §6.1), and the connection's end is the body's.
fn is_chunked(request: &HttpRequest) -> bool {
    request.version() >= Version::HTTP_11
}

/// What the chunked coding adds around a chunk: its size in hex and two line ends (RFC 9112 §7.1).
fn chunk_framing_bytes(length: usize) -> u64 {
    u64::from(length.max(1).ilog2() / 4 + 1) + 4
}

/// The last chunk of the chunked coding: `0` and two line ends.
const LAST_CHUNK_BYTES: u64 = 5;

fn named(chosen: Chosen) -> (header::HeaderName, HeaderValue) {
    (
        header::CONTENT_ENCODING,
        HeaderValue::from_static(chosen.name()),
    )
}

/// `content-encoding: `, the name, and a line end.
fn line_bytes(chosen: Chosen) -> usize {
    header::CONTENT_ENCODING.as_str().len() + 4 + chosen.name().len()
}
