//! One stand-in: it joins, follows the state, and does what a phone's page does.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::{sleep, sleep_until};

use super::{
    Crowd,
    asking::Asking,
    following::{Counts, Following, Heard, Wanted},
    view::{Group, View},
};
use crate::{
    client::{Ended, http},
    clock,
    codec::sse::Decoder,
};

/// Between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// Who hears nothing for so long opens the stream anew.
const SILENT_FOR: Duration = Duration::from_secs(8);
/// Before another try, by how many failed: a page's client waits like this.
const WAITS_MS: [u64; 5] = [200, 400, 800, 1_600, 2_000];
/// A page that is loaded anew is away for between these two, ms.
const RELOADS_MS: std::ops::Range<u64> = 50..400;
/// Somebody who knows nothing says so within this, ms.
const THINKS_MS: std::ops::Range<u64> = 100..1_500;

/// See the module.
pub struct Phone {
    crowd: Rc<Crowd>,
    number: usize,
    asking: Asking,
    random: StdRng,
    view: View,
    heard: Rc<Heard>,
    following: Option<(Following, Group)>,
    window: Option<Window>,
    /// The newest `set`, and since when it is there, a time of day: what came before is of another network.
    set: (u64, u64),
    /// `reload` of the state that the page was loaded with.
    loaded: Option<u64>,
    /// Step and round of the last guess, and the step of the last answer, of a lesson.
    guessed: Option<(String, usize, u32)>,
    answered: Option<(String, usize)>,
    /// When the open question is answered.
    thinks_until: Option<Instant>,
    reports_at: Instant,
}

/// A run's measuring, and what was counted at its ends.
struct Window {
    /// Of the run.
    number: u64,
    from_us: u64,
    ends_us: u64,
    began: Option<Counts>,
    ended: Option<Counts>,
}

/// Why a page's life came to a pause.
enum Pause {
    /// The presenter had everybody load the page again.
    Reload,
    /// The connection failed.
    Lost,
    /// The class is over, or its code is another one, or the presenter has sent this one away: who
    /// sends a stand-in away does not want it back.
    Over,
}

