//! Who may use whom inside of a room: the arrows between the modules of one folder.
//!
//! A module of a folder is a file or a folder directly below it: in `src/run/`, both
//! `plan/rules.rs` and `plan/mod.rs` are module `plan`. The folder's own `mod.rs` is none: it
//! declares the modules and holds what they share, so they may use it. What it only hands on
//! (`pub use self::settings::Plan`) is an arrow to where it comes from.
//!
//! A module that is called like a lane (`fetch_stream`) needs no line: it may use what is listed, and
//! nothing that is listed may use it.
//!
//! To hold another folder to a table, add it to [`INNER`].

use std::collections::{BTreeMap, BTreeSet};

use pushlab::catalogue::LANES;

use super::{Module, Source, paths, sources, spread, tokens};

/// A folder below `src/`, and its modules from the ground up, each with the siblings that it may
/// use. They stand above it, so that there is no circle but [`KNOT`].
type Folder = (
    &'static str,
    &'static [(&'static str, &'static [&'static str])],
);

#[rustfmt::skip]
const INNER: &[Folder] = &[
    ("lane", &[
        ("files", &[]),
        ("pace", &[]),
        ("seats", &[]),
        ("error_answer", &["seats"]),
        ("tcp_info", &[]),
        ("tap", &[]),
        ("meter", &["seats", "tap", "tcp_info"]),
        ("conditions", &["meter", "tcp_info"]),
        ("io", &["conditions", "meter", "tcp_info"]),
        ("tls", &["io"]),
        ("stream", &["conditions", "error_answer", "io", "meter", "pace", "seats", "tls"]),
    ]),
    ("capture/annotate", &[
        ("part", &[]),
        ("text", &[]),
        ("writer", &["part"]),
        ("json", &["part", "writer"]),
        ("envelope", &["json", "part", "writer"]),
        ("heads", &["part", "text", "writer"]),
        ("chunk", &["part", "text", "writer"]),
        ("frame", &["part", "writer"]),
        ("sse", &["part", "text", "writer"]),
        ("ndjson", &["envelope", "json", "part", "text", "writer"]),
        ("pusher", &["envelope", "json", "part", "text", "writer"]),
        ("socketio", &["envelope", "json", "part", "text", "writer"]),
        ("engine", &["json", "part", "socketio", "text", "writer"]),
        ("body", &["engine", "envelope", "frame", "json", "ndjson", "part", "pusher", "sse", "text", "writer"]),
        ("title", &["body", "frame", "text"]),
    ]),
    ("lane/conditions", &[
        ("alarm", &[]),
        ("line", &[]),
        ("presets", &[]),
        ("value", &[]),
        ("text", &["presets", "value"]),
        ("bandwidth", &["text", "value"]),
        ("by_lane", &["text"]),
        ("cut", &["text", "value"]),
        ("cut_fin", &["cut"]),
        ("cut_rst", &["cut"]),
        ("half_open", &["cut", "text"]),
        ("latency", &["text", "value"]),
        ("limit", &["text", "value"]),
        ("link", &["alarm", "by_lane", "line"]),
        ("office", &["text", "value"]),
        ("radio", &["text", "value"]),
        ("slow_consumer", &["bandwidth", "text", "value"]),
        ("stall", &["text", "value"]),
        ("tunnel", &["text", "value"]),
    ]),
    ("lane/conditions/link", &[
        ("pump", &[]),
    ]),
    ("lane/conditions/office", &[
        ("messages", &[]),
    ]),
    ("lane/meter", &[
        ("labels", &[]),
        ("booking", &["labels"]),
        ("totals", &[]),
        ("connection", &["booking", "labels", "totals"]),
        ("ended", &["labels", "totals"]),
    ]),
    ("lane/tap", &[
        ("ring", &[]),
        ("connection", &[]),
    ]),
    ("lane/seats", &[
        ("capacity", &[]),
        ("seat", &["capacity"]),
        ("counts", &["capacity", "seat"]),
    ]),
    ("metrics", &[
        ("answers", &[]),
        ("latency", &[]),
        ("prometheus", &["latency"]),
        ("report_key", &[]),
    ]),
    ("channel", &[
        ("idempotence", &[]),
        ("history", &["idempotence"]),
        ("latest", &[]),
        ("observer", &[]),
        ("presence", &[]),
    ]),
    ("hub", &[
        ("format", &[]),
        ("delivery", &["format"]),
        ("inbox", &["format"]),
        ("slots", &[]),
        ("subscriber", &["delivery"]),
        ("subscription", &["delivery", "format", "subscriber"]),
        ("rounds", &[]),
        ("shard", &["delivery", "format", "inbox", "rounds", "slots", "subscriber", "subscription"]),
        ("attachment", &["delivery", "format", "shard", "slots", "subscriber", "subscription"]),
        ("coalesce", &["delivery", "format", "inbox", "rounds", "shard", "subscriber"]),
        ("when_full", &[]),
        ("queue", &["delivery", "when_full"]),
    ]),
    ("hub/queue", &[
        ("chunk", &[]),
    ]),
    ("capture", &[
        ("unit", &[]),
        ("about", &["unit"]),
        ("framing", &["unit"]),
        ("annotate", &["framing", "unit"]),
        ("har", &["about", "unit"]),
        ("pcap", &["about", "unit"]),
        ("redact", &["framing", "unit"]),
    ]),
    ("broker", &[
        ("contract", &[]),
        ("memory", &[]),
        ("durable", &["memory"]),
    ]),
    ("broker/durable", &[
        ("queue", &[]),
        ("records", &[]),
        ("store", &["records"]),
        ("writer", &["queue", "records", "store"]),
    ]),
    ("broker/memory", &[
        ("bytes", &[]),
        ("evict", &[]),
    ]),
    ("node", &[
        ("announcements", &[]),
        ("connected", &[]),
        ("openers", &[]),
        ("presence", &["announcements"]),
        ("rates", &[]),
        ("session_quota", &[]),
    ]),
    ("access", &[
        ("address", &[]),
        ("host_names", &[]),
        ("hosts", &["host_names"]),
        ("asked_name", &["address", "hosts"]),
        ("listed", &[]),
        ("origins", &["address", "asked_name", "hosts", "listed"]),
        ("own_key", &[]),
        ("presenter", &[]),
    ]),
    ("registry", &[
        ("request", &[]),
        ("route", &[]),
        ("worker", &["route"]),
        ("routed", &["route", "worker"]),
    ]),
    ("transport", &[
        ("coding", &[]),
        ("answer", &["coding"]),
        ("body", &[]),
        ("catch_up", &[]),
        ("query", &[]),
        ("dictionaries", &["answer", "coding"]),
        ("http_api", &["answer", "body", "query"]),
        ("long_poll", &["answer", "dictionaries", "query"]),
        ("short_poll", &["answer", "coding", "dictionaries", "query"]),
        ("socket_message", &[]),
        ("subscribe", &["query"]),
        ("stream", &["answer", "catch_up", "coding", "dictionaries", "query", "subscribe"]),
        ("sse", &["answer", "query", "stream"]),
        ("websocket", &["answer", "catch_up", "query", "socket_message", "subscribe"]),
    ]),
    ("transport/websocket", &[
        ("deflating", &[]),
        ("handshake", &["deflating"]),
        ("socket", &["deflating", "handshake"]),
        ("echo", &["deflating", "handshake", "socket"]),
    ]),
    ("transport/websocket/socket", &[
        ("deflate", &[]),
        ("input", &[]),
        ("next", &[]),
        ("closing", &["input", "next"]),
        ("output", &[]),
        ("run", &["closing", "input", "next"]),
    ]),
    ("lab_api", &[
        ("answer", &[]),
        ("event_stream", &[]),
        ("apps", &["event_stream"]),
        ("conditions", &[]),
        ("delays", &[]),
        ("lanes", &[]),
        ("about", &["apps", "lanes"]),
        ("metrics", &[]),
        ("reported", &[]),
        ("class_room", &[]),
        ("way_in", &[]),
        ("main_lane", &["class_room", "delays", "reported", "way_in"]),
        ("presenter", &["main_lane"]),
        ("reach", &["main_lane", "way_in"]),
        ("channels", &["delays", "main_lane"]),
        ("reports", &["delays", "main_lane", "reported"]),
        ("runs", &["event_stream", "main_lane"]),
        ("predictions", &["runs"]),
        ("experiments", &["main_lane", "runs"]),
        ("of_lessons", &[]),
        ("class", &["class_room", "event_stream", "experiments", "main_lane", "of_lessons", "runs"]),
        ("sources", &["main_lane"]),
        ("stats", &["lanes", "main_lane"]),
        ("taps", &[]),
        ("usage", &[]),
        ("webhooks", &["apps"]),
    ]),
    ("lab_api/apps", &[
        ("channels", &[]),
        ("explain", &[]),
        ("feed", &[]),
        ("trigger", &[]),
    ]),
    ("pages", &[
        ("choices", &[]),
        ("class", &[]),
        ("classes", &[]),
        ("docs", &[]),
        ("experiments", &[]),
        ("lessons", &["experiments"]),
        ("navigation", &[]),
        ("worksheets", &["lessons"]),
        ("plans", &["lessons", "worksheets"]),
        ("refused", &["navigation"]),
        ("runs", &["classes"]),
    ]),
    ("server", &[
        ("as_written", &[]),
        ("kept", &[]),
        ("listening", &[]),
        ("memory", &[]),
        ("serving", &[]),
        ("tls_handshake", &[]),
        ("admission", &["tls_handshake"]),
        ("each_request", &["admission"]),
        ("app", &["as_written", "each_request"]),
        ("upgrades", &["admission"]),
        ("small_http", &[]),
        ("connections", &["admission", "app", "small_http", "tls_handshake", "upgrades"]),
    ]),
    ("server/small_http", &[
        ("head", &[]),
        ("output", &[]),
    ]),
    ("client", &[
        ("back_off", &[]),
        ("arrival", &[]),
        ("exchange", &[]),
        ("steps", &[]),
        ("connection", &["arrival", "exchange"]),
        ("http", &["connection"]),
        ("frames", &["connection", "http"]),
        ("message", &[]),
        ("channels", &["back_off", "connection", "frames", "http", "message"]),
        ("poll", &["connection", "http", "message"]),
        ("long_poll", &["back_off", "message", "poll"]),
        ("short_poll", &["back_off", "connection", "http", "message", "poll"]),
        ("socketio", &["back_off", "connection", "frames", "http", "message"]),
        ("sse", &["back_off", "http", "message"]),
        ("tls", &[]),
        ("ordinary", &["tls"]),
        ("upstream", &["connection", "http"]),
        ("lifecycle", &["back_off", "upstream"]),
        ("websocket", &["frames", "message"]),
    ]),
    ("client/channels", &[
        ("lines", &[]),
        ("polling", &["lines"]),
        ("socket", &[]),
        ("streaming", &["lines"]),
    ]),
    ("protocol", &[
        ("pusher", &[]),
        ("socketio", &[]),
    ]),
    ("protocol/pusher", &[
        ("auth", &[]),
        ("close", &[]),
        ("demo_keys", &["auth"]),
        ("excerpt", &[]),
        ("plan", &[]),
        ("sign", &["auth"]),
        ("trigger", &["sign"]),
        ("app_event", &["excerpt"]),
        ("console", &["app_event", "excerpt"]),
        ("count_schedule", &[]),
        ("http_session", &[]),
        ("online_changes", &[]),
        ("usage", &["app_event", "plan"]),
        ("webhook", &["app_event"]),
        ("app", &[
            "app_event", "console", "count_schedule", "demo_keys", "http_session",
            "online_changes", "plan", "usage", "webhook",
        ]),
        ("admission", &["app", "close"]),
        ("frame_sink", &[]),
        ("subscription_count", &["app", "app_event"]),
        ("subscription_state", &[]),
        ("connection", &[
            "app", "app_event", "close", "frame_sink", "subscription_count", "subscription_state",
            "usage",
        ]),
        ("client_event", &["app_event", "close", "connection"]),
        ("extension", &["connection", "subscription_state"]),
        ("signin", &["app_event", "auth", "close", "connection"]),
        ("subscribe", &[
            "app_event", "auth", "connection", "extension", "subscription_count",
            "subscription_state",
        ]),
        ("watchlist", &["app", "close", "connection"]),
        ("commands", &["connection"]),
        ("websocket", &["admission", "app", "close", "commands", "connection", "frame_sink"]),
        ("fallback", &[
            "admission", "app", "close", "commands", "connection", "frame_sink", "http_session",
        ]),
        ("http_api", &["app", "app_event", "auth", "signin"]),
        ("app_server", &["app", "auth", "http_api"]),
    ]),
    ("protocol/pusher/app_server", &[
        ("form", &[]),
    ]),
    ("protocol/pusher/console", &[
        ("entry", &[]),
        ("ring", &[]),
    ]),
    ("protocol/pusher/fallback", &[
        ("line_sink", &[]),
        ("order", &[]),
        ("send", &[]),
        ("polling", &["send"]),
        ("session_task", &["line_sink", "order"]),
        ("streaming", &["send"]),
    ]),
    ("protocol/pusher/http_api", &[
        ("publish", &[]),
        ("query", &[]),
        ("users", &[]),
    ]),
    ("protocol/pusher/http_session", &[
        ("outbox", &[]),
    ]),
    ("protocol/pusher/webhook", &[
        ("event", &[]),
        ("deliver", &["event"]),
        ("queue", &["event"]),
        ("receiver", &[]),
    ]),
    ("protocol/socketio", &[
        ("cors", &[]),
        ("selection", &[]),
        ("rooms", &["selection"]),
        ("unit", &[]),
        ("engine", &["unit"]),
        ("event_unit", &["unit"]),
        ("recovery", &["selection", "unit"]),
        ("request", &["engine"]),
        ("traffic", &["engine"]),
        ("worker", &["engine", "traffic", "unit"]),
        ("link", &["engine", "unit", "worker"]),
        ("engine_path", &["link", "request"]),
        ("shutdown", &["engine", "link"]),
        ("polling", &["cors", "engine", "engine_path", "link", "request", "shutdown", "worker"]),
        ("websocket", &["cors", "engine", "engine_path", "link", "request", "shutdown", "unit"]),
        ("io", &["engine", "link", "recovery", "rooms", "socket"]),
        ("socket", &[
            "engine", "event_unit", "io", "link", "recovery", "selection", "unit", "worker",
        ]),
        ("broadcast", &["event_unit", "io", "rooms", "selection", "socket"]),
        ("client", &["engine", "io", "link", "recovery", "socket", "unit"]),
        ("admin", &[
            "broadcast", "engine", "io", "link", "socket", "traffic", "unit", "worker",
        ]),
        ("bridge", &["engine", "io", "link", "socket"]),
        ("classic", &["io"]),
        ("conformance", &["engine", "io", "link", "unit"]),
        ("echo", &["io", "socket"]),
        ("engines", &[
            "admin", "bridge", "classic", "client", "conformance", "echo", "engine",
            "engine_path", "io", "link", "recovery",
        ]),
        ("endpoint", &["engine_path", "engines", "polling", "websocket"]),
    ]),
    ("protocol/socketio/admin", &[
        ("access", &[]),
        ("describe", &[]),
        ("watch", &["describe"]),
        ("stats", &["watch"]),
    ]),
    ("protocol/socketio/bridge", &[
        ("message", &[]),
        ("publication", &[]),
        ("subscription", &["publication"]),
        ("member", &["message", "subscription"]),
    ]),
    ("protocol/socketio/engine", &[
        ("reason", &[]),
        ("action", &["reason"]),
    ]),
    ("protocol/socketio/link", &[
        ("actions", &[]),
        ("input", &[]),
        ("opening", &[]),
    ]),
    ("run", &[
        ("processing", &[]),
        ("collector", &["processing"]),
        ("destination", &[]),
        ("lanes", &[]),
        ("conditions", &[]),
        ("machine", &[]),
        ("names", &[]),
        ("process", &[]),
        ("schedule", &[]),
        ("server_settings", &[]),
        ("plan", &["conditions", "destination", "lanes", "machine", "schedule", "server_settings"]),
        ("each_lane", &["destination", "lanes", "plan"]),
        ("server_stats", &[]),
        ("poll_bytes", &["server_stats"]),
        ("stats", &["collector"]),
        ("figure", &["stats"]),
        ("uncertainty", &["figure"]),
        ("theory", &[]),
        ("bytes", &["lanes", "names", "server_stats", "theory", "each_lane"]),
        ("coded_bytes", &["bytes", "lanes", "plan", "schedule", "each_lane"]),
        ("publish_connection", &["bytes", "destination"]),
        ("lab_process", &[
            "destination", "machine", "plan", "publish_connection", "server_settings",
            "server_stats",
        ]),
        ("validity", &[]),
        ("publisher", &["collector", "machine", "publish_connection", "validity"]),
        ("blobs", &["bytes", "publish_connection", "publisher"]),
        ("error", &["lab_process", "plan", "publisher"]),
        ("rows", &["conditions", "destination", "lanes", "plan", "theory", "each_lane"]),
        ("source", &["bytes", "collector", "machine", "publisher"]),
        ("upstream_bytes", &["bytes", "lanes", "names"]),
        ("pass", &[
            "blobs", "bytes", "collector", "conditions", "error", "lab_process", "lanes", "names",
            "plan", "poll_bytes", "process", "processing", "publisher", "schedule", "server_stats",
            "source", "uncertainty", "upstream_bytes",
        ]),
        ("figure_labels", &[]),
        ("figures", &[
            "collector", "figure", "figure_labels", "pass", "server_stats", "stats", "uncertainty",
            "validity",
        ]),
        ("answer", &["figure", "figures", "lanes", "uncertainty"]),
        ("late_pass", &["figures", "pass", "stats", "validity"]),
        ("predicted", &["figures"]),
        ("delay_forms", &["figures", "plan", "predicted", "processing", "rows", "theory"]),
        ("predictions", &[
            "bytes", "collector", "conditions", "delay_forms", "lanes", "pass", "plan",
            "poll_bytes", "predicted", "processing", "rows", "schedule", "theory",
        ]),
        ("report", &[
            "answer", "figures", "pass", "plan", "predicted", "processing", "stats", "theory",
            "uncertainty",
        ]),
        ("baseline", &["figures", "plan", "report", "uncertainty"]),
        ("execute", &[
            "collector", "destination", "error", "figures", "lab_process", "lanes", "late_pass",
            "machine", "names", "pass", "plan", "predictions", "processing", "report", "stats",
            "theory", "uncertainty",
            "validity",
        ]),
        ("thresholds", &["figures", "report", "uncertainty"]),
        ("judging", &["baseline", "lanes", "report", "thresholds"]),
    ]),
    ("run/pass", &[
        ("clients", &[]),
        ("expected", &[]),
        ("quota", &[]),
        ("result", &[]),
        ("readings", &["result"]),
        ("timing", &[]),
    ]),
    ("run/plan", &[
        ("choices", &[]),
        ("payload", &[]),
        ("error", &["payload"]),
        ("settings", &["choices"]),
        ("content", &["choices", "error", "payload", "settings"]),
        ("ready", &["error", "settings"]),
        ("instants", &["error", "settings"]),
        ("rows", &["choices", "error", "settings"]),
        ("rules", &["choices", "error", "settings"]),
        ("size", &["choices", "error", "settings"]),
    ]),
    ("run/answer", &[
        ("numbers", &[]),
        ("for_each", &["numbers"]),
        ("reading", &["numbers"]),
        ("spoken", &["numbers"]),
        ("pair", &["numbers", "reading", "spoken"]),
        ("loss", &["numbers", "reading", "spoken"]),
        ("changes", &["loss", "numbers", "pair", "reading", "spoken"]),
    ]),
    ("run/report", &[
        ("words", &[]),
        ("csv", &[]),
        ("opening", &["words"]),
        ("rendered", &[]),
        ("svg", &["rendered"]),
        ("workload", &[]),
        ("table", &["opening", "words", "workload"]),
        ("html", &["opening", "rendered", "svg", "table", "words"]),
        ("markdown", &["opening", "table", "words"]),
        ("forms", &["csv", "html", "markdown", "table"]),
    ]),
    ("run/report/html", &[
        ("charts", &[]),
        ("compare", &["charts"]),
    ]),
    ("run/report/svg", &[
        ("bars", &[]),
        ("scale", &[]),
        ("lines", &["scale"]),
        ("dots", &["lines"]),
    ]),
    ("saved", &[
        ("about", &[]),
        ("document", &[]),
        ("summary", &["about", "document"]),
        ("timings", &[]),
        ("folder", &["about", "document", "summary", "timings"]),
        ("keep", &["folder", "timings"]),
        ("of_experiments", &["folder"]),
    ]),
    ("experiments/html", &[
        ("subjects", &[]),
        ("sweeps", &[]),
        ("picture", &["subjects"]),
        ("heads", &[]),
        ("answer", &["heads", "picture"]),
    ]),
    ("jobs", &[
        ("progress", &[]),
    ]),
];

