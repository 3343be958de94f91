//! What the presenter does. Every call needs the token; each answers with the state, as
//! `GET /api/class/lead` does.
//!
//! ```text
//! POST   /api/class {"name"?}                     begins a class → 201
//! DELETE /api/class?save=true                     ends it → {"saved":"ID"} or {"saved":null}
//! GET    /api/class/lead                          the state, with `grid` and `lead`
//! POST   /api/class/lesson {"lesson":"tunnel"}    gives a lesson; null: none
//! POST   /api/class/go {"to":"next"}              or "back", "again", 3
//! POST   /api/class/lock                          guesses can no longer be changed
//! POST   /api/class/second-guess                  asks once more
//! POST   /api/class/run, /run/stop                the run of the step
//! POST   /api/class/reveal {"seen"?,"predicted_only"?}   shows what came out; `seen` was read off a
//!                                                 page, in the guess's unit
//! POST   /api/class/answers                       shows the last question's answer
//! POST   /api/class/tools {"frozen"?,"muted"?,"dark"?,"timer_s"?,"page"?,"show"?}
//! POST   /api/class/reload                        all phones load themselves again
//! POST   /api/class/reset                         the lesson from its beginning
//! POST   /api/class/participants/ID/name          another name from the list
//! DELETE /api/class/participants/ID               takes a phone out
//! POST   /api/class/stand-ins {"count":28}        native clients in phones' places
//! ```

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::{body, events, experiment, live, refusals::no_class};
use crate::{
    class::{Class, ClassError, Outcome, ParticipantId, To, Tools, Whom, state::RunKind},
    clock,
    error::{Code, Refusal},
    lab::Lab,
    lab_api::{MainLane, no_store, runs::internal},
    lessons::Lesson,
    registry::LaneWorker,
};

/// Native clients in phones' places.
const STAND_INS_MAX: usize = 100;

type Worker = web::Data<LaneWorker>;
type Main = web::Data<MainLane>;

async fn led(lab: &Arc<Lab>, main: &Main) -> Result<HttpResponse, Refusal> {
    let state = events::state(lab, main, Whom::Presenter).await;
    Ok(no_store().json(state.ok_or_else(no_class)?))
}

/// Changes the class, and answers with its state.
async fn change(
    request: &HttpRequest,
    worker: &Worker,
    main: &Main,
    act: impl FnOnce(&mut Class) -> Result<(), ClassError>,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(request)?;
    main.class.change(act).ok_or_else(no_class)??;
    led(&worker.lab, main).await
}

#[derive(Deserialize)]
struct Begin {
    #[serde(default)]
    name: String,
}

pub async fn begin(
    request: HttpRequest,
    payload: web::Payload,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let asked: Begin = body(
        &request,
        payload,
        "{\"name\":\"Monday, 9 o'clock\"}, or nothing",
    )
    .await?;
    if !main.class.begin(&asked.name) {
        return Err(Refusal::new(Code::ClassIsOn, "a class is on already"));
    }
    let state = events::state(&worker.lab, &main, Whom::Presenter).await;
    Ok(HttpResponse::Created()
        .insert_header(("cache-control", "no-store"))
        .json(state.ok_or_else(no_class)?))
}

#[derive(Deserialize)]
pub struct End {
    #[serde(default)]
    save: bool,
}

pub async fn end(
    request: HttpRequest,
    query: Result<web::Query<End>, actix_web::Error>,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Ended {
        saved: Option<String>,
    }
    worker.lab.presenter.require(&request)?;
    let query = query.map_err(|error| {
        Refusal::new(Code::BadQuery, error.to_string()).with_hint("Use ?save=true or ?save=false.")
    })?;
    main.class.look(|_| ()).ok_or_else(no_class)?;
    stop(&main).await;
    let (save, room) = (query.save, main.class.clone());
    let ended = web::block(move || room.end(save)).await;
    let saved = ended.map_err(internal)?.map_err(|error| {
        Refusal::new(
            Code::CannotSave,
            format!("the class cannot be saved: {error}"),
        )
        .with_hint(
            "It goes on. Free some room on the disk and end it again, or end it with Delete it.",
        )
    })?;
    live::lift(&main, &worker.lab).await;
    let saved = saved.ok_or_else(no_class)?;
    Ok(no_store().json(Ended { saved }))
}

