//! What the presenter does. Every call needs the token; each answers with the state, as
//! `GET /api/class/lead` does.
//!
//! ```text
//! POST   /api/class {"name"?}                     begins a class → 201
//! DELETE /api/class?save=true                     ends it → {"saved":"ID"} or {"saved":null}
//! GET    /api/class/lead                          the state, with `grid` and `lead`
//! POST   /api/class/lesson {"lesson":"tunnel"}    gives a lesson; null: none
//! POST   /api/class/plan {"plan":"45"}           follows a plan of the hour; null: none
//! POST   /api/class/plan/go {"row":3}             goes to a row of it, and gives its lesson
//! POST   /api/class/go {"to":"next"}              or "back", "again", 3
//! POST   /api/class/lock                          guesses can no longer be changed
//! POST   /api/class/second-guess                  asks once more
//! POST   /api/class/run, /run/stop                the run of the step
//! POST   /api/class/reveal {"seen"?,"predicted_only"?}   shows what came out; `seen` was read off a
//!                                                 page, in the guess's unit
//! POST   /api/class/answers                       shows the last question's answer
//! POST   /api/class/tools {"frozen"?,"muted"?,"dark"?,"closed"?,"timer_s"?,"page"?,"show"?}
//! POST   /api/class/send-away-gone                takes all phones out that are gone
//! POST   /api/class/reload                        all phones load themselves again
//! POST   /api/class/reset                         the lesson from its beginning
//! POST   /api/class/participants/ID/name          another name from the list
//! DELETE /api/class/participants/ID               takes a phone out
//! POST   /api/class/stand-ins {"count":28}        native clients in phones' places
//! ```

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::StatusCode, web};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{body, events, experiment, live, refusals::no_class};
use crate::{
    class::{Class, ClassError, Outcome, ParticipantId, To, Tools, Whom, state::RunKind},
    clock,
    error::{Code, Refusal},
    lab::Lab,
    lab_api::{MainLane, no_store, runs::internal},
    lessons::{Lesson, plans::Plan},
    registry::LaneWorker,
};

type Main = web::Data<MainLane>;

/// A call of the presenter's: without the token there is none.
pub struct Call {
    request: HttpRequest,
    lab: Arc<Lab>,
    main: Main,
}

impl FromRequest for Call {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let call = || {
            let (worker, main) = (
                request.app_data::<web::Data<LaneWorker>>(),
                request.app_data::<Main>(),
            );
            let (Some(worker), Some(main)) = (worker, main) else {
                return Err(Refusal::new(
                    Code::Internal,
                    "a class is led on the main lane alone",
                ));
            };
            worker.lab.presenter.require(request)?;
            Ok(Self {
                request: request.clone(),
                lab: worker.lab.clone(),
                main: main.clone(),
            })
        };
        ready(call())
    }
}

impl Call {
    async fn body<T: DeserializeOwned>(
        &self,
        payload: web::Payload,
        like: &'static str,
    ) -> Result<T, Refusal> {
        body(&self.request, payload, like).await
    }

    /// The state, as the presenter sees it.
    async fn answer(&self) -> Result<HttpResponse, Refusal> {
        let state = events::state(&self.lab, &self.main, Whom::Presenter).await;
        Ok(no_store().json(state.ok_or_else(no_class)?))
    }

    /// Changes the class, and answers with its state.
    async fn change(
        &self,
        act: impl FnOnce(&mut Class) -> Result<(), ClassError>,
    ) -> Result<HttpResponse, Refusal> {
        self.main.class.change(act).ok_or_else(no_class)??;
        self.answer().await
    }

    /// As [`Self::change`], where another step may be shown: the lab's network is as that one has it.
    async fn go(
        &self,
        act: impl FnOnce(&mut Class) -> Result<(), ClassError>,
    ) -> Result<HttpResponse, Refusal> {
        self.main.class.change(act).ok_or_else(no_class)??;
        live::entered(&self.main, &self.lab).await?;
        self.answer().await
    }