/// Modules of a folder that know each other. It is small, it has its reason, and it grows by nobody.
///
/// A socket and its server, as in the original library: a handler asks a socket for its server
/// (`event.socket.io()`), and the server keeps its sockets in rooms and calls handlers with them.
const KNOT: (&str, [&str; 2]) = ("protocol/socketio", ["io", "socket"]);

#[test]
fn every_arrow_inside_of_a_folder_is_in_its_table() {
    let (sources, mut mistakes) = (sources(), Vec::new());
    for (folder, table) in INNER {
        for (module, used) in arrows_in(folder, &sources) {
            let allowed = table.iter().find(|(of, _)| *of == module);
            let may_use = |of: &str| match allowed {
                Some((_, targets)) => targets.contains(&of),
                None => is_of_a_lane(&module) && table.iter().any(|(listed, _)| *listed == of),
            };
            let unlisted = used.iter().filter(|of| !may_use(of));
            mistakes.extend(unlisted.map(|of| format!("{folder}: {module} uses {of}")));
        }
    }
    assert!(
        mistakes.is_empty(),
        "arrows that the tables do not have:\n{}",
        mistakes.join("\n")
    );
}

#[test]
fn every_arrow_in_the_tables_is_used() {
    let (sources, mut unused) = (sources(), Vec::new());
    for (folder, table) in INNER {
        let used = arrows_in(folder, &sources);
        for (module, targets) in *table {
            let is_used = |target: &str| used.get(*module).is_some_and(|of| of.contains(target));
            let idle = targets.iter().filter(|target| !is_used(target));
            unused.extend(idle.map(|target| format!("{folder}: {module} → {target}")));
        }
    }
    assert!(
        unused.is_empty(),
        "take these out of the tables: {unused:?}"
    );
}

