//! The engine of a lesson's live steps: what the class sets in the lab, runs with its phones, and
//! native clients in phones' places.
//!
//! ```text
//!  step `set`  ──► conditions of the lanes; what was there before is remembered      (setting)
//!  run         ──► clients beside the phones, source, warm-up │ look … look │ figures (measuring, counted)
//!  wait        ──► the run before it goes on until the condition holds, or fails and says why; where
//!                  no run was before it, the class waits for what it counts from there    (waiting)
//!  reveal      ──► the sentence, what was measured, what theory says                 (outcome)
//!  lesson left ──► source and conditions are as they were
//! ```
//!
//! The source publishes only while a run goes on, so a class that is left alone is quiet. Experiments
//! and pages are not here: they are `runs`' and the browser's.

mod by_phones;
mod counted;
mod leading;
mod measuring;
mod outcome;
mod waiting;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix_web::web;
use tokio::sync::watch;

pub use self::leading::Leading;
use self::{
    by_phones::OfPhone,
    counted::{Figures, Look},
    measuring::Measuring,
    waiting::Waiting,
};
use super::refusals::no_class;
pub use crate::lab_api::class_room::Live;
use crate::{
    channel::{ChannelName, history::Start},
    class::{
        Class, ClassError,
        of_lesson::{CHANNEL, set_at},
        state::{GridState, GroupView, RunState},
    },
    clock,
    error::{Code, Refusal},
    lab::Lab,
    lab_api::{
        MainLane,
        class_room::{Going, lock},
    },
    lane::LaneId,
    lessons::{Lesson, figure::Expression, step::Kind},
    stand_in::{At, STAND_INS_MAX, StandIns},
};

/// Of stand-ins that a presenter sends.
const STAND_INS_SEED: u64 = 1;

/// How long the end of a run that was told to end is waited for.
const OVER_WITHIN: Duration = Duration::from_secs(10);
/// Of native clients in the phones' places, where a lesson asks for fewer.
const NATIVES_LEAST: usize = 2;
/// How long a run waits for those that were sent a moment ago.
const NATIVES_WITHIN: Duration = Duration::from_secs(10);

/// Begins the live run of a step, in a task of its own.
///
/// # Errors
///
/// Why it does not begin: no phone is here, one goes on, the lab cannot do what the step asks for.
pub async fn start(
    main: &web::Data<MainLane>,
    lab: &Arc<Lab>,
    lesson: &Arc<Lesson>,
    step: usize,
) -> Result<(), Refusal> {
    let Some(Kind::Run(run)) = lesson.steps.get(step).map(|step| &step.kind) else {
        return Err(no_run().into());
    };
    let Some(live) = run.live.clone() else {
        return Err(no_run().into());
    };
    if let Some(why) = why_not(lab, lesson) {
        return Err(cannot(why));
    }
    // One that was stopped puts back what was published before it: not what it found is to be put back
    // by this one.
    let goes_on = |class: &Class| class.run().is_some_and(|run| run.state.is_active());
    if main.class.look(goes_on) == Some(true) {
        return Err(ClassError::RunGoesOn.into());
    }
    until_over(main).await;
    let set = set_at(lesson, step).cloned();
    // After a restart of the server the step is shown, and nobody has entered it.
    if let Some(wanted) = conditions_at(lesson, step) {
        set_network(main, lab, &wanted)?;
    }
    // Nor are those back that the server had when it was stopped.
    bring_natives(main, lab).await?;
    natives_are_in(main).await;
    let (stop, stopped) = watch::channel(false);
    let (is_over, over) = watch::channel(());
    let now_us = clock::time_of_day_us();
    let begun = main.class.change(|class| {
        let here = match class.is_on_natives() {
            true => class.natives(),
            false => class.counts(clock::now_us()).open,
        };
        let asked_for = set.as_ref().is_some_and(|set| !set.phones.is_empty());
        let least = usize::from(lesson.front.needs.phones).max(usize::from(asked_for));
        if here < least {
            return Err(Refusal::new(Code::TooFewPhones, too_few(least, here)));
        }
        let mut view = class.run_here().ok_or_else(no_run)?;
        view.state = RunState::Warming;
        view.began_us = Some(now_us);
        let run = class.begin_run(view, now_us)?;
        // Before anybody can see that it goes on, and stop it.
        *lock(&main.live.run) = Some(Going { stop, over });
        Ok(run)
    });
    let run_id = begun.ok_or_else(no_class)??;
    let measuring = Measuring {
        main: main.clone(),
        lab: lab.clone(),
        lesson: lesson.clone(),
        step,
        run: run_id,
        live,
        clients: run.clients.clone(),
        set: set.unwrap_or_default(),
        stopped,
    };
    actix_web::rt::spawn(async move {
        measuring.carry_out().await;
        drop(is_over);
    });
    Ok(())
}

