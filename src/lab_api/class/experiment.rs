//! An experiment as the run of a lesson's step: a job like any other, whose end the class awaits.

use std::time::Duration;

use actix_web::{rt, web};

use crate::{
    class::{
        Class, Outcome, RunId,
        guess::Asked,
        state::{RunState, RunView},
    },
    clock,
    error::{Code, Refusal},
    experiments::{Experiment, find, guess::Found},
    jobs::{Job, State},
    lab_api::{
        MainLane,
        experiments::{ExperimentView, carrying_out},
        of_lessons::{guessed, guessed_curve, tolerances, withheld},
        runs,
    },
    lessons::step::Reveal,
    saved::document::Document,
};

/// How long the end of a job that was told to end is waited for.
const OVER_WITHIN: Duration = Duration::from_secs(10);

/// Starts it; the class's run ends by itself when the experiment does.
pub async fn start(main: &web::Data<MainLane>, run: RunView, full: bool) -> Result<(), Refusal> {
    let id = run.experiment.clone().unwrap_or_default();
    let experiment = find(&id).map_err(|_| {
        Refusal::new(
            Code::CannotRun,
            format!("this lab cannot run {id:?} for a class"),
        )
    })?;
    let takes_us = takes_s(main, experiment, full)
        .await
        .saturating_mul(1_000_000);
    let job = runs::begin(main.clone(), carrying_out(experiment, full)).await?;
    // Nothing is awaited from here to the task: a job that has begun is in the class, and is awaited.
    let now_us = clock::time_of_day_us();
    let begun = main.class.change(|class| {
        let run = RunView {
            state: RunState::Measuring,
            began_us: Some(now_us),
            measured_from_us: Some(now_us),
            ends_us: Some(now_us.saturating_add(takes_us)),
            ..run
        };
        class.begin_run(run, now_us)
    });
    match begun {
        Some(Ok(run)) => {
            let awaited = Awaited {
                main: main.clone(),
                job: job.number,
                run,
            };
            rt::spawn(awaited.wait_for_end());
            Ok(())
        }
        // The class went on meanwhile.
        Some(Err(error)) => {
            main.jobs.cancel();
            Err(error.into())
        }
        None => {
            main.jobs.cancel();
            Err(super::refusals::no_class())
        }
    }
}

/// Until the class has what came out of the run that was told to end.
pub async fn until_over(main: &web::Data<MainLane>) {
    let goes_on = || {
        let run = main.class.look(|class| class.run().map(|run| run.state));
        run.flatten().is_some_and(RunState::is_active)
    };
    let mut changes = main.class.watch();
    let waited = tokio::time::timeout(OVER_WITHIN, async {
        while goes_on() && changes.changed().await.is_ok() {}
    });
    if waited.await.is_err() {
        tracing::warn!("an experiment of the class was told to end, and has not");
    }
}

/// About how long, on this machine.
async fn takes_s(main: &web::Data<MainLane>, experiment: &'static Experiment, full: bool) -> u64 {
    let main = main.clone();
    let view = ExperimentView::of(experiment);
    let view = web::block(move || view.with_times(&main.saved.timings())).await;
    view.map_or(0, |view| if full { view.full_s } else { view.quick_s })
}

/// A run of a class that is a job.
struct Awaited {
    main: web::Data<MainLane>,
    job: u64,
    run: RunId,
}

impl Awaited {
    async fn wait_for_end(self) {
        let mut jobs = self.main.jobs.watch();
        let job = loop {
            let job = jobs.borrow_and_update().clone();
            match job.filter(|job| job.number == self.job) {
                Some(job) if job.state.is_over() => break Some(job),
                Some(_) => {}
                None => break None,
            }
            if jobs.changed().await.is_err() {
                break None;
            }
        };
        let (outcome, saved) = match job {
            Some(job) => self.outcome(job).await,
            None => (Outcome::failed("nobody knows how it ended"), None),
        };
        self.main.class.change(|class| {
            if class.is_run(&self.run) {
                if let Some(id) = saved {
                    class.note_run_id(id);
                }
                class.end_run(outcome, clock::time_of_day_us());
            }
        });
    }

    async fn outcome(&self, job: Job) -> (Outcome, Option<String>) {
        let Some(id) = job.saved.filter(|_| job.state == State::Done) else {
            let why = job
                .error
                .unwrap_or_else(|| "it ended without a result".to_owned());
            return (Outcome::failed(why), None);
        };
        let main = self.main.clone();
        let asked = main.class.look(|class: &Class| {
            let lesson = class.lesson()?;
            Some((
                lesson.guess().map(|guess| guess.asked()),
                lesson.reveal().cloned()?,
            ))
        });
        let (asked, reveal) = match asked.flatten() {
            Some((asked, reveal)) => (asked, Some(reveal)),
            None => (None, None),
        };
        let read = {
            let id = id.clone();
            web::block(move || main.saved.read(&id)).await
        };
        let outcome = match read {
            Ok(Ok(Document::Experiment(done))) => match &reveal {
                Some(reveal) => measured(&done, asked.as_ref(), reveal),
                None => Outcome::failed("the class has gone on to something else"),
            },
            Ok(Ok(_)) => Outcome::failed(format!("{id} is no experiment's result")),
            Ok(Err(error)) => Outcome::failed(format!("{id} cannot be read back: {error}")),
            Err(error) => Outcome::failed(format!("{id} was not read back: {error}")),
        };
        (outcome, Some(id))
    }
}

/// What the result says of what was guessed. A figure that the experiment withholds is none, and why
/// stands in its own sentence.
fn measured(
    done: &crate::experiments::CarriedOut,
    asked: Option<&Asked>,
    reveal: &Reveal,
) -> Outcome {
    let said = done.sentence().unwrap_or_default();
    let Found {
        measured, theory, ..
    } = match asked {
        Some(Asked::Number { .. }) => guessed(done, reveal),
        _ => Found::default(),
    };
    let measured_points = match asked {
        Some(Asked::Curve { x, .. }) => guessed_curve(done, reveal, x.len()),
        _ => Vec::new(),
    };
    let points = match asked {
        Some(Asked::Curve { x, .. }) => x.len(),
        _ => 1,
    };
    let withheld = withheld(done, reveal, points);
    let has_none = measured.is_none() && measured_points.is_empty();
    // Of a curve of which it has a part alone, the class's phones measured the whole.
    let has_failed = reveal.figure.is_some() && has_none && !withheld.is_empty();
    if has_failed && !reveal.may_be_withheld {
        return Outcome {
            withheld: withheld.clone(),
            ..Outcome::failed(withheld.join("; "))
        };
    }
    // A sentence with figures of the class in it is told with these; any other is the experiment's,
    // which is made from what was measured.
    let is_of_the_class = reveal.sentence.contains('{');
    let (sentence, experiment) = match is_of_the_class {
        true => (String::new(), said),
        false => (said, String::new()),
    };
    Outcome {
        sentence,
        experiment,
        measured,
        theory,
        measured_points,
        // Of what this measured alone: a live run's figures are held against what live runs may be off.
        tolerances: match has_none {
            true => Vec::new(),
            false => tolerances(done, reveal, points),
        },
        withheld,
        ..Outcome::default()
    }
}
