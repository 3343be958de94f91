//! Counts of connections that are over, by label and by lane.
//!
//! A connection's meter goes with it; what it counted is added here, so that sums never go back.
//! Channel names come from strangers, so the table has a bound: past [`SERIES_MAX`] the one that
//! was idle longest loses its name, not its counts.

use std::{collections::HashMap, time::Instant};

use super::{labels::Labels, totals::Totals};
use crate::catalogue::LaneId;

/// Most label combinations that have counts of their own. Past it, the one that was idle longest is
/// added to `(other)`.
pub const SERIES_MAX: usize = 500;
/// The channel label of merged series; no channel can have this name.
pub const OTHER: &str = "(other)";

#[derive(Default)]
pub struct Ended {
    pub by_labels: HashMap<Labels, EndedSeries>,
    folds: u64,
    /// Of connections that are over.
    pub by_lane: HashMap<LaneId, Totals>,
}

#[derive(Default)]
pub struct EndedSeries {
    pub totals: Totals,
    /// Grows with every addition, for finding the one that was idle longest.
    last_fold: u64,
    /// When something was added last.
    pub last_added: Option<Instant>,
}

impl Ended {
    pub fn add(&mut self, labels: &Labels, totals: &Totals) {
        if self.by_labels.len() >= SERIES_MAX && !self.by_labels.contains_key(labels) {
            self.merge_idlest();
        }
        self.folds += 1;
        let series = self.by_labels.entry(labels.clone()).or_default();
        series.totals.add(totals);
        series.last_fold = self.folds;
        series.last_added = Some(Instant::now());
    }

    /// Only the channel's name is lost, not the counts.
    fn merge_idlest(&mut self) {
        let idlest = self
            .by_labels
            .iter()
            .filter(|(labels, _)| &*labels.channel != OTHER)
            .min_by_key(|(_, series)| series.last_fold)
            .map(|(labels, _)| labels.clone());
        if let Some(labels) = idlest {
            self.merge(labels);
        }
    }

    pub fn merge(&mut self, labels: Labels) {
        if let Some(series) = self.by_labels.remove(&labels) {
            let other = Labels {
                channel: OTHER.into(),
                ..labels
            };
            let merged = self.by_labels.entry(other).or_default();
            merged.totals.add(&series.totals);
        }
    }
}
