//! Which connections get compressed messages, and by whose compressor (RFC 7692; `--compress`).
//!
//! ```text
//! on        publication ──► one compressor of the thread ──► one frame ──► all subscribers
//! context   publication ──► a compressor of each connection ──► a frame for each
//! ```
//!
//! With `on` nothing is kept for a connection, and what a publication costs does not grow with its
//! subscribers: each message begins with an empty window, up and down, so that one frame is right for
//! everybody. With `context` messages refer to what was said before and are far smaller, for a
//! compression and some hundred KiB for each connection; as many as `compress_contexts` says may have
//! that, and the others get what `on` gives.
//!
//! What is short or would not shrink goes as it is, as every message may.
//!
//! Rejected: both on one connection, publications shared and the rest in context. The client's window
//! would hold messages that ours does not, and the next reference would point to other bytes.
//! Rejected: a context where a slow consumer loses what waits (`--slow-consumer drop-oldest`): the
//! messages after refer to what was given up. Such connections are as with `on`.

use actix_http::header::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    channel::Publication,
    codec::{
        deflate::{
            BITS_MAX,
            negotiate::{self, Agreement},
        },
        websocket::{
            Inflation,
            deflated::{By, deflate_frames},
        },
    },
    config::compress::Compress,
    hub::{Format, when_full::WhenFull},
    registry::LaneWorker,
    wire::Layers,
};

/// A form of publications as whole frames: as they are, and compressed, each by itself.
pub struct FrameFormat {
    /// As it is.
    pub plain: Format,
    /// Compressed where that makes it shorter.
    pub deflated: Format,
}

/// Appends what `encode` makes, compressed where that makes it shorter: once for all who get it.
pub fn deflated(
    encode: fn(&Publication, &mut Vec<u8>) -> Layers,
    publication: &Publication,
    out: &mut Vec<u8>,
) -> Layers {
    let mut frame = Vec::with_capacity(publication.retained_bytes() + 64);
    let layers = encode(publication, &mut frame);
    deflate_frames(&frame, &mut By::Alone(BITS_MAX), layers, out)
}

/// What a connection gets if its client offers to take it.
pub enum Compressing {
    /// No extension.
    Nothing,
    /// Each message by itself.
    Alone,
    /// Messages that refer to earlier ones; the permit is one of as many as there may be.
    InContext(OwnedSemaphorePermit),
}

impl Compressing {
    /// As the lab is set, or as the connection's query says instead.
    pub fn of(worker: &LaneWorker, asked: Option<Compress>, when_full: WhenFull) -> Self {
        match worker.lab.compress(asked) {
            Compress::Off => Self::Nothing,
            Compress::Context if when_full == WhenFull::Disconnect => {
                let permit = worker.lab.compressors.clone().try_acquire_owned();
                permit.map_or(Self::Alone, Self::InContext)
            }
            Compress::On | Compress::Context => Self::Alone,
        }
    }

    /// What is agreed on with a client that sent these headers.
    pub fn agree(self, headers: &HeaderMap) -> Option<Deflating> {
        let (keeps_context, permit) = match self {
            Self::Nothing => return None,
            Self::Alone => (false, None),
            Self::InContext(permit) => (true, Some(permit)),
        };
        if is_broken(headers) {
            return None;
        }
        let offers = headers.get_all("sec-websocket-extensions");
        let offers: Vec<_> = offers.filter_map(|offer| offer.to_str().ok()).collect();
        let mut agreement = negotiate::accept(&offers.join(","), keeps_context)?;
        let permit = permit.filter(|_| !agreement.server_no_context_takeover);
        // The client's context would be kept here as well, and counted by nothing.
        agreement.client_no_context_takeover |= permit.is_none();
        Some(Deflating { permit, agreement })
    }
}

/// What was agreed on for one connection, on its way to the thread that serves it.
pub struct Deflating {
    /// Both sides' words.
    pub agreement: Agreement,
    /// Where the connection has a compressor of its own.
    pub permit: Option<OwnedSemaphorePermit>,
}

impl Deflating {
    /// How what the client sends is inflated.
    pub fn inflation(&self) -> Inflation {
        match self.agreement.client_no_context_takeover {
            true => Inflation::Alone,
            false => Inflation::Context(None),
        }
    }
}

/// Safari 15.0 to 15.3 offers the extension and cannot do it (uNetworking/uWebSockets #1347).
fn is_broken(headers: &HeaderMap) -> bool {
    let agent = headers
        .get("user-agent")
        .and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| {
        let version = agent.split_once(" Version/15.").map(|(_, rest)| rest);
        version.is_some_and(|minor| minor.starts_with(['0', '1', '2', '3']))
            && agent.contains(" Safari/")
    })
}

#[cfg(test)]
mod tests {
    use actix_http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn the_safari_that_cannot_do_it_is_not_asked_to() {
        let safari = |version: &str| {
            format!(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/{version} Safari/605.1.15"
            )
        };
        let agreed = |agent: &str| {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("user-agent", agent),
                ("sec-websocket-extensions", "mux"),
                ("sec-websocket-extensions", "permessage-deflate"),
            ] {
                let value = HeaderValue::from_str(value).unwrap();
                headers.append(HeaderName::from_static(name), value);
            }
            Compressing::Alone.agree(&headers).is_some()
        };
        for broken in ["15.0", "15.1", "15.2", "15.3"] {
            assert!(!agreed(&safari(broken)), "{broken}");
        }
        for whole in ["14.1.2", "15.4", "15.6.1", "18.3"] {
            assert!(agreed(&safari(whole)), "{whole}");
        }
        assert!(agreed(
            "Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0"
        ));
    }
}
