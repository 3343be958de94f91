//! The lessons: the list by what they are about, and each at its own address, to be worked through
//! alone. What measures is on the lab's other pages or is an experiment that is started from here;
//! its newest result on this machine is read back and put beside the guess, which stays in the
//! visitor's browser. Classes, presenters and joining are not here.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use askama::Template;
use serde::Deserialize;

use super::{
    Page,
    experiments::{about, kept, on_disk, read},
    render,
};
use crate::{
    error::{Code, Refusal},
    experiments::{claims, claims::Article, find, group::Group, html},
    lab_api::{MainLane, experiments::ExperimentView, of_lessons::guessed_at},
    lessons::{
        Lesson, code, markup,
        plans::{PLANS, Plan},
        shelf::{Shelf, Shelved},
        step::{GuessKind as Asked, Kind, Reveal, Step, To},
    },
    registry::LaneWorker,
    saved::{folder::Folder, of_experiments::Kept},
    transport::wrong_method,
};

pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/lessons")
                .route(web::get().to(list))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/lessons/{id}")
                .route(web::get().to(one))
                .default_service(wrong_method(&[Method::GET])),
        );
}

#[derive(Template)]
#[template(path = "lessons.html")]
struct List {
    page: Page,
    shelf: Arc<Shelf>,
    groups: Vec<Grouped>,
    /// Of a whole hour.
    plans: &'static [Plan],
    /// How many of the two articles' claims the lessons cover together, and how many there are.
    covered: usize,
    claims: usize,
}

struct Grouped {
    key: &'static str,
    name: &'static str,
    tiles: Vec<Shelved>,
}