pub async fn lead(
    request: HttpRequest,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    led(&worker.lab, &main).await
}

#[derive(Deserialize)]
struct Give {
    lesson: Option<String>,
}

pub async fn lesson(
    request: HttpRequest,
    payload: web::Payload,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let asked: Give = body(
        &request,
        payload,
        "{\"lesson\":\"tunnel\"}, or null for none",
    )
    .await?;
    let lesson = match asked.lesson {
        Some(id) => Some(found(&main, &worker.lab, id).await?),
        None => None,
    };
    let given = main
        .class
        .change(|class| class.give_lesson(lesson, clock::time_of_day_us()));
    given.ok_or_else(no_class)??;
    live::entered(&main, &worker.lab).await?;
    led(&worker.lab, &main).await
}

async fn found(main: &Main, lab: &Arc<Lab>, id: String) -> Result<Arc<Lesson>, Refusal> {
    let folder = main.clone();
    let shelf = web::block(move || folder.lessons.shelf())
        .await
        .map_err(internal)?;
    let Some(shelved) = shelf.find(&id) else {
        let asked: String = id.chars().take(40).collect();
        return Err(Refusal::new(Code::UnknownLesson, shelf.unknown(&asked)));
    };
    match live::why_not(lab, &shelved.lesson) {
        Some(why) => Err(Refusal::new(Code::CannotRun, why)
            .with_hint("Choose another lesson; the list says which ones can be given here.")),
        None => Ok(Arc::new(shelved.lesson.clone())),
    }
}