/// Until native clients that were just sent are there, where the lesson runs on them.
async fn natives_are_in(main: &web::Data<MainLane>) {
    let mut changes = main.class.watch();
    let are_in = || {
        main.class
            .look(|class| !class.is_on_natives() || class.natives() > 0)
    };
    let waited = async { while are_in() == Some(false) && changes.changed().await.is_ok() {} };
    // Then it is said how many are here.
    let _ = tokio::time::timeout(NATIVES_WITHIN, waited).await;
}

fn no_run() -> ClassError {
    ClassError::NotHere("this step has no run with the class's phones")
}

fn too_few(least: usize, here: usize) -> String {
    let phones = if least == 1 {
        "phone that is"
    } else {
        "phones that are"
    };
    let are = if here == 1 { "is" } else { "are" };
    format!("it takes {least} {phones} awake, and {here} {are} here")
}

/// Ends the live run that goes on, with what it has; when this returns, the class has it and what was
/// published before is published again. Whether there was one.
pub async fn stop(main: &web::Data<MainLane>) -> bool {
    let goes_on = main.class.look(|class| {
        let run = class.run();
        run.is_some_and(|run| run.state.is_active())
    });
    let told = lock(&main.live.run)
        .as_ref()
        .is_some_and(|run| run.stop.send(true).is_ok());
    until_over(main).await;
    told && goes_on == Some(true)
}

/// Until the task of the run that was the last one is over.
async fn until_over(main: &web::Data<MainLane>) {
    let over = lock(&main.live.run).as_ref().map(|run| run.over.clone());
    let Some(mut over) = over else {
        return;
    };
    // Nothing is ever sent: it fails when the task has let go of its end.
    if tokio::time::timeout(OVER_WITHIN, over.changed())
        .await
        .is_err()
    {
        tracing::warn!("a run of the class was told to end, and has not");
    }
}

/// The class shows another step, or another lesson or none: the network is as that step sets it, and
/// what an earlier one had set is lifted.
///
/// # Errors
///
/// The lab has no such conditions.
pub async fn entered(main: &web::Data<MainLane>, lab: &Arc<Lab>) -> Result<(), Refusal> {
    let here = main.class.look(|class| {
        let (lesson, step) = (class.lesson()?, class.step()?);
        Some((lesson.clone(), step))
    });
    let here = here.flatten();
    if let Some((lesson, step)) = &here
        && let Some(Kind::Wait(wait)) = lesson.steps.get(*step).map(|step| &step.kind)
    {
        let waiting = Waiting::new(main, lab, (lesson, *step), wait);
        actix_web::rt::spawn(waiting.until_seen());
    }
    bring_natives(main, lab).await?;
    match here.and_then(|(lesson, step)| conditions_at(&lesson, step)) {
        Some(wanted) => set_network(main, lab, &wanted),
        None => {
            lock(&main.live.setting).lift(lab);
            Ok(())
        }
    }
}

/// The network that holds at a step, with its seed: what the `set` before it says, as long as phones are
/// measured in it. Whoever looks at what came out is in no tunnel any more.
fn conditions_at(lesson: &Lesson, step: usize) -> Option<(BTreeMap<String, String>, u64)> {
    let is_past = match &lesson.steps.get(step)?.kind {
        Kind::Run(run) => run.live.is_none(),
        Kind::Reveal(_) | Kind::Ask(_) => true,
        _ => false,
    };
    let set = set_at(lesson, step).filter(|_| !is_past)?;
    Some((set.conditions.clone(), lesson.front.seed))
}

