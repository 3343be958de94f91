//! The catalogue of experiments, and starting one of them.
//!
//! `GET /api/experiments` → `{"experiments":[{"id","title","question","claim","claims","group",
//! "guess","expectation","meaning","quick_s","full_s","steps"}]}`; `POST /api/experiments/E2` with `{"full":false}` → 202 and the
//! job, as in [`super::runs`].

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use serde::{Deserialize, Serialize};

use super::MainLane;
use super::{no_store, runs};
use crate::{
    error::{Code, Refusal},
    experiments::{
        ALL, Experiment, find,
        group::Group,
        guess::{Guess, GuessKind},
    },
    jobs::RunRequest,
    registry::LaneWorker,
    saved::timings::{Done, Timings},
    transport::{http_api, wrong_method},
};

/// Routes of the catalogue of experiments: `/api/experiments…`.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/experiments")
                .route(web::get().to(list))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/api/experiments/{id}")
                .route(web::post().to(start))
                .default_service(wrong_method(&[Method::POST])),
        );
}

/// An entry of the catalogue as pages see it.
#[derive(Debug, Serialize)]
pub struct ExperimentView {
    /// Its number in the catalogue.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it asks.
    pub question: &'static str,
    /// Whose claim it tests.
    pub claim: &'static str,
    /// Of the two articles, as in `B7`.
    pub claims: &'static [&'static str],
    /// Which kind of question.
    pub group: Group,
    /// What a visitor is asked beforehand.
    pub guess: GuessView,
    /// What theory expects.
    pub expectation: &'static str,
    /// What the result says.
    pub meaning: &'static str,
    /// About how long it takes, in seconds.
    pub quick_s: u64,
    /// About how long all of it takes, s.
    pub full_s: u64,
    /// What the quick form runs.
    pub steps: Vec<String>,
}

/// What a visitor guesses: a number in `unit`, or one of `choices`.
#[derive(Debug, Serialize)]
pub struct GuessView {
    /// What is asked.
    pub ask: &'static str,
    /// Of the number; `None` for one of a few answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// How many of its figure's own unit one of this unit is: µs, shares of 1, bytes, counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// The answers; empty for a number.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub choices: &'static [&'static str],
}

impl GuessView {
    /// As pages take it.
    pub fn of(guess: &Guess) -> Self {
        let (unit, scale, choices) = match guess.kind {
            GuessKind::Number { unit, scale } => (Some(unit), Some(scale), [].as_slice()),
            GuessKind::Choice(choices) => (None, None, choices),
        };
        Self {
            ask: guess.ask,
            unit,
            scale,
            choices,
        }
    }
}

impl ExperimentView {
    /// As pages take it.
    pub fn of(experiment: &Experiment) -> Self {
        let took = |full| {
            let steps = experiment.outline(full);
            let sum: Duration = steps.iter().map(|(_, took)| *took).sum();
            sum.as_secs_f64().ceil() as u64
        };
        let steps = experiment.outline(false);
        Self {
            id: experiment.id,
            title: experiment.title,
            question: experiment.question,
            claim: experiment.claim,
            claims: experiment.claims,
            group: experiment.group,
            guess: GuessView::of(&experiment.guess),
            expectation: experiment.expectation,
            meaning: experiment.meaning,
            quick_s: took(false),
            full_s: took(true),
            steps: steps.into_iter().map(|(label, _)| label).collect(),
        }
    }

    /// With the times that it takes on this machine, as far as it was done here.
    pub fn with_times(self, timings: &Timings) -> Self {
        let takes = |full, computed_s| {
            let computed = Duration::from_secs(computed_s);
            let takes = timings.estimate(&Done::experiment(self.id, full), computed);
            takes.as_secs_f64().ceil() as u64
        };
        Self {
            quick_s: takes(false, self.quick_s),
            full_s: takes(true, self.full_s),
            ..self
        }
    }
}

async fn list(main: web::Data<MainLane>) -> HttpResponse {
    #[derive(Serialize)]
    struct Listed {
        experiments: Vec<ExperimentView>,
    }
    let timings = main.saved.timings();
    let all = ALL.iter().map(|e| ExperimentView::of(e));
    let experiments = all.map(|view| view.with_times(&timings)).collect();
    no_store().json(Listed { experiments })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct How {
    #[serde(default)]
    full: bool,
}

async fn start(
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let experiment = find(&id).map_err(|_| {
        Refusal::new(
            Code::UnknownExperiment,
            format!("there is no {:?}", id.as_str()),
        )
    })?;
    let body = http_api::body(&request, payload, worker.lab.config.body_max_bytes).await?;
    let how: How = http_api::read_json(&body).map_err(|error| {
        Refusal::new(Code::BadJson, format!("not {{\"full\":false}}: {error}"))
            .with_hint("Send {\"full\":false}, or {\"full\":true} for the whole of it, or no body.")
    })?;
    runs::started(main, carrying_out(experiment, how.full)).await
}

/// What is started for an experiment.
pub fn carrying_out(experiment: &Experiment, full: bool) -> RunRequest {
    let mut arguments = vec!["experiment".to_owned(), experiment.id.to_owned()];
    if full {
        arguments.push("--full".to_owned());
    }
    let size = if full { "full" } else { "quick" };
    RunRequest {
        what: format!("experiment {}, {size}", experiment.id),
        experiment: Some(experiment.id),
        arguments,
        input: String::new(),
    }
}
