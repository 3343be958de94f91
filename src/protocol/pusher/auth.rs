//! Signatures of Pusher Channels: HMAC-SHA256 with the application's secret, lowercase hex
//! (reference, 12 and 16.2).
//!
//! Pure: the time is a parameter. Comparisons take the same time wherever the texts differ.
//! Not here: who may do what; this only says whether a text was signed with a secret.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::apps::Secret;

/// How far a request's clock may be from ours, in seconds, either way.
pub const TIMESTAMP_WINDOW_S: u64 = 600;

impl Secret {
    /// Signs bytes: 64 hexadecimal digits.
    pub fn sign(&self, text: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.reveal().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(text);
        hex(&mac.finalize().into_bytes())
    }

    pub(super) fn has_signed(&self, text: &[u8], signature: &str) -> bool {
        self.sign(text)
            .as_bytes()
            .ct_eq(signature.as_bytes())
            .into()
    }
}

/// Bytes as lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            digits.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    digits
}

/// What is signed to let a connection into a guarded channel. `channel_data`, when there is any,
/// is part of it on every guarded channel and not on presence channels only.
pub fn channel_text(socket_id: &str, channel: &str, channel_data: Option<&str>) -> String {
    match channel_data {
        None => format!("{socket_id}:{channel}"),
        Some(data) => format!("{socket_id}:{channel}:{data}"),
    }
}

/// What is signed to let a user sign in.
pub fn user_text(socket_id: &str, user_data: &str) -> String {
    format!("{socket_id}::user::{user_data}")
}

/// Why an `auth` of the form `KEY:HEX` is refused. `Display` never holds a secret or the
/// signature that would have been right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAuth {
    #[error("no auth was given")]
    Missing,
    #[error("the auth names another application key")]
    WrongKey,
    #[error(
        "the signature is not valid: {signed:?} should have been signed, and {signature:?} came"
    )]
    WrongSignature { signed: String, signature: String },
}

/// Checks an `auth` over a text.
pub fn check_auth(
    key: &str,
    secret: &Secret,
    auth: Option<&str>,
    text: String,
) -> Result<(), BadAuth> {
    let auth = auth
        .filter(|auth| !auth.is_empty())
        .ok_or(BadAuth::Missing)?;
    let (its_key, signature) = auth.split_once(':').unwrap_or((auth, ""));
    if !bool::from(its_key.as_bytes().ct_eq(key.as_bytes())) {
        return Err(BadAuth::WrongKey);
    }
    if !secret.has_signed(text.as_bytes(), signature) {
        return Err(BadAuth::WrongSignature {
            signed: text,
            signature: signature.to_owned(),
        });
    }
    Ok(())
}

/// An HTTP request, as far as it is signed.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// In capitals.
    pub method: &'a str,
    /// As requested, its percent-encoding left as sent; signed in this form or decoded.
    pub path: &'a str,
    /// Without the question mark, as sent.
    pub query: &'a str,
    pub body: &'a [u8],
}

/// Why a request is refused with 401.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequestAuth {
    #[error("the query parameter {0} is missing")]
    Missing(&'static str),
    #[error("auth_key is not the key of this application")]
    WrongKey,
    #[error("auth_version is not 1.0")]
    WrongVersion,
    #[error(
        "auth_timestamp {timestamp:?} is not within {TIMESTAMP_WINDOW_S} s of the server's {now_s}"
    )]
    Stale { timestamp: String, now_s: u64 },
    #[error("body_md5 is not the MD5 of the body")]
    WrongBody,
    #[error("the signature is not valid: {0:?} should have been signed")]
    WrongSignature(String),
}

/// A query's parameters but the signature: names in lower case, values decoded, sorted by name.
/// `+` is a plus sign: the SDKs encode no space with it.
pub struct Parameters<'a> {
    sorted: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    signature: Option<Cow<'a, str>>,
}

