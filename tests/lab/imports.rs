//! Who may use whom: the arrows between the rooms of `src/`, held to a table.
//!
//! A room is the first path segment below the crate: `src/lane/io.rs` and `src/lane/mod.rs` are
//! room `lane`, `src/config.rs` is room `config`. Source is read as tokens, comments and strings left
//! out, so that a path in a comment is no arrow; `#[cfg(test)]` items are left out, too, since
//! tests may use what they like. Every `crate::a`, `super::a` and (in `main.rs`) `pushlab::a` is
//! an arrow, in a `use` tree or in the middle of an expression.
//!
//! [`ALLOWED`] is the authority; the table in `src/lib.rs` and the head of each room tell it to
//! readers. It is tight both ways: an arrow that is not in it fails, and one that nobody uses any
//! more fails as well.
//!
//! [`inner`] does the same inside of single rooms.

#[path = "imports/inner.rs"]
mod inner;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each room and the rooms it may use, from the ground up.
///
/// All arrows point to rooms above: there is no circle.
pub(crate) const ALLOWED: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("clock", &[]),
    ("disconnect", &[]),
    ("network", &[]),
    ("terminal_text", &[]),
    ("writing", &[]),
    ("catalogue", &[]),
    // What each operating system calls otherwise.
    ("system", &[]),
    ("packed", &[]),
    // How phones find this machine.
    ("reach", &[]),
    ("qr", &[]),
    ("channel", &[]),
    ("codec", &["wire", "channel"]),
    ("capture", &["catalogue", "codec"]),
    (
        "lane",
        &[
            "wire",
            "clock",
            "network",
            "writing",
            "catalogue",
            "capture",
        ],
    ),
    ("metrics", &["wire", "lane"]),
    (
        "hub",
        &["wire", "disconnect", "writing", "catalogue", "channel"],
    ),
    ("broker", &["channel"]),
    (
        "node",
        &["clock", "disconnect", "network", "channel", "hub", "broker"],
    ),
    ("demo", &["clock", "network", "channel", "codec", "node"]),
    ("error", &["channel", "codec", "broker", "node"]),
    ("access", &["error"]),
    // Reads limits into the types of those that keep them, so that they know no settings.
    (
        "config",
        &[
            "system", "channel", "lane", "hub", "broker", "node", "access",
        ],
    ),
    // `lane` for what the kernel counted on a connection; no server code.
    ("client", &["clock", "channel", "codec", "lane", "lib"]),
    (
        "run",
        &[
            "catalogue",
            "clock",
            "channel",
            "codec",
            "lane",
            "demo",
            "config",
            "client",
            "wire",
            "system",
            "lib",
        ],
    ),
    ("experiments", &["catalogue", "config", "run"]),
    (
        "lessons",
        &[
            "terminal_text",
            "catalogue",
            "lane",
            "demo",
            "run",
            "experiments",
        ],
    ),
    ("lesson_folder", &["lessons"]),
    // Past its own rules only the paper: lanes' labels, claims' sentences, dates.
    (
        "class",
        &["catalogue", "run", "experiments", "lessons", "lib"],
    ),
    ("class_keep", &["class", "system"]),
    // Texts, charts and files of results; nothing of how they are served.
    ("saved", &["config", "run", "experiments", "system"]),
    // Runs as child processes: what they measure is theirs.
    ("jobs", &["run", "system"]),
    // Does by HTTP and by the lanes what a phone does; knows nothing of the server.
    (
        "stand_in",
        &["catalogue", "clock", "codec", "config", "client", "run"],
    ),
    // Leads a class as a presenter's page does, in a lab that is another process.
    (
        "lesson_play",
        &[
            "config", "client", "run", "lessons", "class", "stand_in", "system",
        ],
    ),
    ("cli", &["config", "run", "saved", "jobs"]),
    ("telemetry", &["access", "config"]),
    ("tls", &["config", "reach", "system"]),
    // What the parts of a lab share; no transport and no protocol.
    ("lab", &["lane", "metrics", "node", "access", "config"]),
    // Knows no endpoint by name.
    (
        "registry",
        &[
            "clock",
            "catalogue",
            "channel",
            "lane",
            "metrics",
            "error",
            "access",
            "lab",
        ],
    ),
    (
        "transport",
        &[
            "wire",
            "clock",
            "disconnect",
            "catalogue",
            "channel",
            "codec",
            "lane",
            "metrics",
            "hub",
            "node",
            "error",
            "config",
            "registry",
        ],
    ),
    // `client` for webhooks, which the lab sends, and for `pushlab trigger`.
    (
        "protocol",
        &[
            "wire",
            "clock",
            "disconnect",
            "network",
            "catalogue",
            "channel",
            "codec",
            "lane",
            "metrics",
            "hub",
            "node",
            "error",
            "access",
            "config",
            "client",
            "lab",
            "registry",
            "transport",
        ],
    ),
    (
        "lab_api",
        &[
            "reach",
            "wire",
            "clock",
            "disconnect",
            "network",
            "catalogue",
            "channel",
            "codec",
            "capture",
            "lane",
            "metrics",
            "hub",
            "node",
            "demo",
            "error",
            "access",
            "config",
            "stand_in",
            "run",
            "experiments",
            "lessons",
            "lesson_folder",
            "class",
            "class_keep",
            "saved",
            "jobs",
            "lab",
            "registry",
            "transport",
            "protocol",
            "lib",
        ],
    ),
    (
        "pages",
        &[
            "qr",
            "catalogue",
            "channel",
            "lane",
            "error",
            "access",
            "run",
            "experiments",
            "lessons",
            "class",
            "saved",
            "lab",
            "registry",
            "transport",
            "lab_api",
            "packed",
            "lib",
        ],
    ),
    ("assets", &["error", "packed", "transport"]),
    ("gate", &["error", "access", "registry", "lab_api"]),
    (
        "server",
        &[
            "class",
            "reach",
            "wire",
            "clock",
            "network",
            "catalogue",
            "lane",
            "metrics",
            "broker",
            "node",
            "demo",
            "error",
            "access",
            "config",
            "lesson_folder",
            "class_keep",
            "saved",
            "jobs",
            "telemetry",
            "tls",
            "lab",
            "registry",
            "transport",
            "protocol",
            "lab_api",
            "pages",
            "assets",
            "gate",
            "system",
        ],
    ),
    (
        "program",
        &[
            "terminal_text",
            "lab_api",
            "qr",
            "config",
            "run",
            "experiments",
            "lessons",
            "lesson_folder",
            "stand_in",
            "lesson_play",
            "saved",
            "jobs",
            "cli",
            "telemetry",
            "lab",
            "protocol",
            "server",
            "system",
            "lib",
        ],
    ),
    ("main", &["program"]),
];

