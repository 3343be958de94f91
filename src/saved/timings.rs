//! How long runs and experiments took on this machine, so that the next one's length is no guess:
//! `<data folder>/timings.json`, by what was done. Each entry has what was computed beforehand and what
//! it took; the one goes with the other, so that a longer run of the same kind is scaled.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{run::plan::Plan, system};

/// Entries that are kept, the newest.
const KEPT_MAX: usize = 200;
/// Larger files are none of ours.
const FILE_MAX_BYTES: u64 = 256 << 10;
/// What took so many times as long as computed was held up by something that will not be there again.
const FACTOR: std::ops::RangeInclusive<f64> = 0.1..=20.0;

/// What was done: `run/<digest of the plan>`, or `experiment/<id>/quick`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Done(String);

impl Done {
    /// The key of a run: a digest of its plan, so that the same plan finds it again.
    pub fn run(plan: &Plan) -> Self {
        let text = serde_json::to_string(plan).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        let short: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self(format!("run/{short}"))
    }

    /// The key of an experiment, of its short form or of all of it.
    pub fn experiment(id: &str, full: bool) -> Self {
        let how = if full { "full" } else { "quick" };
        Self(format!("experiment/{id}/{how}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Timing {
    computed_s: f64,
    took_s: f64,
    /// µs since the Unix epoch.
    ended_us: u64,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timings {
    path: PathBuf,
    all: BTreeMap<Done, Timing>,
}

impl Timings {
    /// Of a data folder. A file that is not there, or is not understood, says nothing.
    pub fn read(data: &Path) -> Self {
        let path = data.join("timings.json");
        let text = |path: &Path| -> io::Result<String> {
            let mut text = String::new();
            // A pipe that nobody writes to would be waited for.
            let file = system::reading_no_pipe().open(path)?;
            if !file.metadata()?.is_file() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            file.take(FILE_MAX_BYTES).read_to_string(&mut text)?;
            Ok(text)
        };
        let all = text(&path).ok();
        let all = all.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            all: all.unwrap_or_default(),
            path,
        }
    }

    /// How long it will take: as long as the last time, longer or shorter by as much as what is
    /// computed now differs from then. Where it was never done, what is computed: how another one was
    /// held up says nothing of it.
    pub fn estimate(&self, done: &Done, computed: Duration) -> Duration {
        let factor = self
            .all
            .get(done)
            .map(|timing| timing.took_s / timing.computed_s)
            .filter(|factor| FACTOR.contains(factor));
        factor.map_or(computed, |factor| computed.mul_f64(factor))
    }

    /// Remembers how long something took that was done to its end, at `ended_us` since the Unix
    /// epoch.
    pub fn record(
        &mut self,
        done: Done,
        (computed, took): (Duration, Duration),
        ended_us: u64,
    ) -> io::Result<()> {
        let timing = Timing {
            computed_s: computed.as_secs_f64(),
            took_s: took.as_secs_f64(),
            ended_us,
        };
        self.all.insert(done, timing);
        while self.all.len() > KEPT_MAX {
            let oldest = self.all.iter().min_by_key(|(_, timing)| timing.ended_us);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            self.all.remove(&oldest);
        }
        let part = self.path.with_extension("json.part");
        fs::write(&part, serde_json::to_string(&self.all)?)?;
        fs::rename(&part, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn what_was_done_before_takes_as_long_again_and_nothing_else_does() {
        let name = format!("pushlab-timings-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let quick = Done::experiment("E2", false);
        let plan = Done::run(&Plan::default());
        let mut timings = Timings::read(&folder);
        assert_eq!(timings.estimate(&quick, S(20)), S(20), "computed");
        timings.record(quick.clone(), (S(20), S(30)), 1).unwrap();
        let mut timings = Timings::read(&folder);
        assert_eq!(timings.estimate(&quick, S(20)), S(30));
        assert_eq!(timings.estimate(&quick, S(40)), S(60), "it has grown since");
        let full = Done::experiment("E2", true);
        assert_eq!(timings.estimate(&full, S(100)), S(100), "never done");
        let other = Done::experiment("E5", false);
        assert_eq!(timings.estimate(&other, S(10)), S(10), "nor this");
        assert_eq!(timings.estimate(&plan, S(10)), S(10), "nor any run");
        timings.record(plan.clone(), (S(10), S(5_000)), 2).unwrap();
        assert_eq!(timings.estimate(&plan, S(10)), S(10), "it was held up");
        for n in 0..300 {
            timings
                .record(Done(format!("run/{n}")), (S(1), S(1)), n)
                .unwrap();
        }
        assert_eq!(Timings::read(&folder).all.len(), KEPT_MAX);
        let file = folder.join("timings.json");
        fs::write(&file, "no").unwrap();
        assert!(Timings::read(&folder).all.is_empty());
        fs::remove_file(&file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        assert!(made.unwrap().success());
        assert!(Timings::read(&folder).all.is_empty(), "not waited for");
        fs::remove_dir_all(&folder).unwrap();
    }
}
