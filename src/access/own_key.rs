//! By what the lab knows its own native clients: a key that it makes at its start, keeps in memory and
//! gives to nobody else.

use std::fmt;

use subtle::ConstantTimeEq;

/// See the module: 128 random bits as 32 hexadecimal digits.
pub struct OwnKey(String);

impl OwnKey {
    /// A new key of 128 random bits, known to whoever made the thing it guards.
    pub fn make() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// For whom the lab starts.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is it; `None`: none was shown.
    pub fn is(&self, shown: Option<&str>) -> bool {
        shown.is_some_and(|shown| shown.as_bytes().ct_eq(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnKey(…)")
    }
}
