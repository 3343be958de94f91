//! What a plan makes of a row: the client that follows it, what theory calls it, and what its
//! network conditions do to it.

use std::time::Duration;

use super::{
    conditions::Effect,
    destination::Peer,
    each_lane::{self, Wanted},
    lanes::Row,
    plan::{Plan, PollFor, PollTimer},
    theory::{DeliveryMode, Timer},
};
use crate::{
    catalogue::{Fetching, Sending},
    client::Follow,
};

impl Row {
    /// A client for it, the `index`th of all; `None` for a lane that there is not.
    pub fn client(
        &self,
        plan: &Plan,
        index: usize,
        app_key: Option<&str>,
        peer: Option<&Peer>,
    ) -> Option<Box<dyn Follow>> {
        let wanted = Wanted {
            plan,
            row: self,
            index,
            app_key,
            peer,
        };
        Some(each_lane::of(&self.lane)?.client(&wanted))
    }

    /// How many connections a client has open at a time.
    pub fn connections(&self) -> usize {
        each_lane::of(&self.lane).map_or(1, |each| each.connections())
    }

    /// Whether its clients publish on the connection that they read from, where clients publish.
    pub fn sends_on_its_connection(&self) -> bool {
        self.lane()
            .is_some_and(|lane| lane.sending == Sending::SameConnection)
    }

    fn fetching(&self) -> Fetching {
        self.lane().map_or(Fetching::Stream, |lane| lane.fetching)
    }

    /// Whether each of its answers holds the newest publication alone.
    pub fn is_of_latest(&self, plan: &Plan) -> bool {
        plan.poll_for == PollFor::State && self.fetching() == Fetching::ShortPolls
    }

    /// Whether it asks for the newest publication, changed or not, and may miss others.
    pub fn samples(&self, plan: &Plan) -> bool {
        plan.poll_for != PollFor::News && self.fetching() == Fetching::ShortPolls
    }

    /// What the plan's conditions do to it.
    pub fn effect(&self, plan: &Plan) -> Effect {
        let conditions = plan.conditions().unwrap_or_default();
        let own = conditions.of(&self.lane);
        own.map(Effect::of).unwrap_or_default()
    }

    /// What theory calls it.
    pub fn delivery_mode(&self, plan: &Plan) -> DeliveryMode {
        match self.fetching() {
            Fetching::ShortPolls => DeliveryMode::ShortPoll {
                interval_s: seconds(plan.poll_interval.0),
                timer: match plan.poll_timer {
                    PollTimer::Interval => Timer::Interval,
                    PollTimer::AfterAnswer => Timer::AfterAnswer,
                },
            },
            // Engine.IO holds a poll until its ping is due and Channels until its heartbeat is, both
            // after 25 s, which is the default hold.
            Fetching::HeldPolls => DeliveryMode::LongPoll {
                hold_s: seconds(plan.hold.0),
            },
            Fetching::Stream => DeliveryMode::Stream,
        }
    }
}

/// As seconds, with its fraction.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