#[derive(Deserialize)]
struct Go {
    to: Where,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Where {
    Word(Word),
    Step(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Next,
    Back,
    Again,
}

pub async fn go(
    request: HttpRequest,
    payload: web::Payload,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let like = "{\"to\":\"next\"}, \"back\" or \"again\", or the number of a step from 0";
    let asked: Go = body(&request, payload, like).await?;
    let to = match asked.to {
        Where::Word(Word::Next) => To::Next,
        Where::Word(Word::Back) => To::Back,
        Where::Word(Word::Again) => To::Again,
        Where::Step(at) => To::Step(at),
    };
    let gone = main
        .class
        .change(|class| class.go(to, clock::time_of_day_us()));
    gone.ok_or_else(no_class)??;
    live::entered(&main, &worker.lab).await?;
    led(&worker.lab, &main).await
}

pub async fn lock(
    request: HttpRequest,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    change(&request, &worker, &main, Class::lock).await
}

pub async fn second_guess(
    request: HttpRequest,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    main.class
        .change(Class::second_guess)
        .ok_or_else(no_class)??;
    live::entered(&main, &worker.lab).await?;
    led(&worker.lab, &main).await
}

pub async fn run(
    request: HttpRequest,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let here = main.class.look(|class| {
        let lesson = class.lesson().ok_or(ClassError::NoLesson)?.clone();
        let step = class.step().ok_or(ClassError::NoLesson)?;
        if class.run().is_some_and(|run| run.state.is_active()) {
            return Err(ClassError::RunGoesOn);
        }
        let run = class
            .run_here()
            .ok_or(ClassError::NotHere("this step has no run"))?;
        Ok((lesson, step, run))
    });
    let (lesson, step, run) = here.ok_or_else(no_class)??;
    match run.kind {
        RunKind::Live => live::start(&main, &worker.lab, &lesson, step).await?,
        RunKind::Experiment => {
            let kind = lesson.steps.get(step).map(|step| &step.kind);
            let full = matches!(kind, Some(crate::lessons::step::Kind::Run(run)) if run.full);
            experiment::start(&main, run, full).await?;
        }
        // It is opened and looked at: what came out is read off it at the reveal.
        RunKind::Page => {
            let now_us = clock::time_of_day_us();
            let begun = main.class.change(|class| {
                class.begin_run(run, now_us)?;
                class.end_run(Outcome::default(), now_us);
                Ok::<_, ClassError>(())
            });
            begun.ok_or_else(no_class)??;
        }
    }
    led(&worker.lab, &main).await
}

/// Ends the run that goes on, and waits until the class has what came out of it. Whether there was one.
async fn stop(main: &Main) -> bool {
    let going_on = main.class.look(|class| {
        class
            .run()
            .filter(|run| run.state.is_active())
            .map(|run| run.kind)
    });
    match going_on.flatten() {
        Some(RunKind::Experiment) => {
            let has_ended = main.jobs.cancel();
            if has_ended {
                experiment::until_over(main).await;
            }
            has_ended
        }
        Some(RunKind::Live) => live::stop(main).await,
        Some(RunKind::Page) | None => false,
    }
}

pub async fn stop_run(
    request: HttpRequest,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    main.class.look(|_| ()).ok_or_else(no_class)?;
    if !stop(&main).await {
        return Err(
            Refusal::new(Code::NotAtThisStep, "no run of the class goes on")
                .with_hint("Press Run at a step that has one."),
        );
    }
    led(&worker.lab, &main).await
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    seen: Option<f64>,
    #[serde(default)]
    predicted_only: bool,
}

pub async fn reveal(
    request: HttpRequest,
    payload: web::Payload,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let like = "nothing, {\"seen\":12.5} in the unit of the guess, or {\"predicted_only\":true}";
    let asked: Shown = body(&request, payload, like).await?;
    let shown = main
        .class
        .change(|class| class.reveal(asked.seen, asked.predicted_only));
    shown.ok_or_else(no_class)??;
    // A step that sets the network may have been jumped over.
    live::entered(&main, &worker.lab).await?;
    led(&worker.lab, &main).await
}

pub async fn answers(
    request: HttpRequest,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    change(&request, &worker, &main, Class::show_answers).await
}

pub async fn tools(
    request: HttpRequest,
    payload: web::Payload,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let like = "some of {\"frozen\":true,\"muted\":true,\"dark\":true,\"timer_s\":120,\
                \"page\":\"/chat\",\"show\":\"p7\"}";
    let asked: Tools = body(&request, payload, like).await?;
    change(&request, &worker, &main, |class| {
        class.tools(asked, clock::time_of_day_us())
    })
    .await
}

pub async fn reload(
    request: HttpRequest,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    change(&request, &worker, &main, |class| {
        class.reload_phones();
        Ok(())
    })
    .await
}

pub async fn reset(
    request: HttpRequest,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    main.class.look(|_| ()).ok_or_else(no_class)?;
    stop(&main).await;
    main.class.change(Class::reset).ok_or_else(no_class)??;
    live::lift(&main, &worker.lab).await;
    live::entered(&main, &worker.lab).await?;
    led(&worker.lab, &main).await
}

pub async fn new_name(
    request: HttpRequest,
    id: web::Path<String>,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let id = participant(&id)?;
    change(&request, &worker, &main, |class| {
        class.new_name(id, rand::random())
    })
    .await
}

pub async fn remove(
    request: HttpRequest,
    id: web::Path<String>,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let id = participant(&id)?;
    change(&request, &worker, &main, |class| class.remove(id)).await
}

fn participant(id: &str) -> Result<ParticipantId, Refusal> {
    id.parse()
        .map_err(|why: String| Refusal::new(Code::UnknownParticipant, why))
}

#[derive(Deserialize)]
struct StandIns {
    count: usize,
}

pub async fn stand_ins(
    request: HttpRequest,
    payload: web::Payload,
    worker: Worker,
    main: Main,
) -> Result<HttpResponse, Refusal> {
    worker.lab.presenter.require(&request)?;
    let asked: StandIns = body(&request, payload, "{\"count\":28}").await?;
    if asked.count > STAND_INS_MAX {
        return Err(Refusal::new(
            Code::BadRange,
            format!("{} stand-ins; choose 0 to {STAND_INS_MAX}", asked.count),
        ));
    }
    main.class.look(|_| ()).ok_or_else(no_class)?;
    live::stand_ins(&main, &worker.lab, asked.count).await?;
    led(&worker.lab, &main).await
}