fn set_network(
    main: &web::Data<MainLane>,
    lab: &Arc<Lab>,
    (conditions, seed): &(BTreeMap<String, String>, u64),
) -> Result<(), Refusal> {
    lock(&main.live.setting)
        .put(lab, conditions, *seed)
        .map_err(|why| Refusal::new(Code::NoConditionsHere, why))
}

/// Lifts all that the class has set in the lab: at a reset, and when the class ends.
pub async fn lift(main: &web::Data<MainLane>, lab: &Arc<Lab>) {
    stop(main).await;
    lock(&main.live.setting).lift(lab);
    *lock(&main.live.figures) = None;
    // Without a class there is nothing that they could stand in for.
    if main.class.look(|_| ()).is_none() {
        send_home(main).await;
    }
}

/// Whether a lesson's phones can only be native clients: it changes the network, and what phones can reach
/// has none to change.
pub fn is_for_natives(lab: &Lab, lesson: &Lesson) -> bool {
    let changes = |kind: &Kind| matches!(kind, Kind::Set(set) if !set.conditions.is_empty());
    lab.config.single_port && lesson.steps.iter().any(|step| changes(&step.kind))
}

/// Why a lesson cannot be given by this lab, for people; `None`: it can.
pub fn why_not(lab: &Lab, lesson: &Lesson) -> Option<String> {
    let has_conditions = |lane: &str| lab.conditions.lanes().any(|(known, _)| known.0 == lane);
    let sets = lesson.steps.iter().filter_map(|step| match &step.kind {
        Kind::Set(set) => Some(set),
        _ => None,
    });
    let mut wanted = sets.flat_map(|set| set.conditions.keys());
    let missing = wanted.find(|lane| !has_conditions(lane))?;
    Some(match lab.conditions.lanes().next() {
        None => {
            "it changes the network of single lanes, and this lab has all of them on one port and \
                 none on the loopback; start it without --single-port"
                .to_owned()
        }
        Some(_) => format!("it changes the network of the lane {missing}, which this lab has not"),
    })
}

/// So many native clients in phones' places; 0 sends them home.
///
/// # Errors
///
/// Too many, or there is no class.
pub async fn stand_ins(
    main: &web::Data<MainLane>,
    lab: &Arc<Lab>,
    count: usize,
) -> Result<(), Refusal> {
    if count > STAND_INS_MAX {
        return Err(Refusal::new(
            Code::BadRange,
            format!("count is {count}; choose 0 to {STAND_INS_MAX}"),
        ));
    }
    let Some(code) = main.class.look(|class| class.code().to_owned()) else {
        return Err(no_class());
    };
    let Some(at) = at(lab) else {
        return Err(cannot("this lab does not know its own address".to_owned())
            .with_hint("Let phones join instead: their address is on the wall."));
    };
    send_home(main).await;
    main.live.natives_of_lesson.store(false, Ordering::Release);
    main.class.change(Class::remove_silent_natives);
    if count == 0 {
        return Ok(());
    }
    let started = StandIns::start(at, &code, lab.stand_ins_key.text(), count, STAND_INS_SEED);
    let started = started.map_err(|error| {
        Refusal::new(Code::Internal, format!("no thread for stand-ins: {error}"))
    })?;
    // Somebody may have sent others in the meantime: only the last ones stay.
    let replaced = lock(&main.live.stand_ins).replace(started);
    if let Some(replaced) = replaced {
        leave(main, replaced).await;
    }
    Ok(())
}

/// Where its own native clients find it.
fn at(lab: &Lab) -> Option<At> {
    let of_main = lab.addresses().iter().find(|it| it.lane == LaneId::MAIN);
    let inside = lab.lanes_inside.iter();
    Some(At {
        url: of_main?.url.clone(),
        lanes: inside
            .map(|it| (it.lane.0.to_owned(), it.url.clone()))
            .collect(),
    })
}

