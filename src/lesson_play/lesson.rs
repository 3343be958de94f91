//! One lesson, from its first step to its last.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{PlayError, hour::StepTime, presenter::Presenter, tolerance, with_cause};
use crate::class::plan::{LessonTimes, StepTimeView};
use crate::lessons::{
    Lesson,
    figure::Expression,
    step::{Guess, GuessKind, Kind, Scale, Wait},
};

/// For all guesses: stand-ins think for a second and a half at most.
const GUESS_WITHIN: Duration = Duration::from_secs(20);
/// For a live run beyond what its steps say, and for an experiment, whose quick form takes half a minute.
const LIVE_MARGIN: Duration = Duration::from_secs(30);
const EXPERIMENT_WITHIN: Duration = Duration::from_secs(300);
const WAIT_MARGIN: Duration = Duration::from_secs(2);
/// For what the class had set to be lifted.
const CLEAN_WITHIN: Duration = Duration::from_secs(5);

/// See the module.
pub struct Playing<'a> {
    pub presenter: &'a mut Presenter,
    pub lesson: &'a Lesson,
    pub phones: usize,
    pub fast: bool,
    /// The last run was left out.
    pub has_no_run: bool,
    /// A run with the class's phones was carried out, so what the guess is about was counted.
    pub has_run_live: bool,
    pub failed: Vec<String>,
    /// Of each step, as the class has recorded it.
    pub took: Vec<StepTime>,
    pub said: &'a mut dyn FnMut(&str),
}

/// What became of a step.
enum Did {
    /// In a line.
    Told(String),
    /// In a line, and it must not be so.
    Wrong(String),
}

