//! Dictionaries that both sides have before the first byte (RFC 9842, "Compression Dictionary Transport").
//!
//! A short answer says nothing twice, so a compressor finds nothing in it. With a dictionary it finds what
//! *every* answer says: the names of the envelope's members. A client that has one says so by its hash
//! (`Available-Dictionary: :<SHA-256 in Base64>:`) and names the codings that need it:
//!
//! ```text
//! Accept-Encoding: gzip, deflate, br, zstd, dcb, dcz
//! Available-Dictionary: :pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=:
//! ```
//!
//! `dcz` is a zstd frame whose window begins with the dictionary, behind a head of 40 bytes: a skippable frame
//! with the hash (RFC 9842 §5). Not here: `dcb`, which is the same with brotli; the crate can be given a
//! dictionary only in the older form, in which the dictionary slides out of the window.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

/// What a dictionary is known by in a coded answer: the magic number of a skippable frame, and the
/// length of what it holds (RFC 8878 §3.1.2).
const HEAD: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];

/// A text that answers are compressed with.
pub struct Dictionary {
    text: Vec<u8>,
    hash: [u8; 32],
}

impl Dictionary {
    /// The coding's name.
    pub const CODING: &str = "dcz";

    /// Of a text that looks like what is to be compressed.
    pub fn new(text: Vec<u8>) -> Self {
        let hash = Sha256::digest(&text).into();
        Self { text, hash }
    }

    /// As clients fetch it.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether `Available-Dictionary` names this one: a byte sequence of a structured field (RFC 8941 §3.3.5).
    pub fn is_named_by(&self, available: &str) -> bool {
        let named = available.trim().strip_prefix(':');
        let named = named.and_then(|named| named.strip_suffix(':'));
        let named = named.and_then(|named| BASE64_STANDARD.decode(named).ok());
        named.is_some_and(|named| named == self.hash)
    }

    /// Begins everything that is coded with it.
    pub fn head(&self) -> Vec<u8> {
        [&HEAD[..], &self.hash].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_known_by_its_hash_alone() {
        let dictionary = Dictionary::new(b"abc".to_vec());
        // FIPS 180-4's own example, in Base64.
        let hash = ":ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
        assert!(dictionary.is_named_by(hash));
        assert!(!Dictionary::new(b"abd".to_vec()).is_named_by(hash));
        for odd in ["", ":", "::", "abc", ":abc:", &hash[1..], "*"] {
            assert!(!dictionary.is_named_by(odd), "{odd:?}");
        }
        assert_eq!(dictionary.head().len(), 40);
    }
}