/// Rooms that do no I/O and read no clock, and the words that would say they do.
const PURE: &[&str] = &[
    "capture",
    "catalogue",
    "channel",
    "class",
    "codec",
    "lessons",
];
const IMPURE_PATHS: &[&str] = &[
    "actix",
    "actix_codec",
    "actix_http",
    "actix_rt",
    "actix_server",
    "actix_service",
    "actix_web",
    "tokio",
    "std::net",
    "std::fs",
    "std::io::stdin",
    "std::thread",
    "std::env",
    "SystemTime",
    "Instant",
];

#[test]
fn every_arrow_between_rooms_is_in_the_table() {
    let mut mistakes = Vec::new();
    for (room, arrows) in arrows_of_the_tree() {
        for (target, places) in arrows {
            if !allowed(&room).contains(target.as_str()) {
                mistakes.push(format!("{room} uses {target}: {}", places.join(", ")));
            }
        }
    }
    assert!(
        mistakes.is_empty(),
        "arrows that the table does not have:\n{}",
        mistakes.join("\n")
    );
}

#[test]
fn every_arrow_in_the_table_is_used() {
    let used = arrows_of_the_tree();
    let unused: Vec<_> = ALLOWED
        .iter()
        .flat_map(|(room, targets)| targets.iter().map(move |target| (*room, *target)))
        .filter(|(room, target)| !used.get(*room).is_some_and(|of| of.contains_key(*target)))
        .collect();
    assert!(unused.is_empty(), "take these out of the table: {unused:?}");
}

