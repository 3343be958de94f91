//! One phone in the class: its name, how it is, and what it reported last.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::state::GridState;

/// One instant, on both clocks: what is kept or shown as a time is of the day; how long a phone has been silent is of the
/// clock that nobody sets, since no phone is gone because somebody sets the laptop's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// µs since the Unix epoch.
    pub of_day_us: u64,
    /// µs on a clock that only counts up, in this process.
    pub running_us: u64,
}

/// Where both clocks agree.
impl From<u64> for Now {
    fn from(us: u64) -> Self {
        Self {
            of_day_us: us,
            running_us: us,
        }
    }
}

/// A phone that has had no event stream for so long is gone, µs.
pub const GONE_AFTER_US: u64 = 10_000_000;

/// Written `p7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(pub u32);

impl ParticipantId {
    /// Numbers of more digits are none.
    pub const MAX: u32 = 999_999_999;
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl FromStr for ParticipantId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('p').filter(|digits| digits.len() <= 9);
        let number = digits.and_then(|digits| digits.parse().ok());
        number
            .map(Self)
            .ok_or_else(|| "no phone is called that; ids are as in \"p7\"".to_owned())
    }
}

impl Serialize for ParticipantId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ParticipantId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// SHA-256 of the token that a phone's cookie holds; kept as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || serde::de::Error::custom("a token's hash has 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(hash))
    }
}

/// What `POST /api/class/report` says, every 2 s.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Report {
    /// Whether its page is on the screen.
    pub visible: bool,
    /// Of its line to the lane.
    #[serde(default)]
    pub state: LineState,
    /// The lane it is on; `None`: on none.
    #[serde(default)]
    pub lane: Option<String>,
    /// Of what came last.
    #[serde(default)]
    pub delay_ms: Option<f64>,
    /// What it counted in the present run.
    #[serde(default)]
    pub seen: Option<Seen>,
    /// Of what came while the run measured, or, before any run, since the phones were set up; `None`:
    /// nothing did.
    #[serde(default)]
    pub delays: Option<Delays>,
    /// The state's `set` in which all of this was measured: what is of an earlier one is of another
    /// network, or of another lane.
    #[serde(default)]
    pub set: u64,
    /// The state's `run.number` in which it was; none for 0.
    #[serde(default)]
    pub run: Option<u64>,
    /// What its browser has; told once.
    #[serde(default)]
    pub can: Option<Can>,
}

/// How a phone's line to its lane is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineState {
    /// It has no lane.
    #[default]
    Idle,
    /// It tries for the first time.
    Connecting,
    /// It gets what is published.
    Open,
    /// It had a connection, and tries again.
    Reconnecting,
    /// It has given up.
    Closed,
}

/// How late what came to one phone was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Delays {
    /// The most that the phone's clock may be off, ms: 0 on the lab's own machine.
    pub bound_ms: f64,
    /// From the instant that it was intended to its script.
    #[serde(default)]
    pub received: Option<Late>,
    /// … to the frame that shows it.
    #[serde(default)]
    pub painted: Option<Late>,
}

/// Of one phone's delays, ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Late {
    /// Their mean.
    pub mean: f64,
    /// Their median.
    pub p50: f64,
    /// What nine of ten were below.
    pub p90: f64,
    /// What ninety-nine of a hundred were below.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Late {
    /// Each with the end of its figure's name.
    pub fn each(&self) -> [(&'static str, f64); 5] {
        [
            ("mean", self.mean),
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("max", self.max),
        ]
    }

    /// Nothing can be later than `longest_ms`.
    pub fn is_sound(&self, longest_ms: f64) -> bool {
        let within = |(_, ms): &(_, f64)| ms.is_finite() && (0.0..=longest_ms).contains(ms);
        self.each().iter().all(within)
    }
}

/// What a phone counted since the run's `measured_from_us`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Polls that were answered.
    #[serde(default)]
    pub requests: u64,
    /// Of these, with nothing in them.
    #[serde(default)]
    pub empty: u64,
    /// Publications.
    #[serde(default)]
    pub received: u64,
}