impl Playing<'_> {
    /// What goes wrong is in `failed`.
    pub async fn play(&mut self) {
        let front = &self.lesson.front;
        let head = format!("{:02} {}: {}", front.order, front.id, front.title);
        (self.said)(&head);
        if let Err(error) = self.steps().await {
            self.fail(with_cause(&error));
        }
        let began = Instant::now();
        let did = self.leave().await;
        self.line("left", began, did);
    }

    fn fail(&mut self, why: String) {
        (self.said)(&format!("    FAILED: {why}"));
        self.failed.push(why);
    }

    fn line(&mut self, what: &str, began: Instant, did: Result<Did, PlayError>) {
        let seconds = began.elapsed().as_secs_f64();
        let told = match &did {
            Ok(Did::Told(told)) => told.as_str(),
            // It is said below.
            Ok(Did::Wrong(_)) | Err(_) => "",
        };
        let line = format!("    {what:<9}{seconds:>6.1} s  {told}");
        (self.said)(line.trim_end());
        match did {
            Ok(Did::Told(_)) => {}
            Ok(Did::Wrong(why)) => self.fail(why),
            Err(error) => self.fail(with_cause(&error)),
        }
    }

    async fn steps(&mut self) -> Result<(), PlayError> {
        let id = &self.lesson.front.id;
        self.presenter
            .post("/api/class/lesson", json!({ "lesson": id }))
            .await?;
        for at in 0..self.lesson.steps.len() {
            self.presenter
                .post("/api/class/go", json!({ "to": at }))
                .await?;
            let began = Instant::now();
            let kind = &self.lesson.steps[at].kind;
            let did = self.step(kind).await;
            self.line(&format!("{at} {}", kind.name()), began, did);
        }
        self.took = took(&self.presenter.state().await?);
        Ok(())
    }

    async fn step(&mut self, kind: &Kind) -> Result<Did, PlayError> {
        match kind {
            Kind::Say(_) | Kind::Code(_) => Ok(Did::Told(String::new())),
            Kind::Set(_) => self.set().await,
            Kind::Guess(guess) => self.guess(guess).await,
            Kind::Run(_) => self.run().await,
            Kind::Wait(wait) => self.wait(wait).await,
            Kind::Reveal(_) => self.reveal().await,
            Kind::Ask(_) => self.ask().await,
        }
    }

    async fn set(&mut self) -> Result<Did, PlayError> {
        let state = self.presenter.state().await?;
        let groups = state["groups"].as_array().cloned().unwrap_or_default();
        let shares: f64 = groups.iter().filter_map(|it| it["share"].as_f64()).sum();
        let groups: Vec<_> = groups.iter().map(|it| group(it, shares)).collect();
        let conditions = conditions(&mut *self.presenter).await?;
        let told = groups.into_iter().chain(conditions).collect::<Vec<_>>();
        Ok(Did::Told(told.join(", ")))
    }

    async fn guess(&mut self, guess: &Guess) -> Result<Did, PlayError> {
        let phones = self.phones as u64;
        let all_have = |state: &Value| match state["lesson"]["answered"].as_u64() {
            Some(answered) if answered >= phones => Ok(()),
            answered => Err(format!("{} have", answered.unwrap_or_default())),
        };
        let what = format!("{phones} have not answered");
        self.presenter.until(&what, GUESS_WITHIN, all_have).await?;
        let mut told = format!("{phones} have answered");
        if guess.again {
            self.presenter
                .post("/api/class/second-guess", json!({}))
                .await?;
            self.presenter.until(&what, GUESS_WITHIN, all_have).await?;
            told.push_str(", and once more");
        }
        self.presenter.post("/api/class/lock", json!({})).await?;
        Ok(Did::Told(told))
    }

    async fn run(&mut self) -> Result<Did, PlayError> {
        let state = self.presenter.state().await?;
        let run = state["lesson"]["run"].clone();
        self.has_no_run = true;
        let what = run["what"].as_str().unwrap_or_default().to_owned();
        let within = match run["kind"].as_str().unwrap_or_default() {
            "experiment" if self.fast => {
                return Ok(Did::Told(format!("{what}: left out, for --fast")));
            }
            "experiment" => EXPERIMENT_WITHIN,
            "live" => self.longest(),
            _ => {
                return Ok(Did::Told(format!("{what}: left out, it needs a browser")));
            }
        };
        self.has_no_run = false;
        self.presenter.post("/api/class/run", json!({})).await?;
        let is_over = |state: &Value| match state["lesson"]["run"]["state"].as_str() {
            Some("over" | "failed") => Ok(()),
            state => Err(format!("it is {}", state.unwrap_or("not there"))),
        };
        let state = self
            .presenter
            .until("the run is not over", within, is_over)
            .await?;
        let run = &state["lesson"]["run"];
        let withheld = withheld(run, &what);
        let may_be_withheld = (self.lesson.reveal()).is_some_and(|reveal| reveal.may_be_withheld);
        if run["state"] == "failed" {
            let why = run["why"].as_str().unwrap_or("it does not say why");
            return Ok(Did::Wrong(
                withheld.unwrap_or_else(|| format!("{what}: {why}")),
            ));
        }
        if let Some(withheld) = withheld {
            return Ok(match may_be_withheld {
                true => Did::Told(format!("{withheld} (as the lesson says that it may be)")),
                false => Did::Wrong(format!(
                    "{withheld}. Where the lesson stands without it, write may_be_withheld = true in its \
                     reveal"
                )),
            });
        }
        self.has_run_live |= run["kind"] == "live";
        Ok(Did::Told(what))
    }

    async fn wait(&mut self, wait: &Wait) -> Result<Did, PlayError> {
        if self.has_no_run {
            return Ok(Did::Told("nothing was run that it could see".to_owned()));
        }
        let is_seen = |state: &Value| match state["lesson"]["wait"]["seen"].as_bool() {
            Some(true) => Ok(()),
            _ => Err("it was not".to_owned()),
        };
        let what = format!("{} was not seen", wait.until.as_str());
        let within = Duration::from_secs(wait.at_most_s.into()) + WAIT_MARGIN;
        self.presenter.until(&what, within, is_seen).await?;
        Ok(Did::Told(wait.until.as_str().to_owned()))
    }

    /// What its live runs may take, with what they wait for.
    fn longest(&self) -> Duration {
        let seconds: u64 = (self.lesson.steps.iter())
            .map(|step| match &step.kind {
                Kind::Run(run) => run
                    .live
                    .as_ref()
                    .map_or(0, |live| u64::from(live.seconds) + u64::from(live.warm_up)),
                Kind::Wait(wait) => u64::from(wait.at_most_s),
                _ => 0,
            })
            .sum();
        Duration::from_secs(seconds) + LIVE_MARGIN
    }

    /// Shows what was measured, or what theory says where nothing was.
    async fn reveal(&mut self) -> Result<Did, PlayError> {
        let path = "/api/class/reveal";
        let state = match self.presenter.post(path, json!({})).await {
            Err(PlayError::Refused { code, .. }) if code == "nothing_measured" => {
                self.presenter
                    .post(path, json!({ "predicted_only": true }))
                    .await?
            }
            state => state?,
        };
        let reveal = &state["lesson"]["reveal"];
        let sentence = reveal["sentence"].as_str().unwrap_or_default();
        let (measured, theory) = (reveal["measured"].as_f64(), reveal["theory"].as_f64());
        let unit = reveal["unit"].as_str().unwrap_or_default();
        let mut told = format!("\"{sentence}\"");
        for (name, value) in [("measured", measured), ("theory", theory)] {
            if let Some(value) = value {
                told.push_str(&format!(" {name} {value:.4} {unit};"));
            }
        }
        let mut told = told.trim_end_matches([';', ' ']).to_owned();
        if reveal["predicted_only"] == true {
            told.push_str(" (predicted: nothing was measured here)");
        }
        if sentence.is_empty() || sentence.contains(['{', '}']) {
            return Ok(Did::Wrong(format!("no sentence was made: {told}")));
        }
        let points = |name: &str| -> Vec<f64> {
            let points = reveal[name].as_array().into_iter().flatten();
            points.filter_map(Value::as_f64).collect()
        };
        let (seen, expected) = (points("measured_points"), points("theory_points"));
        let tolerances = points("tolerances");
        if self.has_run_live
            && let Some(missing) = not_measured(self.lesson.guess(), measured, &seen)
        {
            return Ok(Did::Wrong(format!("{missing}. {told}")));
        }
        if let (Some(measured), Some(theory), Some((least, most))) = (
            measured,
            theory,
            theory.and_then(|theory| self.within(theory, tolerances.first())),
        ) && !(least..=most).contains(&measured)
        {
            return Ok(Did::Wrong(format!(
                "measured {measured:.4} {unit} where theory says {theory:.4}; {least:.4} to \
                 {most:.4} would do. {told}"
            )));
        }
        if !seen.is_empty() {
            told.push_str(&format!(
                " measured {seen:.1?} theory {expected:.1?} {unit}"
            ));
        }
        for (at, (seen, theory)) in seen.iter().zip(&expected).enumerate() {
            if let Some((least, most)) = self.within(*theory, tolerances.get(at))
                && !(least..=most).contains(seen)
            {
                return Ok(Did::Wrong(format!(
                    "at one point measured {seen:.4} {unit} where theory says {theory:.4}. {told}"
                )));
            }
        }
        Ok(Did::Told(told))
    }

    /// What would do. `of_experiment`: how far an experiment lets it be from theory; what an experiment
    /// measured is held against that and nothing else.
    fn within(&self, theory: f64, of_experiment: Option<&f64>) -> Option<(f64, f64)> {
        if let Some(by) = of_experiment {
            return Some((theory - by, theory + by));
        }
        let guess = self.lesson.guess()?;
        if !matches!(guess.kind, GuessKind::Number | GuessKind::Curve) {
            return None;
        }
        let is_log = guess.scale == Scale::Log;
        Some(tolerance(theory, guess.min?, guess.max?, is_log))
    }

    async fn ask(&mut self) -> Result<Did, PlayError> {
        let state = self.presenter.post("/api/class/answers", json!({})).await?;
        match state["lesson"]["ask"]["right"].as_u64() {
            Some(right) => Ok(Did::Told(format!("the answer is {right}"))),
            None => Ok(Did::Wrong("the answer is not shown".to_owned())),
        }
    }

    /// Afterwards all is as it was.
    async fn leave(&mut self) -> Result<Did, PlayError> {
        // A run that did not end would keep the lesson.
        let _ = self.presenter.post("/api/class/run/stop", json!({})).await;
        let none = |state: &Value| match state["lesson"]["run"]["state"].as_str() {
            Some("warming" | "measuring") => Err("it goes on".to_owned()),
            _ => Ok(()),
        };
        self.presenter
            .until("the run has not ended", CLEAN_WITHIN, none)
            .await?;
        self.presenter
            .post("/api/class/lesson", json!({ "lesson": null }))
            .await?;
        let mut left = conditions(self.presenter).await?;
        left.extend(sources(self.presenter).await?);
        Ok(match left.is_empty() {
            true => Did::Told("no source and no condition is left".to_owned()),
            false => Did::Wrong(format!("{} is left", left.join(" and "))),
        })
    }
}