#[test]
fn every_room_has_its_line_in_the_table() {
    let rooms: BTreeSet<_> = sources().into_iter().map(|source| source.room).collect();
    let mut listed: BTreeSet<_> = ALLOWED.iter().map(|(room, _)| (*room).to_owned()).collect();
    listed.insert("lib".to_owned());
    assert_eq!(rooms, listed);
}

#[test]
fn every_rooms_head_says_what_it_may_use() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (room, _) in ALLOWED.iter().filter(|(room, _)| *room != "main") {
        let folder = root.join(room).join("mod.rs");
        let file = root.join(format!("{room}.rs"));
        let text = fs::read_to_string(folder)
            .or_else(|_| fs::read_to_string(file))
            .unwrap();
        let head = text.lines().map_while(|line| line.strip_prefix("//!"));
        let head = head.collect::<Vec<_>>().join(" ");
        let said = head.split_once("May use:").map_or("", |(_, said)| said);
        let said = said.split('.').next().unwrap_or_default();
        let named: BTreeSet<_> = said.split('`').skip(1).step_by(2).collect();
        let mut allowed = allowed(room);
        allowed.remove("lib");
        assert_eq!(named, allowed, "the head of {room}: \"May use: …\"");
        assert!(
            !said.is_empty(),
            "the head of {room} does not say what it may use"
        );
    }
}

#[test]
fn arrows_point_one_way() {
    for (at, (room, targets)) in ALLOWED.iter().enumerate() {
        for target in *targets {
            let below = ALLOWED[..at].iter().any(|(earlier, _)| earlier == target);
            assert!(
                below || *target == "lib",
                "{room} uses {target}, which stands above it"
            );
        }
    }
}

#[test]
fn what_is_pure_does_no_io_and_reads_no_clock() {
    let found: Vec<_> = sources()
        .iter()
        .filter(|source| PURE.contains(&source.room.as_str()))
        .flat_map(|source| {
            let name = source.name.clone();
            impure_words(&source.tokens)
                .into_iter()
                .map(move |word| format!("{name}: {word}"))
        })
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

// The check itself can fail: it is fed what it must find.

#[test]
fn a_forbidden_line_is_found_wherever_it_stands() {
    let inside = Module(&["hub"]);
    for (source, expected) in [
        ("use crate::transport::sse;", "transport"),
        (
            "use crate::{\n    channel::Draft,\n    lane::{LaneId, meter::Meters},\n};",
            "lane",
        ),
        ("use super::node::Node;", "node"),
        (
            "fn f() { let x: Vec<crate::pages::Page> = todo(); }",
            "pages",
        ),
        ("pub(crate) use crate::lab as other;", "lab"),
        ("mod inner { use super::super::broker::Broker; }", "broker"),
    ] {
        let found = arrows(&inside, &without_tests(tokens(source)));
        assert!(found.contains(expected), "{source}: {found:?}");
        assert!(!allowed("hub").contains(expected), "{source} would pass");
    }
    for word in [
        "use tokio::time::sleep;",
        "fn f() { std::time::Instant::now(); }",
        "use std::{net::TcpStream, fmt};",
        "use std::fs;",
    ] {
        assert!(!impure_words(&tokens(word)).is_empty(), "{word}");
    }
}

#[test]
fn comments_strings_tests_and_own_modules_are_no_arrows() {
    let inside = Module(&["transport", "websocket", "socket"]);
    let source = r##"
        //! See crate::pages. /* not nested */
        /* use crate::lab; /* use crate::lab_api; */ use crate::pages; */
        use super::handshake::accept;      // room `transport` itself
        use super::super::Query;
        const TEXT: &str = "use crate::pages;";
        const RAW: &str = r#"crate::pages "quoted" "#;
        const LETTER: char = '"'; const LIFETIME: &'static str = "crate::pages";
        #[cfg(test)]
        mod tests { use crate::demo::host; fn f() { { } } }
        #[cfg(all(test, target_os = "linux"))]
        mod more { use crate::demo::host; }
        #[cfg(test)]
        use crate::demo;
        use crate::wire::Layers;
    "##;
    let found = arrows(&inside, &without_tests(tokens(source)));
    assert_eq!(found, BTreeSet::from(["wire".to_owned()]), "{found:?}");
    assert!(impure_words(&tokens("/// Not at the Instant it came, says tokio::time.")).is_empty());
}

fn allowed(room: &str) -> BTreeSet<&'static str> {
    ALLOWED
        .iter()
        .filter(|(of, _)| *of == room)
        .flat_map(|(_, targets)| targets.iter().copied())
        .collect()
}

