//! What a client posts to an authorization endpoint, as `name=value` pairs whatever it was
//! written in. pusher-js posts a form; a custom authorizer with axios, and most mobile clients,
//! JSON; `FormData` is multipart (RFC 7578). Laravel's endpoints read all three.
//!
//! Pure; the body's length is bounded by its reader, and with it everything here.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::codec::{envelope, surrogates};

/// `a=1&b=2` of a body. A JSON body is known by its content type, or by its first brace where the
/// type says something else: `text/plain` is what clients send to be spared a preflight.
/// The error is for people.
pub fn pairs(content_type: Option<&str>, body: &[u8]) -> Result<String, String> {
    let kind = content_type.unwrap_or_default();
    let (essence, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    let essence = essence.trim().to_ascii_lowercase();
    if essence == "multipart/form-data" {
        let boundary = boundary(parameters)
            .ok_or("The multipart form's Content-Type names no boundary: add boundary=…")?;
        return multipart(&boundary, body);
    }
    let is_json = essence == "application/json" || essence.ends_with("+json");
    if is_json || body.trim_ascii_start().starts_with(b"{") {
        return json(body);
    }
    String::from_utf8(body.into()).map_err(|_| "The form is not UTF-8".to_owned())
}

fn json(body: &[u8]) -> Result<String, String> {
    envelope::check_depth(body).map_err(|error| error.to_string())?;
    let read: Map<String, Value> = serde_json::from_slice(&surrogates::replace_lone_bytes(body))
        .map_err(|error| format!("The body is not a JSON object: {error}"))?;
    let texts = read.iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some(pair(name, text)),
        Value::Number(_) | Value::Bool(_) => Some(pair(name, &value.to_string())),
        // Nothing that is asked here is a list or an object.
        _ => None,
    });
    Ok(texts.collect::<Vec<_>>().join("&"))
}

fn pair(name: &str, value: &str) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    format!("{}={}", encode(name), encode(value))
}

/// The value of `boundary`, quoted or not.
fn boundary(parameters: &str) -> Option<String> {
    let found = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_boundary = name.trim().eq_ignore_ascii_case("boundary");
        is_boundary.then(|| value.trim().trim_matches('"').to_owned())
    });
    // RFC 2046 §5.1.1: 1 to 70 characters.
    found.filter(|boundary| (1..=70).contains(&boundary.len()))
}

fn multipart(boundary: &str, body: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| "The form is not UTF-8".to_owned())?;
    // The first delimiter has no line end before it.
    let text = format!("\r\n{text}");
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = text.split(delimiter.as_str());
    parts.next();
    let mut pairs = Vec::new();
    for part in parts {
        if part.starts_with("--") {
            return Ok(pairs.join("&"));
        }
        let Some((head, value)) = part.split_once("\r\n\r\n") else {
            break;
        };
        pairs.extend(name_of_part(head).map(|name| pair(name, value)));
    }
    Err("The multipart form breaks off before its last boundary".to_owned())
}

/// `name` in `Content-Disposition: form-data; name="socket_id"`.
fn name_of_part(head: &str) -> Option<&str> {
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.trim().eq_ignore_ascii_case("content-disposition");
        is_it.then_some(value)
    })?;
    disposition.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_name = name.trim().eq_ignore_ascii_case("name");
        is_name.then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = "channel%5Fname=private%2Da&socket%5Fid=1%2E1";

    #[test]
    fn json_is_read_under_the_names_that_clients_give_it() {
        let body = br#" {"channel_name":"private-a","socket_id":"1.1","x":null,"y":[1]}"#;
        for kind in [
            Some("application/json"),
            Some("Application/JSON; charset=UTF-8"),
            Some("application/vnd.api+json"),
            Some("text/plain;charset=UTF-8"),
            Some("application/x-www-form-urlencoded"),
            Some(""),
            None,
        ] {
            assert_eq!(pairs(kind, body).unwrap(), READ, "{kind:?}");
        }
        assert!(pairs(Some("application/json"), b"[]").is_err());
        assert!(pairs(Some("application/json"), b"").is_err());
        assert!(pairs(Some("application/json"), &b"{\"a\":".repeat(5_000)).is_err());
    }

    #[test]
    fn multipart_is_read_and_a_broken_one_refused() {
        let part = |name, value| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts = part("channel_name", "private-a") + &part("socket_id", "1.1");
        let whole = format!("{parts}--x--\r\n");
        for kind in [
            "multipart/form-data; boundary=x",
            "Multipart/Form-Data; Boundary=\"x\"",
        ] {
            assert_eq!(pairs(Some(kind), whole.as_bytes()).unwrap(), READ);
        }
        let kind = Some("multipart/form-data; boundary=x");
        for broken in [parts.as_bytes(), b"", b"--x", b"--x\r\n--x--\xFF"] {
            assert!(pairs(kind, broken).is_err(), "{broken:?}");
        }
        assert!(pairs(Some("multipart/form-data"), whole.as_bytes()).is_err());
    }

    #[test]
    fn a_form_is_handed_on_as_it_is() {
        let kind = Some("application/x-www-form-urlencoded; charset=UTF-8");
        assert_eq!(pairs(kind, b"a=1&b=%20").unwrap(), "a=1&b=%20");
        assert!(pairs(kind, b"\xFF").is_err());
    }
}
