//! Which coding an answer is sent in: what the client says it takes (`Accept-Encoding`, RFC 9110
//! §12.5.3), and what is preferred here.
//!
//! ```text
//! Accept-Encoding: gzip, br;q=0.5, *;q=0      takes gzip, rather than brotli, and nothing else
//! Accept-Encoding: identity                   as it is
//! (no such header)                            by the standard anything; here as it is
//! ```
//!
//! Nothing is compressed for a client that does not name the coding. `*` names none: who sends it
//! means "whatever you have", and what it can read nobody knows. Where nothing fits the answer is sent
//! as it is, also to who refuses that (`identity;q=0`): the standard prefers it to no answer.

use super::Coding;

/// The coding for a client that sent these values of `Accept-Encoding`; `None`: as it is. Of those
/// that it likes the same, the first of `offered` is taken. What is not understood is nothing said.
pub fn choose<'a>(
    accepted: impl IntoIterator<Item = &'a str>,
    offered: &[Coding],
) -> Option<Coding> {
    let mut likes = vec![None; offered.len()];
    let mut as_it_is = None;
    for item in accepted.into_iter().flat_map(|value| value.split(',')) {
        let Some((name, weight)) = read(item) else {
            continue;
        };
        let liked = match Coding::named(name) {
            Some(coding) => offered.iter().position(|of| *of == coding),
            None if name.eq_ignore_ascii_case("identity") => {
                as_it_is = Some(weight);
                continue;
            }
            None => continue,
        };
        if let Some(like) = liked.and_then(|at| likes.get_mut(at)) {
            // Said twice, the lesser counts: to be refused is worse than to be sent more.
            *like = Some(like.map_or(weight, |before: u16| before.min(weight)));
        }
    }
    let mut best = None;
    for (coding, like) in offered.iter().zip(likes) {
        if let Some(weight) = like.filter(|weight| *weight > 0)
            && best.is_none_or(|(_, most)| weight > most)
        {
            best = Some((*coding, weight));
        }
    }
    // Who says that it likes it better as it is gets it so; not to mention it says nothing.
    let (coding, weight) = best?;
    (as_it_is.unwrap_or(0) <= weight).then_some(coding)
}

/// How much a client likes the coding that is called so, in thousandths; `None`: it does not name it. Said
/// twice, the lesser counts, as in [`choose`].
pub fn weight_of<'a>(accepted: impl IntoIterator<Item = &'a str>, coding: &str) -> Option<u16> {
    let items = accepted.into_iter().flat_map(|value| value.split(','));
    let named = items.filter_map(read);
    let named = named.filter(|(name, _)| name.eq_ignore_ascii_case(coding));
    named.map(|(_, weight)| weight).min()
}

/// One item: a name, and its weight in thousandths (RFC 9110 §12.4.2).
fn read(item: &str) -> Option<(&str, u16)> {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut weight = 1_000;
    for part in parts {
        let (key, value) = part.split_once('=')?;
        if !key.trim_end().eq_ignore_ascii_case("q") {
            return None;
        }
        weight = thousandths(value.trim_start())?;
    }
    Some((name, weight))
}

/// `0`, `0.` and up to three digits, `1`, `1.000`.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Coding::*, *};

    fn chosen(accepted: &str) -> Option<Coding> {
        choose([accepted], &Coding::ALL)
    }

    #[test]
    fn the_examples_of_the_standard_are_answered_as_it_says() {
        // RFC 9110 §12.5.3, but for `compress`, which is not offered here.
        assert_eq!(chosen("compress, gzip"), Some(Gzip));
        assert_eq!(chosen(""), None);
        assert_eq!(chosen("*"), None, "names no coding");
        assert_eq!(chosen("compress;q=0.5, gzip;q=1.0"), Some(Gzip));
        assert_eq!(chosen("gzip;q=1.0, identity; q=0.5, *;q=0"), Some(Gzip));
        assert_eq!(choose([], &Coding::ALL), None, "no such header");
    }

    #[test]
    fn the_clients_wish_comes_first_and_then_ours() {
        // Chromium, Firefox, and what Chromium says where there is no TLS.
        assert_eq!(chosen("gzip, deflate, br, zstd"), Some(Zstd));
        assert_eq!(chosen("gzip, deflate"), Some(Gzip));
        assert_eq!(chosen("zstd;q=0.5,br;q=0.8,gzip;q=0.7"), Some(Brotli));
        assert_eq!(chosen("GZIP;Q=0.001, BR ; q = 0.0"), Some(Gzip));
        assert_eq!(chosen("x-gzip"), Some(Gzip));
        assert_eq!(choose(["gzip;q=0.2", "br;q=0.1"], &Coding::ALL), Some(Gzip));
        assert_eq!(choose(["br, gzip"], &[Gzip]), Some(Gzip));
    }

    #[test]
    fn what_is_refused_is_not_sent() {
        assert_eq!(chosen("gzip;q=0"), None);
        assert_eq!(chosen("br;q=0, gzip;q=0.000, zstd;q=0."), None);
        assert_eq!(chosen("gzip, gzip;q=0"), None);
        assert_eq!(
            chosen("identity, gzip;q=0.9"),
            None,
            "likes it better as it is"
        );
        assert_eq!(chosen("identity;q=0, gzip"), Some(Gzip));
        assert_eq!(
            chosen("identity;q=0"),
            None,
            "an answer is better than none"
        );
        assert_eq!(chosen("*;q=1, identity;q=0"), None);
    }

    #[test]
    fn what_is_not_understood_is_nothing_said() {
        for odd in [
            "deflate",
            "gzip;q=2",
            "gzip;q=1.001",
            "gzip;q=0.1234",
            "gzip;q=-1",
            "gzip;q=",
            "gzip;level=9",
            "gzip q=1",
            ";q=1",
            ",,,",
            "gzip;q=0.5x",
            "\"gzip\"",
        ] {
            assert_eq!(chosen(odd), None, "{odd:?}");
            assert_eq!(chosen(&format!("{odd}, br")), Some(Brotli), "{odd:?}");
        }
    }

    #[test]
    fn a_coding_of_any_name_has_its_weight() {
        let accepted = ["gzip, dcz;q=0.5", "dcb;q=0"];
        assert_eq!(weight_of(accepted, "dcz"), Some(500));
        assert_eq!(weight_of(accepted, "dcb"), Some(0));
        assert_eq!(weight_of(accepted, "zstd"), None);
    }

    proptest! {
        #[test]
        fn nothing_is_chosen_that_was_not_named(text in "[a-z*;,q=01. ]{0,60}") {
            if let Some(coding) = chosen(&text) {
                prop_assert!(text.contains(coding.name()), "{coding:?} for {text:?}");
            }
        }
    }
}