impl Phone {
    pub fn new(crowd: Rc<Crowd>, number: usize, seed: u64) -> Self {
        Self {
            asking: Asking::new(crowd.lab.main().clone()),
            crowd,
            number,
            random: StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(number as u64)),
            view: View::default(),
            heard: Rc::default(),
            following: None,
            window: None,
            set: (0, 0),
            loaded: None,
            guessed: None,
            answered: None,
            thinks_until: None,
            reports_at: Instant::now(),
        }
    }

    /// Until the class is over.
    pub async fn live(&mut self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let pause = match self.page().await {
                Ok(pause) => pause,
                Err(error) => {
                    self.crowd.told.trouble(error.to_string());
                    Pause::Lost
                }
            };
            self.asking.hang_up();
            match pause {
                Pause::Over => return,
                Pause::Reload => {
                    self.following = None;
                    let away_ms = self.random.random_range(RELOADS_MS);
                    sleep(Duration::from_millis(away_ms)).await;
                    continue;
                }
                Pause::Lost => {}
            }
            if began.elapsed() > SILENT_FOR {
                failures = 0;
            }
            let wait_ms = WAITS_MS[failures.min(WAITS_MS.len() - 1)];
            failures += 1;
            let spread: f64 = self.random.random_range(0.5..1.0);
            sleep(Duration::from_millis(wait_ms).mul_f64(spread)).await;
        }
    }

    /// A page from its loading to its end.
    async fn page(&mut self) -> Result<Pause, Ended> {
        if !self.asking.has_cookie()
            && let Some(pause) = self.join().await?
        {
            return Ok(pause);
        }
        self.loaded = None;
        let opened = self.asking.stream("/api/class/events").await;
        let mut io = match opened {
            // A server that was stopped goes on with its class: there is none means that it is over.
            Err(Ended::Refused { status: 404, .. }) => return Ok(Pause::Over),
            opened => opened?,
        };
        let mut decoder = Decoder::default();
        let mut chunk = Vec::new();
        let mut heard_at = Instant::now();
        // The class is to know what this is before it says anything.
        self.reports_at = Instant::now();
        loop {
            let wakes_at = self.wakes_at().min(heard_at + SILENT_FOR);
            tokio::select! {
                more = http::read_chunk(&mut io, &mut chunk) => {
                    if !more? {
                        return Ok(Pause::Lost);
                    }
                    heard_at = Instant::now();
                    for event in decoder.feed(&chunk) {
                        match event.event.as_str() {
                            "state" => self.see(&event.data)?,
                            "end" => return Ok(Pause::Over),
                            _ => {}
                        }
                    }
                    chunk.clear();
                }
                () = sleep_until(wakes_at.into()) => {}
            }
            if heard_at.elapsed() >= SILENT_FOR {
                return Ok(Pause::Lost);
            }
            if self.loaded.is_some_and(|loaded| loaded < self.view.reload) {
                return Ok(Pause::Reload);
            }
            if let Some(pause) = self.act().await? {
                return Ok(pause);
            }
        }
    }

    /// Enters the code. `None`: it is in.
    async fn join(&mut self) -> Result<Option<Pause>, Ended> {
        let asked = json!({ "code": self.crowd.code, "stand_in": self.crowd.key });
        let answer = self.asking.post("/api/class/join", &asked).await?;
        if answer.is_good() && self.asking.has_cookie() {
            if let Some(id) = answer.body["id"].as_str() {
                self.crowd.told.joined(id);
            }
            return Ok(None);
        }
        let status = answer.status;
        let said = format!("joining was answered {status} {}", answer.code());
        self.crowd.told.trouble(said);
        Ok(Some(match answer.code() {
            "wrong_class_code" | "no_class" => Pause::Over,
            _ => Pause::Lost,
        }))
    }

    fn see(&mut self, state: &str) -> Result<(), Ended> {
        let view: View = serde_json::from_str(state)
            .map_err(|error| Ended::NotUnderstood(format!("the class's state: {error}")))?;
        self.loaded.get_or_insert(view.reload);
        self.view = view;
        if self.set.0 != self.view.set {
            self.set = (self.view.set, clock::time_of_day_us());
        }
        self.follow();
        let run = self
            .view
            .lesson
            .as_ref()
            .and_then(|lesson| lesson.run.as_ref());
        let number = run.map_or(0, |run| run.number);
        let window = run.and_then(|run| run.window());
        let known = self.window.as_ref().map(|it| (it.number, it.from_us));
        match window {
            Some((from_us, ends_us)) if known != Some((number, from_us)) => {
                self.window = Some(Window {
                    number,
                    from_us,
                    ends_us,
                    began: None,
                    ended: None,
                });
            }
            // It goes on for longer.
            Some((_, ends_us)) => {
                if let Some(known) = &mut self.window
                    && known.ends_us < ends_us
                {
                    known.ends_us = ends_us;
                    known.ended = None;
                }
            }
            None => {}
        }
        Ok(())
    }

    /// Follows what its group follows now.
    fn follow(&mut self) {
        let group = self.view.own_group();
        let now = self.following.as_ref().map(|(_, group)| group);
        if group == now {
            return;
        }
        let group = group.cloned();
        self.following = None;
        let Some(group) = group else {
            return;
        };
        let wanted = Wanted {
            lane: group.lane.clone(),
            channel: group.channel.clone(),
            poll_interval: group.poll_interval_ms.map(Duration::from_millis),
            bare: group.bare,
            recovery: group.recovery,
        };
        let place = (self.number, self.crowd.count);
        match Following::start(&self.crowd.lab, &wanted, place, self.heard.clone()) {
            Ok(following) => self.following = Some((following, group)),
            Err(error) => self.crowd.told.trouble(error.to_string()),
        }
    }

    /// When there is something to do next, whatever is heard.
    fn wakes_at(&self) -> Instant {
        let edges = self.window.as_ref().into_iter().flat_map(|window| {
            let begins = window.began.is_none().then_some(window.from_us);
            let ends = window.ended.is_none().then_some(window.ends_us);
            begins.into_iter().chain(ends)
        });
        let now_us = clock::time_of_day_us();
        edges
            .map(|at_us| Instant::now() + Duration::from_micros(at_us.saturating_sub(now_us)))
            .chain(self.thinks_until)
            .fold(self.reports_at, Instant::min)
    }

    /// Does what is due.
    async fn act(&mut self) -> Result<Option<Pause>, Ended> {
        self.look_at_window();
        if self.reports_at <= Instant::now() {
            self.reports_at = Instant::now() + REPORT_EVERY;
            let report = self.report();
            let answer = self.asking.post("/api/class/report", &report).await?;
            if let "not_in_class" | "no_class" = answer.code() {
                return Ok(Some(Pause::Over));
            }
            self.report_delays().await?;
        }
        self.say_something().await?;
        Ok(None)
    }

    fn look_at_window(&mut self) {
        let now_us = clock::time_of_day_us();
        let counts = self.heard.counts();
        if let Some(window) = &mut self.window {
            if window.began.is_none() && now_us >= window.from_us {
                window.began = Some(counts);
            }
            if window.ended.is_none() && now_us >= window.ends_us {
                window.ended = Some(counts);
                // What it counted is told at once.
                self.reports_at = Instant::now();
            }
        }
    }

    fn report(&self) -> Value {
        let (state, lane) = match &self.following {
            Some((_, group)) => (self.heard.state().as_str(), Some(&group.lane)),
            None => ("idle", None),
        };
        let lesson = self.view.lesson.as_ref();
        let run = lesson.and_then(|lesson| lesson.run.as_ref());
        let run = run.map_or(0, |run| run.number);
        let of_run = self.window.as_ref().filter(|window| window.number == run);
        let measured = of_run.and_then(|window| {
            let counts = window.ended.unwrap_or_else(|| self.heard.counts());
            let counts = counts.since(window.began?);
            Some((counts, self.heard.late((window.from_us, window.ends_us))))
        });
        let set_us = self.set.1;
        let late = match &measured {
            Some((_, late)) => *late,
            None if run == 0 => self.heard.late((set_us, clock::time_of_day_us())),
            None => None,
        };
        let delay_ms = match &measured {
            Some((_, late)) => late.map(|late| late.mean),
            None => self.heard.latest_ms(set_us),
        };
        // The lab's machine, so its clock.
        let delays = late.map(|late| json!({ "bound_ms": 0, "received": late }));
        let seen = measured.map(|(counts, _)| {
            json!({
                "requests": counts.requests,
                "empty": counts.empty,
                "received": counts.received,
            })
        });
        json!({
            "visible": true,
            "state": state,
            "lane": lane,
            "delay_ms": delay_ms,
            "seen": seen,
            "delays": delays,
            "set": self.set.0,
            "run": run,
            "can": { "websocket": true, "eventsource": true, "streams": true, "http2": false },
        })
    }

    /// As every page of the lab reports them, whatever it is for.
    async fn report_delays(&mut self) -> Result<(), Ended> {
        let Some((following, group)) = &self.following else {
            return Ok(());
        };
        let Some(key) = following.key() else {
            return Ok(());
        };
        let delays_us = self.heard.take_fresh();
        if delays_us.is_empty() {
            return Ok(());
        }
        let report = json!({
            "channel": group.channel,
            "samples": [{
                "lane": group.lane,
                "stage": "received",
                "key": key,
                // The lab's machine, so its clock.
                "bound_us": 0,
                "delays_us": delays_us,
            }],
        });
        let answer = self.asking.post("/api/reports", &report).await?;
        if answer.code() == "bad_report_key" {
            following.forget_key();
        }
        Ok(())
    }

    /// Guesses, or answers the last question, when it has thought for long enough.
    async fn say_something(&mut self) -> Result<(), Ended> {
        // A frozen phone shows what it showed, follows on and reports; it says nothing.
        let is_heard = !self.view.muted && !self.view.frozen;
        let Some(lesson) = self.view.lesson.as_ref().filter(|_| is_heard) else {
            self.thinks_until = None;
            return Ok(());
        };
        let (id, step) = (lesson.id.clone(), lesson.step);
        let guess = lesson.guess.as_ref().filter(|_| {
            let asked = (id.clone(), step, lesson.round);
            lesson.kind == "guess" && !lesson.locked && self.guessed.as_ref() != Some(&asked)
        });
        let ask = lesson.ask.as_ref().filter(|ask| {
            let asked = (id.clone(), step);
            lesson.kind == "ask" && ask.right.is_none() && self.answered.as_ref() != Some(&asked)
        });
        if guess.is_none() && ask.is_none() {
            self.thinks_until = None;
            return Ok(());
        }
        let random = &mut self.random;
        let until = *self.thinks_until.get_or_insert_with(|| {
            Instant::now() + Duration::from_millis(random.random_range(THINKS_MS))
        });
        if until > Instant::now() {
            return Ok(());
        }
        self.thinks_until = None;
        // A refusal is not tried again: the step is over, or the class is muted.
        if let Some(question) = guess {
            let round = lesson.round;
            let guess = self.crowd.guesses.guess(question, random);
            self.guessed = Some((id, step, round));
            let said = json!({ "step": step, "guess": guess });
            self.asking.post("/api/class/guess", &said).await?;
        } else if let Some(ask) = ask {
            let choice = self.crowd.guesses.answer(ask, random);
            self.answered = Some((id, step));
            if let Some(choice) = choice {
                let said = json!({ "step": step, "choice": choice });
                self.asking.post("/api/class/answer", &said).await?;
            }
        }
        Ok(())
    }
}
