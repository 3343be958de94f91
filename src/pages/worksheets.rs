//! Worksheets to print: one for each lesson, and one for the hour of a plan; each as a page and as
//! Markdown. What came out and the points are in the key, which whoever leads the lab alone gets:
//! browsers ask for it below `/presenter`, where their cookie goes.
//!
//! - `GET /lessons/{id}/worksheet`, `/lessons/{id}/worksheet.md`; `?result=ID` cites a saved result of
//!   the lesson's experiment
//! - `GET /lessons/plans/{45|90}/worksheet`, `/lessons/plans/{45|90}/worksheet.md`
//! - each of them once more below `/presenter`; `?key=1` is the key, else 403 `presenter_only`

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use askama::Template;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::io::Read;

use super::{
    Page,
    lessons::{Cited, Stages, cited, shelf},
    render,
};
use crate::{
    access::presenter,
    error::{Code, Refusal},
    experiments::words,
    lab_api::{MainLane, runs::internal},
    lessons::{
        Lesson, figure, markup,
        plans::Plan,
        shelf::Shelf,
        step::GuessKind,
        worksheet::{
            Asked, BLANK, Citation, Marked, OF_A_LESSON, OF_AN_HOUR, Parameters, to_change,
        },
    },
    registry::LaneWorker,
    run::report::{Report, began},
    saved::{
        document::Document,
        folder::{CannotRead, FILE_MAX_BYTES},
    },
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    for below in ["", presenter::PATH] {
        // A plan's first: `plans` could be a lesson's id.
        for (path, route) in [
            ("/lessons/plans/{id}/worksheet", web::get().to(hour)),
            ("/lessons/plans/{id}/worksheet.md", web::get().to(hour)),
            ("/lessons/{id}/worksheet", web::get().to(one)),
            ("/lessons/{id}/worksheet.md", web::get().to(one)),
        ] {
            config.service(
                web::resource(format!("{below}{path}"))
                    .route(route)
                    .default_service(wrong_method(&[Method::GET])),
            );
        }
    }
}

#[derive(Deserialize)]
pub struct Query {
    /// A saved result of the lesson's experiment, by its id.
    result: Option<String>,
    /// `1`: the key.
    key: Option<String>,
}

#[derive(Template)]
#[template(path = "worksheet.html")]
struct ToPrint {
    page: Page,
    back: String,
    back_name: String,
    /// Addresses of the same as Markdown, of the sheet and of the key.
    markdown: String,
    sheet: String,
    key_address: String,
    is_key: bool,
    /// Markup that this program made.
    body: String,
}

/// One lesson's sheet or key.
struct Sheet<'a> {
    lesson: &'a Lesson,
    asked: Asked<'a>,
    claims: Vec<Cited>,
    parameters: Parameters,
    to_change: Vec<(String, String)>,
    cites: Vec<String>,
    version: String,
    key: Option<Key>,
    marks: &'static [Marked],
}

#[derive(Template)]
#[template(path = "_worksheet.html")]
struct SheetPage<'a, 'b> {
    sheet: &'b Sheet<'a>,
}

#[derive(Template)]
#[template(path = "worksheet.md")]
struct SheetText<'a, 'b> {
    sheet: &'b Sheet<'a>,
}

struct Key {
    predicted: String,
    sentence: String,
    /// As HTML, and the change as Markdown, too.
    why: String,
    change: String,
    change_text: String,
}