/// One file below `src/`, without its tests; files that are tests as a whole are none.
struct Source {
    /// As in `lane/io.rs`.
    name: String,
    room: String,
    module: Vec<String>,
    tokens: Vec<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "the tree was not found below {root:?}");
    let mut for_tests = BTreeSet::new();
    let mut sources = Vec::new();
    for path in &files {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let module = module_of(&name);
        let tokens = tokens(&fs::read_to_string(path).unwrap());
        let children = test_modules(&tokens);
        for_tests.extend(children.map(|child| [&module[..], std::slice::from_ref(child)].concat()));
        sources.push(Source {
            room: match name.as_str() {
                "main.rs" => "main".to_owned(),
                "lib.rs" => "lib".to_owned(),
                _ => module[0].clone(),
            },
            module,
            tokens: without_tests(tokens.clone()),
            name,
        });
    }
    sources.retain(|source| !for_tests.iter().any(|of| source.module.starts_with(of)));
    sources
}

/// Modules that are declared for tests only and have a file of their own: `tests` of
/// `#[cfg(test)] mod tests;`.
fn test_modules(tokens: &[String]) -> impl Iterator<Item = &String> {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let declares = move |at: usize| {
        let rest = tokens[at..].strip_prefix(&attribute.map(str::to_owned))?;
        let rest = &rest[usize::from(rest.first()? == "pub")..];
        match rest {
            [keyword, name, end, ..] if keyword == "mod" && end == ";" => Some(name),
            _ => None,
        }
    };
    (0..tokens.len()).filter_map(declares)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
}

/// `lane/io.rs` → `[lane, io]`, `lane/mod.rs` → `[lane]`, `lib.rs` → `[]`.
fn module_of(name: &str) -> Vec<String> {
    let mut module: Vec<String> = name
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(
        module.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        module.pop();
    }
    module
}

/// Room → room it uses → the files that do.
fn arrows_of_the_tree() -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let mut all: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for source in sources() {
        let module: Vec<&str> = source.module.iter().map(String::as_str).collect();
        for target in arrows(&Module(&module), &source.tokens) {
            if target != source.room {
                let places = all.entry(source.room.clone()).or_default();
                places.entry(target).or_default().push(source.name.clone());
            }
        }
    }
    all
}

