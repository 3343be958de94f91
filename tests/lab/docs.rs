//! The book of `docs/`: every chapter is listed and served, every link and anchor leads somewhere on
//! GitHub, in mdBook and under `/docs`, every address of the API has its row, what a program can make
//! is as the program makes it ([`made`]), and the references say what the code says ([`protocols`],
//! [`lesson_files`]).

#[path = "docs/lesson_files.rs"]
mod lesson_files;
#[path = "docs/made.rs"]
mod made;
#[path = "docs/protocols.rs"]
mod protocols;
#[path = "docs/wire.rs"]
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use pushlab::run::report::forms::Forms;

use crate::{
    support::{TestLab, spawn_lab, test_config},
    visitors::{May, routes},
};

/// How the texts write a page of the lab, so that the link works wherever one runs.
const A_LAB: &str = "http://127.0.0.1:8080";
/// Which of the HTTP API's addresses are the lanes' own or a page's, and stand elsewhere in the book.
const NOT_OF_THE_API: [&str; 10] = [
    "/static",
    "/docs",
    "/runs",
    "/lessons",
    "/experiments",
    "/join",
    "/wall",
    "/phone",
    "/presenter/class",
    "/favicon.ico",
];

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file below `docs/`, by its path there.
pub fn files() -> BTreeMap<String, String> {
    fn collect(folder: &Path, base: &Path, into: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, base, into);
            } else if path.extension().is_some_and(|ext| ext == "md") {
                let name = path.strip_prefix(base).unwrap().display().to_string();
                into.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let base = root().join("docs");
    let mut files = BTreeMap::new();
    collect(&base, &base, &mut files);
    files
}

fn events(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, Options::ENABLE_TABLES)
}

/// Where links and pictures lead.
fn links(markdown: &str) -> Vec<String> {
    let leads = events(markdown).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(dest_url.into_string())
        }
        _ => None,
    });
    leads.collect()
}

/// The anchors of a text's headings, as GitHub and mdBook make them.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in events(markdown) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(text) | Event::Code(text), Some(words)) => words.push_str(&text),
            (Event::End(TagEnd::Heading(_)), _) => {
                let words = heading.take().unwrap_or_default().to_lowercase();
                let kept = words
                    .trim()
                    .chars()
                    .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
                let name: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
                let mut at = (0..).map(|more| match more {
                    0 => name.clone(),
                    more => format!("{name}-{more}"),
                });
                found.insert(at.find(|name| !found.contains(name)).unwrap());
            }
            _ => {}
        }
    }
    found
}

fn chapters() -> Vec<String> {
    links(&files()["SUMMARY.md"])
}

fn address_of(file: &str) -> String {
    match file.trim_end_matches(".md") {
        "README" => "/docs".to_owned(),
        name => format!("/docs/{name}"),
    }
}

#[test]
fn the_chapter_of_runs_names_every_form_of_a_report() {
    let text = &files()["runs.md"];
    let forms = Forms::augment_args(clap::Command::new("forms"));
    let flags = forms.get_arguments().filter_map(clap::Arg::get_long);
    for name in flags.map(|flag| format!("`--{flag}")) {
        assert!(text.contains(&name), "docs/runs.md does not name {name}");
    }
}

#[test]
fn every_file_is_a_chapter_and_every_chapter_a_file() {
    let listed = chapters();
    let there: BTreeSet<String> = files().into_keys().filter(|f| f != "SUMMARY.md").collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), there);
    assert_eq!(listed.len(), there.len(), "a chapter is listed twice");
    for lane in pushlab::catalogue::LANES {
        let page = format!("lanes/{}.md", lane.id);
        assert!(there.contains(&page), "{page}");
        let named = format!("[{}]({page})", lane.label);
        assert!(files()["SUMMARY.md"].contains(&named), "{named}");
    }
}

/// What is fetched only once, however often it is linked to.
struct Pages<'a> {
    lab: &'a TestLab,
    seen: BTreeMap<String, String>,
}

impl Pages<'_> {
    /// The page's text; a fault where it is not answered with 200.
    fn get(&mut self, address: &str) -> &str {
        let path = address.split('#').next().unwrap_or_default();
        let path = if path.is_empty() { "/" } else { path };
        self.seen.entry(path.to_owned()).or_insert_with(|| {
            // The main lane has the pages, and what lanes have to be asked at is not a page.
            let answer = self.lab.http("main").get(path);
            assert_eq!(answer.status, 200, "{path}");
            answer.text()
        })
    }

    fn leads_somewhere(&mut self, address: &str, from: &str) {
        let text = self.get(address);
        if let Some((_, anchor)) = address.split_once('#') {
            let id = format!("id=\"{anchor}\"");
            assert!(text.contains(&id), "{from}: {address} has no {id}");
        }
    }
}