/// How long each step took, with what has passed at the one that is on.
fn took(state: &Value) -> Vec<StepTime> {
    let now_us = state["now_us"].as_u64().unwrap_or_default();
    let times: Option<LessonTimes> = serde_json::from_value(state["lead"]["times"].clone()).ok();
    let on = state["lesson"]["step"].as_u64().unwrap_or_default();
    let Some(times) = times else {
        return Vec::new();
    };
    let passed_us = now_us.saturating_sub(times.since_us);
    let step = |(at, step): (u64, StepTimeView)| StepTime {
        kind: step.kind,
        planned_s: step.planned_s,
        used_us: step.used_us + if at == on { passed_us } else { 0 },
    };
    (0..).zip(times.steps).map(step).collect()
}

/// What the lesson tells and a run does not stand behind; `None`: it stands behind all of it.
fn withheld(run: &Value, what: &str) -> Option<String> {
    let all = run["withheld"].as_array()?.iter();
    let all: Vec<_> = all.filter_map(Value::as_str).collect();
    (!all.is_empty()).then(|| format!("{what}: {}", all.join("; ")))
}

/// Why a guess has nothing that was measured beside it, though a live run counted; `None`: it has, or
/// is about no figure.
fn not_measured(guess: Option<&Guess>, measured: Option<f64>, points: &[f64]) -> Option<String> {
    let about = &guess?.about;
    let has_all = match about.len() {
        0 => true,
        1 => measured.is_some(),
        count => points.len() == count,
    };
    let about = about.iter().map(Expression::as_str).collect::<Vec<_>>();
    (!has_all).then(|| {
        format!(
            "a run was carried out, and {} was not measured",
            about.join(", ")
        )
    })
}