/// Where a file stands: its path of modules below the crate.
struct Module<'a>(&'a [&'a str]);

/// Rooms that these tokens name, other than the module's own.
fn arrows(at: &Module<'_>, tokens: &[String]) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = paths(at, tokens)
        .iter()
        .map(|path| room_of(path.first().map_or("*", String::as_str)).to_owned())
        .collect();
    if let Some(own) = at.0.first() {
        found.remove(*own);
    }
    found
}

/// Every path among these tokens that begins with `crate`, `super` or `self`, from the crate's root
/// on: `crate::{a, b::{c, d}}` in any module is `[a]`, `[b, c]` and `[b, d]`.
fn paths(at: &Module<'_>, tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut depth = 0usize;
    // Depths of braces at which an inline module was opened.
    let mut inline: Vec<(usize, String)> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "mod" if tokens.get(index + 2).is_some_and(|token| token == "{") => {
                inline.push((depth, tokens[index + 1].clone()));
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.pop_if(|(opened_at, _)| *opened_at == depth);
            }
            start @ ("crate" | "pushlab" | "super" | "self") if starts_a_path(tokens, index) => {
                let own = at.0.iter().map(|part| (*part).to_owned());
                let mut module: Vec<_> = own
                    .chain(inline.iter().map(|(_, name)| name.clone()))
                    .collect();
                match start {
                    "super" => drop(module.pop()),
                    "self" => {}
                    _ => module.clear(),
                }
                let mut next = index + 2;
                while tokens.get(next).is_some_and(|token| token == "super") {
                    module.pop();
                    next += 2;
                }
                let ends = spread(&tokens[next..]);
                found.extend(ends.into_iter().map(|end| resolved(module.clone(), end)));
            }
            _ => {}
        }
    }
    found
}

/// A path from a module on, which may begin with `super` again, in a group: `super::{super::a}`.
fn resolved(mut module: Vec<String>, path: Vec<String>) -> Vec<String> {
    for name in path {
        match name.as_str() {
            "super" => drop(module.pop()),
            _ => module.push(name),
        }
    }
    module
}

/// What a path goes on with: one way, or those of a `{…}` group. `self`, `*` and generic arguments
/// add nothing.
fn spread(tokens: &[String]) -> Vec<Vec<String>> {
    let is_name =
        |token: &str| token != "self" && token.starts_with(|c: char| c == '_' || c.is_alphabetic());
    match tokens.first().map(String::as_str) {
        Some("{") => {
            let inside = &tokens[1..matching(tokens, 0)];
            items(inside).into_iter().flat_map(spread).collect()
        }
        Some(name) if is_name(name) => {
            let rest = match tokens.get(1).is_some_and(|token| token == "::") {
                true => spread(&tokens[2..]),
                false => vec![Vec::new()],
            };
            let with_name = |end: Vec<String>| [vec![name.to_owned()], end].concat();
            rest.into_iter().map(with_name).collect()
        }
        _ => vec![Vec::new()],
    }
}

/// Splits at the commas that no bracket encloses.
fn items(mut tokens: &[String]) -> Vec<&[String]> {
    let mut items = Vec::new();
    while !tokens.is_empty() {
        let mut end = 0;
        while end < tokens.len() && tokens[end] != "," {
            end = match tokens[end].as_str() {
                "{" | "(" | "[" => matching(tokens, end) + 1,
                _ => end + 1,
            };
        }
        items.push(&tokens[..end]);
        tokens = &tokens[(end + 1).min(tokens.len())..];
    }
    items
}

/// The room of a path's first name. What is no module (`VERSION`) belongs to `lib`.
fn room_of(name: &str) -> &str {
    let is_module = ALLOWED.iter().any(|(room, _)| *room == name)
        || name.starts_with(|c: char| c.is_ascii_lowercase());
    if is_module { name } else { "lib" }
}

/// Whether the token begins a path and is not in the middle of one.
fn starts_a_path(tokens: &[String], index: usize) -> bool {
    tokens.get(index + 1).is_some_and(|token| token == "::")
        && (index == 0 || tokens[index - 1] != "::")
}

/// Words of I/O and clocks among these tokens.
fn impure_words(tokens: &[String]) -> Vec<&'static str> {
    IMPURE_PATHS
        .iter()
        .copied()
        .filter(|path| {
            let parts: Vec<_> = path.split("::").collect();
            tokens
                .iter()
                .enumerate()
                .any(|(index, token)| token == parts[0] && leads_to(tokens, index, &parts[1..]))
        })
        .collect()
}

