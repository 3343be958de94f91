//! What a plan makes of a row: the client that follows it, what theory calls it, and what its
//! network conditions do to it.

use std::time::Duration;

use super::{
    conditions::Effect,
    destination::Peer,
    lanes::Row,
    plan::{Plan, PollFor, PollTimer},
    theory::{DeliveryMode, Timer},
};
use crate::client::{
    Follow,
    channels::{Channels, polling::OverPolling, socket::OverWebSocket, streaming::OverStreaming},
    long_poll::LongPoll,
    short_poll::ShortPoll,
    socketio::{SocketioPolling, SocketioWebSocket, Talk},
    sse::Sse,
    websocket::WebSocket,
};

impl Row {
    /// A client for it, the `index`th of all.
    pub fn client(
        &self,
        plan: &Plan,
        index: usize,
        app_key: Option<&str>,
        peer: Option<&Peer>,
    ) -> Box<dyn Follow> {
        let talk = || match peer {
            Some(Peer::Socketio(broadcast)) => Talk::Broadcast(broadcast.clone()),
            _ => Talk::Lab,
        };
        let channels = || Channels {
            key: app_key.unwrap_or_default().to_owned(),
            positions: self.resume,
        };
        match self.lane.as_str() {
            "short-poll" => {
                // Polls are spread evenly over one interval, so that the mean over the clients
                // is the mean over all phases, whatever the schedule's beat is.
                let share = (index as f64 + 0.5) / plan.clients as f64;
                Box::new(ShortPoll {
                    interval: plan.poll_interval.0,
                    after_answer: plan.poll_timer == PollTimer::AfterAnswer,
                    phase: plan.poll_interval.0.mul_f64(share),
                    poll_for: plan.poll_for,
                })
            }
            "long-poll" => Box::new(LongPoll { hold: plan.hold.0 }),
            "sse" => Box::new(Sse::default()),
            "socketio-polling" => Box::new(SocketioPolling(talk())),
            "socketio-websocket" => Box::new(SocketioWebSocket(talk())),
            "channels" => Box::new(OverWebSocket(channels())),
            "channels-streaming" => Box::new(OverStreaming(channels())),
            "channels-polling" => Box::new(OverPolling(channels())),
            _ => Box::new(WebSocket),
        }
    }

    /// Whether each of its answers holds the newest publication alone.
    pub fn is_of_latest(&self, plan: &Plan) -> bool {
        plan.poll_for == PollFor::State && self.lane == "short-poll"
    }

    /// Whether it asks for the newest publication, changed or not, and may miss others.
    pub fn samples(&self, plan: &Plan) -> bool {
        plan.poll_for != PollFor::News && self.lane == "short-poll"
    }

    /// What the plan's conditions do to it.
    pub fn effect(&self, plan: &Plan) -> Effect {
        let conditions = plan.conditions().unwrap_or_default();
        let own = conditions.of(&self.lane);
        own.map(Effect::of).unwrap_or_default()
    }

    /// What theory calls it.
    pub fn delivery_mode(&self, plan: &Plan) -> DeliveryMode {
        match self.lane.as_str() {
            "short-poll" => DeliveryMode::ShortPoll {
                interval_s: seconds(plan.poll_interval.0),
                timer: match plan.poll_timer {
                    PollTimer::Interval => Timer::Interval,
                    PollTimer::AfterAnswer => Timer::AfterAnswer,
                },
            },
            // Engine.IO holds a poll until its ping is due and Channels until its heartbeat is, both
            // after 25 s, which is the default hold.
            "long-poll" | "socketio-polling" | "channels-polling" => DeliveryMode::LongPoll {
                hold_s: seconds(plan.hold.0),
            },
            _ => DeliveryMode::Stream,
        }
    }
}

pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