/// As in `50 % on short-poll every 500 ms`.
fn group(group: &Value, shares: f64) -> String {
    let lane = group["lane"].as_str().unwrap_or_default();
    let share = group["share"].as_f64().unwrap_or_default() / shares * 100.0;
    let mut told = format!("{share:.0} % on {lane}");
    if let Some(interval_ms) = group["poll_interval_ms"].as_u64() {
        told.push_str(&format!(" every {interval_ms} ms"));
    }
    told
}

/// Those in effect, each as in `sse: train tunnel`.
async fn conditions(presenter: &mut Presenter) -> Result<Vec<String>, PlayError> {
    let there = presenter.get("/api/conditions").await?;
    let lanes = there["lanes"].as_array().cloned().unwrap_or_default();
    Ok(lanes
        .iter()
        .filter(|lane| !lane["conditions"].is_null())
        .map(|lane| {
            let name = lane["lane"].as_str().unwrap_or_default();
            let text = lane["conditions"]["text"].as_str().unwrap_or_default();
            format!("{name}: {text}")
        })
        .collect())
}

async fn sources(presenter: &mut Presenter) -> Result<Vec<String>, PlayError> {
    let there = presenter.get("/api/sources").await?;
    let sources = there["sources"].as_array().cloned().unwrap_or_default();
    Ok(sources
        .iter()
        .filter_map(|source| source["channel"].as_str())
        .map(|channel| format!("a source on {channel}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_experiment_withholds_is_told() {
        let run =
            json!({ "state": "over", "withheld": ["point 2: it is few", "point 3: it is late"] });
        assert_eq!(
            withheld(&run, "experiment E2").as_deref(),
            Some("experiment E2: point 2: it is few; point 3: it is late")
        );
        assert_eq!(withheld(&json!({ "state": "over" }), "E2"), None);
    }

    #[test]
    fn a_live_run_that_measured_nothing_of_the_guess_is_told() {
        let about = |names: &[&str]| -> Guess {
            let text = format!("as = 'number'\nquestion = '?'\nabout = {names:?}");
            toml::from_str(&text).unwrap()
        };
        let one = about(&["publications"]);
        let why = not_measured(Some(&one), None, &[]).unwrap();
        assert!(why.contains("publications was not measured"), "{why}");
        assert_eq!(not_measured(Some(&one), Some(3.0), &[]), None);
        let curve = about(&["publications", "phones"]);
        assert!(not_measured(Some(&curve), None, &[1.0]).is_some());
        assert_eq!(not_measured(Some(&curve), None, &[1.0, 2.0]), None);
        assert_eq!(not_measured(Some(&about(&[])), None, &[]), None);
        assert_eq!(not_measured(None, None, &[]), None);
    }
}
