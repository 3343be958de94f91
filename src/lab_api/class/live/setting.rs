//! The network that a step `set` asks for, and what was there before it.

use std::collections::BTreeMap;

use crate::{
    lab::Lab,
    lane::{
        LaneId,
        conditions::{BadConditions, Conditions, LaneConditions},
    },
};

/// See the module.
#[derive(Default)]
pub struct Setting {
    /// As the lesson writes them; what is in effect.
    put: Option<(BTreeMap<String, String>, u64)>,
    /// Of each lane that was changed: what it had.
    before: BTreeMap<LaneId, Option<Before>>,
}

struct Before {
    conditions: Conditions,
    seed: u64,
    from_us: u64,
}

impl Setting {
    /// Sets these conditions, by lane, and lifts those of an earlier step. Nothing changes where they
    /// are in effect already.
    ///
    /// # Errors
    ///
    /// Why not, for people; then nothing is set.
    pub fn put(
        &mut self,
        lab: &Lab,
        wanted: &BTreeMap<String, String>,
        seed: u64,
    ) -> Result<(), String> {
        let new = (wanted.clone(), seed);
        if self.put.as_ref() == Some(&new) {
            return Ok(());
        }
        self.lift(lab);
        let read = wanted.iter().map(|(lane, text)| {
            let mut lanes = lab.conditions.lanes();
            let known = lanes.find(|(known, _)| known.0 == lane);
            let (lane, now) = known.ok_or_else(|| format!("{lane} has no conditions here"))?;
            let conditions: Conditions = text
                .parse()
                .map_err(|error: BadConditions| error.to_string())?;
            Ok((lane, before(now), conditions))
        });
        let all: Vec<_> = read.collect::<Result<_, String>>()?;
        for (lane, before, conditions) in all {
            self.before.insert(lane, before);
            lab.conditions.put(lane, conditions, seed, None);
        }
        self.put = Some(new);
        Ok(())
    }

    /// What happens at instants of its own (tunnels, cuts) counts from `from_us`, a time of day: a run
    /// begins.
    pub fn begin(&self, lab: &Lab, from_us: u64) {
        let Some((wanted, seed)) = &self.put else {
            return;
        };
        for (lane, _) in lab.conditions.lanes() {
            let text = wanted.get(lane.0);
            if let Some(conditions) = text.and_then(|text| text.parse().ok()) {
                lab.conditions.put(lane, conditions, *seed, Some(from_us));
            }
        }
    }

    /// Each lane is as it was.
    pub fn lift(&mut self, lab: &Lab) {
        self.put = None;
        for (lane, before) in std::mem::take(&mut self.before) {
            match before {
                Some(it) => {
                    let from_us = Some(it.from_us);
                    lab.conditions.put(lane, it.conditions, it.seed, from_us);
                }
                None => lab.conditions.clear(lane),
            }
        }
    }
}

fn before(now: &LaneConditions) -> Option<Before> {
    let now = now.in_effect()?;
    let (_, from_us) = now.times_of_day_us();
    Some(Before {
        conditions: now.conditions.clone(),
        seed: now.seed,
        from_us,
    })
}
