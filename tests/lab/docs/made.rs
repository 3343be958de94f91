//! What stands in the book and is made by the program: tables of its facts, closed forms, and bytes
//! of a real lab. Between `<!-- made: NAME -->` and `<!-- made, to here -->` nobody writes by hand:
//!
//! ```sh
//! PUSHLAB_WRITE_DOCS=1 cargo test --test lab docs::made    # writes them anew
//! cargo test --test lab docs::made                         # holds them equal
//! ```

use std::{env, fmt::Write, fs};

use pushlab::{
    catalogue::{Fetching, Form, LANES, Lane, Resuming, Sending, VARIANTS, lane},
    disconnect::Disconnect,
    error::Code,
    experiments::{
        self,
        claims::{Article, Shown, literature},
        in_browser,
    },
    lane::conditions,
    run::{bytes::Cost, lanes::Row},
};

use super::{A_LAB, files, root, wire};
use crate::{envelope_parts, imports::ALLOWED};

const BEGINS: &str = "<!-- made: ";
const ENDS: &str = "<!-- made, to here -->";

#[test]
fn what_the_program_makes_is_as_it_makes_it() {
    let writes = env::var_os("PUSHLAB_WRITE_DOCS").is_some();
    let mut made = 0;
    for (name, text) in files() {
        let mut anew = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(BEGINS) {
            let (what, after) = after.split_once(" -->").expect("a mark has its end");
            let (_, after) = after
                .split_once(ENDS)
                .unwrap_or_else(|| panic!("{name}: {what} has no {ENDS}"));
            let now = match what.split_once(' ') {
                Some(("wire", lane)) => wire::of(lane),
                Some(("facts", lane)) => facts(of(lane)),
                Some(("bytes", lane)) => bytes(of(lane)),
                None => match what {
                    "claims" => claims(),
                    "experiments" => all_experiments(),
                    "codes" => codes(),
                    "presets" => presets(),
                    "closing" => closing(),
                    "lanes" => lanes(),
                    "rooms" => rooms(),
                    "all-bytes" => bytes_of_every_lane(),
                    _ => panic!("{name}: nobody makes {what}"),
                },
                _ => panic!("{name}: nobody makes {what}"),
            };
            made += 1;
            let _ = write!(
                anew,
                "{before}{BEGINS}{what} -->\n\n{}\n\n{ENDS}",
                now.trim_end()
            );
            rest = after;
        }
        anew.push_str(rest);
        if writes && anew != text {
            fs::write(root().join("docs").join(&name), &anew).unwrap();
        } else if anew != text {
            let differs = anew.lines().zip(text.lines()).find(|(a, b)| a != b);
            panic!(
                "docs/{name} is not what the program makes: {differs:#?}\n\
                 PUSHLAB_WRITE_DOCS=1 cargo test --test lab docs::made writes it anew"
            );
        }
    }
    assert!(made > 3 * LANES.len(), "{made}");
}

fn of(id: &str) -> &'static Lane {
    lane(id).unwrap_or_else(|| panic!("no lane {id}"))
}

fn comes(lane: &Lane) -> &'static str {
    match lane.fetching {
        Fetching::ShortPolls => "a request for each look",
        Fetching::HeldPolls => "a request held until there is something",
        Fetching::Stream if lane.upgrades => "an upgraded connection",
        Fetching::Stream => "an answer that goes on",
    }
}

fn goes(lane: &Lane) -> &'static str {
    match lane.sending {
        Sending::SameConnection => "the same connection",
        Sending::OwnRequest => "a request of its own",
    }
}

fn facts(lane: &Lane) -> String {
    let at = LANES.iter().position(|known| known.id == lane.id).unwrap();
    let resumes = match lane.resuming {
        Resuming::ByProtocol => "from its position, by its protocol",
        Resuming::ByExtension => "only by this lab's extension",
    };
    let port = match lane.needs_own_port {
        true => format!("8080 + {} and nowhere else", at + 1),
        false => format!("8080 + {}, and the main port", at + 1),
    };
    let mut out = format!(
        "| fact | of this lane |\n|---|---|\n\
         | its name | `{}`, “{}” |\n| path | `{}` |\n| port | {port} |\n\
         | labels in metrics | transport `{}`, protocol `{}` |\n\
         | publications come by | {} |\n| publishing goes by | {} |\n\
         | after a break it goes on | {resumes} |\n| what the lab adds | {} |\n\
         | client in the page | `static/js/transports/{}` |\n",
        lane.id,
        lane.label,
        lane.path,
        lane.transport,
        lane.protocol,
        comes(lane),
        goes(lane),
        lane.lab_part.sentence(),
        lane.browser_client.module,
    );
    for variant in VARIANTS.iter().filter(|of| of.lane.id == lane.id) {
        let _ = writeln!(
            out,
            "| row beside it | `{}`: {} |",
            variant.id, variant.note
        );
    }
    out
}

fn lanes() -> String {
    let mut out = "| lane | publications come by | publishing goes by | goes on after a break |\n|---|---|---|---|\n".to_owned();
    for lane in LANES {
        let resumes = match lane.resuming {
            Resuming::ByProtocol => "yes",
            Resuming::ByExtension => "by this lab's extension",
        };
        let _ = writeln!(
            out,
            "| [{}](lanes/{}.md) | {} | {} | {resumes} |",
            lane.label,
            lane.id,
            comes(lane),
            goes(lane)
        );
    }
    out
}

