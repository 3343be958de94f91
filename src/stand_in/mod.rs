//! Stand-ins: native clients in the place of a class's phones, for a lesson that is tried without
//! people, and for a room whose Wi-Fi keeps phones from the laptop.
//!
//! ```text
//!  stand-in ── POST /api/class/join {"code",…} ────────► class   a name and a cookie, kept in memory
//!           ◄─ GET /api/class/events ─────────────────── class   the state, whole, after each change
//!           ── lane of its group, channel `class` ─────► lane    as any native client of a run
//!           ── POST /api/class/report, every 2 s ──────► class   how it is, and what it has counted
//!           ── POST /api/class/guess ──────────────────► class   "I do not know", unless told otherwise
//! ```
//!
//! They do by HTTP and by the lanes what a phone's page does, and nothing else: the class knows them
//! by the lab's own key, which they show as they join (`"stand_in"`), and leaves what they guess out of its histograms, for a
//! made-up guess is nobody's. All of them live on one thread, which costs each a few connections and
//! no processor time to speak of.
//!
//! [`companions`] are clients beside the phones that take no part in the class.
//!
//! Not here: how a page looks, and how it is rendered; a phone's own radio and sleep.
//!
//! May use: `catalogue`, `clock`, `codec`, `config`, `client`, `run`.

pub mod asking;
pub mod companions;
mod following;
mod guessing;
mod phone;
mod thread;
mod view;

use std::{
    io,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

pub use self::guessing::Guesses;
use self::{phone::Phone, thread::Crew};
use crate::run::{
    error::RunError,
    lab_process::{LabError, LabProcess},
    plan::Plan,
};

/// Most stand-ins of a class.
pub const STAND_INS_MAX: usize = 100;
/// Before a lab that was not there is asked for again.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// The next one joins this much later: phones do not come in one instant either.
const APART: Duration = Duration::from_millis(10);

/// Stand-ins in a class. They leave when this is dropped.
pub struct StandIns {
    told: Arc<Told>,
    crew: Crew,
}

impl StandIns {
    /// Sends `count` of them, [`STAND_INS_MAX`] at most, to the class with this code in the lab at
    /// `at`; `key` is that lab's own, without which it takes them for phones. Returns before they
    /// have joined; they go on trying until they are told to stop.
    ///
    /// # Errors
    ///
    /// No thread could be started.
    pub fn start(
        at: impl Into<At>,
        code: &str,
        key: &str,
        count: usize,
        seed: u64,
    ) -> io::Result<Self> {
        Self::start_with(at, code, key, count, seed, Guesses::Unknown)
    }

    /// As [`Self::start`]; `guesses` says what they answer when the class is asked.
    pub fn start_with(
        at: impl Into<At>,
        code: &str,
        key: &str,
        count: usize,
        seed: u64,
        guesses: Guesses,
    ) -> io::Result<Self> {
        let told = Arc::<Told>::default();
        let at = at.into();
        let [code, key] = [code, key].map(str::to_owned);
        let telling = told.clone();
        let crew = Crew::start("stand-ins", async move || {
            let lab = reach(&at, |trouble| telling.trouble(trouble)).await;
            let crowd = Rc::new(Crowd {
                lab,
                code,
                key,
                guesses,
                count: count.min(STAND_INS_MAX),
                told: telling,
            });
            let mut phones = JoinSet::new();
            for number in 0..crowd.count {
                let mut phone = Phone::new(crowd.clone(), number, seed);
                phones.spawn_local(async move { phone.live().await });
                sleep(APART).await;
            }
            // They end when the class is over for them, or with the thread.
            while phones.join_next().await.is_some() {}
        })?;
        Ok(Self { told, crew })
    }

    /// Participants that they are, as the class names them.
    pub fn ids(&self) -> Vec<String> {
        self.told.inner().ids.clone()
    }

    /// What went wrong last, for people; most of it is tried again.
    pub fn last_trouble(&self) -> Option<String> {
        self.told.inner().trouble.clone()
    }

    /// They leave at once. The participants that they were, as [`Self::ids`]. Waits for the end of their
    /// thread, so not on an actix worker.
    pub fn stop(self) -> Vec<String> {
        self.crew.stop();
        std::mem::take(&mut self.told.inner().ids)
    }
}

/// What all stand-ins of one class share.
struct Crowd {
    lab: LabProcess,
    code: String,
    key: String,
    guesses: Guesses,
    count: usize,
    told: Arc<Told>,
}

/// What they tell whoever started them. Written by their thread.
#[derive(Default)]
struct Told(Mutex<ToldInner>);

#[derive(Default)]
struct ToldInner {
    ids: Vec<String>,
    trouble: Option<String>,
}

impl Told {
    fn joined(&self, id: &str) {
        let mut inner = self.inner();
        if !inner.ids.iter().any(|known| known == id) {
            inner.ids.push(id.to_owned());
        }
    }

    fn trouble(&self, trouble: String) {
        self.inner().trouble = Some(trouble);
    }

    fn inner(&self) -> MutexGuard<'_, ToldInner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a lab is: the address of its main lane, and those of lanes that it does not tell others of.
#[derive(Debug, Clone)]
pub struct At {
    /// The main lane's address.
    pub url: String,
    /// By name.
    pub lanes: Vec<(String, String)>,
}

impl<T: AsRef<str> + ?Sized> From<&T> for At {
    fn from(url: &T) -> Self {
        Self {
            url: url.as_ref().to_owned(),
            lanes: Vec::new(),
        }
    }
}

/// The lab at an address, as soon as it answers.
async fn reach(at: &At, trouble: impl Fn(String)) -> LabProcess {
    let plan = Plan {
        target: at.url.clone(),
        // It is this machine's own, whose certificate it has signed itself.
        insecure: true,
        ..Plan::default()
    };
    loop {
        match LabProcess::reach(&plan, None).await {
            Ok(mut labs) if !labs.is_empty() => match labs.remove(0).with_lanes(&at.lanes) {
                Ok(lab) => return lab,
                Err(error) => trouble(with_cause(&error)),
            },
            Ok(_) => {}
            Err(error) => trouble(with_cause(&error)),
        }
        sleep(TRY_AGAIN).await;
    }
}

fn with_cause(error: &LabError) -> String {
    let error: &dyn std::error::Error = error;
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Whether a lane's client can be made at all: said when a class names one that there is not.
fn no_lane(lab: &LabProcess, lane: &str) -> RunError {
    RunError::Lab(lab.no_lane(lane))
}