#[test]
fn every_link_of_the_texts_leads_somewhere() {
    let lab = spawn_lab(test_config());
    let mut pages = Pages {
        lab: &lab,
        seen: BTreeMap::new(),
    };
    let docs = files();
    let mut texts: BTreeMap<String, String> = docs
        .iter()
        .map(|(name, text)| (format!("docs/{name}"), text.clone()))
        .collect();
    for outside in ["README.md", "CONTRIBUTING.md"] {
        if let Ok(text) = fs::read_to_string(root().join(outside)) {
            texts.insert(outside.to_owned(), text);
        }
    }
    for (from, text) in &texts {
        for link in links(text) {
            if let Some(page) = link.strip_prefix(A_LAB) {
                pages.leads_somewhere(page, from);
                continue;
            }
            if link.starts_with("https://") {
                continue;
            }
            assert!(
                !link.contains(':') && !link.starts_with('/'),
                "{from}: {link}"
            );
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => from.clone(),
                path => joined(from, path),
            };
            let file = root().join(&target);
            assert!(file.exists(), "{from}: {link} is no file");
            if from.starts_with("docs/") {
                // mdBook has nothing else.
                assert!(
                    target.starts_with("docs/"),
                    "{from}: {link} leaves the book"
                );
                // It makes index.html of this file, and README.html of links to it.
                let is_first = target == "docs/README.md" && from != "docs/SUMMARY.md";
                assert!(!is_first, "{from}: {link} leads nowhere in mdBook");
            }
            if !anchor.is_empty() {
                let there = anchors(&texts.get(&target).cloned().unwrap_or_default());
                assert!(
                    there.contains(anchor),
                    "{from}: {link}; there are {there:?}"
                );
            }
        }
    }
}

