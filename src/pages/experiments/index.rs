//! The index: every experiment as a tile in its group, with how long it takes and what came out on
//! this machine last.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{about, kept, on_disk, read};
use crate::{
    experiments::{ALL, group, html, in_browser, words},
    lab_api::{MainLane, experiments::ExperimentView},
    pages::{Page, render},
    registry::LaneWorker,
    saved::{folder::Folder, of_experiments::Kept},
};

#[derive(Template)]
#[template(path = "experiments.html")]
struct Index {
    page: Page,
    groups: Vec<Group>,
    /// No experiment was carried out here: said once, not on every tile.
    is_nothing_yet: bool,
}

struct Group {
    key: &'static str,
    name: &'static str,
    tiles: Vec<Tile>,
}

struct Tile {
    id: &'static str,
    question: &'static str,
    takes: String,
    last: Option<Last>,
}

/// What came out last.
#[derive(Clone)]
struct Last {
    words: &'static str,
    tone: &'static str,
    began: String,
}

pub async fn page(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    let kept = kept(&main).await;
    let last = on_disk(&main, move |saved| last(saved, &kept)).await;
    let group = |group: group::Group| {
        let of_catalogue = ALL.iter().filter(|experiment| experiment.group == group);
        let tiles = of_catalogue.map(|experiment| {
            let view = ExperimentView::of(experiment);
            Tile {
                id: view.id,
                question: view.question,
                takes: format!("{} · in full {}", about(view.quick_s), about(view.full_s)),
                last: last.get(view.id).cloned(),
            }
        });
        let in_the_browser = in_browser::ALL.iter().filter(|own| own.group == group);
        let own = in_the_browser.map(|own| Tile {
            id: own.id,
            question: own.question,
            takes: "in this browser".to_owned(),
            last: None,
        });
        Group {
            key: group.id(),
            name: group.title(),
            tiles: tiles.chain(own).collect(),
        }
    };
    let page = Index {
        page: Page::new(&request, &worker.lab, "experiments", "Experiments"),
        groups: group::Group::ALL.into_iter().map(group).collect(),
        is_nothing_yet: last.is_empty(),
    };
    render(&request, page)
}

/// The newest result of each experiment that can be read: one that was stopped early counts where
/// there is no other.
fn last(saved: &Folder, kept: &[Kept]) -> BTreeMap<String, Last> {
    let mut all = BTreeMap::new();
    let (partial, whole): (Vec<&Kept>, Vec<&Kept>) = kept.iter().partition(|kept| kept.partial);
    for kept in whole.into_iter().chain(partial) {
        if all.contains_key(&kept.experiment) {
            continue;
        }
        if let Some(done) = read(saved, kept) {
            let last = Last {
                words: words::verdict(&done),
                tone: html::tone(done.verdict),
                began: kept.began(),
            };
            all.insert(kept.experiment.clone(), last);
        }
    }
    all
}