impl<'a> Sheet<'a> {
    /// `None` of a lesson without a guess, which no lesson is.
    fn of(lesson: &'a Lesson, is_key: bool, saved: Option<Citation>) -> Option<Self> {
        let asked = Asked::of(lesson.guess()?);
        let parameters = Parameters::of(lesson);
        let reveal = lesson.reveal();
        let key = is_key.then(|| Key {
            predicted: predicted(lesson),
            sentence: reveal.map_or_else(String::new, |reveal| reveal.predicted().to_owned()),
            why: Stages::of(&lesson.steps).why,
            change: markup::to_html(reveal.map_or("", |reveal| &reveal.change)),
            change_text: reveal.map_or_else(String::new, |reveal| reveal.change.clone()),
        });
        let version = crate::CITED.clone();
        let blank = |what: String, is_live| Citation {
            version: version.clone(),
            what,
            seed: parameters.seed.clone(),
            is_live,
            ..Citation::default()
        };
        let of_experiment = parameters
            .experiment
            .map(|id| blank(format!("{id} quick"), false));
        let of_live = parameters.live.clone().map(|what| blank(what, true));
        // A saved one stands alone.
        let cites = match saved {
            Some(saved) => vec![saved.line()],
            None => (of_live.iter().chain(&of_experiment))
                .map(Citation::line)
                .collect(),
        };
        Some(Self {
            asked,
            claims: cited(lesson),
            parameters,
            to_change: to_change(lesson),
            cites,
            version,
            key,
            marks: &OF_A_LESSON,
            lesson,
        })
    }
}

/// What theory says to the guess, in its unit; of a choice the right ones.
fn predicted(lesson: &Lesson) -> String {
    let (Some(guess), Some(reveal)) = (lesson.guess(), lesson.reveal()) else {
        return String::new();
    };
    let options = match guess.kind {
        GuessKind::Number | GuessKind::Curve => {
            let all = lesson.theory().into_iter();
            let all: Vec<String> = all.map(figure::shown).collect();
            return format!("{} {}", all.join(", "), guess.unit)
                .trim()
                .to_owned();
        }
        GuessKind::Choice => &guess.options,
        GuessKind::Order => &guess.items,
    };
    let right = reveal.right.iter();
    let right = right.filter_map(|at| options.get(at.checked_sub(1)?).cloned());
    right.collect::<Vec<_>>().join("; ")
}

/// Refuses the key to everybody but whoever leads.
fn wants_key(request: &HttpRequest, worker: &LaneWorker, query: &Query) -> Result<bool, Refusal> {
    let is_key = query.key.as_deref() == Some("1");
    if is_key {
        let presenter = &worker.lab.presenter;
        presenter.require(request).map_err(|refused| match refused.code {
            Code::PresenterOnly => {
                let path = request.path().trim_start_matches(presenter::PATH);
                refused.with_hint(format!(
                    "The sheet is for everybody, its key is not. The browser that leads the lab opens it at \
                     {}{path}?key=1, once it has opened the address that the lab printed in its terminal.",
                    presenter::PATH
                ))
            }
            _ => refused,
        })?;
    }
    Ok(is_key)
}

fn is_markdown(request: &HttpRequest) -> bool {
    request.path().ends_with(".md")
}

fn as_markdown(name: &str, text: &impl Template) -> Result<HttpResponse, Refusal> {
    let text = text.render().map_err(internal)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/markdown; charset=utf-8"))
        // Lessons' ids have small letters, digits and - only.
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.md\""),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text))
}

/// A sheet on a page; `address` is that of the sheet, `query` what it was asked with.
fn as_page(
    request: &HttpRequest,
    page: Page,
    (back, back_name): (&str, &str),
    body: &impl Template,
    is_key: bool,
) -> Result<HttpResponse, Refusal> {
    let sheet = format!("{back}/worksheet");
    let key_address = format!("{}{sheet}?key=1", presenter::PATH);
    let page = ToPrint {
        page,
        back: back.to_owned(),
        back_name: back_name.to_owned(),
        markdown: match (is_key, request.query_string()) {
            (true, _) => format!("{}{sheet}.md?key=1", presenter::PATH),
            (false, "") => format!("{sheet}.md"),
            (false, query) => format!("{sheet}.md?{query}"),
        },
        sheet,
        key_address,
        is_key,
        body: body.render().map_err(internal)?,
    };
    Ok(render(request, page))
}

