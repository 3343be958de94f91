//! Refusals: every error that a client of the lab can get, and what it should do next.
//!
//! Over HTTP a refusal is `{"error":{"code","message","hint"}}` with the status of its code; on a
//! WebSocket the same object is an `error` message. Startup errors are another matter and live
//! with the command line.
//!
//! May use: `channel`, `codec`, `broker`, `node`.

pub mod page;

use std::borrow::Cow;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};

use crate::{
    broker::BrokerError,
    channel::BadChannelName,
    codec::envelope::{self, BadMessage},
    node::NodeError,
};

/// A refusal. `code` is for programs, `message` says what is wrong with this very input, `hint`
/// what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs; it decides the status.
    pub code: Code,
    /// For people: what is wrong with this request.
    pub message: Cow<'static, str>,
    /// What to do about it where the code's own hint would lead astray.
    hint: Option<Cow<'static, str>>,
}

/// Declares each code once: name on the wire, status, hint.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal, $status:ident, $hint:literal;)+) => {
        /// What kind of refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $(
                $(#[$doc])*
                #[doc = concat!("`", $wire, "`, ", stringify!($status), ". ", $hint)]
                $name
            ),+
        }

        impl Code {
            /// Every code, in the order in which they are declared.
            pub const ALL: &[Code] = &[$(Code::$name),+];

            /// As it stands in the body of a refusal, `{"error":{"code":"too_fast",…}}`; for programs.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire),+ }
            }

            /// The status that the refusal is answered with (RFC 9110 §15).
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),+ }
            }

            /// What to do instead, for people; part of the body.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint),+ }
            }
        }
    };
}