impl<'a> Parameters<'a> {
    pub fn parse(query: &'a str) -> Self {
        let decode = |text: &'a str| percent_decode_str(text).decode_utf8_lossy();
        let mut signature = None;
        let mut sorted = Vec::with_capacity(4);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (mut name, value) = (decode(name), decode(value));
            if name.chars().any(char::is_uppercase) {
                name = Cow::Owned(name.to_lowercase());
            }
            if name == "auth_signature" {
                signature = Some(value);
            } else {
                sorted.push((name, value));
            }
        }
        sorted.sort();
        Self { sorted, signature }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.sorted.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }

    /// By name.
    pub fn into_sorted(self) -> Vec<(String, String)> {
        let owned = |(name, value): (Cow<str>, Cow<str>)| (name.into_owned(), value.into_owned());
        self.sorted.into_iter().map(owned).collect()
    }

    /// What is signed of a call with these parameters.
    pub fn signed_text(&self, method: &str, path: &str) -> String {
        let mut text =
            String::with_capacity(method.len() + path.len() + 2 + 64 * self.sorted.len());
        for line in [method, "\n", path, "\n"] {
            text.push_str(line);
        }
        for (index, (name, value)) in self.sorted.iter().enumerate() {
            for part in [if index == 0 { "" } else { "&" }, name, "=", value] {
                text.push_str(part);
            }
        }
        text
    }
}

/// Checks a request of the HTTP API.
pub fn check_request(
    key: &str,
    secret: &Secret,
    request: &SignedRequest<'_>,
    parameters: &Parameters<'_>,
    now_s: u64,
) -> Result<(), BadRequestAuth> {
    let needed = |name: &'static str| parameters.get(name).ok_or(BadRequestAuth::Missing(name));
    if !bool::from(needed("auth_key")?.as_bytes().ct_eq(key.as_bytes())) {
        return Err(BadRequestAuth::WrongKey);
    }
    if needed("auth_version")? != "1.0" {
        return Err(BadRequestAuth::WrongVersion);
    }
    let timestamp = needed("auth_timestamp")?;
    let is_fresh = timestamp
        .parse::<u64>()
        .is_ok_and(|timestamp| timestamp.abs_diff(now_s) <= TIMESTAMP_WINDOW_S);
    if !is_fresh {
        return Err(BadRequestAuth::Stale {
            timestamp: timestamp.to_owned(),
            now_s,
        });
    }
    // One SDK sends the MD5 of nothing with a GET: then it must be right as well.
    let body_md5 = parameters.get("body_md5").filter(|md5| !md5.is_empty());
    if body_md5.is_none() && !request.body.is_empty() {
        return Err(BadRequestAuth::Missing("body_md5"));
    }
    let text = parameters.signed_text(request.method, request.path);
    let signature = parameters
        .signature
        .as_deref()
        .ok_or(BadRequestAuth::Missing("auth_signature"))?;
    let is_signed = secret.has_signed(text.as_bytes(), signature)
        || decoded(request.path).is_some_and(|path| {
            let text = parameters.signed_text(request.method, &path);
            secret.has_signed(text.as_bytes(), signature)
        });
    if !is_signed {
        return Err(BadRequestAuth::WrongSignature(text));
    }
    if let Some(body_md5) = body_md5
        && !bool::from(
            hex(&Md5::digest(request.body))
                .as_bytes()
                .ct_eq(body_md5.as_bytes()),
        )
    {
        return Err(BadRequestAuth::WrongBody);
    }
    Ok(())
}