#[test]
fn every_module_has_its_line_and_arrows_point_one_way() {
    let sources = sources();
    for (folder, table) in INNER {
        let is_listed = |module: &str| table.iter().any(|(listed, _)| *listed == module);
        let found: BTreeSet<_> = arrows_in(folder, &sources)
            .into_keys()
            .filter(|module| is_listed(module) || !is_of_a_lane(module))
            .collect();
        let listed: BTreeSet<_> = table
            .iter()
            .map(|(module, _)| (*module).to_owned())
            .collect();
        assert_eq!(found, listed, "the modules of {folder}");
        for (at, (module, targets)) in table.iter().enumerate() {
            for target in *targets {
                let is_above = table[..at].iter().any(|(earlier, _)| earlier == target);
                let is_knot =
                    *folder == KNOT.0 && KNOT.1.contains(module) && KNOT.1.contains(target);
                assert!(
                    is_above || is_knot,
                    "{folder}: {module} uses {target}, which stands below it"
                );
            }
        }
    }
}

/// A lane's own module needs no line: it may use what is listed, and nothing uses it.
fn is_of_a_lane(module: &str) -> bool {
    LANES
        .iter()
        .any(|lane| lane.id.0.replace('-', "_") == module)
}

#[test]
fn the_knot_is_still_one() {
    let (folder, [one, other]) = KNOT;
    let used = arrows_in(folder, &sources());
    let knows = |module: &str, target: &str| used[module].contains(target);
    assert!(
        knows(one, other) && knows(other, one),
        "{one} and {other} are no longer a knot: take it out"
    );
}

