//! The lanes that a run can drive: what each is called, which client follows it, and what theory
//! calls it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    plan::{Plan, PollTimer},
    theory::{Timer, Way},
};
use crate::client::{
    Follow,
    channels::Channels,
    long_poll::LongPoll,
    short_poll::ShortPoll,
    socketio::{SocketioPolling, SocketioWebSocket},
    sse::Sse,
    websocket::WebSocket,
};

/// What is known of a lane before a run.
#[derive(Debug)]
pub struct Lane {
    pub name: &'static str,
    pub transport: &'static str,
    pub protocol: &'static str,
    pub label: &'static str,
    /// Whether its protocol has positions to continue from.
    pub can_resume: bool,
}

/// In the order in which they are shown.
pub const ALL: &[Lane] = &[
    Lane {
        name: "short-poll",
        transport: "short-poll",
        protocol: "plain",
        label: "Short polling",
        can_resume: true,
    },
    Lane {
        name: "long-poll",
        transport: "long-poll",
        protocol: "plain",
        label: "Long polling",
        can_resume: true,
    },
    Lane {
        name: "sse",
        transport: "sse",
        protocol: "plain",
        label: "Server-sent events",
        can_resume: true,
    },
    Lane {
        name: "websocket",
        transport: "websocket",
        protocol: "plain",
        label: "WebSocket",
        can_resume: true,
    },
    Lane {
        name: "channels",
        transport: "websocket",
        protocol: "pusher",
        label: "Pusher Channels",
        can_resume: false,
    },
    Lane {
        name: "socketio-polling",
        transport: "polling",
        protocol: "socketio",
        label: "Socket.IO, polling only",
        can_resume: true,
    },
    Lane {
        name: "socketio-websocket",
        transport: "websocket",
        protocol: "socketio",
        label: "Socket.IO, WebSocket only",
        can_resume: true,
    },
];

pub fn find(name: &str) -> Option<&'static Lane> {
    ALL.iter().find(|lane| lane.name == name)
}

/// A line of the result: a lane, with resume or without.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Row {
    pub lane: String,
    /// Whether clients continue from their position after an interruption.
    pub resume: bool,
    /// How the row is named in thresholds and tables; the lane's name, with `-no-resume` where it
    /// could and is told not to.
    pub name: String,
}

impl Row {
    pub fn new(lane: &'static Lane, resume: bool) -> Self {
        let resume = resume && lane.can_resume;
        Self {
            lane: lane.name.to_owned(),
            resume,
            name: match lane.can_resume && !resume {
                true => format!("{}-no-resume", lane.name),
                false => lane.name.to_owned(),
            },
        }
    }

    pub fn lane(&self) -> Option<&'static Lane> {
        find(&self.lane)
    }

    /// A client for it, the `index`th of all.
    pub fn client(&self, plan: &Plan, index: usize, app_key: Option<&str>) -> Box<dyn Follow> {
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
            "socketio-polling" => Box::new(SocketioPolling),
            "socketio-websocket" => Box::new(SocketioWebSocket),
            "channels" => Box::new(Channels {
                key: app_key.unwrap_or_default().to_owned(),
            }),
            _ => Box::new(WebSocket),
        }
    }

    /// What theory calls it.
    pub fn way(&self, plan: &Plan) -> Way {
        match self.lane.as_str() {
            "short-poll" => Way::ShortPoll {
                interval_s: seconds(plan.poll_interval.0),
                timer: match plan.poll_timer {
                    PollTimer::Interval => Timer::Interval,
                    PollTimer::AfterAnswer => Timer::AfterAnswer,
                },
            },
            // Engine.IO holds a poll until its ping is due, 25 s, which is the default hold.
            "long-poll" | "socketio-polling" => Way::LongPoll {
                hold_s: seconds(plan.hold.0),
            },
            _ => Way::Stream,
        }
    }
}

pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
