//! The text of `/metrics`, shared among its readers.
//!
//! Each request gets a new text, unless `TEXTS_MAX` texts wait for readers that do not read. Then
//! a text younger than `FRESH_FOR` is shared; if there is none, the request is refused, because
//! old figures are worse than none. So readers that do not read cost a bounded number of texts, and
//! one chunk each.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, stream};

/// Texts that may wait for their readers at once.
const TEXTS_MAX: usize = 8;
/// How long a text may be shared.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// Bytes that are handed to a connection at a time.
const CHUNK_BYTES: usize = 16 << 10;

/// One text, and when it was made.
pub struct Text {
    bytes: Vec<u8>,
    made: Instant,
}

impl Text {
    /// Bytes of it.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its bytes in chunks; the text lives as long as its last stream.
    pub fn stream<E>(self: Arc<Self>) -> impl Stream<Item = Result<Bytes, E>> {
        stream::unfold((self, 0), |(text, at)| async move {
            let end = text.bytes.len().min(at + CHUNK_BYTES);
            let chunk = Bytes::copy_from_slice(text.bytes.get(at..end)?);
            (!chunk.is_empty()).then_some((Ok(chunk), (text, end)))
        })
    }
}

/// The texts that wait for their readers, oldest first.
#[derive(Default)]
pub struct Answers(Mutex<Vec<Weak<Text>>>);

impl Answers {
    /// A text to answer with, made by `make` if not too many wait. `None` if too many wait and all
    /// are too old at `now` to be shared.
    pub fn next<E>(
        &self,
        now: Instant,
        make: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Option<Arc<Text>>, E> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|text| text.strong_count() > 0);
        if waiting.len() >= TEXTS_MAX
            && let Some(newest) = waiting.last().and_then(Weak::upgrade)
        {
            let age = now.saturating_duration_since(newest.made);
            return Ok(Some(newest).filter(|_| age < FRESH_FOR));
        }
        let text = Arc::new(Text {
            bytes: make()?,
            made: now,
        });
        waiting.push(Arc::downgrade(&text));
        Ok(Some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt};

    #[test]
    fn readers_that_do_not_read_share_a_bounded_number_of_texts_and_none_that_is_old() {
        let answers = Answers::default();
        let now = Instant::now();
        let mut made = 0;
        let mut ask = |after| {
            let text = answers.next(now + after, || {
                made += 1;
                Ok::<_, ()>(vec![b'x'; 100])
            });
            text.unwrap()
        };
        let readers: Vec<_> = (0..150).map(|_| ask(Duration::ZERO).unwrap()).collect();
        assert!(Arc::ptr_eq(&readers[149], &readers[TEXTS_MAX - 1]));
        assert!(ask(FRESH_FOR / 2).is_some());
        assert!(ask(FRESH_FOR).is_none());
        drop(readers);
        assert!(ask(FRESH_FOR).is_some());
        assert_eq!(made, TEXTS_MAX + 1, "once they are gone it is fresh again");
    }

    #[test]
    fn the_stream_is_the_text() {
        let bytes: Vec<u8> = (0..CHUNK_BYTES * 2 + 5).map(|n| n as u8).collect();
        let text = Answers::default().next(Instant::now(), || Ok::<_, ()>(bytes.clone()));
        let stream = text.unwrap().unwrap().stream::<()>();
        let chunks: Vec<_> = stream.collect().now_or_never().unwrap();
        assert_eq!(chunks.len(), 3);
        let read: Vec<u8> = chunks.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(read, bytes);
    }
}