codes! {
    UnknownPath = "unknown_path", NOT_FOUND,
        "All addresses are listed on /docs/api; or open / in a browser.";
    WrongMethod = "wrong_method", METHOD_NOT_ALLOWED,
        "The Allow header names the methods this address answers.";
    BadChannel = "bad_channel", BAD_REQUEST,
        "Use 1 to 164 of the characters A-Z a-z 0-9 _ - = @ , . ;";
    BadJson = "bad_json", BAD_REQUEST,
        "Send {\"event\":\"name\",\"data\":any JSON,\"id\":\"optional\"} as UTF-8.";
    TooDeep = "too_deep", BAD_REQUEST,
        "Nest JSON at most 120 levels deep, or send the inner part as a string that holds JSON.";
    BinaryData = "binary_data", BAD_REQUEST,
        "A channel carries JSON on every lane: send bytes as a base64 string instead.";
    BadEvent = "bad_event", BAD_REQUEST,
        "Use 1 to 200 bytes, and a name that does not start with pushlab:.";
    BadId = "bad_id", BAD_REQUEST,
        "Use an id of 1 to 64 bytes; it makes repeating a publication harmless.";
    BadPosition = "bad_position", BAD_REQUEST,
        "Give epoch and offset together, as an earlier answer named them, or neither.";
    BadQuery = "bad_query", BAD_REQUEST,
        "Check the query parameters against those on /docs/envelope.";
    BadArgument = "bad_argument", BAD_REQUEST,
        "Emit the event with one object, as the list of the lab's Socket.IO events shows.";
    BadClient = "bad_client", BAD_REQUEST,
        "A client id has 1 to 64 of A-Z a-z 0-9 _ - = @ , . ; and a name at most 64 characters.";
    BadRange = "bad_range", BAD_REQUEST,
        "Choose a value inside the range that the message names.";
    BadHandshake = "bad_handshake", BAD_REQUEST,
        "Open it with a WebSocket client: GET, Upgrade: websocket, version 13, a 16-byte key.";
    UpgradeRequired = "upgrade_required", UPGRADE_REQUIRED,
        "This address speaks WebSocket only: open it with new WebSocket(url).";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE,
        "Send less, or raise body_max_bytes in the settings.";
    TooManyChannels = "too_many_channels", SERVICE_UNAVAILABLE,
        "Wait until idle channels are given back, or raise max_channels in the settings.";
    ChannelOfTheClass = "channel_of_the_class", FORBIDDEN,
        "What the phones count there is what the lesson publishes. Choose another channel.";
    ChannelOfTheLab = "channel_of_the_lab", FORBIDDEN,
        "What pages measure there is what the lab publishes. Choose another channel; on one with a source, wait until it has ended.";
    TooManyChannelsOfAddress = "too_many_channels_of_address", TOO_MANY_REQUESTS,
        "Unsubscribe from channels that are no longer shown, or raise max_channels_per_address in the settings.";
    TooManyMembers = "too_many_members", SERVICE_UNAVAILABLE,
        "Use another channel, or raise presence_max_members in the settings.";
    TooManyMembersOfAddress = "too_many_members_of_address", TOO_MANY_REQUESTS,
        "Leave the channel with the members that are no longer needed, or raise presence_max_members in the settings: an address may have a tenth of it.";
    TooFast = "too_fast", TOO_MANY_REQUESTS,
        "Wait as long as the message says and send it again with the same id; the setting publish_rate allows more.";
    TooManySubscriptions = "too_many_subscriptions", SERVICE_UNAVAILABLE,
        "Unsubscribe from channels that are no longer shown, or open another connection.";
    NotSubscribed = "not_subscribed", BAD_REQUEST,
        "Subscribe to the channel first; an unsubscribe or a disconnect ends a subscription.";
    Busy = "busy", SERVICE_UNAVAILABLE,
        "Wait for the acknowledgements of what was sent before sending more.";
    CannotKeep = "cannot_keep", SERVICE_UNAVAILABLE,
        "Send it again with the same id in some seconds. Who runs the lab: free some room on the disk of the data folder, and it goes on by itself.";
    DiskBusy = "disk_busy", SERVICE_UNAVAILABLE,
        "Send it again with the same id in a second, and fewer at once.";
    TooManyReaders = "too_many_readers", SERVICE_UNAVAILABLE,
        "Ask again in a second, and read each answer to its end.";
    TooManySources = "too_many_sources", SERVICE_UNAVAILABLE,
        "Stop a source with DELETE /api/sources/{channel} first.";
    TooManyTaps = "too_many_taps", SERVICE_UNAVAILABLE,
        "Close the Bytes and Sequence tabs that nobody looks at, or wait a minute: one that is not read ends by itself.";
    TapOfAVisitor = "tap_of_a_visitor", CONFLICT,
        "Name another channel, or wait until they have closed their view.";
    UnknownTap = "unknown_tap", NOT_FOUND,
        "Open one with POST /api/taps and send its key in the header Pushlab-Tap; on the compare page, start again.";
    UnknownExchange = "unknown_exchange", NOT_FOUND,
        "Only the newest bytes of each lane are kept: choose an exchange that GET /api/taps/own lists.";
    UnknownSource = "unknown_source", NOT_FOUND,
        "GET /api/sources lists what runs.";
    BadConditions = "bad_conditions", BAD_REQUEST,
        "GET /api/conditions lists every condition with its keys and ranges, and the presets.";
    UnknownLane = "unknown_lane", NOT_FOUND,
        "GET /api/lab lists the lanes.";
    NoConditionsHere = "no_conditions_here", CONFLICT,
        "Set conditions on a transport's lane, on a lab without --single-port.";
    UnknownApp = "unknown_app", NOT_FOUND,
        "GET /api/apps lists the applications that you may look into; the demo's id may be demo.";
    UnknownRun = "unknown_run", NOT_FOUND,
        "GET /api/runs lists what is saved.";
    BrokenRun = "broken_run", UNPROCESSABLE_ENTITY,
        "Save it again with pushlab run --save FILE, or remove the file from the data folder.";
    UnknownExperiment = "unknown_experiment", NOT_FOUND,
        "GET /api/experiments lists the catalogue.";
    UnknownLesson = "unknown_lesson", NOT_FOUND,
        "All of them are on /lessons.";
    NoClass = "no_class", NOT_FOUND,
        "The presenter starts one with pushlab class, or on the page /join.";
    ClassIsOn = "class_is_on", CONFLICT,
        "Go on with it on /presenter/class, or press End the class there.";
    WrongClassCode = "wrong_class_code", FORBIDDEN,
        "Type the four letters and digits that the wall shows; there is neither 0 nor O, neither 1 nor I.";
    TooManyWrongCodes = "too_many_wrong_codes", TOO_MANY_REQUESTS,
        "Wait a few seconds, then type the code that the wall shows.";
    TooManyJoin = "too_many_join", TOO_MANY_REQUESTS,
        "Wait a few seconds, then press Join again.";
    DoorClosed = "door_closed", FORBIDDEN,
        "Ask whoever leads the class to switch \"Let nobody else in\" off. A phone that was in comes back by itself, in the browser in which it joined.";
    ClassFull = "class_full", SERVICE_UNAVAILABLE,
        "The presenter can send away all that are gone, on /presenter/class under Phones; who is gone for a minute gives way.";
    NotInClass = "not_in_class", FORBIDDEN,
        "Open /join and enter the code on the wall.";
    ClassMuted = "class_muted", CONFLICT,
        "Wait until the presenter lets phones speak again.";
    ClassFrozen = "class_frozen", CONFLICT,
        "Wait until the presenter lets it go on, then press it again.";
    NameRefused = "name_refused", UNPROCESSABLE_ENTITY,
        "Choose 1 to 24 letters, digits, blanks and hyphens, or keep the name that you have.";
    UnknownParticipant = "unknown_participant", NOT_FOUND,
        "It has left, or was taken out: choose one of those that the presenter's page lists.";
    NoLesson = "no_lesson", CONFLICT,
        "The presenter chooses one on /presenter/class, under Lessons.";
    NoPlan = "no_plan", CONFLICT,
        "The presenter chooses one on /presenter/class, under Plan.";
    StepIsOver = "step_is_over", CONFLICT,
        "The class has gone on: what is on the wall now is what counts.";
    BadGuess = "bad_guess", UNPROCESSABLE_ENTITY,
        "Choose within what the question gives, or say that you do not know.";
    BadSeen = "bad_seen", UNPROCESSABLE_ENTITY,
        "Send the number that you read off the page, in the unit of the guess.";
    NotAtThisStep = "not_at_this_step", CONFLICT,
        "Go with Next or Back to a step that has it.";
    ClassRunGoesOn = "class_run_goes_on", CONFLICT,
        "Wait until it is over, or press Stop.";
    NothingMeasured = "nothing_measured", CONFLICT,
        "Press Run first; or write what the page shows, then press Reveal; or press Go on with the prediction.";
    TooFewPhones = "too_few_phones", CONFLICT,
        "Let phones join, wake them, or bring stand-ins in their place.";
    CannotRun = "cannot_run", NOT_IMPLEMENTED,
        "Press Go on with the prediction: it shows what theory says.";
    BadPlan = "bad_plan", BAD_REQUEST,
        "pushlab run --help explains every setting of a plan.";
    RunInProgress = "run_in_progress", CONFLICT,
        "Wait until it is over, or stop it with DELETE /api/runs/job.";
    NoRun = "no_run", NOT_FOUND,
        "Start one with POST /api/runs or POST /api/experiments/{id}.";
    CannotSave = "cannot_save", INSUFFICIENT_STORAGE,
        "Free some room, or start the lab with another --data-dir.";
    BadReportKey = "bad_report_key", FORBIDDEN,
        "Ask the lane itself: GET /api/reports/key?lane=NAME on its own address, and send the key with the sample.";
    ForeignPage = "foreign_page", FORBIDDEN,
        "Open the lab's own page, or ask from a program; for lanes and Channels list the page's \
         origin in the setting origins (--origins https://a.example, PUSHLAB_ORIGINS), or serve \
         the page from http://localhost. Behind a proxy that changes Host, see the setting hosts.";
    ForeignHost = "foreign_host", MISDIRECTED_REQUEST,
        "Ask by an address, by localhost or by this machine's name, or list the name in the \
         setting hosts (--hosts lab.example.org, PUSHLAB_HOSTS, hosts in the settings file).";
    PresenterOnly = "presenter_only", FORBIDDEN,
        "Open /presenter/unlock/TOKEN under the name in your address bar, with the token of the address that the lab printed in its terminal, or send Authorization: Bearer with it.";
    BadHead = "bad_head", BAD_REQUEST,
        "Send HTTP/1.1: a line with the method, the path and HTTP/1.1, then Host and other headers, \
         then an empty line; encode < and others in the path, as %3C. If you spoke TLS, ask with http://, or start the lab with --tls-self-signed.";
    HeadTooLarge = "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE,
        "Send a head of under 128 KiB with at most 96 headers: fewer cookies, a shorter address.";
    HeadTooSlow = "head_too_slow", REQUEST_TIMEOUT,
        "Send the whole head at once; request_timeout in the settings is how long it may take.";
    TooSlow = "too_slow", REQUEST_TIMEOUT,
        "Send the body at once, on another connection; body_timeout and min_rate set the pace.";
    TooManyConnections = "too_many_connections", SERVICE_UNAVAILABLE,
        "Try again in some seconds. More fit with a higher ulimit -n or max_connections.";
    TooManyFromAddress = "too_many_from_address", TOO_MANY_REQUESTS,
        "Close connections that are not needed, or raise max_connections_per_address.";
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE,
        "Reconnect with back-off; your position stays good if the history does.";
    Internal = "internal", INTERNAL_SERVER_ERROR,
        "This is a fault of the server: its log says more.";
}

