//! The two protocol references and the glossary, held to the code: a close code, an event, a limit, a
//! header or a path that stands in only one of them is a failure. What the code has as a value is asked
//! for; what it has as literals is read from its source, without comments and tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use pushlab::{
    codec::{
        engine::{Data, Packet, decode_packet},
        pusher::kind::Kind,
        socketio::{self, Args},
    },
    config::{Config, apps::AppSettings},
    protocol::{
        pusher::{close, watchlist::WATCHLIST_MAX},
        socketio::request::EngineError,
    },
};
use serde_json::Value;

use super::{files, root};
use crate::support::{spawn_lab, test_config};

const PUSHER: &str = "protocols/pusher-channels.md";
const SOCKETIO: &str = "protocols/socketio.md";

/// What stands below a heading, up to the next.
pub(super) fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let is_it =
        |line: &&str| line.trim_start_matches('#').trim_start() == heading && line.starts_with('#');
    let line = text.lines().find(is_it);
    let line = line.unwrap_or_else(|| panic!("no heading {heading:?}"));
    let below = &text[text.find(&format!("{line}\n")).unwrap() + line.len()..];
    below.split("\n#").next().unwrap()
}

/// The rows of the first table below a heading, its head left out.
pub(super) fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let lines = section(text, heading).lines();
    let rows = lines
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2);
    let cells = |line: &str| {
        let line = line.trim_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    assert!(rows.len() > 1, "{heading} has a table");
    rows
}

/// What stands between backticks.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A file's source up to its tests, without comments.
fn source(path: &str) -> String {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// Every word that begins so in a source.
fn beginning<'a>(source: &'a str, start: &str) -> BTreeSet<&'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_:-".contains(c);
    let found = source.match_indices(start).map(|(at, _)| {
        let rest = &source[at..];
        &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]
    });
    found.filter(|name| *name != start).collect()
}