/// `path`, seen from a file.
fn joined(from: &str, path: &str) -> String {
    let mut steps: Vec<&str> = from.split('/').collect();
    steps.pop();
    for step in path.split('/') {
        match step {
            "." | "" => {}
            ".." => assert!(
                steps.pop().is_some(),
                "{from}: {path} leaves the repository"
            ),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

#[test]
fn every_chapter_is_served_and_asks_no_other_host() {
    let lab = spawn_lab(test_config());
    let mut pages = Pages {
        lab: &lab,
        seen: BTreeMap::new(),
    };
    let docs = files();
    for file in chapters() {
        let address = address_of(&file);
        let text = pages.get(&address).to_owned();
        let article = text.split("<article").nth(1).unwrap();
        let article = article.split("</article>").next().unwrap();
        for anchor in anchors(&docs[&file]) {
            assert!(
                article.contains(&format!("id=\"{anchor}\"")),
                "{file}: {anchor}"
            );
        }
        for forbidden in ["<script", "<iframe", "style=", "href=\"#\"", "src=\"http"] {
            assert!(!article.contains(forbidden), "{file} has {forbidden}");
        }
        for link in article.split("href=\"").skip(1) {
            let link = link.split('"').next().unwrap().replace("&amp;", "&");
            match link.as_bytes()[0] {
                b'#' => pages.leads_somewhere(&format!("{address}{link}"), &file),
                b'/' => pages.leads_somewhere(&link, &file),
                _ => assert!(link.starts_with("https://"), "{file}: {link}"),
            }
        }
        for source in article.split("src=\"").skip(1) {
            pages.get(source.split('"').next().unwrap());
        }
        // What the repository calls it leads here, too.
        if file != "README.md" {
            let asked = lab.http("main").get(&format!("/docs/{file}"));
            assert_eq!(asked.header("location"), Some(address.as_str()));
        }
    }
    let unknown = lab.http("main").get("/docs/none");
    assert_eq!(
        (unknown.status, unknown.error_code().as_str()),
        (404, "unknown_path")
    );
}

/// Pages, hints and scripts that lead into the book.
#[test]
fn every_link_of_the_program_into_the_book_leads_somewhere() {
    fn collect(path: &Path, into: &mut Vec<PathBuf>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                collect(&entry.unwrap().path(), into);
            }
        } else {
            into.push(path.to_owned());
        }
    }
    let mut all = Vec::new();
    for folder in ["templates", "static/js", "src", "lessons"] {
        collect(&root().join(folder), &mut all);
    }
    for folder in ["tests", "benches"] {
        collect(&root().join(folder), &mut all);
    }
    let docs = files();
    let mut found = 0;
    for file in all {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        // The room that serves it makes up names of its own, and so do these tests.
        let makes_up = ["src/pages/docs", "tests/lab/docs"].map(|at| root().join(at));
        if makes_up.iter().any(|at| file.starts_with(at)) || file.ends_with("tests/lab/docs.rs") {
            continue;
        }
        // A citation may go on in the next line of a comment.
        let text = text
            .lines()
            .map(|line| line.trim_start().trim_start_matches(['/', '!']).trim())
            .collect::<Vec<_>>()
            .join(" ");
        for (at, _) in text.match_indices("docs/") {
            let is_path = |c: char| c.is_ascii_alphanumeric() || "-_./#".contains(c);
            let rest: String = text[at + 5..].chars().take_while(|c| is_path(*c)).collect();
            let rest = rest.trim_end_matches('.');
            let (path, anchor) = rest.split_once('#').unwrap_or((rest, ""));
            if path.is_empty() || path.ends_with('/') || !is_of_the_book(path) {
                continue;
            }
            found += 1;
            let name = format!("{}.md", path.trim_end_matches(".md"));
            let is_there = docs.contains_key(&name) || root().join("docs").join(path).exists();
            assert!(is_there, "{}: docs/{rest}", file.display());
            if !anchor.is_empty() {
                assert!(
                    anchors(&docs[&name]).contains(anchor),
                    "{}: docs/{rest}",
                    file.display()
                );
            }
            for section in sections(&text[at + 5 + rest.len()..]) {
                let heading = anchors(&format!("# {section}")).pop_first().unwrap();
                let there = anchors(&docs[&name]);
                assert!(
                    there.contains(&heading),
                    "{}: {name} has no {section:?}",
                    file.display()
                );
                found += 1;
            }
        }
    }
    assert!(found > 20, "{found}");
}

/// The headings that a citation names: what follows the file in `docs/measuring.md`, "One", "Two" to
/// "Three".
fn sections(after: &str) -> Vec<&str> {
    const JOINTS: [&str; 4] = [", \"", ": \"", " and \"", " to \""];
    let mut named = Vec::new();
    let mut rest = after.strip_prefix('`').unwrap_or(after);
    while let Some(quoted) = JOINTS.iter().find_map(|joint| rest.strip_prefix(joint)) {
        let Some((section, after)) = quoted.split_once('"') else {
            break;
        };
        named.push(section);
        rest = after;
    }
    named
}

/// Links that are cut off by their line's end, and of other repositories, are not.
fn is_of_the_book(path: &str) -> bool {
    let known = ["lanes/", "protocols/"]
        .iter()
        .any(|folder| path.starts_with(folder));
    known || path.ends_with(".md") || path.split('/').count() == 1 && !path.contains('.')
}

/// Method and address of a row of `docs/api.md`, and who may ask.
fn rows_of_the_api(text: &str) -> BTreeMap<(String, String), String> {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let (method, path) = cells.next()?.trim().trim_end_matches('`').split_once(' ')?;
        let is_method = method.bytes().all(|b| b.is_ascii_uppercase());
        (is_method && path.starts_with('/')).then(|| {
            let who = cells.next().unwrap_or_default().trim().to_owned();
            ((method.to_owned(), path.to_owned()), who)
        })
    });
    rows.collect()
}

#[test]
fn every_address_of_the_api_has_its_row_and_no_other() {
    let text = &files()["api.md"];
    let rows = rows_of_the_api(text);
    let who = |may: May| match may {
        May::Visitor => "everybody",
        May::Presenter => "presenter",
        May::Signed => "signed",
    };
    let mut wanted = BTreeMap::new();
    for (path, methods) in routes() {
        let is_page =
            methods == [("GET", May::Visitor)] && path[1..].bytes().all(|b| b.is_ascii_lowercase());
        let is_elsewhere = NOT_OF_THE_API.iter().any(|start| path.starts_with(start));
        if is_elsewhere || is_page && !["/metrics", "/healthz"].contains(&path.as_str()) {
            continue;
        }
        for (method, may) in methods {
            let method = match (*method, path.contains("xhr")) {
                ("STREAM", true) => "POST",
                ("STREAM", false) => "GET",
                (method, _) => method,
            };
            wanted.insert((method.to_owned(), path.clone()), who(*may).to_owned());
        }
    }
    for (row, may) in &wanted {
        assert_eq!(
            rows.get(row),
            Some(may),
            "docs/api.md is to have a row `{} {}`",
            row.0,
            row.1
        );
    }
    // A stream may be asked for by POST as well.
    let more = ("POST".to_owned(), "/fetch-stream/{channel}".to_owned());
    for row in rows.keys().filter(|row| **row != more) {
        assert!(
            wanted.contains_key(row),
            "no address of the lab: {} {}",
            row.0,
            row.1
        );
    }
}
