//! When things happen in a pass: publications, interruptions, and the instants between which it is
//! measured.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Pass, RunningRow};
use crate::{
    client::lifecycle::{Control, Outage, Tunnel},
    clock,
    run::{collector::Timetable, error::RunError, plan::PublishBy, schedule::Kind},
};

/// Between the last client's arrival and the first instant of the schedule.
const LEAD: Duration = Duration::from_millis(50);
/// For telling the lab when conditions begin to count.
const LEAD_FOR_CONDITIONS: Duration = Duration::from_millis(250);

impl Pass<'_> {
    /// With the instants at which to publish.
    pub(super) fn timetable(&self) -> Result<(Timetable, Vec<u64>), RunError> {
        let lead = match self.plan.conditions.is_empty() {
            true => LEAD,
            false => LEAD + LEAD_FOR_CONDITIONS,
        };
        let start_us = clock::now_us() + lead.as_micros() as u64;
        let warm_up_us = self.plan.warm_up.0.as_micros() as u64;
        let all = self.plan.publications(self.seed)?;
        let timetable = Timetable {
            first: all.iter().filter(|(at_us, _)| *at_us <= warm_up_us).count(),
            intended_us: all.iter().map(|(at_us, _)| start_us + at_us).collect(),
            from_us: start_us + warm_up_us,
            until_us: start_us + warm_up_us + self.plan.duration.0.as_micros() as u64,
            publishers: match self.plan.publish_by {
                PublishBy::Run => None,
                PublishBy::Clients => Some(self.plan.clients),
            },
            outage_us: {
                let us = |span: Duration| span.as_micros() as u64;
                let cut_us = start_us + warm_up_us + us(self.plan.outage_at.0);
                let until_us = cut_us + us(self.plan.outage_for.0);
                (!self.plan.outage_at.0.is_zero()).then_some((cut_us, until_us))
            },
        };
        let publish_us = all.iter().map(|(_, at_us)| start_us + at_us).collect();
        Ok((timetable, publish_us))
    }

    /// The timetable of one row: a lane whose conditions cut everybody off has an outage of no
    /// length, after which its clients come back or do not.
    pub(super) fn timetable_of(&self, row: &RunningRow, timetable: &Timetable) -> Timetable {
        let mut timetable = timetable.clone();
        if let Some(after) = self.conditions.cut_after(&row.row.lane) {
            let from_us = timetable.from_us - self.half_a_beat_us();
            let cut_us = from_us + after.as_micros() as u64;
            timetable.outage_us.get_or_insert((cut_us, cut_us));
        }
        timetable
    }

    /// When everybody is to lose the connection by the clients' own doing. Cuts fall midway
    /// between two publications of a periodic schedule: at the instant of one, one more would be lost
    /// at each end than the mean over all phases, which theory gives.
    pub(super) fn plan_interruptions(&self, starts: Instant, control: &watch::Sender<Control>) {
        let half_a_beat = Duration::from_micros(self.half_a_beat_us());
        if !self.plan.tunnel_every.0.is_zero() {
            let from = starts.checked_sub(half_a_beat).unwrap_or(starts);
            let tunnel = Tunnel {
                period: self.plan.tunnel_every.0,
                away: self.plan.tunnel_away.0,
                from,
                until: from + self.plan.duration.0,
            };
            control.send_modify(|control| control.tunnel = Some(tunnel));
        }
        if !self.plan.outage_at.0.is_zero() {
            let from = starts + self.plan.outage_at.0;
            let until = from + self.plan.outage_for.0;
            control.send_modify(|control| control.outage = Some(Outage { from, until }));
        }
    }

    pub(super) fn half_a_beat_us(&self) -> u64 {
        (0.5e6 / self.plan.rate) as u64
    }

    /// How long after the measured time's ends both sides are looked at: midway between two
    /// publications of a periodic schedule, where nothing is under way. On the beat, one would be
    /// counted by halves.
    pub(super) fn off_beat_us(&self) -> u64 {
        const MOST_US: f64 = 100_000.0;
        match self.plan.schedule {
            Kind::Periodic => (0.5e6 / self.plan.rate).min(MOST_US) as u64,
            Kind::Poisson | Kind::Bursty | Kind::Replay => 0,
        }
    }

    pub(super) fn until(&self, at_us: u64) -> Duration {
        Duration::from_micros(at_us.saturating_sub(clock::now_us()))
    }
}
