//! Round trips, the standard's own bytes, offers as clients make them, and messages that are meant to
//! do harm.

use proptest::prelude::*;

use super::{
    negotiate::{Agreement, OFFER, accept, accepted},
    *,
};
use crate::{
    codec::websocket::{
        CloseCode, Decoder, Inflation, Limits, Message, OpCode,
        deflated::{By, deflate_frames},
        encode_frame, encode_masked,
    },
    wire::Layers,
};

fn compressed(compressor: &mut Compressor, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compressor.message(message, &mut out);
    out
}

fn inflated(inflater: &mut Inflater, message: &[u8]) -> Result<Vec<u8>, Uninflatable> {
    let mut out = b"kept".to_vec();
    inflater.message(message, 1 << 20, &mut out)?;
    Ok(out.split_off(4))
}

/// Bytes without a pattern, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut seed = 7_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// RFC 7692 §7.2.3, every example.
#[test]
fn the_standards_own_examples() {
    let mut compressor = Compressor::new(15);
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(compressed(&mut compressor, b"Hello"), hello);
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(compressed(&mut compressor, b"Hello"), again);
    compressor.forget();
    assert_eq!(compressed(&mut compressor, b"Hello"), hello);
    assert_eq!(compressed(&mut compressor, b""), [0]);

    let mut inflater = Inflater::default();
    for (what, bytes) in [
        ("fixed codes", &hello[..]),
        ("refers to the last", &again[..]),
        (
            "a stored block",
            &[
                0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
        ),
        (
            "the stream ends",
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        ),
        ("after it ended", &again[..]),
        (
            "two blocks",
            &[
                0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
            ],
        ),
    ] {
        assert_eq!(
            inflated(&mut inflater, bytes),
            Ok(b"Hello".to_vec()),
            "{what}"
        );
    }
    assert_eq!(inflated(&mut inflater, &[0]), Ok(Vec::new()));
}

/// That no reference goes back further than the window is for a zlib to say that keeps no more than it
/// was told: Node's, in tests/clients/deflate.test.mjs, and Autobahn's, 13.3 and 13.5.
#[test]
fn a_small_window_finds_less_to_refer_to() {
    let page: Vec<u8> = noise(4_000).iter().map(|byte| b'a' + byte % 26).collect();
    let twice = [&page[..], &page].concat();
    let lengths: Vec<usize> = (BITS_MIN..=BITS_MAX)
        .map(|bits| {
            let mut out = Vec::new();
            assert!(compress_alone(bits, &twice, &mut out));
            let mut whole = Vec::new();
            assert_eq!(inflate_alone(&out, 1 << 20, &mut whole), Ok(()));
            assert_eq!(whole, twice, "{bits}");
            out.len()
        })
        .collect();
    assert!(lengths[6] * 3 < lengths[0] * 2, "{lengths:?}");
}

#[test]
fn real_clients_offers_are_answered_with_what_fits_them() {
    const AUTOBAHN_9: &str = "permessage-deflate; client_no_context_takeover; \
        client_max_window_bits; server_no_context_takeover; server_max_window_bits=9";
    for (who, offers, alone, context) in [
        (
            "Chromium, Node's ws",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate",
        ),
        (
            "Firefox, Safari",
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate",
        ),
        (
            "gorilla",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            "Autobahn 13.5",
            AUTOBAHN_9,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=9",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=9",
        ),
        (
            "15 said is 15 answered",
            "permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=15",
        ),
        (
            "another extension before, quotes, spaces, capitals",
            "mux; max=\"ab\" , , Permessage-Deflate ;\tServer_Max_Window_Bits = \"1\\0\"",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=10",
        ),
    ] {
        let answer = |keeps| accept(offers, keeps).map(|agreed| agreed.answer());
        assert_eq!(answer(false).as_deref(), Some(alone), "{who}");
        assert_eq!(answer(true).as_deref(), Some(context), "{who}");
    }
}

#[test]
fn what_cannot_be_accepted_is_declined_and_the_next_offer_counts() {
    for declined in [
        "x-webkit-deflate-frame",
        "permessage-bzip2",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10; Server_Max_Window_Bits=10",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=1e1",
        "permessage-deflate; client_max_window_bits=99999999999999999999",
    ] {
        assert_eq!(accept(declined, true), None, "{declined}");
        let next = format!("{declined}, permessage-deflate");
        assert_eq!(accept(&next, true), Some(Agreement::default()), "{next}");
    }
    // What is no list of extensions is read no further.
    for malformed in [
        "",
        "permessage-deflate;",
        "permessage-deflate; client_no_context_takeover=",
        "permessage-deflate; server_max_window_bits=\"10",
        "permessage-deflate; server_max_window_bits=\"1 0\"",
        "permessage-deflate permessage-deflate",
        "\u{e9}, permessage-deflate",
    ] {
        assert_eq!(accept(malformed, true), None, "{malformed}");
    }
    let sets = "permessage-deflate; server_max_window_bits=9, permessage-deflate";
    assert_eq!(accept(sets, true).unwrap().server_bits(), 9);
}

#[test]
fn a_client_takes_only_what_answers_its_offer() {
    for keeps in [true, false] {
        let agreed = accept(OFFER, keeps).unwrap();
        assert_eq!(accepted(&agreed.answer()), Some(agreed));
    }
    let smaller = accepted("permessage-deflate; client_max_window_bits=9");
    assert_eq!(smaller.unwrap().client_bits(), 9);
    for wrong in [
        "",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; more",
        "mux",
    ] {
        assert_eq!(accepted(wrong), None, "{wrong}");
    }
    assert_eq!(Agreement::default().server_bits(), 15);
}

const LIMIT: usize = 64 << 10;

fn decoder(inflation: Inflation) -> Decoder {
    let limits = Limits {
        message_max_bytes: LIMIT,
        accept_binary: true,
    };
    Decoder::new(limits).inflating(Some(inflation))
}

/// A client's frames that carry this payload, cut into so many fragments.
fn frames(opcode: OpCode, payload: &[u8], fragments: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let each = payload.len().div_ceil(fragments).max(1);
    let mut parts: Vec<&[u8]> = payload.chunks(each).collect();
    parts.resize(fragments.max(1), b"");
    let last = parts.len() - 1;
    for (number, part) in parts.iter().enumerate() {
        let from = out.len();
        let opcode = if number == 0 {
            opcode
        } else {
            OpCode::Continuation
        };
        encode_masked(opcode, part, [7, 1, 200, 9], &mut out);
        if number != last {
            out[from] &= !0x80;
        }
        if number == 0 {
            out[from] |= 0x40;
        }
    }
    out
}

#[test]
fn a_bomb_is_refused_at_the_first_byte_past_the_limit() {
    let bomb = |bytes: usize| compressed(&mut Compressor::new(15), &vec![b'0'; bytes]);
    let big = bomb(64 << 20);
    assert!(big.len() < 72 << 10, "1,000 : 1, {} bytes", big.len());
    let mut out = Vec::new();
    let refused = Inflater::default().message(&big, LIMIT, &mut out);
    assert_eq!(refused, Err(Uninflatable::TooBig));
    assert!(out.capacity() <= 2 * LIMIT, "{}", out.capacity());

    for (bytes, fragments, expected) in [
        (LIMIT - 1, 1, None),
        (LIMIT, 1, None),
        (LIMIT + 1, 1, Some(CloseCode::TOO_BIG)),
        (LIMIT, 60, None),
        (1 << 20, 1, Some(CloseCode::TOO_BIG)),
        (1 << 20, 300, Some(CloseCode::TOO_BIG)),
    ] {
        for inflation in [Inflation::Alone, Inflation::Context(None)] {
            let sent = frames(OpCode::Text, &bomb(bytes), fragments);
            let got = decoder(inflation).next(&mut &sent[..]);
            match expected {
                Some(code) => assert_eq!(got.unwrap_err().code, code, "{bytes}"),
                None => assert_eq!(got, Ok(Some(Message::Text("0".repeat(bytes))))),
            }
        }
    }
}

#[test]
fn what_cannot_be_compressed_may_be_as_long_as_the_limit() {
    let noise = noise(LIMIT);
    let sent = compressed(&mut Compressor::new(15), &noise);
    assert!(sent.len() > LIMIT);
    let sent = frames(OpCode::Binary, &sent, 1);
    let mut decoder = decoder(Inflation::Alone);
    assert_eq!(
        decoder.next(&mut &sent[..]),
        Ok(Some(Message::Binary(noise)))
    );
    assert_eq!(decoder.take_saved_bytes(), 0);
    let framing = decoder.take_framing_bytes() as usize;
    assert_eq!(framing, sent.len() - LIMIT, "the excess is framing");
}

#[test]
fn what_one_client_broke_is_whole_for_the_next() {
    let garbage = frames(OpCode::Text, &[0xFF; 40], 1);
    let broken = decoder(Inflation::Alone).next(&mut &garbage[..]);
    assert_eq!(broken.unwrap_err().code, CloseCode::INVALID_PAYLOAD);
    let no_text = compressed(&mut Compressor::new(15), &[0xCE, 0xFF, 0xFE]);
    let no_text = frames(OpCode::Text, &no_text, 1);
    let refused = decoder(Inflation::Alone).next(&mut &no_text[..]);
    assert_eq!(refused.unwrap_err().code, CloseCode::INVALID_PAYLOAD);
    let hello = frames(OpCode::Text, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0], 3);
    let whole = decoder(Inflation::Alone).next(&mut &hello[..]);
    assert_eq!(whole, Ok(Some(Message::Text("Hello".into()))));
    // A reference to what was before the message, where each is alone.
    let again = frames(OpCode::Text, &[0xf2, 0x00, 0x11, 0x00, 0x00], 1);
    let refused = decoder(Inflation::Alone).next(&mut &again[..]);
    assert_eq!(refused.unwrap_err().code, CloseCode::INVALID_PAYLOAD);
}

