//! One experiment at its own address: the claim, the guess, the run, and the last result on this
//! machine, which is there at once.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{about, kept, on_disk, read};
use crate::{
    error::{Code, Refusal},
    experiments::{Experiment, claims::Article, find, html, in_browser, in_browser::InBrowser},
    lab_api::{MainLane, experiments::ExperimentView},
    pages::{Page, render},
    registry::LaneWorker,
    saved::{folder::Folder, of_experiments::Kept},
};

/// Older results that are linked.
const OLDER_MAX: usize = 12;

#[derive(Template)]
#[template(path = "experiment.html")]
struct One {
    page: Page,
    experiment: ExperimentView,
    quick: String,
    full: String,
    shown: Option<Shown>,
    older: Vec<Kept>,
    claims: Vec<Cited>,
}

/// A claim of one of the two articles that it tests.
struct Cited {
    id: &'static str,
    text: &'static str,
    article: &'static str,
    kind: &'static str,
}

impl Cited {
    /// In the experiment's order: the one that its sentence is about first.
    fn all(ids: &'static [&'static str]) -> Vec<Self> {
        let of = |id: &&'static str| {
            Article::ALL.into_iter().find_map(|article| {
                let claim = article.claims().iter().find(|claim| claim.id == *id)?;
                Some(Self {
                    id: claim.id,
                    text: claim.text,
                    article: article.title(),
                    kind: article.kind(),
                })
            })
        };
        ids.iter().filter_map(of).collect()
    }

    /// For quotation marks around it: its own become single ones.
    fn quoted(&self) -> String {
        self.text.replace('"', "'")
    }
}

/// A result and its markup, which this program made.
#[derive(Default)]
struct Shown {
    id: String,
    answer: String,
}

#[derive(Template)]
#[template(path = "experiment-own.html")]
struct InTheBrowser {
    page: Page,
    claims: Vec<Cited>,
    own: &'static InBrowser,
}

#[derive(Deserialize)]
pub struct Query {
    /// An older result, by its id.
    result: Option<String>,
}

/// `GET /experiments/E10`, in either case; `?result=ID` shows an older result.
pub async fn page(
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<Query>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    if let Some(own) = in_browser::find(&id) {
        let page = Page::new(&request, &worker.lab, "experiments", own.title);
        return Ok(render(
            &request,
            InTheBrowser {
                page,
                claims: Cited::all(own.claims),
                own,
            },
        ));
    }
    let Ok(experiment) = find(&id) else {
        let refusal = Refusal::new(
            Code::UnknownExperiment,
            format!("there is no experiment {:?}", id.as_str()),
        )
        .with_hint("All of them are on /experiments.");
        return Err(refusal);
    };
    let mine = of(kept(&main).await, experiment);
    let wanted = match &query.result {
        Some(result) => {
            let found = mine.iter().find(|kept| kept.id == *result).cloned();
            let Some(found) = found else {
                let refusal = Refusal::new(
                    Code::UnknownRun,
                    format!("{} has no saved result {result:?}", experiment.id),
                )
                .with_hint(format!(
                    "Its last one is on /experiments/{}.",
                    experiment.id
                ));
                return Err(refusal);
            };
            vec![found]
        }
        None => mine.clone(),
    };
    let shown = on_disk(&main, move |saved| shown(saved, &wanted)).await;
    let is_other = |kept: &Kept| shown.as_ref().is_none_or(|shown| shown.id != kept.id);
    let timings = on_disk(&main, |saved| saved.timings()).await;
    let view = ExperimentView::of(experiment).with_times(&timings);
    let page = One {
        page: Page::new(&request, &worker.lab, "experiments", experiment.title),
        quick: about(view.quick_s),
        full: about(view.full_s),
        older: mine.into_iter().filter(is_other).take(OLDER_MAX).collect(),
        claims: Cited::all(experiment.claims),
        experiment: view,
        shown,
    };
    Ok(render(&request, page))
}

/// Those of one experiment, newest first; what was stopped early comes last.
fn of(kept: Vec<Kept>, experiment: &Experiment) -> Vec<Kept> {
    let mut mine: Vec<Kept> = kept
        .into_iter()
        .filter(|kept| kept.experiment == experiment.id)
        .collect();
    mine.sort_by_key(|kept| kept.partial);
    mine
}

/// The first that can be read.
fn shown(saved: &Folder, wanted: &[Kept]) -> Option<Shown> {
    wanted.iter().find_map(|kept| {
        let done = read(saved, kept)?;
        Some(Shown {
            answer: html::answer(&done, &format!("/runs/{}", kept.id)),
            id: kept.id.clone(),
        })
    })
}