/// Each module of a folder, and the siblings that it uses.
fn arrows_in(folder: &str, sources: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let folder: Vec<String> = folder.split('/').map(str::to_owned).collect();
    let inside = |source: &&Source| source.module.starts_with(&folder);
    let mut found: BTreeMap<String, BTreeSet<String>> = sources
        .iter()
        .filter(inside)
        .filter_map(|source| Some((source.module.get(folder.len())?.clone(), BTreeSet::new())))
        .collect();
    let is_module: BTreeSet<String> = found.keys().cloned().collect();
    let handed_on: BTreeMap<String, String> = sources
        .iter()
        .filter(|source| source.module == folder)
        .flat_map(|source| handed_on(&source.tokens, &is_module))
        .collect();
    for source in sources.iter().filter(inside) {
        let Some(own) = source.module.get(folder.len()) else {
            continue;
        };
        let module: Vec<&str> = source.module.iter().map(String::as_str).collect();
        for path in paths(&Module(&module), &source.tokens) {
            let Some(name) = path.strip_prefix(&folder[..]).and_then(<[_]>::first) else {
                continue;
            };
            let target = match is_module.contains(name) {
                true => Some(name),
                false => handed_on.get(name),
            };
            if let Some(target) = target.filter(|target| *target != own) {
                found.entry(own.clone()).or_default().insert(target.clone());
            }
        }
    }
    found
}

