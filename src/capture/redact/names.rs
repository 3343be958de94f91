//! What the names of fields say of their values.

use super::Policy;
use crate::capture::{Secret, framing::find};

/// What a field's name says of its value.
pub(super) fn secret_called(name: &[u8]) -> Option<Secret> {
    let name = name.to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| name == word.as_bytes());
    let has = |words: &[&str]| {
        words
            .iter()
            .any(|word| find(&name, word.as_bytes()).is_some())
    };
    if has(&["cookie"]) {
        Some(Secret::Cookie)
    } else if has(&["jwt"]) {
        Some(Secret::Token)
    } else if has(&["signature"]) || is(&["auth", "sig", "shared_secret"]) {
        Some(Secret::Signature)
    } else if has(&["authorization"]) {
        Some(Secret::Authorization)
    } else if has(&["session"]) || is(&["sid", "pid", "private_id"]) {
        Some(Secret::SessionId)
    } else if has(&[
        "token",
        "secret",
        "password",
        "passwd",
        "api-key",
        "apikey",
        "api_key",
        "credential",
        "private-key",
        "private_key",
    ]) || is(&[
        "pushlab-tap",
        "x-source-key",
        "auth_key",
        "x-report-key",
        "report_key",
        "source_key",
        "bearer",
    ]) {
        Some(Secret::Token)
    } else {
        None
    }
}

/// Fields of a query that say nothing of anybody.
const HARMLESS: [&str; 14] = [
    "offset",
    "epoch",
    "history",
    "hold_ms",
    "demo",
    "envelope",
    "transport",
    "eio",
    "protocol",
    "version",
    "flash",
    "b64",
    "t",
    "positions",
];

/// Header fields whose values are addresses.
pub(super) const ADDRESSES: [&str; 4] = ["referer", "location", "content-location", "origin"];

/// Header fields whose values are shown, and beginnings of such. What a proxy or an application adds
/// may prove who asks under any name, so that others are hidden.
const SHOWN: &str = "\
    host connection keep-alive upgrade upgrade-insecure-requests user-agent accept \
    accept-* origin referer sec-fetch-* sec-ch-* sec-gpc dnt te priority purpose \
    sec-purpose cache-control pragma expires age content-length content-type \
    content-encoding content-language content-location content-disposition content-range \
    content-security-policy transfer-encoding trailer date server etag vary allow \
    location retry-after last-modified if-none-match if-match if-modified-since \
    if-unmodified-since if-range range last-event-id expect via x-requested-with \
    x-accel-buffering x-content-type-options x-frame-options x-pusher-library \
    referrer-policy permissions-policy cross-origin-* strict-transport-security \
    access-control-* sec-websocket-key sec-websocket-version sec-websocket-extensions \
    sec-websocket-accept timing-allow-origin alt-svc warning";

/// Those that say from where somebody comes: one's own may be seen.
const WHENCE: [&str; 5] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-real-ip",
];

pub(super) fn secret_of_header(name: &[u8], policy: Policy) -> Option<Secret> {
    let is = |known: &&str| match known.strip_suffix('*') {
        None => name.eq_ignore_ascii_case(known.as_bytes()),
        Some(start) => {
            let begins = name.get(..start.len());
            begins.is_some_and(|begins| begins.eq_ignore_ascii_case(start.as_bytes()))
        }
    };
    if SHOWN.split_ascii_whitespace().any(|known| is(&known)) {
        return None;
    }
    match (WHENCE.iter().any(is), policy) {
        (true, Policy::Secrets) => None,
        (true, Policy::Everything) => Some(Secret::Message),
        (false, _) => Some(secret_called(name).unwrap_or(Secret::Token)),
    }
}

/// Names that mean a secret in a query, and much else elsewhere.
pub(super) fn is_key(name: &[u8]) -> Option<Secret> {
    let names = ["key", "code", "access_key", "ticket"];
    let is = |known: &&str| name.eq_ignore_ascii_case(known.as_bytes());
    names.iter().any(is).then_some(Secret::Token)
}

/// Whether a field of somebody else's query says nothing of them: a known name, and a value as it has.
pub(super) fn is_harmless(name: &[u8], value: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_known = HARMLESS
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    is_known && value.len() <= 24 && value.iter().all(is_word)
}
