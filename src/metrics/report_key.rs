//! Keys that prove that a page is on a lane: `POST /api/reports` counts delays only with the lane's
//! key.
//!
//! The lane itself gives it out on its own port, but not on the page's connection, so that no
//! metered byte is added. A key is the lane, when it was given and a random number, under a MAC
//! (HMAC-SHA256, RFC 2104) with a secret of this process: nobody can forge one, and the lab needs
//! no table of keys that somebody could fill.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a key is valid, µs; a page that is open for longer asks again.
const LASTS_US: u64 = 24 * 3_600 * 1_000_000;

/// Gives out keys and verifies them.
pub struct ReportKeys {
    secret: [u8; 32],
}

impl Default for ReportKeys {
    fn default() -> Self {
        Self {
            secret: rand::random(),
        }
    }
}

impl ReportKeys {
    /// A key for a lane: `given-random-mac`, in hexadecimal digits. `now_us` is on the monotonic
    /// clock.
    pub fn give(&self, lane: &str, now_us: u64) -> String {
        let signed = format!("{now_us:x}-{:016x}", rand::random::<u64>());
        let mac = self.mac(lane, &signed).finalize().into_bytes();
        let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{signed}-{mac}")
    }

    /// For how long the reporter has been on the lane, µs; `None` if the key is not the lane's or
    /// has expired.
    pub fn age_us(&self, lane: &str, key: &str, now_us: u64) -> Option<u64> {
        let (signed, mac) = key.rsplit_once('-')?;
        let (given, _) = signed.split_once('-')?;
        let bytes = mac.as_bytes();
        if bytes.len() != 64 {
            return None;
        }
        let mac: Vec<u8> = bytes
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
            .collect::<Option<_>>()?;
        self.mac(lane, signed).verify_slice(&mac).ok()?;
        let given_us = u64::from_str_radix(given, 16).ok()?;
        now_us
            .checked_sub(given_us)
            .filter(|age_us| *age_us <= LASTS_US)
    }

    fn mac(&self, lane: &str, signed: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        mac.update(lane.as_bytes());
        mac.update(b" ");
        mac.update(signed.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_one_lane_of_one_lab_and_lasts_a_day() {
        let keys = ReportKeys::default();
        let key = keys.give("sse", 1_000);
        assert_eq!(keys.age_us("sse", &key, 1_500), Some(500));
        assert_eq!(keys.age_us("websocket", &key, 1_500), None);
        assert_eq!(keys.age_us("sse", &key, 999), None);
        assert_eq!(keys.age_us("sse", &key, 1_001 + LASTS_US), None);
        assert_eq!(ReportKeys::default().age_us("sse", &key, 1_500), None);
        assert_ne!(keys.give("sse", 1_000), key);
    }

    #[test]
    fn nothing_else_is_a_key() {
        let keys = ReportKeys::default();
        let key = keys.give("sse", 1_000);
        let older = key.replacen("3e8", "3e7", 1);
        let cut = &key[..key.len() - 2];
        let odd = format!("3e8-0-{}", "é".repeat(32));
        for bad in ["", "-", "--", "a-b-c", &older, cut, &odd] {
            assert_eq!(keys.age_us("sse", bad, 1_500), None, "{bad}");
        }
    }
}
