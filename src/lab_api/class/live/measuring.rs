//! One live run, from its warm-up to its outcome.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix_web::web;
use tokio::{sync::watch, time::sleep};

use super::{
    CHANNEL, audience, channel,
    counted::{self, Attendance, Audience, Figures, Look},
    lock, outcome,
};
use crate::{
    class::{
        Class, Outcome, RunId,
        state::{RunState, WaitView},
    },
    clock,
    demo::{
        schedule::Spread,
        sources::{By, SourceSettings},
    },
    lab::Lab,
    lab_api::MainLane,
    lessons::{
        Lesson,
        step::{Live, Otherwise, Set},
    },
    stand_in::companions::{Companions, OnLane},
};

/// Even where a lesson asks for none: phones that were told to connect a moment ago do so.
const WARM_UP_LEAST: Duration = Duration::from_secs(1);
/// With a slow beat nobody waits for half of it.
const HALF_A_BEAT_MOST: Duration = Duration::from_secs(1);
/// How long phones and clients beside them may take to get in. Phones say every two seconds whether they are.
const ARRIVE_WITHIN: Duration = Duration::from_secs(4);
/// How often the wall is told how much was published.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether they are, and whether what is waited for was seen.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A machine's clock was set when it shows an instant so differently from before.
const CLOCK_SET_US: u64 = 100_000;
/// What a run says that was ended before what the lesson waits for was there.
const STOPPED_EARLY: &str = "it was stopped before enough was seen";
/// Phones report every two seconds what they measured.
const REPORTS_WITHIN: Duration = Duration::from_secs(3);

/// See the module.
pub struct Measuring {
    pub main: web::Data<MainLane>,
    pub lab: Arc<Lab>,
    pub lesson: Arc<Lesson>,
    pub step: usize,
    pub run: RunId,
    pub live: Live,
    /// Beside the phones, by lane.
    pub clients: BTreeMap<String, u16>,
    pub set: Set,
    /// True: the presenter ends it with what it has.
    pub stopped: watch::Receiver<bool>,
}

/// Why a run does not go on.
enum Over {
    /// The presenter ended it.
    Stopped,
    /// There is nobody left to tell: the class is over, or another run goes on.
    Gone,
    Failed(String),
}

impl Measuring {
    pub async fn carry_out(mut self) {
        let before = self.source_there();
        let companions = self.companions();
        let found = match &companions {
            Ok(companions) => self.measure(companions.as_ref()).await,
            Err(why) => Err(Over::Failed(why.clone())),
        };
        self.end_source(before).await;
        if let Ok(Some(companions)) = companions {
            // Their thread is waited for elsewhere.
            let _ = web::block(move || companions.stop()).await;
        }
        let outcome = match found {
            Ok(outcome) => outcome,
            Err(Over::Stopped) => Outcome::failed("it was stopped before anything was counted"),
            Err(Over::Failed(why)) => Outcome::failed(why),
            Err(Over::Gone) => return,
        };
        let now_us = clock::time_of_day_us();
        self.main.class.change(|class| {
            if class.is_run(&self.run) {
                class.end_run(outcome, now_us);
            }
        });
    }

    async fn measure(&mut self, companions: Option<&Companions>) -> Result<Outcome, Over> {
        let began_us = clock::now_us();
        self.arrive(companions).await?;
        let warm_up = Duration::from_secs(self.live.warm_up.into()).max(WARM_UP_LEAST);
        self.start_source().await?;
        let measured_from_us = clock::now_us() + (warm_up + self.half_a_beat()).as_micros() as u64;
        let mut ends_us = measured_from_us + u64::from(self.live.seconds) * 1_000_000;
        let of_day_us = clock::time_of_day_at(measured_from_us);
        lock(&self.main.live.setting).begin(&self.lab, of_day_us);
        self.tell(|run| {
            run.measured_from_us = Some(of_day_us);
            run.ends_us = Some(clock::time_of_day_at(ends_us));
        })?;
        self.pause_until(measured_from_us).await?;
        self.tell(|run| run.state = RunState::Measuring)?;
        let first = super::look(&self.lab).await;
        let mut attendance = Attendance::new(clock::now_us(), self.who(companions)?);
        let measured = self
            .count_until(ends_us, first.publications, companions, &mut attendance)
            .await;
        let mut is_stopped = matches!(measured, Err(Over::Stopped));
        // What the lesson waits for may take longer than what it measures.
        let wait = outcome::wait_after(&self.lesson, self.step).cloned();
        let latest_us = wait
            .as_ref()
            .map_or(0, |wait| began_us + u64::from(wait.at_most_s) * 1_000_000);
        // What was published and what was received are of the same time, unless more is to be seen.
        if wait.as_ref().is_none_or(|wait| wait.source_ends) {
            self.end_source(None).await;
        }
        let (last, who) = loop {
            let last = super::look(&self.lab).await;
            attendance.add(clock::now_us(), self.who(companions)?);
            let who = attendance.mean();
            let figures = self.figures(&first, &last, &who);
            let unmet = wait
                .as_ref()
                .and_then(|wait| outcome::unmet(wait, &figures));
            if is_stopped || unmet.is_none() || clock::now_us() >= latest_us {
                break (last, who);
            }
            ends_us = clock::now_us() + LOOK_EVERY.as_micros() as u64;
            let waits = wait.as_ref().and_then(|wait| {
                let so_far = |class: &Class| super::so_far(class, &wait.until, &figures);
                Some(WaitView {
                    until: wait.until.as_str().to_owned(),
                    seen: false,
                    so_far: self.main.class.look(so_far)?,
                    since_us: clock::time_of_day_at(began_us),
                    late_us: clock::time_of_day_at(latest_us),
                    otherwise: wait.otherwise,
                })
            });
            self.tell(|run| {
                run.ends_us = Some(clock::time_of_day_at(ends_us));
                run.waits = waits;
            })?;
            let measured = self
                .count_until(ends_us, first.publications, companions, &mut attendance)
                .await;
            is_stopped = matches!(measured, Err(Over::Stopped));
        };
        let count = last.publications.saturating_sub(first.publications);
        self.note_published(count);
        let last = self.with_reports(last, is_stopped).await?;
        let figures = self.figures(&first, &last, &who);
        let outcome = self.outcome(&figures, is_stopped);
        *lock(&self.main.live.figures) = Some((self.run.clone(), figures));
        Ok(outcome)
    }

