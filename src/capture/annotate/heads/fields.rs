//! Header fields that pass here: who puts them there, and what for.

use super::By;
use crate::capture::Direction;

type Known = (&'static str, By, &'static str, &'static str);

const UP: &[Known] = {
    use By::{Browser, Page, Proxy};
    &[
        (
            "host",
            Browser,
            "RFC 9110 §7.2",
            "Which site is meant: one address may have many.",
        ),
        (
            "connection",
            Browser,
            "RFC 9110 §7.6.1",
            "What is to become of the connection afterwards.",
        ),
        (
            "user-agent",
            Browser,
            "RFC 9110 §10.1.5",
            "Which program asks, with the names of its ancestors.",
        ),
        (
            "accept",
            Browser,
            "RFC 9110 §12.5.1",
            "What kinds of answer the program can read.",
        ),
        (
            "accept-encoding",
            Browser,
            "RFC 9110 §12.5.3",
            "Which ways to compress it can undo.",
        ),
        (
            "accept-language",
            Browser,
            "RFC 9110 §12.5.4",
            "Which languages the reader prefers.",
        ),
        (
            "accept-charset",
            Browser,
            "RFC 9110 §12.5.2",
            "Which character sets the program can read.",
        ),
        (
            "origin",
            Browser,
            "RFC 6454 §7",
            "Which site's page asks; a page cannot change it.",
        ),
        (
            "referer",
            Browser,
            "RFC 9110 §10.1.3",
            "On which page the request was made.",
        ),
        (
            "cookie",
            Browser,
            "RFC 6265 §5.4",
            "What servers gave the browser to send along each time.",
        ),
        (
            "authorization",
            Page,
            "RFC 9110 §11.6.2",
            "Proves who asks.",
        ),
        (
            "cache-control",
            Browser,
            "RFC 9111 §5.2",
            "What caches may do.",
        ),
        (
            "pragma",
            Browser,
            "RFC 9111 §5.4",
            "Cache-Control's forerunner.",
        ),
        (
            "content-type",
            Page,
            "RFC 9110 §8.3",
            "What kind of thing the body is.",
        ),
        (
            "content-length",
            Browser,
            "RFC 9110 §8.6",
            "How many bytes the body has.",
        ),
        (
            "transfer-encoding",
            Browser,
            "RFC 9112 §6.1",
            "The body comes in chunks, each with its size before it.",
        ),
        (
            "if-none-match",
            Browser,
            "RFC 9110 §13.1.2",
            "The answer that the browser has: only a newer one is wanted.",
        ),
        (
            "last-event-id",
            Browser,
            "WHATWG HTML §9.2.4",
            "Where the event stream broke off: an EventSource says it by itself when it comes back.",
        ),
        (
            "upgrade",
            Browser,
            "RFC 9110 §7.8",
            "Asks to change to another protocol on this connection.",
        ),
        (
            "upgrade-insecure-requests",
            Browser,
            "W3C Upgrade Insecure Requests",
            "The browser would rather have https.",
        ),
        (
            "sec-websocket-key",
            Browser,
            "RFC 6455 §11.3.1",
            "A random number that only a server that speaks WebSocket answers rightly. No secret.",
        ),
        (
            "sec-websocket-version",
            Browser,
            "RFC 6455 §11.3.5",
            "Version of the protocol; it is always 13.",
        ),
        (
            "sec-websocket-extensions",
            Browser,
            "RFC 6455 §11.3.2",
            "What may be done to frames beyond the standard, such as compressing them.",
        ),
        (
            "sec-websocket-protocol",
            Page,
            "RFC 6455 §11.3.4",
            "Which protocols inside of the WebSocket the page speaks.",
        ),
        (
            "sec-fetch-dest",
            Browser,
            "W3C Fetch Metadata §2.1",
            "What the answer is for.",
        ),
        (
            "sec-fetch-mode",
            Browser,
            "W3C Fetch Metadata §2.2",
            "In which of fetch's modes it is asked.",
        ),
        (
            "sec-fetch-site",
            Browser,
            "W3C Fetch Metadata §2.3",
            "Whether the page that asks is of the same site.",
        ),
        (
            "sec-fetch-user",
            Browser,
            "W3C Fetch Metadata §2.4",
            "Whether somebody clicked.",
        ),
        (
            "sec-fetch-storage-access",
            Browser,
            "W3C Storage Access Headers",
            "Whether cookies of other sites are to be had.",
        ),
        (
            "sec-ch-ua",
            Browser,
            "W3C User-Agent Client Hints",
            "Which brand of browser asks.",
        ),
        (
            "sec-ch-ua-mobile",
            Browser,
            "W3C User-Agent Client Hints",
            "Whether it is on a phone.",
        ),
        (
            "sec-ch-ua-platform",
            Browser,
            "W3C User-Agent Client Hints",
            "On which system it runs.",
        ),
        (
            "sec-gpc",
            Browser,
            "W3C Global Privacy Control",
            "The reader does not want to be sold or shared.",
        ),
        (
            "dnt",
            Browser,
            "W3C Tracking Preference Expression",
            "The reader does not want to be tracked.",
        ),
        (
            "priority",
            Browser,
            "RFC 9218 §5",
            "How urgent the answer is.",
        ),
        (
            "te",
            Browser,
            "RFC 9110 §10.1.4",
            "Which transfer codings the program can read.",
        ),
        (
            "access-control-request-method",
            Browser,
            "WHATWG Fetch, CORS protocol",
            "With which method the page would like to ask.",
        ),
        (
            "access-control-request-headers",
            Browser,
            "WHATWG Fetch, CORS protocol",
            "With which headers the page would like to ask.",
        ),
        (
            "x-requested-with",
            Page,
            "no standard",
            "Says that a script asks; long the custom.",
        ),
        (
            "x-forwarded-for",
            Proxy,
            "no standard; RFC 7239 §5.2 is its like",
            "A proxy says for whom it asks.",
        ),
        (
            "x-forwarded-proto",
            Proxy,
            "no standard; RFC 7239 §5.4 is its like",
            "A proxy says whether it was asked by https.",
        ),
        (
            "x-forwarded-host",
            Proxy,
            "no standard; RFC 7239 §5.3 is its like",
            "A proxy says which host it was asked for.",
        ),
        (
            "x-real-ip",
            Proxy,
            "no standard",
            "A proxy says for whom it asks.",
        ),
        (
            "forwarded",
            Proxy,
            "RFC 7239 §4",
            "A proxy says for whom it asks.",
        ),
        (
            "via",
            Proxy,
            "RFC 9110 §7.6.3",
            "A proxy says that it is between.",
        ),
    ]
};

const DOWN: &[Known] = {
    use By::{Proxy, Server};
    &[
        (
            "content-type",
            Server,
            "RFC 9110 §8.3",
            "What kind of thing the body is, so that it is read as that.",
        ),
        (
            "content-length",
            Server,
            "RFC 9110 §8.6",
            "How many bytes the body has: after them, the answer is at its end.",
        ),
        (
            "content-encoding",
            Server,
            "RFC 9110 §8.4",
            "How the body is compressed.",
        ),
        (
            "transfer-encoding",
            Server,
            "RFC 9112 §6.1",
            "The body comes in chunks: its length is not known when it begins.",
        ),
        (
            "connection",
            Server,
            "RFC 9110 §7.6.1",
            "What is to become of the connection afterwards.",
        ),
        (
            "keep-alive",
            Server,
            "no standard; RFC 2068 §19.7.1.1 had it",
            "How long an idle connection is kept.",
        ),
        (
            "date",
            Server,
            "RFC 9110 §6.6.1",
            "When the answer was made.",
        ),
        (
            "server",
            Server,
            "RFC 9110 §10.2.4",
            "Which program answers.",
        ),
        (
            "cache-control",
            Server,
            "RFC 9111 §5.2",
            "What caches may do; no-store: keep nothing of it.",
        ),
        (
            "etag",
            Server,
            "RFC 9110 §8.8.3",
            "A name for this state of the answer; the lab makes it of the position.",
        ),
        (
            "vary",
            Server,
            "RFC 9110 §12.5.5",
            "On which headers of the request the answer depends.",
        ),
        (
            "x-accel-buffering",
            Server,
            "no standard; nginx reads it",
            "Tells a proxy not to gather the stream before it passes it on.",
        ),
        (
            "upgrade",
            Server,
            "RFC 9110 §7.8",
            "To which protocol the connection changes.",
        ),
        (
            "sec-websocket-accept",
            Server,
            "RFC 6455 §11.3.3",
            "Made from the key of the request: proves that this server speaks WebSocket.",
        ),
        (
            "sec-websocket-extensions",
            Server,
            "RFC 6455 §11.3.2",
            "What will be done to frames beyond the standard.",
        ),
        (
            "sec-websocket-protocol",
            Server,
            "RFC 6455 §11.3.4",
            "Which protocol inside of the WebSocket was chosen.",
        ),
        (
            "set-cookie",
            Server,
            "RFC 6265 §4.1",
            "To be sent along by the browser each time from now on.",
        ),
        ("location", Server, "RFC 9110 §10.2.2", "Where to go on."),
        (
            "allow",
            Server,
            "RFC 9110 §10.2.1",
            "Which methods are answered here.",
        ),
        (
            "retry-after",
            Server,
            "RFC 9110 §10.2.3",
            "When it is worth trying again.",
        ),
        (
            "access-control-allow-origin",
            Server,
            "WHATWG Fetch, CORS protocol",
            "Which other sites' pages may read the answer.",
        ),
        (
            "access-control-allow-credentials",
            Server,
            "WHATWG Fetch, CORS protocol",
            "Whether they may when cookies came along.",
        ),
        (
            "access-control-allow-headers",
            Server,
            "WHATWG Fetch, CORS protocol",
            "Which headers they may ask with.",
        ),
        (
            "access-control-allow-methods",
            Server,
            "WHATWG Fetch, CORS protocol",
            "Which methods they may ask with.",
        ),
        (
            "access-control-expose-headers",
            Server,
            "WHATWG Fetch, CORS protocol",
            "Which headers of the answer they may read.",
        ),
        (
            "access-control-max-age",
            Server,
            "WHATWG Fetch, CORS protocol",
            "How long the browser need not ask that again.",
        ),
        (
            "timing-allow-origin",
            Server,
            "W3C Resource Timing",
            "Which other sites' pages may see how long it took.",
        ),
        (
            "cross-origin-resource-policy",
            Server,
            "WHATWG Fetch, Cross-Origin-Resource-Policy header",
            "Which sites' pages may load it.",
        ),
        (
            "x-content-type-options",
            Server,
            "WHATWG Fetch, X-Content-Type-Options header",
            "nosniff: take the content type at its word.",
        ),
        (
            "strict-transport-security",
            Server,
            "RFC 6797 §6.1",
            "From now on by https only.",
        ),
        (
            "content-security-policy",
            Server,
            "W3C Content Security Policy",
            "What a page may load and run.",
        ),
        (
            "referrer-policy",
            Server,
            "W3C Referrer Policy",
            "How much the browser says of where it came from.",
        ),
        (
            "alt-svc",
            Server,
            "RFC 7838 §3",
            "Where the same is to be had by another protocol.",
        ),
        (
            "via",
            Proxy,
            "RFC 9110 §7.6.3",
            "A proxy says that it is between.",
        ),
        (
            "age",
            Proxy,
            "RFC 9111 §5.1",
            "For how long a cache has had it, in s.",
        ),
    ]
};

/// Who puts the field there, where it is written down, and one sentence on it.
pub(super) fn known(name: &str, direction: Direction) -> (By, &'static str, Option<&'static str>) {
    let (table, others) = match direction {
        Direction::Up => (UP, By::Page),
        Direction::Down => (DOWN, By::Server),
    };
    if let Some((_, by, section, note)) = table
        .iter()
        .find(|(known, ..)| name.eq_ignore_ascii_case(known))
    {
        return (*by, section, Some(note));
    }
    let is_labs = name.len() > 8 && name.as_bytes()[..8].eq_ignore_ascii_case(b"pushlab-");
    match is_labs {
        true => (By::Lab, "this lab", Some("A header of this lab's own.")),
        false => (others, "RFC 9110 §5", None),
    }
}