/// Numbers in a text, where a comma may stand between thousands.
fn numbers(text: &str) -> Vec<u64> {
    let text = text.replace(',', "");
    text.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[test]
fn close_codes_of_channels_are_those_of_the_code() {
    let code = source("src/protocol/pusher/close.rs");
    let after = |mark: &str| -> BTreeSet<u64> {
        let pieces = code.split(mark).skip(1);
        pieces
            .filter_map(|rest| rest.get(..4)?.parse().ok())
            .collect()
    };
    // Constants of their own are said in a frame; those of the list close.
    let in_a_frame = after("u16 = ");
    let closing: BTreeSet<u64> = &after(" = ") - &in_a_frame;
    let mut told = [BTreeSet::new(), BTreeSet::new()];
    for row in table(&files()[PUSHER], "Errors and close codes") {
        let codes = row[0]
            .split(',')
            .map(|code| code.trim().parse::<u64>().unwrap());
        let closes = match row[2].as_str() {
            "yes" => 0,
            "no" => 1,
            other => panic!("{other}"),
        };
        told[closes].extend(codes);
    }
    assert_eq!(told, [closing, in_a_frame]);
    assert!(told[0].contains(&u64::from(close::UNKNOWN_APP.code)));
    assert!(told[1].contains(&u64::from(close::CLIENT_EVENT_RATE)));
}

#[test]
fn events_of_channels_are_those_of_the_codec() {
    let mut known = BTreeSet::new();
    for file in ["mod", "event", "command", "extension"] {
        let code = source(&format!("src/codec/pusher/{file}.rs"));
        for start in ["pusher:", "pusher_internal:", "pushlab:"] {
            known.extend(beginning(&code, start).into_iter().map(str::to_owned));
        }
    }
    let text = &files()[PUSHER];
    let mut told = BTreeSet::new();
    for row in table(text, "Frames") {
        let mut before = "";
        for name in quoted(&row[0]) {
            // `pusher_internal:member_added`, `member_removed`
            let (prefix, rest) = name.split_once(':').unwrap_or((before, name));
            before = prefix;
            told.insert(match prefix {
                "" => rest.to_owned(),
                _ => format!("{prefix}:{rest}"),
            });
        }
    }
    assert!(told.remove("client-…"), "{told:?}");
    let own = beginning(section(text, "The lab's extension"), "pushlab:");
    told.extend(own.into_iter().map(str::to_owned));
    assert_eq!(told, known);
}

#[test]
fn prefixes_of_channels_mean_what_the_table_says() {
    for row in table(&files()[PUSHER], "Channels") {
        let prefix = quoted(&row[0]).next().unwrap_or_default();
        if prefix.starts_with('#') {
            continue;
        }
        let kind = Kind::of(&format!("{prefix}a"));
        let may_whisper = kind.guarded && !kind.encrypted;
        let all = [
            kind.guarded,
            kind.presence,
            kind.encrypted,
            kind.cached,
            may_whisper,
        ];
        let told: Vec<bool> = row[1..].iter().map(|cell| cell == "yes").collect();
        assert_eq!(told, all, "{prefix:?}");
    }
}

#[test]
fn limits_of_channels_are_the_defaults_of_an_application() {
    let settings = serde_json::to_value(AppSettings::new("1", "k", "s")).unwrap();
    let of = |name: &str| {
        settings[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {settings}"))
    };
    let mut known = BTreeMap::from([
        ("channel name", vec![of("channel_name_max_bytes")]),
        ("event name", vec![of("event_name_max_characters")]),
        ("an event's data", vec![of("event_max_bytes")]),
        (
            "channels for each publish, events in a batch",
            vec![of("channels_per_publish"), of("events_per_batch")],
        ),
        ("client events", vec![of("client_events_per_s")]),
        (
            "members of a presence channel",
            vec![
                of("presence_max_members"),
                of("presence_member_max_bytes"),
                of("presence_user_id_max_characters"),
            ],
        ),
        ("watchlist", vec![WATCHLIST_MAX as u64]),
        (
            "the last event of a cache channel",
            vec![Config::default().cache_max_age.0.as_secs() / 60],
        ),
    ]);
    for row in table(&files()[PUSHER], "Limits") {
        // "100, 10" are two numbers, "10,240" is one.
        let told = numbers(&row[1].replace(", ", " and "));
        assert_eq!(known.remove(row[0].as_str()), Some(told), "{}", row[0]);
    }
    assert!(known.is_empty(), "not told: {known:?}");
}

#[test]
fn requests_and_webhooks_of_channels_are_those_of_the_code() {
    let text = &files()[PUSHER];
    let lab = spawn_lab(test_config());
    let (app, _, _) = lab.apps().demo().unwrap();
    let mut told = BTreeSet::new();
    for row in table(text, "HTTP API") {
        let request = quoted(&row[0]).next().unwrap();
        let (method, path) = request.split_once(' ').unwrap();
        // It is there, and wants a signature; asked by another method, it would be 405.
        let asked = path.replace("/ID/", &format!("/{app}/"));
        let asked = lab.http("main").request(method, &asked, &[], b"");
        assert_eq!(asked.status, 401, "{request}: {}", asked.text());
        let steps = path.split('/').map(|step| match step {
            "ID" | "NAME" | "USER" => "*",
            step => step,
        });
        told.insert(steps.collect::<Vec<_>>().join("/"));
    }
    // As the code matches them: ("apps", id, "channels", Some(name), None)
    let code = source("src/protocol/pusher/http_api/mod.rs");
    let arms = code.lines().map(str::trim);
    let known: BTreeSet<String> = arms
        .filter(|arm| arm.starts_with("(\"apps\", "))
        .map(|arm| {
            let (arm, _) = arm.split_once(" =>").unwrap();
            let steps = arm.trim_matches(['(', ')']).split(", ");
            let steps = steps.filter(|step| *step != "None");
            let steps = steps.map(|step| step.split('"').nth(1).unwrap_or("*"));
            format!("/{}", steps.collect::<Vec<_>>().join("/"))
        })
        .collect();
    assert_eq!(told, known);

    let code = source("src/protocol/pusher/webhook/event.rs");
    let (_, names) = code.split_once("pub fn name(").expect("their names");
    let names = names.split("\n    }\n").next().unwrap();
    let known: BTreeSet<&str> = names.split('"').skip(1).step_by(2).collect();
    let (_, told) = section(text, "Webhooks").split_once("Events: ").unwrap();
    let told: BTreeSet<&str> = quoted(told.split('.').next().unwrap()).collect();
    assert_eq!(told, known);
    let deliver = source("src/protocol/pusher/webhook/deliver.rs").to_lowercase();
    let headers = quoted(section(text, "Webhooks")).filter(|name| name.starts_with("X-"));
    let headers: Vec<&str> = headers.collect();
    assert_eq!(headers.len(), deliver.matches("\"x-pusher-").count());
    for header in headers {
        let header = header.to_lowercase();
        assert!(deliver.contains(&format!("\"{header}\"")), "{header}");
    }
}

#[test]
fn errors_of_engine_io_are_those_of_the_code() {
    // One of each code; the compiler asks for a new one, and it has a row then or code 3.
    let row_of = |error: EngineError| match error {
        EngineError::TransportUnknown
        | EngineError::UnknownSession
        | EngineError::BadHandshakeMethod
        | EngineError::BadRequest
        | EngineError::Forbidden
        | EngineError::UnsupportedVersion => error.code(),
        EngineError::Overlap
        | EngineError::BinaryBody
        | EngineError::BrokenBody
        | EngineError::TooLarge
        | EngineError::TooSlow
        | EngineError::TooManySessions
        | EngineError::TooManyOfAddress
        | EngineError::ShuttingDown => EngineError::BadRequest.code(),
    };
    let rows = table_of(&files()[SOCKETIO], "Handshake", 1);
    let all = [
        EngineError::TransportUnknown,
        EngineError::UnknownSession,
        EngineError::BadHandshakeMethod,
        EngineError::BadRequest,
        EngineError::Forbidden,
        EngineError::UnsupportedVersion,
    ];
    assert_eq!(rows.len(), all.len());
    for (row, error) in rows.iter().zip(all) {
        assert_eq!(row[0], row_of(error).to_string());
        let (message, _) = error
            .message()
            .split_once(':')
            .unwrap_or((error.message(), ""));
        assert_eq!(
            (row[1].as_str(), &row[2]),
            (message, &error.status().to_string())
        );
    }
    for error in [
        EngineError::Overlap,
        EngineError::TooLarge,
        EngineError::ShuttingDown,
    ] {
        assert_eq!(error.code(), row_of(error), "{error:?}");
    }
}

/// The rows of the table of this number below a heading.
fn table_of(text: &str, heading: &str, number: usize) -> Vec<Vec<String>> {
    let mut rest = section(text, heading);
    for _ in 0..number {
        let at = rest.find("\n|").expect("a table") + 1;
        rest = &rest[at + rest[at..].find("\n\n").expect("more after it")..];
    }
    table(&format!("# {heading}\n{rest}"), heading)
}

#[test]
fn the_handshake_of_engine_io_has_these_keys_and_values() {
    let lab = spawn_lab(test_config());
    let answer = lab.http("main").get("/socket.io/?EIO=4&transport=polling");
    let opened: Value = serde_json::from_str(&answer.text()[1..]).unwrap();
    let mut told = BTreeMap::new();
    for row in table(&files()[SOCKETIO], "Handshake") {
        let values = numbers(&row[2].replace(" and ", ";").replace(',', ""));
        let mut values = values.into_iter();
        for key in quoted(&row[0]) {
            told.insert(key.to_owned(), values.next());
        }
    }
    let known: BTreeMap<String, Option<u64>> = opened
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), value.as_u64()))
        .collect();
    assert_eq!(told, known);
}

