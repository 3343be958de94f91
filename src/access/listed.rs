//! Which pages may use a server from a browser (Fetch standard, "CORS protocol"): any, or a list of
//! origins, written `https://a.example,http://localhost:5173`; `*` is any, and `null` is the origin
//! of files and of sandboxed frames.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// See the module. Serialized as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Any page, but without cookies or other credentials.
    Any,
    /// These, with credentials.
    Listed(Vec<String>),
}

impl Default for Origins {
    fn default() -> Self {
        Self::none()
    }
}

impl Origins {
    /// A list that names no origin; what an endpoint has that asks for nothing of its own.
    pub const fn none() -> Self {
        Self::Listed(Vec::new())
    }

    /// Whether an `Origin` header's value is one of them.
    pub fn contains(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origins.iter().any(|o| o.eq_ignore_ascii_case(origin)),
        }
    }
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let origins = text.split(',').map(str::trim);
        origins
            .map(|origin| {
                if is_origin(origin) || origin == "null" {
                    Ok(origin.to_owned())
                } else {
                    Err(format!(
                        "{origin:?} is no origin; write it like https://a.example or \
                         http://localhost:5173, without a path, several with commas between, or *"
                    ))
                }
            })
            .collect::<Result<_, _>>()
            .map(Self::Listed)
    }
}

/// `scheme "://" host [":" port]` (RFC 6454 §6.2).
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_host = |byte: u8| byte.is_ascii_graphic() && !b"/?#@*\"\\".contains(&byte);
    !scheme.is_empty()
        && !host.is_empty()
        && scheme.bytes().all(is_letter)
        && host.bytes().all(is_host)
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Listed(origins) => f.write_str(&origins.join(",")),
        }
    }
}

impl Serialize for Origins {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        let listed: Origins = "https://a.example, http://localhost:5173".parse().unwrap();
        assert_eq!(
            listed.to_string(),
            "https://a.example,http://localhost:5173"
        );
        assert!(listed.contains("https://A.example"));
        assert!(!listed.contains("http://a.example"));
        assert!(!listed.contains("null"));
        assert!("*".parse::<Origins>().unwrap().contains("null"));
    }

    #[test]
    fn what_is_no_origin_is_named() {
        assert_eq!("".parse(), Ok(Origins::default()));
        for bad in [
            "a.example",
            "https://",
            "https://a/",
            "https://a/b",
            "https://*.a",
            "https://a,,",
        ] {
            let error = bad.parse::<Origins>().unwrap_err();
            assert!(error.contains("write it like"), "{bad}: {error}");
        }
    }
}
