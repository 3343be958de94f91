//! All claims of the two articles: what was found here, with the experiment that found it, or what
//! stands for it.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{Results, kept, newest, on_disk};
use crate::{
    experiments::{
        claims::{Article, Claim, Finding},
        html,
    },
    lab_api::MainLane,
    pages::{Page, render},
    registry::LaneWorker,
};

#[derive(Template)]
#[template(path = "claims.html")]
struct Claims {
    page: Page,
    articles: Vec<Told>,
    measured: usize,
    all: usize,
}

/// An article with its claims.
struct Told {
    /// For the address within the page.
    key: &'static str,
    title: &'static str,
    kind: &'static str,
    claims: Vec<Entry>,
}

struct Entry {
    id: &'static str,
    text: &'static str,
    theory: &'static str,
    found: Vec<Found>,
    /// That have not been carried out here, or are carried out in the browser.
    others: Vec<(&'static str, &'static str)>,
}

struct Found {
    label: &'static str,
    /// The colour of its badge; empty for none.
    tone: &'static str,
    sentence: String,
    /// Where it is from, and how that is called.
    from: Option<(String, String)>,
    /// The sentence is the theory's own.
    is_theory: bool,
}

/// `GET /claims`; each has its place, as in `/claims#B7`.
pub async fn page(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    let kept = kept(&main).await;
    let results = on_disk(&main, move |saved| newest(saved, &kept)).await;
    let articles = Article::ALL.map(|article| told(article, &results));
    let all = || articles.iter().flat_map(|article| &article.claims);
    let is_decided = |found: &Found| ["ok", "bad"].contains(&found.tone);
    let is_measured = |entry: &&Entry| entry.found.iter().any(is_decided);
    let page = Claims {
        measured: all().filter(is_measured).count(),
        all: all().count(),
        articles: articles.into_iter().collect(),
        page: Page::new(&request, &worker.lab, "claims", "Claims"),
    };
    render(&request, page)
}

fn told(article: Article, results: &Results) -> Told {
    let claims = article.claims().iter();
    Told {
        key: match article {
            Article::BeginnersPost => "A",
            Article::VendorsArticle => "B",
        },
        title: article.title(),
        kind: article.kind(),
        claims: claims.map(|claim| entry(claim, results)).collect(),
    }
}

fn entry(claim: &'static Claim, results: &Results) -> Entry {
    let found = claim.found(|experiment| results.get(experiment.id).map(|result| &result.done));
    let experiments: BTreeMap<&str, &str> = claim.experiments().into_iter().collect();
    let is_shown = |id: &str| {
        let mut all = found.iter();
        all.any(|one| matches!(one, Finding::Measured { experiment, .. } if *experiment == id))
    };
    let others = claim.experiments().into_iter();
    Entry {
        id: claim.id,
        text: claim.text,
        theory: claim.theory,
        others: others.filter(|(id, _)| !is_shown(id)).collect(),
        found: found
            .iter()
            .map(|finding| Found {
                label: finding.label(),
                tone: match finding {
                    Finding::Measured { verdict, .. } => html::tone(*verdict),
                    _ => "",
                },
                sentence: finding.sentence().to_owned(),
                from: match finding {
                    Finding::Measured { experiment, .. } => Some((
                        format!("/experiments/{experiment}"),
                        format!(
                            "{experiment} {}",
                            experiments.get(experiment).unwrap_or(&"")
                        ),
                    )),
                    Finding::Seen { address, .. } => {
                        Some(((*address).to_owned(), (*address).to_owned()))
                    }
                    _ => None,
                },
                is_theory: matches!(finding, Finding::Predicted { .. }),
            })
            .collect(),
    }
}
