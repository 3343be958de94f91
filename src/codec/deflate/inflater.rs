//! One direction of a connection, inflating.

use flate2::{Decompress, FlushDecompress, Status};

use super::TAIL;

/// What is inflated between two looks at the limit.
const STEP_BYTES: usize = 8 << 10;
/// Streams that may end within one message.
const ENDS_MAX: usize = 16;
/// What a reference can reach back.
const WINDOW_BYTES: usize = 32 << 10;

/// Why a message cannot be had. The inflater is of no use afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Uninflatable {
    /// It would be longer than the limit.
    #[error("the message is over the size limit once it is inflated")]
    TooBig,
    /// The bytes are no DEFLATE, or refer to what never was.
    #[error("the compressed message is broken")]
    Broken,
}

/// An inflater with its window, the largest there is: right for every window of its peer.
#[derive(Debug)]
pub struct Inflater(Decompress);

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Inflater {
    /// Appends what a message was before it was compressed, at most `max_bytes` of it: nothing of a
    /// piece that would be past them.
    pub fn message(
        &mut self,
        compressed: &[u8],
        max_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Uninflatable> {
        let from = out.len();
        let mut scratch = [0; STEP_BYTES];
        let mut ends = 0;
        for part in [compressed, &TAIL] {
            let mut left = part;
            loop {
                let before = (self.0.total_in(), self.0.total_out());
                let status = self
                    .0
                    .decompress(left, &mut scratch, FlushDecompress::Sync)
                    .map_err(|_| Uninflatable::Broken)?;
                let taken = (self.0.total_in() - before.0) as usize;
                let made = (self.0.total_out() - before.1) as usize;
                left = &left[taken..];
                if out.len() - from + made > max_bytes {
                    return Err(Uninflatable::TooBig);
                }
                out.extend_from_slice(&scratch[..made]);
                if status == Status::StreamEnd {
                    ends += 1;
                    // Each costs more than the two bytes that it takes.
                    if ends > ENDS_MAX {
                        return Err(Uninflatable::Broken);
                    }
                    self.begin_again(&out[from..])?;
                } else if made == STEP_BYTES {
                    continue;
                } else if taken == 0 && !left.is_empty() {
                    return Err(Uninflatable::Broken);
                }
                if left.is_empty() {
                    break;
                }
            }
        }
        // A sender may end its stream and begin another within a message (BFINAL, §7.2.3.4).
        match ends > 0 {
            true => self.begin_again(&out[from..]),
            false => Ok(()),
        }
    }

    /// Empties the window.
    pub fn forget(&mut self) {
        self.0.reset(false);
    }

    /// Where a stream has ended the window is still the peer's; this message's part of it is at hand.
    /// (What later messages refer to before that is refused as broken. No client is known to end
    /// streams and to refer past them.)
    fn begin_again(&mut self, message: &[u8]) -> Result<(), Uninflatable> {
        self.forget();
        let window = &message[message.len().saturating_sub(WINDOW_BYTES)..];
        if !window.is_empty() {
            self.0
                .set_dictionary(window)
                .map_err(|_| Uninflatable::Broken)?;
        }
        Ok(())
    }
}