#[test]
fn where_it_was_not_agreed_on_a_compressed_message_is_refused() {
    let hello = frames(OpCode::Text, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0], 1);
    let limits = Limits {
        message_max_bytes: LIMIT,
        accept_binary: true,
    };
    let refused = Decoder::new(limits).next(&mut &hello[..]);
    assert_eq!(refused.unwrap_err().code, CloseCode::PROTOCOL_ERROR);
}

#[test]
fn a_frame_is_compressed_only_where_that_makes_it_shorter() {
    let plain = |opcode, payload: &[u8]| {
        let mut frame = Vec::new();
        encode_frame(opcode, payload, &mut frame);
        frame
    };
    let text = "{\"price\":101.5,\"symbol\":\"ACME\"}".repeat(8);
    let noise: Vec<u8> = (0..200_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let parts = [
        plain(OpCode::Text, text.as_bytes()),
        plain(OpCode::Ping, &[b'p'; 100]),
        plain(OpCode::Text, b"short"),
        plain(OpCode::Binary, &noise),
        plain(OpCode::Close, &[b'c'; 100]),
    ];
    let all = parts.concat();
    let layers = Layers {
        framing: 2 * 4 + 3 * 2 + 200,
        payload: (text.len() + 5 + noise.len()) as u64,
        ..Layers::default()
    };
    assert_eq!(layers.total(), all.len() as u64);
    let mut out = Vec::new();
    let after = deflate_frames(&all, &mut By::Alone(15), layers, &mut out);
    assert_eq!(after.total(), out.len() as u64);
    assert_eq!(after.payload, layers.payload);
    assert_eq!(out[0], 0xC1, "RSV1 on the text");
    assert!(out.ends_with(&parts[1..].concat()), "the rest as it was");
    let first = &out[..out.len() - parts[1..].concat().len()];
    let mut message = Vec::new();
    inflate_alone(&first[2..], LIMIT, &mut message).unwrap();
    assert_eq!(message, text.as_bytes());
}

/// Text of few words, so that there is something to refer to; some of it empty or short.
fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let word = "(price|\\{\"n\":|€uro |101\\.5,|[a-z]{0,9})";
    let text = prop::collection::vec(word, 0..120).prop_map(|words| words.concat().into_bytes());
    prop::collection::vec(text, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_goes_in_comes_out(
        messages in messages(),
        bits in BITS_MIN..=BITS_MAX,
        keeps in any::<bool>(),
        fragments in 1_usize..5,
        cut in 1_usize..40,
    ) {
        let mut compressor = Compressor::new(bits);
        let mut decoder = decoder(match keeps {
            true => Inflation::Context(None),
            false => Inflation::Alone,
        });
        let mut wire = Vec::new();
        for message in &messages {
            let compressed = compressed(&mut compressor, message);
            wire.extend(frames(OpCode::Text, &compressed, fragments));
            if !keeps {
                compressor.forget();
            }
        }
        let mut got = Vec::new();
        for mut part in wire.chunks(cut) {
            while let Some(message) = decoder.next(&mut part).unwrap() {
                got.push(message);
            }
        }
        let sent: Vec<_> = messages
            .iter()
            .map(|text| Message::Text(String::from_utf8(text.clone()).unwrap()))
            .collect();
        prop_assert_eq!(got, sent);
        let longer: usize = messages.iter().map(Vec::len).sum();
        let balance = wire.len() as u64 + decoder.take_saved_bytes();
        prop_assert_eq!(balance, longer as u64 + decoder.take_framing_bytes());
    }

    #[test]
    fn whatever_comes_is_inflated_or_refused_within_the_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut out = Vec::new();
        let _ = inflate_alone(&bytes, 1_000, &mut out);
        prop_assert!(out.len() <= 1_000);
    }

    #[test]
    fn whatever_is_offered_is_answered_with_what_the_lab_itself_would_take(
        offers in "(permessage-deflate|mux|[;,= \"\\\\]|server_max_window_bits=(8|9|1[0-6])|client_max_window_bits|server_no_context_takeover){0,12}",
    ) {
        if let Some(agreed) = accept(&offers, false) {
            prop_assert_eq!(accepted(&agreed.answer()), Some(agreed));
        }
    }
}