    /// Gives a lesson, or none: `give` does.
    async fn give(
        &self,
        lesson: Option<Arc<Lesson>>,
        give: impl FnOnce(&mut Class, Option<Arc<Lesson>>, u64) -> Result<(), ClassError>,
    ) -> Result<HttpResponse, Refusal> {
        let is_for_natives =
            (lesson.as_deref()).is_some_and(|lesson| live::is_for_natives(&self.lab, lesson));
        self.go(|class| {
            give(class, lesson, clock::time_of_day_us())?;
            if is_for_natives && !class.is_on_natives() {
                class.put_on_natives();
            }
            Ok(())
        })
        .await
    }

    fn is_there_a_class(&self) -> Result<(), Refusal> {
        self.main.class.look(|_| ()).ok_or_else(no_class)
    }
}

#[derive(Deserialize)]
struct Begin {
    #[serde(default)]
    name: String,
}

pub async fn begin(call: Call, payload: web::Payload) -> Result<HttpResponse, Refusal> {
    let like = "{\"name\":\"Monday, 9 o'clock\"}, or nothing";
    let asked: Begin = call.body(payload, like).await?;
    if !call.main.class.begin(&asked.name) {
        return Err(Refusal::new(Code::ClassIsOn, "a class is on already"));
    }
    let mut begun = call.answer().await?;
    *begun.status_mut() = StatusCode::CREATED;
    Ok(begun)
}

#[derive(Deserialize)]
pub struct End {
    #[serde(default)]
    save: bool,
}

pub async fn end(
    call: Call,
    query: Result<web::Query<End>, actix_web::Error>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Ended {
        saved: Option<String>,
    }
    let query = query.map_err(|error| {
        Refusal::new(Code::BadQuery, error.to_string()).with_hint("Use ?save=true or ?save=false.")
    })?;
    call.is_there_a_class()?;
    stop(&call.main).await;
    let (save, room) = (query.save, call.main.class.clone());
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
    live::lift(&call.main, &call.lab).await;
    let saved = saved.ok_or_else(no_class)?;
    Ok(no_store().json(Ended { saved }))
}

pub async fn lead(call: Call) -> Result<HttpResponse, Refusal> {
    call.answer().await
}

/// `null` must be said, as in [`Follow`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Give {
    #[serde(deserialize_with = "Option::deserialize")]
    lesson: Option<String>,
}

pub async fn lesson(call: Call, payload: web::Payload) -> Result<HttpResponse, Refusal> {
    let like = "{\"lesson\":\"tunnel\"}, or null for none";
    let asked: Give = call.body(payload, like).await?;
    let lesson = match asked.lesson {
        Some(id) => Some(found(&call.main, &call.lab, id).await?),
        None => None,
    };
    call.give(lesson, |class, lesson, now_us| {
        class.give_lesson(lesson, now_us)
    })
    .await
}

/// `null` must be said: a mistyped name would otherwise end the plan, and its minutes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Follow {
    #[serde(deserialize_with = "Option::deserialize")]
    plan: Option<String>,
}

pub async fn plan(call: Call, payload: web::Payload) -> Result<HttpResponse, Refusal> {
    let like = "{\"plan\":\"45\"}, or null for none";
    let asked: Follow = call.body(payload, like).await?;
    let plan = asked.plan.as_deref().map(plan_of).transpose()?;
    call.change(|class| {
        class.follow_plan(plan, clock::time_of_day_us());
        Ok(())
    })
    .await
}

fn plan_of(id: &str) -> Result<&'static Plan, Refusal> {
    Plan::find(id).ok_or_else(|| Refusal::new(Code::UnknownLesson, Plan::unknown(id)))
}

#[derive(Deserialize)]
struct GoInPlan {
    row: usize,
}

