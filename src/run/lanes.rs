//! The lanes that a run can drive, and the rows of its result: what each is called. What a plan
//! makes of a row is in [`super::rows`].

use serde::{Deserialize, Serialize};

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

    /// How many a client has open at a time.
    pub fn connections(&self) -> usize {
        match self.lane.as_str() {
            // What streams down is no way up.
            "channels-streaming" => 2,
            _ => 1,
        }
    }
}