/// `GET /lessons/tunnel/worksheet`.
async fn one(
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<Query>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let is_key = wants_key(&request, &worker, &query)?;
    let shelf = shelf(&main).await;
    let unknown = || {
        let asked: String = id.chars().take(40).collect();
        Refusal::new(Code::UnknownLesson, shelf.unknown(&asked))
    };
    let lesson = &shelf.find(&id).ok_or_else(unknown)?.lesson;
    let saved = match &query.result {
        Some(result) => Some(of_saved(&main, lesson, result.clone()).await?),
        None => None,
    };
    let sheet = Sheet::of(lesson, is_key, saved).ok_or_else(unknown)?;
    if is_markdown(&request) {
        let kind = if is_key { "key" } else { "worksheet" };
        let name = format!("{}-{kind}", lesson.front.id);
        return as_markdown(&name, &SheetText { sheet: &sheet });
    }
    let (what, id) = (if is_key { "Key" } else { "Worksheet" }, &lesson.front.id);
    let title = format!("{what}: {}", lesson.front.title);
    let page = Page::new(&request, &worker.lab, "worksheet", title);
    let back = format!("/lessons/{id}");
    let body = SheetPage { sheet: &sheet };
    as_page(&request, page, (&back, &lesson.front.title), &body, is_key)
}

/// How a saved result is cited, if it is one of the lesson's experiment.
async fn of_saved(
    main: &web::Data<MainLane>,
    lesson: &Lesson,
    id: String,
) -> Result<Citation, Refusal> {
    let wanted = Parameters::of(lesson).experiment;
    let main = main.clone();
    let read = web::block(move || {
        let document = main.saved.read(&id)?;
        // Read once more: the sum is of the file as it lies there.
        let mut bytes = Vec::new();
        let (file, _) = main.saved.open(&id)?;
        let read = file.take(FILE_MAX_BYTES).read_to_end(&mut bytes);
        Ok::<_, CannotRead>((id, document, read.map(|_| bytes)))
    });
    let (id, document, bytes) = read.await.map_err(internal)?.map_err(Refusal::from)?;
    let bytes = bytes.map_err(internal)?;
    let done = match &document {
        Document::Experiment(done) if Some(done.id.as_str()) == wanted => done,
        _ => {
            let title = document.title();
            let message = match wanted {
                Some(wanted) => format!("that result is of {title}, and this lesson runs {wanted}"),
                None => "what this lesson runs is seen on a page, and no saved result is of it"
                    .to_owned(),
            };
            let hint = "Leave ?result= out to get the sheet with blanks.";
            return Err(Refusal::new(Code::BadQuery, message).with_hint(hint));
        }
    };
    let report = done.steps.first().map(|step| &step.report);
    let digest = Sha256::digest(&bytes);
    let form = if done.full { "in full" } else { "quick" };
    Ok(Citation {
        version: report.map_or_else(|| crate::CITED.clone(), version_of),
        run: Some(id),
        what: format!("{} {form}", done.id),
        seed: report.map(|report| report.plan.seed.to_string()),
        outcome: Some(words::verdict(done).to_owned()),
        machine: report.and_then(|report| machine(&report.server.host)),
        date: Some(began(document.started_us()).chars().take(10).collect()),
        sha256: Some(digest.iter().map(|byte| format!("{byte:02x}")).collect()),
        is_live: false,
    })
}

/// Of the lab that was measured; with its revision, which it says with what it does unasked.
fn version_of(report: &Report) -> String {
    let said = report.fairness.iter().find_map(|line| {
        let (version, _) = line.strip_prefix("pushlab ")?.split_once(')')?;
        Some(format!("{version})"))
    });
    let version = said.unwrap_or_else(|| report.server.version.clone());
    version.chars().take(60).collect()
}

/// `Debian 12, 2 processors`, of what a lab says about its host.
fn machine(host: &serde_json::Value) -> Option<String> {
    let (os, cpus) = (host["os"].as_str()?, host["cpus"].as_u64()?);
    Some(format!("{os}, {cpus} processors"))
}