impl Seen {
    fn and(self, more: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(more.requests),
            empty: self.empty.saturating_add(more.empty),
            received: self.received.saturating_add(more.received),
        }
    }
}

/// What a phone counted in one run. A page that is loaded again begins at nothing, and what it had said stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    run: u64,
    /// By pages that were loaded anew since.
    before: Seen,
    /// By the page that is open, as it said last.
    now: Seen,
}

impl Counted {
    /// With what the phone says now: all that it counted in `run`.
    pub fn with(&mut self, run: u64, now: Seen) -> Seen {
        if self.run != run {
            *self = Self {
                run,
                ..Self::default()
            };
        }
        // A page that goes on never counts less than it has.
        if now.requests < self.now.requests || now.received < self.now.received {
            self.before = self.before.and(self.now);
        }
        self.now = now;
        self.before.and(now)
    }
}

/// What a phone's browser has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Can {
    /// `WebSocket`.
    #[serde(default)]
    pub websocket: bool,
    /// `EventSource`.
    #[serde(default)]
    pub eventsource: bool,
    /// `ReadableStream` of a `fetch`.
    #[serde(default)]
    pub streams: bool,
    /// The page came by HTTP/2 or later.
    #[serde(default)]
    pub http2: bool,
}

/// One phone. What is not kept over a stop of the server is what it says anew within two seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// Its number in this class.
    pub id: ParticipantId,
    /// SHA-256 of the token that its cookie has; the token itself is kept nowhere.
    pub token_hash: TokenHash,
    /// What it is called: a name from the list, or one that [`super::filter`] let through.
    pub name: String,
    /// When it joined, µs of the time of day.
    pub joined_us: u64,
    /// When it was last heard of, µs of the time of day.
    pub last_seen_us: u64,
    /// Index into the class's groups.
    pub group: Option<usize>,
    /// It is a stand-in that this program started.
    pub is_native: bool,
    /// What its browser has, once told.
    pub can: Option<Can>,
    /// How it is now.
    #[serde(skip)]
    pub live: Live,
}

/// How a phone is now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// Event streams that are open.
    pub streams: u32,
    /// That were ever opened: the number of the newest.
    pub streams_ever: u64,
    /// Of one without: until when it had one, or since when it is in; µs on the clock that nobody sets.
    pub stream_until_us: u64,
    /// When it was last heard of, on the same clock.
    pub heard_us: u64,
    /// Its page is hidden.
    pub is_asleep: bool,
    /// How its line is.
    pub line: LineState,
    /// The lane it is on.
    pub lane: Option<String>,
    /// Delay of what came last, ms.
    pub delay_ms: Option<f64>,
    /// What it counted in the present run, before its page was loaded anew and after it.
    pub seen: Option<Seen>,
    /// What that is made of.
    pub counted: Counted,
    /// How late what came was, of the present run and setting.
    pub delays: Option<Delays>,
    /// The run that `seen` and `delays` are of; 0: before any.
    pub run: u64,
}

impl Live {
    /// Of a phone that came at `running_us`.
    pub fn since(running_us: u64) -> Self {
        Self {
            stream_until_us: running_us,
            heard_us: running_us,
            ..Self::default()
        }
    }

    /// The phone is set up anew, or a run begins: what it said before is of the time before.
    pub fn begin_anew(&mut self) {
        self.delay_ms = None;
        self.seen = None;
        self.counted = Counted::default();
        self.delays = None;
    }
}

impl Participant {
    /// It has called, with whatever it was.
    pub fn heard(&mut self, now: Now) {
        self.last_seen_us = now.of_day_us;
        self.live.heard_us = now.running_us;
    }

    /// Open, asleep, or gone where it has had no stream for a while, by the clock that nobody sets.
    pub fn state(&self, running_us: u64) -> GridState {
        let silent_us = running_us.saturating_sub(self.live.stream_until_us);
        let is_gone = self.live.streams == 0 && silent_us >= GONE_AFTER_US;
        match (is_gone, self.live.is_asleep) {
            (true, _) => GridState::Gone,
            (false, true) => GridState::Asleep,
            (false, false) => GridState::Open,
        }
    }
}