/// What a `mod.rs` takes from its modules by `use`, and hands on to whoever names it: the name, and
/// the module that it comes from.
fn handed_on(tokens: &[String], modules: &BTreeSet<String>) -> Vec<(String, String)> {
    let uses = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| *token == "use");
    let mut handed_on = Vec::new();
    for (at, _) in uses {
        let from = match tokens.get(at + 1).is_some_and(|token| token == "self") {
            true => at + 3,
            false => at + 1,
        };
        for path in spread(&tokens[from..]) {
            if let [module, .., name] = &path[..]
                && modules.contains(module)
            {
                handed_on.push((name.clone(), module.clone()));
            }
        }
    }
    handed_on
}

// The check itself can fail: it is fed what it must find.

#[test]
fn an_arrow_inside_of_a_folder_is_found_however_it_is_written() {
    let source = |module: &[&str], text: &str| Source {
        name: module.join("/"),
        room: module[0].to_owned(),
        module: module.iter().map(|part| (*part).to_owned()).collect(),
        tokens: tokens(text),
    };
    let arrows = |text: &str| {
        let sources = [
            source(
                &["run"],
                "mod a; pub use self::b::{B, deep::Deep}; pub struct Shared;",
            ),
            source(&["run", "a"], text),
            source(&["run", "b"], ""),
            source(
                &["run", "c", "inner"],
                "use super::super::b; use crate::run::a::A;",
            ),
        ];
        arrows_in("run", &sources)
    };
    for (text, expected) in [
        ("use super::b;", "b"),
        ("use crate::{hub, run::{c::{self, C}, Shared}};", "c"),
        ("fn f() { crate::run::b::g::<u8>(); }", "b"),
        ("use super::{Shared, B};", "b"),
        ("mod inner { use super::super::Deep; }", "b"),
        (
            "mod inner { use super::{super::{b::B, Shared}, own}; }",
            "b",
        ),
    ] {
        let found = arrows(text);
        assert_eq!(found["a"], BTreeSet::from([expected.to_owned()]), "{text}");
        assert_eq!(found["c"], BTreeSet::from(["a", "b"].map(str::to_owned)));
    }
    for none in [
        "use super::Shared;",
        "use self::own::A;",
        "use crate::b::B;",
    ] {
        assert!(arrows(none)["a"].is_empty(), "{none}");
    }
}

#[test]
fn a_file_that_is_tests_as_a_whole_is_no_module() {
    let found = |text: &str| {
        super::test_modules(&tokens(text))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("mod a; #[cfg(test)] mod tests; #[cfg(test)] pub mod contract; mod b;"),
        ["tests", "contract"]
    );
    assert!(found("mod a; #[cfg(test)] mod tests { use super::*; }").is_empty());
    assert!(found("#[cfg(not(test))] mod a; #[cfg(unix)] mod b;").is_empty());
}