impl Refusal {
    /// A refusal with the hint of its code. `message`: what is wrong with this request.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// The same with another hint than its code's: where the same mistake has another way out.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        self.hint.as_deref().unwrap_or(self.code.hint())
    }

    /// `{"code","message","hint"}`, with the id of the message that failed where it had one.
    pub fn encode(&self, id: Option<&str>, out: &mut Vec<u8>) {
        envelope::encode_error(self.code.as_str(), &self.message, self.hint(), id, out);
    }

    /// The body of an HTTP answer.
    pub fn body(&self) -> Vec<u8> {
        let mut body = b"{\"error\":".to_vec();
        self.encode(None, &mut body);
        body.push(b'}');
        body
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl Code {
    /// After how many seconds it may be asked again; `None`: asking again does not help, or nobody
    /// knows when it will.
    pub fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::TooFast
            | Self::TooManyChannelsOfAddress
            | Self::TooManyReaders
            | Self::DiskBusy => Some(1),
            // One more is let in after so long (`lab_api::class_room::budgets`).
            Self::TooManyJoin => Some(2),
            Self::CannotKeep
            | Self::TooManyConnections
            | Self::TooManyFromAddress
            | Self::TooManyWrongCodes => Some(5),
            _ => None,
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// With itself among the extensions, for whoever says it in another form.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(after_s) = self.code.retry_after_s() {
            response.insert_header((header::RETRY_AFTER, after_s));
        }
        let mut response = response
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(self.body());
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<BadChannelName> for Refusal {
    fn from(error: BadChannelName) -> Self {
        Self::new(Code::BadChannel, error.to_string())
    }
}

impl From<BadMessage> for Refusal {
    fn from(error: BadMessage) -> Self {
        let code = match error {
            BadMessage::Json(_) => Code::BadJson,
            BadMessage::TooDeep => Code::TooDeep,
            BadMessage::EventLength(_) | BadMessage::ReservedEvent => Code::BadEvent,
            BadMessage::IdLength(_) => Code::BadId,
        };
        Self::new(code, error.to_string())
    }
}

impl From<NodeError> for Refusal {
    fn from(error: NodeError) -> Self {
        let code = match error {
            NodeError::Broker(BrokerError::TooManyChannels(_)) => Code::TooManyChannels,
            NodeError::Broker(BrokerError::CannotKeep(_)) => Code::CannotKeep,
            NodeError::Broker(BrokerError::Busy) => Code::DiskBusy,
            NodeError::Broker(BrokerError::Closed) => Code::ShuttingDown,
            NodeError::TooManyMembers(_) => Code::TooManyMembers,
            NodeError::TooManyMembersOfAddress(_) => Code::TooManyMembersOfAddress,
            NodeError::ShuttingDown => Code::ShuttingDown,
            NodeError::TooFast(_) => Code::TooFast,
            NodeError::OfTheClass(_) => Code::ChannelOfTheClass,
            NodeError::OfTheLab(_) => Code::ChannelOfTheLab,
            NodeError::TooManyChannelsOfAddress(_) => Code::TooManyChannelsOfAddress,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_answers_json_with_an_error_status_and_a_hint() {
        for code in Code::ALL {
            let refusal = Refusal::new(*code, "what is \"wrong\"");
            assert!(refusal.status_code().as_u16() >= 400);
            let body: serde_json::Value = serde_json::from_slice(&refusal.body()).unwrap();
            assert_eq!(body["error"]["code"], code.as_str());
            assert_eq!(body["error"]["message"], "what is \"wrong\"");
            assert!(body["error"]["hint"].as_str().unwrap().len() > 10);
        }
    }
}