/// Of 60 bytes, at the README's setting.
fn cost(row: Row, fetching: Fetching) -> Cost {
    envelope_parts::cost(row, fetching, 60)
}

const COLUMNS: &str = "| row | HTTP headers | framing | protocol | lab | payload | together |\n|---|---:|---:|---:|---:|---:|---:|\n";

fn line(label: &str, cost: Cost) -> String {
    let all = [
        cost.headers,
        cost.framing,
        cost.protocol,
        cost.lab,
        cost.payload,
        cost.total(),
    ];
    let cells: Vec<String> = all
        .iter()
        .map(|bytes| format!("{} B", bytes.round()))
        .collect();
    format!("| {label} | {} |\n", cells.join(" | "))
}

fn bytes(lane: &'static Lane) -> String {
    let mut out = COLUMNS.to_owned();
    out.push_str(&line(lane.label, cost(Row::of_lane(lane), lane.fetching)));
    for variant in VARIANTS.iter().filter(|of| of.lane.id == lane.id) {
        debug_assert_ne!(variant.form, Form::AsItIs);
        out.push_str(&line(
            variant.label,
            cost(Row::of_variant(variant), lane.fetching),
        ));
    }
    out
}

fn bytes_of_every_lane() -> String {
    let mut out = COLUMNS.to_owned();
    for lane in LANES {
        out.push_str(&line(lane.label, cost(Row::of_lane(lane), lane.fetching)));
    }
    for variant in VARIANTS {
        out.push_str(&line(
            variant.label,
            cost(Row::of_variant(variant), variant.lane.fetching),
        ));
    }
    out
}

fn claims() -> String {
    let mut out = String::new();
    for article in Article::ALL {
        let letter = &article.claims()[0].id[..1];
        let _ = write!(
            out,
            "## {letter}: “{}”, {}\n\n",
            article.title(),
            article.kind()
        );
        for claim in article.claims() {
            let shown = match claim.shown {
                Shown::ByExperiments => {
                    let all = claim.experiments();
                    let named = all
                        .iter()
                        .map(|(id, title)| format!("[{id} {title}]({A_LAB}/experiments/{id})"));
                    format!("Tested by {}.", named.collect::<Vec<_>>().join(", "))
                }
                Shown::OnPage { address, what } => {
                    format!("To be seen on [{address}]({A_LAB}{address}): {what}")
                }
                Shown::NotTestable(why) => format!("Not testable here: {why}"),
            };
            let _ = write!(
                out,
                "### {}\n\n{}\n\n- Theory: {}\n- {shown}\n\n",
                claim.id, claim.text, claim.theory
            );
        }
    }
    out
}

fn all_experiments() -> String {
    let mut out = String::new();
    let mut one = |id: &str,
                   title: &str,
                   asks: &str,
                   expects: &str,
                   claims: &[&str],
                   tested: &str| {
        let named = claims
            .iter()
            .map(|id| format!("[{id}](#{})", id.to_lowercase()))
            .collect::<Vec<_>>()
            .join(", ");
        let also = literature(tested)
            .map(|of| format!(" Of the literature: {of}."))
            .unwrap_or_default();
        let about = if named.is_empty() {
            String::new()
        } else {
            format!(" Claims: {named}.")
        };
        let expects = expects.trim_end_matches('.');
        let _ = write!(
            out,
            "### {id}\n\n[{title}]({A_LAB}/experiments/{id}). {asks}\n\n- Expected: {expects}.\n-{about}{also}\n\n"
        );
    };
    for of in experiments::ALL {
        one(
            of.id,
            of.title,
            of.question,
            of.expectation,
            of.claims,
            of.claim,
        );
    }
    for of in &in_browser::ALL {
        one(
            of.id,
            of.title,
            of.question,
            of.expectation,
            of.claims,
            of.claim,
        );
    }
    out
}

fn codes() -> String {
    let mut out = "| code | status | what to do | asked again |\n|---|---|---|---|\n".to_owned();
    for code in Code::ALL {
        let again = match code.retry_after_s() {
            Some(after) => format!("after {after} s (`Retry-After`)"),
            None => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {again} |",
            code.as_str(),
            code.status(),
            code.hint().replace('|', "\\|").replace('<', "\\<")
        );
    }
    out
}

/// Presets of conditions, with what they stand for and where a platform's figures are from.
fn presets() -> String {
    let mut table = "| preset | stands for | it is | source |\n|---|---|---|---|".to_owned();
    for preset in conditions::presets::ALL {
        let _ = write!(
            table,
            "\n| {} | `{}` | {} | {} |",
            preset.name,
            preset.text,
            preset.meaning,
            preset.source.unwrap_or("made up to be like that")
        );
    }
    table
}

fn closing() -> String {
    let mut out =
        "| reason | WebSocket close code | what the client is told |\n|---|---|---|\n".to_owned();
    for reason in [
        Disconnect::Shutdown,
        Disconnect::SlowConsumer,
        Disconnect::PongTimeout,
        Disconnect::Internal,
    ] {
        let _ = writeln!(
            out,
            "| `{reason}` | {} | {} |",
            reason.close_code(),
            reason.advice()
        );
    }
    out
}

fn rooms() -> String {
    let mut out = "| room | may use |\n|---|---|\n".to_owned();
    for (room, targets) in ALLOWED {
        let named: Vec<String> = targets.iter().map(|target| format!("`{target}`")).collect();
        let named = match named.is_empty() {
            true => "nothing".to_owned(),
            false => named.join(", "),
        };
        let _ = writeln!(out, "| `{room}` | {named} |");
    }
    out
}