#[test]
fn packets_have_the_digits_of_the_tables() {
    let text = &files()[SOCKETIO];
    for row in table(text, "Packet encoding") {
        let packet = match decode_packet(&row[0]).unwrap() {
            Packet::Open => "open",
            Packet::Close => "close",
            Packet::Ping(_) => "ping",
            Packet::Pong => "pong",
            Packet::Message(Data::Text(_)) => "message",
            Packet::Message(Data::Binary(_)) => "b",
            Packet::Upgrade => "upgrade",
            Packet::Noop => "noop",
        };
        assert_eq!(row[1], packet);
    }
    assert_eq!(table(text, "Packet encoding").len(), 7);
    assert!(decode_packet("7").is_err(), "there are no more");

    let mut known = BTreeMap::new();
    let mut writes = |name, write: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = Vec::new();
        write(&mut packet);
        known.insert(char::from(packet[0]).to_string(), name);
    };
    let (plain, attached) = (Args::new(), Args::new().binary(&b"x"[..]));
    writes("CONNECT", &|out| {
        socketio::encode_connect("/", "s", None, out)
    });
    writes("DISCONNECT", &|out| socketio::encode_disconnect("/", out));
    writes("EVENT", &|out| {
        socketio::encode_event("/", None, "e", &plain, None, out)
    });
    writes("ACK", &|out| socketio::encode_ack("/", 1, &plain, out));
    writes("CONNECT_ERROR", &|out| {
        socketio::encode_connect_error("/", "no", None, out)
    });
    writes("EVENT with attachments", &|out| {
        socketio::encode_event("/", None, "e", &attached, None, out)
    });
    writes("ACK with attachments", &|out| {
        socketio::encode_ack("/", 1, &attached, out)
    });
    let mut told = BTreeMap::new();
    for row in table(text, "Packets") {
        let (names, with) = row[1].split_once(" with ").unwrap_or((&row[1], ""));
        for (digit, name) in row[0].split(", ").zip(names.split(", ")) {
            let with = if with.is_empty() {
                String::new()
            } else {
                format!(" with {with}")
            };
            told.insert(digit.to_owned(), format!("{name}{with}"));
        }
    }
    assert!(
        told.iter()
            .map(|(digit, name)| (digit, name.as_str()))
            .eq(known.iter().map(|(digit, name)| (digit, *name))),
        "{told:?}, {known:?}"
    );
}