/// `GET /lessons`.
async fn list(
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> HttpResponse {
    let shelf = shelf(&main).await;
    let grouped = |group: Group| Grouped {
        key: group.id(),
        name: group.title(),
        tiles: shelf.of(group).cloned().collect(),
    };
    let claims = || Article::ALL.into_iter().flat_map(Article::claims);
    let is_covered = |id: &str| {
        let mut all = shelf.all();
        all.any(|shelved| shelved.lesson.front.claims.iter().any(|claim| claim == id))
    };
    let page = List {
        page: Page::new(&request, &worker.lab, "lessons", "Lessons"),
        groups: Group::ALL
            .into_iter()
            .map(grouped)
            .filter(|group| !group.tiles.is_empty())
            .collect(),
        plans: &PLANS,
        covered: claims().filter(|claim| is_covered(claim.id)).count(),
        claims: claims().count(),
        shelf: shelf.clone(),
    };
    render(&request, page)
}

/// Reading a teacher's folder does not hold up the worker.
pub(super) async fn shelf(main: &web::Data<MainLane>) -> Arc<Shelf> {
    let main = main.clone();
    let looked = web::block(move || main.lessons.shelf()).await;
    looked.unwrap_or_else(|error| {
        tracing::error!(%error, "the lessons could not be looked at");
        Arc::new(Shelf::with([]))
    })
}

#[derive(Template)]
#[template(path = "lesson.html")]
struct One {
    page: Page,
    lesson: Lesson,
    is_teachers: bool,
    claims: Vec<Cited>,
    /// Of the guess's step, and so on: prose before a step that only says something is with the next.
    stages: Stages,
    runs: Vec<ShownRun>,
    /// Of the experiment that it runs.
    result: Option<ShownResult>,
    /// As HTML.
    change: String,
    next: Option<(String, String)>,
    /// The hours that it is in.
    plans: Vec<&'static Plan>,
}

impl One {
    /// The guess as its control reads it, as JSON.
    fn asked(&self) -> String {
        let asked = self.lesson.guess().map(|guess| guess.asked());
        serde_json::to_string(&asked).unwrap_or_default()
    }

    /// What was measured of the guess, as a list in JSON: one value, or of a curve one for each point; `None` where
    /// nothing was.
    fn measured(&self) -> Option<String> {
        as_list(&self.result.as_ref()?.measured)
    }

    /// Of that very run: its own conditions are in it.
    fn theory(&self) -> Option<String> {
        as_list(&self.result.as_ref()?.theory)
    }

    fn expected(&self) -> Option<String> {
        let expected = &self.lesson.reveal()?.expected;
        as_list(&expected.iter().copied().map(Some).collect::<Vec<_>>())
    }

    fn right(&self) -> Option<String> {
        let right = &self.lesson.reveal()?.right;
        (!right.is_empty()).then(|| serde_json::to_string(right).unwrap_or_default())
    }

    /// What a class needs, in words.
    fn needs(&self) -> String {
        let needs = &self.lesson.front.needs;
        let mut parts = Vec::new();
        if needs.phones > 0 {
            let plural = if needs.phones == 1 { "" } else { "s" };
            let instead = match needs.stand_ins {
                0 => String::new(),
                count => format!(" (or {count} stand-ins)"),
            };
            parts.push(format!("at least {} phone{plural}{instead}", needs.phones));
        }
        if !needs.lanes.is_empty() {
            parts.push(format!("the lanes {}", needs.lanes.join(", ")));
        }
        if needs.nodes > 1 {
            parts.push(format!("{} labs at once", needs.nodes));
        }
        if needs.quiet {
            parts.push("a run that has the machine for itself".to_owned());
        }
        parts.join("; ")
    }

    /// What theory says, to be read without scripts.
    fn said_by_theory(&self) -> String {
        let (Some(reveal), Some(guess)) = (self.lesson.reveal(), self.lesson.guess()) else {
            return String::new();
        };
        let named = |all: &[String]| {
            let names = reveal.right.iter().filter_map(|at| all.get(at - 1));
            names.cloned().collect::<Vec<_>>().join("; ")
        };
        match guess.kind {
            Asked::Choice => named(&guess.options),
            Asked::Order => named(&guess.items),
            Asked::Number | Asked::Curve => {
                let numbers = reveal.expected.iter().map(f64::to_string);
                let numbers = numbers.collect::<Vec<_>>().join(" · ");
                format!("{numbers} {}", guess.unit).trim_end().to_owned()
            }
        }
    }
}

/// Prose of each part, as HTML.
#[derive(Default)]
pub(super) struct Stages {
    question: String,
    guess: String,
    run: String,
    pub(super) why: String,
    ask: String,
    /// For whoever teaches.
    notes: String,
}

impl Stages {
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut stages = Self::default();
        let mut has_guessed = false;
        for step in steps {
            let part = match &step.kind {
                Kind::Say(say) if say.to == To::Presenter => &mut stages.notes,
                Kind::Say(_) if !has_guessed => &mut stages.question,
                Kind::Guess(_) => {
                    has_guessed = true;
                    &mut stages.guess
                }
                // What only a class does, and what it is told of it.
                Kind::Set(_) | Kind::Wait(_) => continue,
                Kind::Run(run) if !run.is_for_one() => continue,
                Kind::Run(run) if !run.alone.is_empty() => {
                    stages.run.push_str(&markup::to_html(&run.alone));
                    continue;
                }
                Kind::Run(_) => &mut stages.run,
                Kind::Say(_) | Kind::Reveal(_) | Kind::Code(_) => &mut stages.why,
                Kind::Ask(_) => &mut stages.ask,
            };
            part.push_str(&step.html);
            if let Kind::Code(shown) = &step.kind
                && let Some(excerpt) = code::excerpt(shown)
            {
                part.push_str(&markup::code_to_html(&shown.file, &excerpt.lines));
            }
        }
        stages
    }
}

/// A claim that the lesson is about.
pub(super) struct Cited {
    pub(super) id: &'static str,
    pub(super) text: String,
    pub(super) article: &'static str,
    pub(super) kind: &'static str,
    /// What of it cannot be tested here; empty where all of it can.
    not_here: String,
}

struct ShownRun {
    page: Option<String>,
    seen: Option<String>,
    /// Id, title and how long its quick form takes.
    experiment: Option<(&'static str, &'static str, String)>,
}

/// What an experiment gave on this machine.
struct ShownResult {
    id: String,
    began: String,
    /// Markup that this program made.
    answer: String,
    /// Of what was guessed, in the guess's unit: one value, or of a curve one for each point.
    measured: Vec<Option<f64>>,
    theory: Vec<Option<f64>>,
}

/// `None` where there is no value in it.
fn as_list(values: &[Option<f64>]) -> Option<String> {
    let has_one = values.iter().any(Option::is_some);
    has_one.then(|| serde_json::to_string(values).unwrap_or_default())
}

#[derive(Deserialize)]
pub struct Query {
    /// A saved result, by its id; without, the newest.
    result: Option<String>,
}