/// A line of the hour's tables.
struct HourRow {
    order: u16,
    title: String,
    language: String,
    question: String,
    how: String,
    is_number: bool,
    claim: String,
    run: String,
    seed: String,
    predicted: String,
    right: String,
}

impl HourRow {
    fn of(lesson: &Lesson) -> Option<Self> {
        let asked = Asked::of(lesson.guess()?);
        let parameters = Parameters::of(lesson);
        let ask = lesson.ask();
        Some(Self {
            order: lesson.front.order,
            title: lesson.front.title.clone(),
            language: lesson.front.language.clone(),
            question: asked.question.to_owned(),
            how: match asked.options {
                [] => asked.how,
                options => format!("{}.", options.join("; ")),
            },
            is_number: asked.is_number,
            claim: lesson.front.claims.first().cloned().unwrap_or_default(),
            run: parameters.what,
            seed: parameters.seed.unwrap_or_default(),
            predicted: predicted(lesson),
            right: ask
                .and_then(|ask| ask.options.get(ask.right.checked_sub(1)?).cloned())
                .unwrap_or_default(),
        })
    }

    /// For a cell of a Markdown table: one line, and no bar that ends it.
    fn flat(mut self) -> Self {
        for text in [
            &mut self.title,
            &mut self.question,
            &mut self.how,
            &mut self.run,
            &mut self.predicted,
            &mut self.right,
        ] {
            *text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
        }
        self
    }
}

/// A plan's sheet or key.
struct Hour<'a> {
    plan: &'a Plan,
    rows: Vec<HourRow>,
    cite: String,
    version: String,
    is_key: bool,
    marks: &'static [Marked],
}

impl<'a> Hour<'a> {
    fn of(plan: &'a Plan, shelf: &Shelf, is_key: bool) -> Self {
        let lessons = plan.lessons().filter_map(|id| shelf.find(id));
        let version = crate::CITED.clone();
        let cite = Citation {
            version: version.clone(),
            what: format!("experiment and form, or address {BLANK}"),
            seed: Some(BLANK.to_owned()),
            ..Citation::default()
        };
        Self {
            rows: lessons.filter_map(|of| HourRow::of(&of.lesson)).collect(),
            plan,
            cite: cite.line(),
            version,
            is_key,
            marks: &OF_AN_HOUR,
        }
    }
}

#[derive(Template)]
#[template(path = "_worksheet_hour.html")]
struct HourPage<'a> {
    hour: Hour<'a>,
}

#[derive(Template)]
#[template(path = "worksheet_hour.md")]
struct HourText<'a> {
    hour: Hour<'a>,
}

/// `GET /lessons/plans/45/worksheet`.
async fn hour(
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<Query>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let is_key = wants_key(&request, &worker, &query)?;
    let plan = plan(&id)?;
    let shelf = shelf(&main).await;
    let mut hour = Hour::of(plan, &shelf, is_key);
    if is_markdown(&request) {
        hour.rows = hour.rows.into_iter().map(HourRow::flat).collect();
        let kind = if is_key { "key" } else { "worksheet" };
        return as_markdown(&format!("{}-minutes-{kind}", plan.id), &HourText { hour });
    }
    let what = if is_key { "Key" } else { "Worksheet" };
    let title = format!("{what}: {} minutes", plan.minutes);
    let page = Page::new(&request, &worker.lab, "worksheet", title);
    let back = format!("/lessons/plans/{}", plan.id);
    let name = format!("The plan of {} minutes", plan.minutes);
    as_page(&request, page, (&back, &name), &HourPage { hour }, is_key)
}

