//! The lanes that a run can drive: what each is called, which client follows it, and what theory
//! calls it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    destination::Peer,
    plan::{Plan, PollFor, PollTimer},
    theory::{Timer, Way},
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

/// What is known of a lane before a run.
#[derive(Debug)]
pub struct Lane {
    pub name: &'static str,
    pub transport: &'static str,
    pub protocol: &'static str,
    pub label: &'static str,
    /// Whether its protocol has positions to continue from.
    pub can_resume: bool,
    /// Whether this lab's extension of the protocol has. What is measured by it says so, and is
    /// measured beside the protocol as it is, never instead of it.
    pub extends: bool,
}

/// In the order in which they are shown.
pub const ALL: &[Lane] = &[
    Lane {
        name: "short-poll",
        transport: "short-poll",
        protocol: "plain",
        label: "Short polling",
        can_resume: true,
        extends: false,
    },
    Lane {
        name: "long-poll",
        transport: "long-poll",
        protocol: "plain",
        label: "Long polling",
        can_resume: true,
        extends: false,
    },
    Lane {
        name: "sse",
        transport: "sse",
        protocol: "plain",
        label: "Server-sent events",
        can_resume: true,
        extends: false,
    },
    Lane {
        name: "websocket",
        transport: "websocket",
        protocol: "plain",
        label: "WebSocket",
        can_resume: true,
        extends: false,
    },
    Lane {
        name: "channels",
        transport: "websocket",
        protocol: "pusher",
        label: "Pusher Channels",
        can_resume: false,
        extends: true,
    },
    Lane {
        name: "channels-streaming",
        transport: "xhr_streaming",
        protocol: "pusher",
        label: "Channels, xhr_streaming",
        can_resume: false,
        extends: true,
    },
    Lane {
        name: "channels-polling",
        transport: "xhr_polling",
        protocol: "pusher",
        label: "Channels, xhr_polling",
        can_resume: false,
        extends: true,
    },
    Lane {
        name: "socketio-polling",
        transport: "polling",
        protocol: "socketio",
        label: "Socket.IO, polling only",
        can_resume: true,
        extends: false,
    },
    Lane {
        name: "socketio-websocket",
        transport: "websocket",
        protocol: "socketio",
        label: "Socket.IO, WebSocket only",
        can_resume: true,
        extends: false,
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
    /// could and is told not to, and `-resume` where it could not but for the lab's extension.
    pub name: String,
}

impl Row {
    pub fn new(lane: &'static Lane, resume: bool) -> Self {
        let resume = resume && (lane.can_resume || lane.extends);
        Self {
            lane: lane.name.to_owned(),
            resume,
            name: match (lane.can_resume, resume) {
                (true, false) => format!("{}-no-resume", lane.name),
                (false, true) => format!("{}-resume", lane.name),
                _ => lane.name.to_owned(),
            },
        }
    }

    pub fn lane(&self) -> Option<&'static Lane> {
        find(&self.lane)
    }

    /// What people are told that it is.
    pub fn label(&self, lane: &Lane) -> String {
        match (lane.can_resume, self.resume) {
            (true, false) => format!("{}, without resume", lane.label),
            (false, true) => format!("{}, resuming by the lab's extension", lane.label),
            _ => lane.label.to_owned(),
        }
    }

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

    /// How many a client has open at a time.
    pub fn connections(&self) -> usize {
        match self.lane.as_str() {
            // What streams down is no way up.
            "channels-streaming" => 2,
            _ => 1,
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
            // Engine.IO holds a poll until its ping is due and Channels until its heartbeat is, both
            // after 25 s, which is the default hold.
            "long-poll" | "socketio-polling" | "channels-polling" => Way::LongPoll {
                hold_s: seconds(plan.hold.0),
            },
            _ => Way::Stream,
        }
    }
}

pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