    /// What was counted between two looks, and what the phones reported of this run so far.
    fn figures(&self, first: &Look, last: &Look, who: &Audience) -> Figures {
        let mut figures = counted::counted(first, last, who);
        figures.extend(super::by_phones(&self.main, self.run.number));
        figures
    }

    fn outcome(&self, figures: &Figures, is_stopped: bool) -> Outcome {
        let mut found = outcome::outcome(&self.lesson, self.step, figures);
        let wait = outcome::wait_after(&self.lesson, self.step);
        let unmet = wait.and_then(|wait| Some((wait.otherwise, outcome::unmet(wait, figures)?)));
        match unmet {
            Some(_) if is_stopped => found.failed = Some(STOPPED_EARLY.to_owned()),
            Some((Otherwise::Again, why)) => found.failed = Some(why),
            _ => {}
        }
        found
    }

    /// Delays come with the phones' next reports. Nothing is published meanwhile.
    async fn with_reports(&mut self, last: Look, is_stopped: bool) -> Result<Look, Over> {
        if outcome::waits_for_reports(&self.lesson) && !is_stopped {
            self.end_source(None).await;
            let until_us = clock::now_us() + REPORTS_WITHIN.as_micros() as u64;
            if let Err(Over::Gone) = self.pause_until(until_us).await {
                return Err(Over::Gone);
            }
        }
        Ok(last.with_delays(self.lab.latencies.merged()))
    }

    /// Waits for the phones that are awake, and for the clients beside them; those that do not get in are no
    /// reason to wait on.
    async fn arrive(&mut self, companions: Option<&Companions>) -> Result<(), Over> {
        let until_us = clock::now_us() + ARRIVE_WITHIN.as_micros() as u64;
        self.tell(|run| run.starts_by_us = Some(clock::time_of_day_at(until_us)))?;
        while !self.are_in(companions) && clock::now_us() < until_us {
            let next_us = clock::now_us() + LOOK_EVERY.as_micros() as u64 / 5;
            self.pause_until(next_us).await?;
        }
        Ok(())
    }

    fn are_in(&self, companions: Option<&Companions>) -> bool {
        let now_us = clock::now_us();
        let phones = self.main.class.look(|class| class.arrivals(now_us));
        let are_phones_in = phones.is_none_or(|(connected, all)| connected >= all);
        are_phones_in && companions.is_none_or(Companions::are_in)
    }

    /// Until this instant of the running clock, and meanwhile it is counted who is there, and the wall is told how
    /// much was published, and when it ends by a clock that may have been set.
    async fn count_until(
        &mut self,
        until_us: u64,
        before: u64,
        companions: Option<&Companions>,
        attendance: &mut Attendance,
    ) -> Result<(), Over> {
        let mut told_us = clock::time_of_day_at(until_us);
        loop {
            let next_us = clock::now_us() + COUNT_EVERY.as_micros() as u64;
            self.pause_until(next_us.min(until_us)).await?;
            let count = super::published(&self.lab).await.saturating_sub(before);
            self.note_published(count);
            attendance.add(clock::now_us(), self.who(companions)?);
            if clock::now_us() >= until_us {
                return Ok(());
            }
            let ends_us = clock::time_of_day_at(until_us);
            if ends_us.abs_diff(told_us) > CLOCK_SET_US {
                told_us = ends_us;
                self.tell(|run| run.ends_us = Some(ends_us))?;
            }
        }
    }

