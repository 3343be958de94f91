//! The pages of saved runs: the list, one of them, two side by side, and the files to take away.
//!
//! A file in the folder may be anything that somebody put there: what cannot be shown is told, in
//! the list and on a page of its own. Only the JSON is served as it lies on the disk; the other
//! forms are made from it, so that nobody's markup reaches a page.

use std::collections::HashSet;

use actix_files::NamedFile;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, ContentDisposition, DispositionParam, DispositionType},
    },
    web,
};
use askama::Template;
use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Page,
    classes::{self, SavedClass},
    render,
};
use crate::{
    catalogue::{self, stroke_of, variant},
    error::Refusal,
    experiments::html,
    lab_api::{
        MainLane,
        runs::{LISTED_MAX, internal},
    },
    registry::LaneWorker,
    run::{
        plan::{Plan, PlanSettings, READY},
        report::{Report, html::compare},
    },
    saved::{document::Document, folder::CannotRead, summary::Summary},
    transport::wrong_method,
};

/// Settings of a plan that most runs differ in; the others are below them, folded.
const FIRST: [&str; 9] = [
    "lanes",
    "clients",
    "rate",
    "size",
    "duration",
    "poll_interval",
    "conditions",
    "seed",
    "repeat",
];
/// Of each result in the list; the others are a number.
const LANES_SHOWN_MAX: usize = 6;
/// Not for a page: files of this machine.
const LEFT_OUT: [&str; 3] = ["replay", "payload", "ca"];

