//! What is written about the lanes elsewhere says what the catalogue says.

use std::fs;

use pushlab::catalogue::{Fetching, LANES, Lane, Resuming, Sending};

fn row(lane: &Lane) -> String {
    let comes = match lane.fetching {
        Fetching::ShortPolls => "a request for each look",
        Fetching::HeldPolls => "a request held until there is something",
        Fetching::Stream if lane.upgrades => "an upgraded connection",
        Fetching::Stream => "an answer that goes on",
    };
    let goes = match lane.sending {
        Sending::SameConnection => "the same connection",
        Sending::OwnRequest => "a request of its own",
    };
    let resumes = match lane.resuming {
        Resuming::ByProtocol => "yes",
        Resuming::ByExtension => "by this lab's extension",
    };
    let (id, label, path) = (lane.id, lane.label, lane.path);
    format!("| `{id}` | {label} | `{path}` | {comes} | {goes} | {resumes} |")
}

#[test]
fn the_readmes_table_of_lanes_is_the_catalogues() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let rows: Vec<_> = LANES.iter().map(|lane| row(lane)).collect();
    let head = "| lane | name | path | publications come by | publishing goes by | resumes |";
    let table = format!("{head}\n|---|---|---|---|---|---|\n{}\n", rows.join("\n"));
    assert!(
        readme.contains(&table),
        "README.md is to have this table of the lanes, and no other:\n{table}"
    );
}

#[test]
fn every_lane_has_its_module_for_browsers() {
    for lane in LANES {
        let module = lane.browser_client.module;
        let path = format!(
            "{}/static/js/transports/{module}",
            env!("CARGO_MANIFEST_DIR")
        );
        assert!(fs::exists(path).unwrap(), "{}: {module}", lane.id);
    }
}