/// Whether the path that begins at `index` goes on with `rest`, directly or in a group.
fn leads_to(tokens: &[String], index: usize, rest: &[&str]) -> bool {
    let Some(next) = rest.first() else {
        return true;
    };
    if tokens.get(index + 1).is_none_or(|token| token != "::") {
        return false;
    }
    let following = &tokens[index + 2..];
    if following.first().is_some_and(|token| token == "{") {
        let mut ends = spread(following).into_iter();
        ends.any(|end| end.first().is_some_and(|name| name == next))
    } else {
        following.first().is_some_and(|token| token == next)
            && leads_to(tokens, index + 2, &rest[1..])
    }
}

/// Leaves out items under `#[cfg(test)]`, or under any `cfg` that asks for `test`.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if tokens[index] == "#" && tokens.get(index + 1).is_some_and(|t| t == "[") {
            let end = matching(&tokens, index + 1);
            let attribute = &tokens[index + 2..end];
            if attribute.first().is_some_and(|t| t == "cfg")
                && attribute.iter().any(|t| t == "test")
                && !attribute.iter().any(|t| t == "not")
            {
                index = item_end(&tokens, end + 1);
                continue;
            }
        }
        kept.push(tokens[index].clone());
        index += 1;
    }
    kept
}

/// The index after the item that begins at `index`: after its `;`, `,` or its outermost `{…}`.
fn item_end(tokens: &[String], mut index: usize) -> usize {
    let is_use = tokens[index..].iter().take(4).any(|token| token == "use");
    while index < tokens.len() {
        match tokens[index].as_str() {
            "{" if is_use => index = matching(tokens, index),
            "{" => return matching(tokens, index) + 1,
            "(" | "[" => index = matching(tokens, index),
            ";" => return index + 1,
            _ => {}
        }
        index += 1;
    }
    index
}

/// The index of the bracket that closes the one at `open`.
fn matching(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len() - 1
}

/// Words, `::` and single marks; no comments, strings or spaces.
fn tokens(source: &str) -> Vec<String> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let skipped = comment(rest)
            .or_else(|| string(rest))
            .or_else(|| character(rest));
        at += match skipped {
            Some(length) => length,
            None if text[at].is_whitespace() => 1,
            None => {
                let length = word(rest);
                tokens.push(rest[..length].iter().collect());
                length
            }
        };
    }
    tokens
}

fn starts(text: &[char], with: &str) -> bool {
    with.chars()
        .enumerate()
        .all(|(index, c)| text.get(index) == Some(&c))
}

fn comment(text: &[char]) -> Option<usize> {
    if starts(text, "//") {
        return Some(text.iter().take_while(|c| **c != '\n').count());
    }
    if !starts(text, "/*") {
        return None;
    }
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if starts(&text[at..], "/*") {
            depth += 1;
            at += 2;
        } else if starts(&text[at..], "*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    Some(at)
}

/// `"…"`, `b"…"`, `r"…"`, `r#"…"#` and `br#"…"#`.
fn string(text: &[char]) -> Option<usize> {
    let mut at = usize::from(text[0] == 'b' || text[0] == 'c');
    let raw = text.get(at) == Some(&'r');
    at += usize::from(raw);
    let hashes = text[at.min(text.len())..]
        .iter()
        .take_while(|c| raw && **c == '#')
        .count();
    at += hashes;
    if text.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    let end = format!("\"{}", "#".repeat(hashes));
    while at < text.len() {
        if starts(&text[at..], &end) {
            return Some(at + end.len());
        }
        at += if text[at] == '\\' && !raw { 2 } else { 1 };
    }
    Some(at)
}

/// `'x'`, `'\n'`, `b'x'`; not a lifetime.
fn character(text: &[char]) -> Option<usize> {
    let at = usize::from(text[0] == 'b');
    if text.get(at) != Some(&'\'') {
        return None;
    }
    if text.get(at + 1) == Some(&'\\') {
        let end = text[at + 3..].iter().position(|c| *c == '\'')?;
        return Some(at + 3 + end + 1);
    }
    (text.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

fn word(text: &[char]) -> usize {
    if starts(text, "::") {
        return 2;
    }
    let length = text
        .iter()
        .take_while(|c| c.is_alphanumeric() || **c == '_')
        .count();
    length.max(1)
}