pub fn configure(config: &mut web::ServiceConfig) {
    for (path, route) in [
        ("/runs", web::get().to(list)),
        ("/runs/compare", web::get().to(pair)),
        ("/runs/{name}", web::get().to(one)),
        ("/runs/{id}/result", web::get().to(result)),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    page: Page,
    lines: Vec<Line>,
    older: Option<String>,
    /// Why the folder cannot be read.
    fault: Option<String>,
    /// What classes did, newest first.
    classes: Vec<SavedClass>,
    fields: Vec<Field>,
    more_fields: Vec<Field>,
    ready: Vec<Ready>,
}

/// A ready plan to fill the form with.
struct Ready {
    name: &'static str,
    question: &'static str,
    /// JSON: settings by name.
    settings: String,
}

/// A line of the list.
struct Line {
    id: String,
    /// The id as it stands in an address.
    address: String,
    shown: Result<Listed, String>,
}

/// A saved result in the list.
struct Listed {
    summary: Summary,
    /// The first of its lanes.
    lanes: Vec<LaneSample>,
    /// How many more there are.
    more_lanes: usize,
    /// What it can be compared with: results that have the same.
    kind: String,
}

/// A lane as a line sample with its name.
struct LaneSample {
    /// Whose stroke it has; of no lane of this lab there is none.
    stroke: Option<&'static str>,
    name: String,
}

impl Listed {
    fn of(summary: Summary) -> Self {
        let all = summary.lanes.len();
        let lanes = summary.lanes.iter().take(LANES_SHOWN_MAX);
        Self {
            lanes: lanes.map(|row| LaneSample::of(row)).collect(),
            more_lanes: all.saturating_sub(LANES_SHOWN_MAX),
            kind: match summary.outcome {
                Some(_) => summary.title.clone(),
                None => "run".to_owned(),
            },
            summary,
        }
    }
}

impl LaneSample {
    fn of(row: &str) -> Self {
        let resumes = row.strip_suffix("-no-resume");
        let lane = resumes.unwrap_or(row);
        let short = variant(lane).map(|of| of.short);
        let short = short.or_else(|| catalogue::lane(lane).map(|of| of.short));
        let name = short.unwrap_or(lane);
        Self {
            stroke: stroke_of(row, lane).map(|(id, _)| id),
            name: match resumes {
                Some(_) => format!("{name}, not resuming"),
                None => name.to_owned(),
            },
        }
    }
}

/// A setting of a plan.
struct Field {
    name: String,
    label: String,
    help: String,
    default: String,
    /// As JSON has it.
    is_number: bool,
    choices: Vec<String>,
}

async fn list(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    let after = pairs(&request)
        .into_iter()
        .find(|(name, _)| name == "after")
        .map(|(_, id)| id);
    let kept = main.clone();
    let listing = web::block(move || main.saved.list(after.as_deref(), LISTED_MAX)).await;
    let (listing, fault) = match listing.map_err(std::io::Error::other).and_then(|l| l) {
        Ok(listing) => (Some(listing), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let older = listing
        .as_ref()
        .and_then(|l| l.more_after.as_deref().map(encoded));
    let lines = listing.map_or_else(Vec::new, |listing| {
        let entries = listing.entries.into_iter();
        entries
            .map(|entry| Line {
                address: encoded(&entry.id),
                shown: (entry.summary.map(Listed::of)).map_err(|error| error.to_string()),
                id: entry.id,
            })
            .collect()
    });
    let (first, more) = fields();
    let classes = classes::saved(&kept).await;
    let page = RunsPage {
        classes,
        page: Page::new(&request, &worker.lab, "runs", "Runs"),
        lines,
        older,
        fault,
        fields: first,
        more_fields: more,
        ready: READY
            .iter()
            .map(|plan| Ready {
                name: plan.name,
                question: plan.question(),
                settings: plan.as_json().to_string(),
            })
            .collect(),
    };
    render(&request, page)
}

/// The settings of a plan as a form: those of the command line, with their help.
fn fields() -> (Vec<Field>, Vec<Field>) {
    let defaults = serde_json::to_value(Plan::default()).unwrap_or_default();
    let command = PlanSettings::augment_args(clap::Command::new("run"));
    let field = |argument: &clap::Arg| {
        let name = argument.get_id().as_str().to_owned();
        let default = &defaults[&name];
        let help = argument.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        Field {
            label: name.replace('_', " "),
            help: help
                .split(" [default")
                .next()
                .unwrap_or_default()
                .to_owned(),
            default: match default {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Null => String::new(),
                value => value.to_string(),
            },
            is_number: default.is_number(),
            choices: argument
                .get_possible_values()
                .iter()
                .map(|value| value.get_name().to_owned())
                .collect(),
            name,
        }
    };
    let all = command.get_arguments().map(field);
    let all = all.filter(|field| !LEFT_OUT.contains(&field.name.as_str()));
    let (mut first, more): (Vec<_>, Vec<_>) =
        all.partition(|field| FIRST.contains(&field.name.as_str()));
    first.sort_by_key(|field| FIRST.iter().position(|name| *name == field.name));
    (first, more)
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    page: Page,
    id: String,
    address: String,
    shown: Result<Shown, String>,
}

/// What a saved result shows; `sections` is markup that this program made.
struct Shown {
    summary: Summary,
    sections: String,
}

/// `/runs/ID` is a page, `/runs/ID.json` and the like are files.
async fn one(
    request: HttpRequest,
    name: web::Path<String>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let name = name.into_inner();
    if let Some((id, form)) = name.rsplit_once('.').filter(|(_, form)| {
        let forms: HashSet<&str> = ["json", "html", "csv", "md"].into();
        forms.contains(form)
    }) {
        return file(&request, &main, id.to_owned(), form.to_owned()).await;
    }
    let read = summary(&main, name.clone()).await?;
    let (status, shown) = match read {
        Ok((summary, document)) => (
            StatusCode::OK,
            Ok(Shown {
                summary,
                sections: document.sections(),
            }),
        ),
        Err(error) => {
            let text = error.to_string();
            (Refusal::from(error).code.status(), Err(text))
        }
    };
    let title = shown.as_ref().map_or("Runs", |_| "Run");
    let mut response = render(
        &request,
        RunPage {
            page: Page::new(&request, &worker.lab, "runs", title),
            address: encoded(&name),
            id: name,
            shown,
        },
    );
    *response.status_mut() = status;
    Ok(response)
}

async fn document(
    main: &web::Data<MainLane>,
    id: String,
) -> Result<Result<Document, CannotRead>, Refusal> {
    let main = main.clone();
    web::block(move || main.saved.read(&id))
        .await
        .map_err(internal)
}

async fn summary(
    main: &web::Data<MainLane>,
    id: String,
) -> Result<Result<(Summary, Document), CannotRead>, Refusal> {
    let main = main.clone();
    web::block(move || main.saved.summary(&id))
        .await
        .map_err(internal)
}

async fn file(
    request: &HttpRequest,
    main: &web::Data<MainLane>,
    id: String,
    form: String,
) -> Result<HttpResponse, Refusal> {
    let named = ContentDisposition {
        disposition: match form.as_str() {
            "html" => DispositionType::Inline,
            _ => DispositionType::Attachment,
        },
        parameters: vec![DispositionParam::Filename(ascii(&format!("{id}.{form}")))],
    };
    let mut response = if form == "json" {
        let main = main.clone();
        let opened = web::block(move || main.saved.open(&id)).await;
        let (file, path) = opened.map_err(internal)??;
        NamedFile::from_file(file, path)
            .map_err(internal)?
            .use_last_modified(true)
            .into_response(request)
    } else {
        let document = document(main, id).await??;
        let (kind, text) = match form.as_str() {
            "csv" => ("text/csv; charset=utf-8", document.csv()),
            "md" => ("text/markdown; charset=utf-8", document.markdown()),
            _ => ("text/html; charset=utf-8", document.html()),
        };
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, kind))
            .body(text)
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_DISPOSITION, named.to_string().as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        if let Ok(value) = header::HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// A file's name for a header that has no other letters (RFC 6266 §4.3).
fn ascii(name: &str) -> String {
    let plain = |c: char| match c {
        ' '..='~' if !matches!(c, '"' | '\\' | '%') => c,
        _ => '_',
    };
    name.chars().map(plain).collect()
}

/// What came out of an experiment, as a part of a page.
async fn result(id: web::Path<String>, main: web::Data<MainLane>) -> Result<HttpResponse, Refusal> {
    let document = document(&main, id.into_inner()).await??;
    let part = match &document {
        Document::Run(_) => document.sections(),
        Document::Experiment(done) => html::outcome(done),
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ))
        .body(format!("<div class=\"report\">{part}</div>")))
}

#[derive(Template)]
#[template(path = "runs-compare.html")]
struct ComparePage {
    page: Page,
    fault: Option<String>,
    /// Address and title of each.
    sides: Vec<(String, Summary)>,
    /// Heading and markup of each pair of runs.
    parts: Vec<(String, String)>,
}

/// `?a=ID&b=ID`, or two of `run=ID` from the list.
async fn pair(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let ids: Vec<String> = pairs(&request)
        .into_iter()
        .filter(|(name, _)| ["a", "b", "run"].contains(&name.as_str()))
        .map(|(_, id)| id)
        .collect();
    let mut page = ComparePage {
        page: Page::new(&request, &worker.lab, "runs", "Two runs"),
        fault: None,
        sides: Vec::new(),
        parts: Vec::new(),
    };
    if ids.len() != 2 {
        page.fault = Some(format!(
            "{} runs are chosen; choose two in the list and compare again.",
            ids.len()
        ));
        return Ok(render(&request, page));
    }
    let mut documents = Vec::new();
    for id in ids {
        match summary(&main, id.clone()).await? {
            Ok((summary, document)) => {
                page.sides.push((encoded(&id), summary));
                documents.push(document);
            }
            Err(error) => page.fault = Some(error.to_string()),
        }
    }
    if let [a, b] = documents.as_slice() {
        page.parts = matched(a, b)
            .into_iter()
            .map(|(label, a, b)| (label, compare::sections(("A", a), ("B", b))))
            .collect();
        if page.parts.is_empty() {
            page.fault = Some(
                "The two have no step in common. Two runs can be compared, or two results of the same \
                 experiment."
                    .to_owned(),
            );
        }
    }
    Ok(render(&request, page))
}

/// Runs that belong together: each document's only one, or those of the same step.
fn matched<'a>(a: &'a Document, b: &'a Document) -> Vec<(String, &'a Report, &'a Report)> {
    match (a.runs().as_slice(), b.runs().as_slice()) {
        ([(_, a)], [(_, b)]) => vec![(String::new(), a, b)],
        (all, others) => all
            .iter()
            .filter_map(|(label, a)| {
                let (_, b) = others.iter().find(|(other, _)| other == label)?;
                Some(((*label).to_owned(), *a, *b))
            })
            .collect(),
    }
}