/// The decoded path, if it differs. The SDKs of Java and Swift sign the path that they are given,
/// and their HTTP clients then encode `#` and `;` in it.
fn decoded(path: &str) -> Option<String> {
    if !path.contains('%') {
        return None;
    }
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    (decoded != path).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "278d425bdf160c739803";
    const BODY: &[u8] = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
    const QUERY: &str = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
        &body_md5=ec365a775a4cd0599faeb73354201b6f";
    const SIGNATURE: &str = "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";

    fn secret() -> Secret {
        Secret::new("7ad3773142a6692b25b8")
    }

    #[test]
    fn the_vectors_of_12_1_are_met() {
        for (text, signature) in [
            (
                channel_text("1234.1234", "private-foobar", None),
                "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
            ),
            (
                channel_text(
                    "1234.1234",
                    "presence-foobar",
                    Some(r#"{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#),
                ),
                "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
            ),
            (
                channel_text(
                    "1234.1234",
                    "presence-foobar",
                    Some(r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#),
                ),
                "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
            ),
            (
                user_text("1234.1234", r#"{"id":"12345"}"#),
                "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
            ),
        ] {
            assert_eq!(secret().sign(text.as_bytes()), signature, "{text}");
            let auth = format!("{KEY}:{signature}");
            assert_eq!(check_auth(KEY, &secret(), Some(&auth), text), Ok(()));
        }
    }

    #[test]
    fn forged_auths_are_refused() {
        let text = || channel_text("1.1", "private-a", None);
        let signature = secret().sign(text().as_bytes());
        let check = |auth: Option<&str>| check_auth(KEY, &secret(), auth, text());
        assert_eq!(check(None), Err(BadAuth::Missing));
        assert_eq!(check(Some("")), Err(BadAuth::Missing));
        assert_eq!(
            check(Some(&format!("other:{signature}"))),
            Err(BadAuth::WrongKey)
        );
        assert_eq!(check(Some(&signature)), Err(BadAuth::WrongKey));
        for forged in [
            "00".repeat(32),
            signature.to_uppercase(),
            signature[..63].to_owned(),
            format!("{signature} "),
        ] {
            let refused = check(Some(&format!("{KEY}:{forged}")));
            assert!(
                matches!(refused, Err(BadAuth::WrongSignature { .. })),
                "{forged}"
            );
            let said = refused.unwrap_err().to_string().replace(&forged, "");
            assert!(
                !said.contains(&signature),
                "the right one is not given away"
            );
        }
    }

    fn check(query: &str, body: &[u8], now_s: u64) -> Result<(), BadRequestAuth> {
        let request = SignedRequest {
            method: "POST",
            path: "/apps/3/events",
            query,
            body,
        };
        check_request(KEY, &secret(), &request, &Parameters::parse(query), now_s)
    }

    #[test]
    fn the_request_of_the_documentation_is_accepted() {
        let query = format!("{QUERY}&auth_signature={SIGNATURE}");
        assert_eq!(check(&query, BODY, 1_353_088_179), Ok(()));
        assert_eq!(check(&query, BODY, 1_353_088_179 + 600), Ok(()));
        assert_eq!(check(&query, BODY, 1_353_088_179 - 600), Ok(()));
    }

    #[test]
    fn stale_altered_and_incomplete_requests_are_refused() {
        let query = format!("{QUERY}&auth_signature={SIGNATURE}");
        let now_s = 1_353_088_179;
        for late in [now_s + 601, now_s - 601] {
            assert!(matches!(
                check(&query, BODY, late),
                Err(BadRequestAuth::Stale { .. })
            ));
        }
        assert_eq!(check(&query, b"{}", now_s), Err(BadRequestAuth::WrongBody));
        assert_eq!(
            check(QUERY, BODY, now_s),
            Err(BadRequestAuth::Missing("auth_signature"))
        );
        assert!(matches!(
            check(&format!("{query}&info=x"), BODY, now_s),
            Err(BadRequestAuth::WrongSignature(_))
        ));
        let other = query.replace(KEY, "other");
        assert_eq!(check(&other, BODY, now_s), Err(BadRequestAuth::WrongKey));
        assert_eq!(
            check("", BODY, now_s),
            Err(BadRequestAuth::Missing("auth_key"))
        );
        let without = QUERY.split("&body_md5").next().unwrap();
        assert_eq!(
            check(without, BODY, now_s),
            Err(BadRequestAuth::Missing("body_md5"))
        );
        assert!(matches!(
            check(&query.replace("1.0", "2.0"), BODY, now_s),
            Err(BadRequestAuth::WrongVersion)
        ));
    }

    #[test]
    fn a_get_may_carry_the_md5_of_nothing_and_unescaped_commas() {
        let signed = |query: &str| {
            let parameters = Parameters::parse(query);
            let text = parameters.signed_text("GET", "/apps/3/channels");
            let query = format!("{query}&auth_signature={}", secret().sign(text.as_bytes()));
            let request = SignedRequest {
                method: "GET",
                path: "/apps/3/channels",
                query: &query,
                body: b"",
            };
            check_request(KEY, &secret(), &request, &Parameters::parse(&query), 100)
        };
        let base = format!("auth_key={KEY}&auth_timestamp=100&auth_version=1.0");
        assert_eq!(signed(&base), Ok(()));
        assert_eq!(
            signed(&format!("{base}&body_md5=d41d8cd98f00b204e9800998ecf8427e")),
            Ok(())
        );
        assert_eq!(
            signed(&format!("{base}&body_md5=00000000000000000000000000000000")),
            Err(BadRequestAuth::WrongBody)
        );
        assert_eq!(signed(&format!("info=user_count,cache&{base}")), Ok(()));
    }

    #[test]
    fn parameters_are_decoded_once_and_sorted() {
        let parameters = Parameters::parse("b=1%2C2+3&A=%2525&auth_signature=x&c");
        assert_eq!(
            parameters.signed_text("GET", "/"),
            "GET\n/\na=%25&b=1,2+3&c="
        );
        assert_eq!(parameters.get("b"), Some("1,2+3"));
    }
}