    fn note_published(&self, count: u64) {
        let run = self.run.number;
        self.main
            .class
            .change(|class| class.note_published(run, count));
    }

    fn companions(&self) -> Result<Option<Companions>, String> {
        if self.clients.is_empty() {
            return Ok(None);
        }
        let at = super::at(&self.lab).ok_or("this lab does not know its own address")?;
        let wanted = self.clients.iter().map(|(lane, count)| OnLane {
            lane: lane.clone(),
            count: usize::from(*count),
            // As the phones on that lane, where there are some.
            poll_interval: (self.set.phones.iter())
                .find(|group| group.lane == *lane)
                .and_then(|group| group.poll_interval_ms)
                .map(Duration::from_millis),
        });
        Companions::start(at, CHANNEL, wanted.collect())
            .map(Some)
            .map_err(|error| format!("the clients beside the phones cannot be started: {error}"))
    }

    /// What somebody publishes on the class's channel already.
    fn source_there(&self) -> Option<SourceSettings> {
        let sources = self.main.sources.list();
        let there = sources
            .into_iter()
            .find(|it| it.channel.as_str() == CHANNEL);
        there.map(|source| source.settings)
    }

    /// Where something is published at a steady beat, the measuring begins midway between two
    /// publications, so that each is counted with its deliveries or not at all. It also ends midway where a
    /// whole number of beats fits into it, and into what it goes on for.
    fn half_a_beat(&self) -> Duration {
        match &self.set.source {
            Some(source) if source.schedule == Spread::Periodic => {
                let half = Duration::from_secs_f64(0.5 / source.rate_per_s.max(0.1));
                half.min(HALF_A_BEAT_MOST)
            }
            _ => Duration::ZERO,
        }
    }

    async fn start_source(&self) -> Result<(), Over> {
        let Some(source) = &self.set.source else {
            return Ok(());
        };
        let settings = source.settings(self.lesson.front.seed);
        self.put(settings)
            .await
            .map_err(|why| Over::Failed(format!("nothing can be published: {why}")))
    }

    /// What published before does so again.
    async fn end_source(&self, before: Option<SourceSettings>) {
        if self.set.source.is_none() {
            return;
        }
        let ended = match before {
            Some(settings) => self.put(settings).await,
            None => {
                let (main, channel) = (self.main.clone(), channel());
                let stopped = web::block(move || main.sources.stop(&channel, By::Presenter)).await;
                match stopped {
                    Ok(stopped) => stopped.map(drop).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::warn!(error, "the class's source");
        }
    }

    /// Stopping an old source waits for its thread.
    async fn put(&self, settings: SourceSettings) -> Result<(), String> {
        let (main, channel) = (self.main.clone(), channel());
        let put = web::block(move || main.sources.put(channel, settings, By::Presenter)).await;
        match put {
            Ok(put) => put.map(drop).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Phones, and clients beside them that have got in.
    fn who(&self, companions: Option<&Companions>) -> Result<Audience, Over> {
        let now_us = clock::now_us();
        let seen = self.main.class.look(|class| audience(class, now_us));
        let mut who = seen.ok_or(Over::Gone)?;
        for (lane, count) in companions.into_iter().flat_map(Companions::in_by_lane) {
            if let Some(row) = counted::row_of_lane(lane) {
                *who.on.entry(row).or_default() += count as f64;
            }
        }
        Ok(who)
    }

    /// Changes how the run is shown.
    fn tell(&self, change: impl FnOnce(&mut crate::class::state::RunView)) -> Result<(), Over> {
        let told = self.main.class.change(|class| {
            let is_this = class.is_run(&self.run);
            if is_this {
                class.change_run(change);
            }
            is_this
        });
        match told {
            Some(true) => Ok(()),
            _ => Err(Over::Gone),
        }
    }

    fn goes_on(&self) -> bool {
        let of_class = self.main.class.look(|class| {
            let run = class.run().filter(|run| run.state.is_active());
            run.is_some() && class.is_run(&self.run)
        });
        of_class == Some(true)
    }

    /// Until this instant of the running clock, unless the run ends before.
    async fn pause_until(&mut self, until_us: u64) -> Result<(), Over> {
        let mut changes = self.main.class.watch_revisions();
        loop {
            if !self.goes_on() {
                return Err(Over::Gone);
            }
            if *self.stopped.borrow() {
                return Err(Over::Stopped);
            }
            let left_us = until_us.saturating_sub(clock::now_us());
            if left_us == 0 {
                return Ok(());
            }
            tokio::select! {
                () = sleep(Duration::from_micros(left_us)) => {}
                _ = self.stopped.wait_for(|stopped| *stopped) => {}
                changed = changes.changed() => if changed.is_err() {
                    return Err(Over::Gone);
                },
            }
        }
    }
}