/// The query, in order and with repetitions.
fn pairs(request: &HttpRequest) -> Vec<(String, String)> {
    web::Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map(web::Query::into_inner)
        .unwrap_or_default()
}

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_has_every_setting_of_a_plan_but_files() {
        let (first, more) = fields();
        assert_eq!(first[0].name, "lanes");
        let rate = first.iter().find(|field| field.name == "rate").unwrap();
        assert!(rate.is_number && rate.default == "4.0" && !rate.help.contains("default"));
        let schedule = more.iter().find(|field| field.name == "schedule").unwrap();
        assert!(schedule.choices.contains(&"poisson".to_owned()));
        assert!(
            first
                .iter()
                .chain(&more)
                .all(|field| field.name != "replay")
        );
    }

    #[test]
    fn a_lane_of_the_list_has_its_stroke_and_its_name() {
        let sample = LaneSample::of("sse-no-resume");
        assert_eq!(sample.stroke, Some("sse"));
        assert!(sample.name.ends_with(", not resuming"));
        let bare = LaneSample::of("websocket-bare");
        assert_eq!(bare.stroke, Some("websocket-bare"));
        let foreign = LaneSample::of("<b>");
        assert_eq!((foreign.stroke, foreign.name.as_str()), (None, "<b>"));
    }

    #[test]
    fn names_of_files_fit_into_a_header() {
        assert_eq!(ascii("a \"b\"\r\nc-ä.json"), "a _b___c-_.json");
        assert_eq!(encoded("a/b c"), "a%2Fb%20c");
    }
}