/// A lesson that runs on native clients has some: what the lesson says, unless the presenter has sent some.
async fn bring_natives(main: &web::Data<MainLane>, lab: &Arc<Lab>) -> Result<(), Refusal> {
    let wanted = main.class.look(|class| {
        let lesson = class.lesson().filter(|_| class.is_on_natives())?;
        let needs = &lesson.front.needs;
        Some(usize::from(needs.stand_ins.max(needs.phones)).clamp(NATIVES_LEAST, STAND_INS_MAX))
    });
    match wanted.flatten() {
        Some(count) if lock(&main.live.stand_ins).is_none() => {
            stand_ins(main, lab, count).await?;
            main.live.natives_of_lesson.store(true, Ordering::Release);
        }
        // Those of a lesson go with it.
        None if main.live.natives_of_lesson.swap(false, Ordering::AcqRel) => send_home(main).await,
        _ => {}
    }
    Ok(())
}

async fn send_home(main: &web::Data<MainLane>) {
    let leaving = lock(&main.live.stand_ins).take();
    if let Some(leaving) = leaving {
        leave(main, leaving).await;
    }
}

/// They leave the class, with what they guessed.
async fn leave(main: &web::Data<MainLane>, leaving: StandIns) {
    // Their thread is waited for, so that none of them joins behind our back.
    let ids = match web::block(move || leaving.stop()).await {
        Ok(ids) => ids,
        Err(error) => {
            tracing::warn!(%error, "stand-ins");
            return;
        }
    };
    main.class.change(|class| {
        for id in ids.iter().filter_map(|id| id.parse().ok()) {
            // One that the presenter has taken out is gone already.
            let _ = class.remove(id);
        }
    });
}

/// The meters and the position of the class's channel now, and the delays that the lab itself measured so far.
async fn look(lab: &Lab) -> Look {
    let publications = published(lab).await;
    Look::new(clock::now_us(), &lab.meters.series(), CHANNEL, publications)
        .with_delays(lab.latencies.merged())
}

/// What the phones measured in a run, or since they were set up where none has begun (0).
fn by_phones(main: &MainLane, run: u64) -> Figures {
    let addresses = main.class.addresses().clone();
    let now_us = clock::now_us();
    let phones = main.class.look(|class| {
        let reported = class.delays(run, now_us).into_iter();
        let of_phone = |(id, group, delays): (_, &GroupView, _)| OfPhone {
            address: addresses.get(&id).and_then(|place| place.client),
            group: group.group,
            lane: group.lane.clone(),
            delays,
        };
        reported.map(of_phone).collect::<Vec<_>>()
    });
    by_phones::figures(&phones.unwrap_or_default())
}

/// How far each part of what is waited for is, in words: of what each phone counts itself, how many have it.
fn so_far(class: &Class, until: &Expression, figures: &Figures) -> Vec<String> {
    let now_us = clock::now_us();
    let run = class.run_shown();
    let parts = until.progress(&|name| figures.get(name).copied());
    let said = parts.iter().map(|part| {
        let of_phones = part.each_phone.as_ref().and_then(|(lane, counter)| {
            let counted = class.have_counted((lane, counter), part.want, run, now_us);
            counted.filter(|(_, all)| *all > 0)
        });
        match of_phones {
            Some((have, all)) => {
                let phones = if all == 1 { "phone" } else { "phones" };
                format!("{} ({have} of {all} {phones} have them)", part.as_text())
            }
            None => part.as_text(),
        }
    });
    said.collect()
}

/// Publications of the class's channel since it is there.
async fn published(lab: &Lab) -> u64 {
    let there = lab.node.recover(&channel(), &Start::default()).await;
    there.map_or(0, |there| there.position.offset)
}

fn channel() -> ChannelName {
    ChannelName::parse(CHANNEL).expect("the class's channel has a good name")
}

/// Who is there, by lane and form.
fn audience(class: &Class, now_us: u64) -> counted::Audience {
    let mut audience = counted::Audience::default();
    let is_on_natives = class.is_on_natives();
    let open = |one: &&crate::class::Participant| {
        one.state(now_us) == GridState::Open && (one.is_native || !is_on_natives)
    };
    for phone in class.participants().iter().filter(open) {
        audience.phones += 1.0;
        let group = phone.group.and_then(|group| class.groups().get(group));
        let row = group.and_then(|group| counted::row_of(&group.lane, group.bare, group.recovery));
        if let Some(row) = row {
            *audience.on.entry(row).or_default() += 1.0;
        }
    }
    audience.answered = class.answered() as f64;
    audience
}

fn cannot(why: String) -> Refusal {
    Refusal::new(Code::CannotRun, why)
}