#[test]
fn events_of_the_labs_namespace_are_those_that_are_listened_to() {
    let code = source("src/protocol/socketio/bridge/mod.rs");
    let (_, list) = code.split_once("const EVENTS:").expect("the list");
    let list = list.split("];").next().unwrap();
    let known: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let text = &files()[SOCKETIO];
    let rows = table(text, "The lab's namespace");
    let told: BTreeSet<&str> = rows.iter().flat_map(|row| quoted(&row[0])).collect();
    assert_eq!(told, known);
    let classic = source("src/protocol/socketio/classic.rs");
    for event in ["send-message", "new-message"] {
        assert!(section(text, "The lab's namespace").contains(&format!("`{event}`")));
        assert!(classic.contains(&format!("\"{event}\"")), "{event}");
    }
}

/// Files, folders and flags that the glossary, the references and the rest of the book name.
#[test]
fn every_file_that_the_book_names_is_there() {
    let mut found = 0;
    for (name, text) in files() {
        for word in quoted(&text) {
            let is_path = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
            let folders = [
                "src/",
                "tests/",
                "static/",
                "benches/",
                "templates/",
                "packaging/",
                "plans/",
                "lessons/",
                "fuzz/",
            ];
            let begins = folders.iter().any(|folder| word.starts_with(folder));
            // `lessons/NN-NAME.md` stands for any.
            if !begins || !word.chars().all(is_path) || word.contains("NAME") {
                continue;
            }
            assert!(root().join(word).exists(), "docs/{name}: {word}");
            found += 1;
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn the_glossary_has_each_word_once() {
    let text = &files()["glossary.md"];
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| word"));
    let mut words = BTreeSet::new();
    for row in rows {
        let word = row.split('|').nth(1).unwrap().trim();
        assert!(words.insert(word), "{word} stands twice");
    }
    assert!(words.len() > 60, "{}", words.len());
}