/// `GET /lessons/tunnel`; `?result=ID` shows a saved result of the experiment that it runs.
async fn one(
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<Query>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let shelf = shelf(&main).await;
    let Some(shelved) = shelf.find(&id) else {
        // An address can be of any length, and what is quoted need not be.
        let asked: String = id.chars().take(40).collect();
        return Err(Refusal::new(Code::UnknownLesson, shelf.unknown(&asked)));
    };
    let lesson = shelved.lesson.clone();
    let experiment = lesson
        .runs()
        .find_map(|run| find(run.experiment.as_deref()?).ok());
    let result = match experiment {
        None => None,
        Some(experiment) => {
            let is_mine = |kept: &Kept| kept.experiment == experiment.id;
            let mut mine: Vec<Kept> = kept(&main).await.into_iter().filter(is_mine).collect();
            mine.sort_by_key(|kept| kept.partial);
            if let Some(wanted) = &query.result {
                mine.retain(|kept| kept.id == *wanted);
            }
            let reveal = lesson.reveal().cloned();
            let points = lesson.guess().map_or(0, |guess| guess.x.len()).max(1);
            on_disk(&main, move |saved| {
                newest(saved, &mine, reveal.as_ref(), points)
            })
            .await
        }
    };
    let timings = on_disk(&main, |saved| saved.timings()).await;
    let runs = lesson
        .runs()
        .filter(|run| run.is_for_one())
        .map(|run| ShownRun {
            page: run.page.clone(),
            seen: run.seen.clone(),
            experiment: run.experiment.as_deref().and_then(|id| {
                let view = ExperimentView::of(find(id).ok()?).with_times(&timings);
                Some((view.id, view.title, about(view.quick_s)))
            }),
        });
    let place = shelf
        .all()
        .position(|other| other.lesson.front.id == lesson.front.id);
    let next = shelf.all().nth(place.map_or(0, |at| at + 1));
    let page = One {
        page: Page::new(&request, &worker.lab, "lessons", lesson.front.title.clone()),
        is_teachers: shelved.is_teachers,
        claims: cited(&lesson),
        stages: Stages::of(&lesson.steps),
        runs: runs.collect(),
        result,
        change: markup::to_html(lesson.reveal().map_or("", |reveal| &reveal.change)),
        next: next.map(|next| {
            (
                next.lesson.front.id.clone(),
                next.lesson.front.title.clone(),
            )
        }),
        plans: (PLANS.iter())
            .filter(|plan| plan.lessons().any(|id| id == lesson.front.id))
            .collect(),
        lesson,
    };
    Ok(render(&request, page))
}

pub(super) fn cited(lesson: &Lesson) -> Vec<Cited> {
    let of = |id: &String| {
        let claim = claims::find(id)?;
        let mut articles = Article::ALL.into_iter();
        let article = articles.find(|article| article.claims().contains(claim))?;
        Some(Cited {
            id: claim.id,
            // Quotation marks stand around it: its own become single ones.
            text: claim.text.replace('"', "'"),
            article: article.title(),
            kind: article.kind(),
            not_here: lesson.front.not_here.get(id).cloned().unwrap_or_default(),
        })
    };
    lesson.front.claims.iter().filter_map(of).collect()
}

/// The first that can be read. `points`: of what is guessed.
fn newest(
    saved: &Folder,
    mine: &[Kept],
    reveal: Option<&Reveal>,
    points: usize,
) -> Option<ShownResult> {
    mine.iter().find_map(|kept| {
        let done = read(saved, kept)?;
        let found = |point: usize| {
            let found = reveal.map(|reveal| guessed_at(&done, reveal, point, points));
            let found = found.unwrap_or_default();
            (found.measured, found.theory)
        };
        let (measured, theory) = (0..points).map(found).unzip();
        Some(ShownResult {
            answer: html::answer(&done, &format!("/runs/{}", kept.id)),
            id: kept.id.clone(),
            began: kept.began(),
            measured,
            theory,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lessons::own::LESSONS;

    #[test]
    fn every_page_that_a_lesson_may_open_is_one_of_the_header() {
        for path in crate::lessons::address::PAGES {
            let place = crate::pages::navigation::above(path);
            assert!(place.is_some_and(|place| place.path == path), "{path}");
        }
    }

    #[test]
    fn every_lesson_has_a_text_for_each_part_and_no_address_of_another_host() {
        for lesson in LESSONS.iter() {
            let stages = Stages::of(&lesson.steps);
            let id = &lesson.front.id;
            for part in [&stages.question, &stages.guess, &stages.run, &stages.why] {
                assert!(part.len() > 20 && !part.contains("\"http"), "{id}: {part}");
            }
            assert_eq!(cited(lesson).len(), lesson.front.claims.len(), "{id}");
        }
    }
}