/// The plan of an address.
pub(super) fn plan(id: &str) -> Result<&'static Plan, Refusal> {
    Plan::find(id).ok_or_else(|| {
        Refusal::new(Code::UnknownLesson, Plan::unknown(id))
            .with_hint("/lessons/plans/45 is one; all are on /lessons.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::{own::LESSONS, plans::PLANS};

    /// No host but this lab's: neither loaded nor linked.
    fn is_of_this_lab(text: &str) -> bool {
        !["=\"http", "=\"//", "](http", " src=", "<script"]
            .iter()
            .any(|bad| text.contains(bad))
    }

    #[test]
    fn every_sheet_has_what_is_asked_and_how_it_is_run_and_gives_nothing_away() {
        for lesson in LESSONS.iter() {
            let id = &lesson.front.id;
            let sheet = Sheet::of(lesson, false, None).unwrap();
            let page = SheetPage { sheet: &sheet }.render().unwrap();
            let text = SheetText { sheet: &sheet }.render().unwrap();
            let (guess, ask) = (lesson.guess().unwrap(), lesson.ask().unwrap());
            for said in [
                &guess.question,
                &guess.unit,
                &ask.question,
                &lesson.front.title,
                &lesson.front.claims[0],
            ] {
                assert!(text.contains(said), "{id}: {said}");
            }
            for said in [
                sheet.asked.how.as_str(),
                &sheet.parameters.what,
                &sheet.cites[0],
            ] {
                assert!(text.contains(said), "{id}: {said}");
                let escaped = said.replace('"', "&#34;").replace('\'', "&#39;");
                assert!(page.contains(&escaped), "{id}: {said}");
            }
            for (name, value) in &sheet.parameters.all {
                assert!(
                    text.contains(name) && text.contains(value),
                    "{id}: {name} {value}"
                );
            }
            assert!(is_of_this_lab(&page) && is_of_this_lab(&text), "{id}");
            let secret = [
                lesson.reveal().unwrap().predicted(),
                ask.because[0].as_str(),
            ];
            for secret in secret {
                assert!(
                    !page.contains(secret) && !text.contains(secret),
                    "{id}: {secret}"
                );
            }

            let key = Sheet::of(lesson, true, None).unwrap();
            let text = SheetText { sheet: &key }.render().unwrap();
            for said in [secret[0], secret[1], &predicted(lesson)] {
                assert!(text.contains(said), "{id}: {said}");
            }
            assert!(!predicted(lesson).is_empty(), "{id}");
            assert!(!text.contains(BLANK), "{id}: a key has nothing to fill in");
            let page = SheetPage { sheet: &key }.render().unwrap();
            assert!(page.contains("<td>5</td>"), "{id}");
            assert!(is_of_this_lab(&page), "{id}");
        }
    }

    #[test]
    fn the_hours_sheet_has_a_line_for_each_lesson_and_its_key_the_answers() {
        let shelf = Shelf::with([]);
        for plan in PLANS.iter() {
            let text = HourText {
                hour: Hour::of(plan, &shelf, false),
            }
            .render()
            .unwrap();
            let page = HourPage {
                hour: Hour::of(plan, &shelf, false),
            }
            .render()
            .unwrap();
            let key = HourText {
                hour: Hour::of(plan, &shelf, true),
            }
            .render()
            .unwrap();
            for id in plan.lessons() {
                let lesson = &shelf.find(id).unwrap().lesson;
                assert_eq!(text.matches(&lesson.front.title).count(), 2, "{id}");
                assert!(key.contains(&predicted(lesson)), "{id}");
            }
            assert!(is_of_this_lab(&page) && is_of_this_lab(&text) && is_of_this_lab(&key));
        }
    }

    #[test]
    fn what_a_lesson_says_is_text_on_its_sheet() {
        let (name, text) = crate::lessons::own::FILES[1];
        let hostile = text.replace("Of 100 answers", "<script>alert(1)</script> | Of");
        let lesson = Lesson::parse(name, &hostile).unwrap();
        let page = SheetPage {
            sheet: &Sheet::of(&lesson, false, None).unwrap(),
        }
        .render()
        .unwrap();
        assert!(
            !page.contains("<script") && page.contains("&#60;script&#62;"),
            "{page}"
        );
        let row = HourRow::of(&lesson).unwrap().flat();
        assert!(row.question.contains("\\|"));
    }
}
