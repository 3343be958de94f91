//! Where delays that browsers report are recorded, and how many were refused.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    catalogue::LANES,
    error::{Code, Refusal},
    metrics::latency::{Latencies, LatencyKey, Recorder, Stage},
};

/// Why delays were not counted, and how many of them.
#[derive(Default)]
pub struct Refused {
    pub foreign_page: AtomicU64,
    pub no_key: AtomicU64,
    pub clock_unknown: AtomicU64,
    pub below_zero: AtomicU64,
    pub too_long: AtomicU64,
}

/// Recorders for what browsers report, one for each lane and stage, and what was refused.
pub struct Reported {
    recorders: HashMap<(&'static str, Stage), Recorder>,
    /// How many reports were refused, and why.
    pub refused: Refused,
}

impl Reported {
    /// Recorders of every transport's lane.
    pub fn new(latencies: &Latencies) -> Self {
        let stages = [Stage::Received, Stage::Painted];
        Self {
            refused: Refused::default(),
            recorders: LANES
                .iter()
                .flat_map(|lane| stages.map(|stage| (lane, stage)))
                .map(|(lane, stage)| {
                    let recorder = latencies.recorder(LatencyKey {
                        lane: lane.id,
                        transport: lane.transport,
                        protocol: lane.protocol,
                        stage,
                    });
                    ((lane.id.0, stage), recorder)
                })
                .collect(),
        }
    }

    /// How many delays were refused, by reason.
    pub fn refused(&self) -> BTreeMap<&'static str, u64> {
        let Refused {
            foreign_page,
            no_key,
            clock_unknown,
            below_zero,
            too_long,
        } = &self.refused;
        [
            ("foreign_page", foreign_page),
            ("no_key", no_key),
            ("clock_unknown", clock_unknown),
            ("below_zero", below_zero),
            ("too_long", too_long),
        ]
        .map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
        .into()
    }

    /// A foreign page's report came; it was refused before it was read.
    pub fn note_foreign_page(&self) {
        self.refused.foreign_page.fetch_add(1, Ordering::Relaxed);
    }

    /// Where delays of this lane and stage are recorded.
    pub fn find(&self, lane: &str, stage: Stage) -> Result<&Recorder, Refusal> {
        let known = self.recorders.iter();
        let mut found = known.filter(|((of, at), _)| *of == lane && *at == stage);
        found.next().map(|(_, recorder)| recorder).ok_or_else(|| {
            Refusal::new(
                Code::BadRange,
                format!(
                    "browsers report received and painted of a transport's lane, not {} of {lane:?}",
                    stage.as_str(),
                ),
            )
        })
    }
}