pub async fn go_in_plan(call: Call, payload: web::Payload) -> Result<HttpResponse, Refusal> {
    let like = "{\"row\":3}, counted from 0";
    let row = call.body::<GoInPlan>(payload, like).await?.row;
    let plan = call.main.class.look(Class::plan).ok_or_else(no_class)?;
    let plan = plan.ok_or(ClassError::NoPlan)?;
    let lesson = plan.rows.get(row).ok_or(ClassError::NoSuchRow(row))?;
    let lesson = match lesson.lesson.clone() {
        Some(id) => Some(found(&call.main, &call.lab, id).await?),
        None => None,
    };
    call.give(lesson, |class, lesson, now_us| {
        class.go_in_plan(row, lesson, now_us)
    })
    .await
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

pub async fn go(call: Call, payload: web::Payload) -> Result<HttpResponse, Refusal> {
    let like = "{\"to\":\"next\"}, \"back\" or \"again\", or the number of a step from 0";
    let asked: Go = call.body(payload, like).await?;
    let to = match asked.to {
        Where::Word(Word::Next) => To::Next,
        Where::Word(Word::Back) => To::Back,
        Where::Word(Word::Again) => To::Again,
        Where::Step(at) => To::Step(at),
    };
    call.go(|class| class.go(to, clock::time_of_day_us())).await
}

pub async fn lock(call: Call) -> Result<HttpResponse, Refusal> {
    call.change(Class::lock).await
}

pub async fn second_guess(call: Call) -> Result<HttpResponse, Refusal> {
    call.go(Class::second_guess).await
}

pub async fn run(call: Call) -> Result<HttpResponse, Refusal> {
    let (lab, main) = (&call.lab, &call.main);
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
        RunKind::Live => live::start(main, lab, &lesson, step).await?,
        RunKind::Experiment => {
            let kind = lesson.steps.get(step).map(|step| &step.kind);
            let full = matches!(kind, Some(crate::lessons::step::Kind::Run(run)) if run.full);
            experiment::start(main, run, full).await?;
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
    call.answer().await
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

pub async fn stop_run(call: Call) -> Result<HttpResponse, Refusal> {
    call.is_there_a_class()?;
    if !stop(&call.main).await {
        return Err(
            Refusal::new(Code::NotAtThisStep, "no run of the class goes on")
                .with_hint("Press Run at a step that has one."),
        );
    }
    call.answer().await
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    seen: Option<f64>,
    #[serde(default)]
    predicted_only: bool,
}

pub async fn reveal(call: Call, payload: web::Payload) -> Result<HttpResponse, Refusal> {
    let like = "nothing, {\"seen\":12.5} in the unit of the guess, or {\"predicted_only\":true}";
    let asked: Shown = call.body(payload, like).await?;
    call.go(|class| class.reveal(asked.seen, asked.predicted_only))
        .await
}

pub async fn answers(call: Call) -> Result<HttpResponse, Refusal> {
    call.change(Class::show_answers).await
}

pub async fn tools(call: Call, payload: web::Payload) -> Result<HttpResponse, Refusal> {
    let like = "some of {\"frozen\":true,\"muted\":true,\"dark\":true,\"closed\":true,\
                \"timer_s\":120,\"page\":\"/chat\",\"show\":\"p7\"}";
    let asked: Tools = call.body(payload, like).await?;
    call.change(|class| class.tools(asked, clock::time_of_day_us()))
        .await
}

pub async fn reload(call: Call) -> Result<HttpResponse, Refusal> {
    call.change(|class| {
        class.reload_phones();
        Ok(())
    })
    .await
}

pub async fn reset(call: Call) -> Result<HttpResponse, Refusal> {
    call.is_there_a_class()?;
    stop(&call.main).await;
    call.main
        .class
        .change(Class::reset)
        .ok_or_else(no_class)??;
    live::lift(&call.main, &call.lab).await;
    live::entered(&call.main, &call.lab).await?;
    call.answer().await
}

pub async fn new_name(call: Call, id: web::Path<String>) -> Result<HttpResponse, Refusal> {
    let id = participant(&id)?;
    call.change(|class| class.new_name(id, rand::random()))
        .await
}

pub async fn remove(call: Call, id: web::Path<String>) -> Result<HttpResponse, Refusal> {
    let id = participant(&id)?;
    call.change(|class| class.remove(id)).await
}

pub async fn send_away_gone(call: Call) -> Result<HttpResponse, Refusal> {
    call.change(|class| {
        class.remove_gone(clock::now_us());
        Ok(())
    })
    .await
}

fn participant(id: &str) -> Result<ParticipantId, Refusal> {
    id.parse()
        .map_err(|why: String| Refusal::new(Code::UnknownParticipant, why))
}

#[derive(Deserialize)]
struct StandIns {
    count: usize,
}

pub async fn stand_ins(call: Call, payload: web::Payload) -> Result<HttpResponse, Refusal> {
    let asked: StandIns = call.body(payload, "{\"count\":28}").await?;
    live::stand_ins(&call.main, &call.lab, asked.count).await?;
    call.answer().await
}
