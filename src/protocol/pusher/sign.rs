//! Signing a call of the HTTP API, as SDKs do it (reference, 16.2). Its counterpart, which checks
//! signatures, is [`super::auth`].
//!
//! ```text
//! POST                                      method
//! /apps/1/events                            path, without the query
//! auth_key=K&auth_timestamp=T&auth_version=1.0&body_md5=M      sorted by name, decoded
//! ```
//! HMAC-SHA256 of these three lines is the query's last parameter, `auth_signature`.

use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::auth::{Parameters, hex};
use crate::config::apps::Secret;

/// What may stand in a query as it is (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A call that is to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Parameters of the call itself, percent-encoded.
    pub query: &'a str,
    pub body: &'a [u8],
}

/// The steps of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// `None` without a body.
    pub body_md5: Option<String>,
    /// Sorted by name, values as they are.
    pub parameters: Vec<(String, String)>,
    /// What is signed.
    pub text: String,
    pub signature: String,
}

impl Signing {
    pub fn of(key: &str, secret: &Secret, call: &Call<'_>, now_s: u64) -> Self {
        let body_md5 = (!call.body.is_empty()).then(|| hex(&Md5::digest(call.body)));
        let mut query = format!("auth_key={key}&auth_timestamp={now_s}&auth_version=1.0");
        if let Some(body_md5) = &body_md5 {
            query = format!("{query}&body_md5={body_md5}");
        }
        if !call.query.is_empty() {
            query = format!("{query}&{}", call.query);
        }
        let parameters = Parameters::parse(&query);
        let text = parameters.signed_text(call.method, call.path);
        Self {
            body_md5,
            signature: secret.sign(text.as_bytes()),
            parameters: parameters.into_sorted(),
            text,
        }
    }

    /// Path and query of the signed request.
    pub fn target(&self, path: &str) -> String {
        let escaped = |text| utf8_percent_encode(text, ESCAPED);
        let pairs = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{}={}&", escaped(name), escaped(value)));
        let query: String = pairs.collect();
        format!("{path}?{query}auth_signature={}", self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::pusher::auth::{SignedRequest, check_request};

    const KEY: &str = "278d425bdf160c739803";

    fn secret() -> Secret {
        Secret::new("7ad3773142a6692b25b8")
    }

    #[test]
    fn the_documentations_request_gets_the_documentations_signature() {
        let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        let call = Call {
            method: "POST",
            path: "/apps/3/events",
            query: "",
            body,
        };
        let signing = Signing::of(KEY, &secret(), &call, 1_353_088_179);
        assert_eq!(
            signing.body_md5.as_deref(),
            Some("ec365a775a4cd0599faeb73354201b6f")
        );
        assert_eq!(
            signing.signature,
            "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
        );
        assert!(signing.text.starts_with("POST\n/apps/3/events\nauth_key="));
    }

    #[test]
    fn what_is_signed_here_is_accepted_there() {
        let call = Call {
            method: "GET",
            path: "/apps/3/channels",
            query: "info=user_count,x%20%26%C3%A9&filter_by_prefix=presence-",
            body: b"",
        };
        let signing = Signing::of(KEY, &secret(), &call, 100);
        let target = signing.target(call.path);
        let (path, query) = target.split_once('?').unwrap();
        let request = SignedRequest {
            method: "GET",
            path,
            query,
            body: b"",
        };
        let parameters = Parameters::parse(query);
        assert_eq!(parameters.get("info"), Some("user_count,x &é"));
        assert_eq!(
            check_request(KEY, &secret(), &request, &parameters, 100),
            Ok(())
        );
    }
}
