//! What waits behind something large, or in a buffer.

/// # Behind a blob
///
/// A link that sends `bits_per_s` is busy with a blob for 8·bytes/bits_per_s. What comes `after_s`
/// after its beginning, on the same connection, waits for the rest of that: nothing overtakes in a
/// stream of bytes.
pub fn behind_blob_s(blob_bytes: f64, bits_per_s: f64, after_s: f64) -> f64 {
    (blob_bytes * 8.0 / bits_per_s - after_s).max(0.0)
}

/// # An answer that is buffered on its way
///
/// A proxy keeps what comes of an answer until it has `buffer_bytes`, or until it has kept the first
/// of it for `hold_s`, and passes all of it on at once. Of periodic messages, one every *P*, the
/// first finds the buffer empty and opens it; it leaves when it is full, with the *n*th, after
/// (*n* − 1)*P*, or when the hold is over. All *n* leave together: the *k*th has waited for what
/// was left, so delays go down by *P* from message to message, and up again: a staircase.
pub fn buffered(hold_s: f64, buffer_bytes: f64, message_bytes: f64, period_s: f64) -> Buffered {
    let until_full = (buffer_bytes / message_bytes).ceil().max(1.0);
    let full_s = (until_full - 1.0) * period_s;
    let (kept_s, together) = match full_s <= hold_s {
        true => (full_s, until_full),
        false => (hold_s, (hold_s / period_s).floor() + 1.0),
    };
    Buffered {
        longest_s: kept_s,
        mean_s: kept_s - (together - 1.0) / 2.0 * period_s,
    }
}

/// What a buffer adds to delays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buffered {
    /// Of the first of a burst, s.
    pub longest_s: f64,
    /// Over all, s.
    pub mean_s: f64,
}

#[cfg(test)]
mod tests {
    use super::{super::simulated::is_close, *};

    #[test]
    fn a_buffer_makes_a_staircase_as_simulated() {
        for (hold_s, buffer_bytes, message_bytes, period_s) in [
            (1.0, 4_096.0, 245.0, 0.13),
            (1.0, 4_096.0, 245.0, 0.01),
            (0.5, 1e6, 245.0, 0.033),
            (1.0, 100.0, 245.0, 0.1),
        ] {
            let (mut kept, mut waits): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
            for number in 0..20_000 {
                let now = number as f64 * period_s;
                if let Some(first) = kept.first()
                    && now > first + hold_s
                {
                    let leaves = first + hold_s;
                    waits.extend(kept.drain(..).map(|at| leaves - at));
                }
                kept.push(now);
                if kept.len() as f64 * message_bytes >= buffer_bytes {
                    waits.extend(kept.drain(..).map(|at| now - at));
                }
            }
            let predicted = buffered(hold_s, buffer_bytes, message_bytes, period_s);
            let mean = waits.iter().sum::<f64>() / waits.len() as f64;
            is_close("mean", mean, predicted.mean_s, 0.02);
            let longest = waits.iter().copied().fold(0.0, f64::max);
            is_close("longest", longest, predicted.longest_s, 0.02);
        }
    }

    #[test]
    fn what_comes_after_a_blob_waits_for_the_rest_of_it() {
        assert!((behind_blob_s(1_250_000.0, 10e6, 0.25) - 0.75).abs() < 1e-9);
        assert_eq!(behind_blob_s(1_250.0, 10e6, 0.25), 0.0);
    }
}
