//! The index: every experiment as a tile in its group, with how long it takes and what came out on
//! this machine last.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{Carried, about, kept, newest, on_disk};
use crate::{
    experiments::{ALL, group, html, in_browser, words},
    lab_api::{MainLane, experiments::ExperimentView},
    pages::{Page, render},
    registry::LaneWorker,
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
struct Last {
    words: &'static str,
    tone: &'static str,
    began: String,
}

impl Last {
    fn of(carried: &Carried) -> Self {
        Self {
            words: words::verdict(&carried.done),
            tone: html::tone(carried.done.verdict),
            began: carried.began.clone(),
        }
    }
}

pub async fn page(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    let kept = kept(&main).await;
    let last = on_disk(&main, move |saved| newest(saved, &kept)).await;
    let timings = on_disk(&main, |saved| saved.timings()).await;
    let group = |group: group::Group| {
        let of_catalogue = ALL.iter().filter(|experiment| experiment.group == group);
        let tiles = of_catalogue.map(|experiment| {
            let view = ExperimentView::of(experiment).with_times(&timings);
            Tile {
                id: view.id,
                question: view.question,
                takes: format!("{} · in full {}", about(view.quick_s), about(view.full_s)),
                last: last.get(view.id).map(Last::of),
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
        groups: group::Group::ALL
            .into_iter()
            .map(group)
            .filter(|group| !group.tiles.is_empty())
            .collect(),
        is_nothing_yet: last.is_empty(),
    };
    render(&request, page)
}
