//! What the one picture of each experiment is about: the figure that answers its question, and
//! whose. Everything else is under "All figures".

/// Of one experiment.
pub struct Subject {
    pub id: &'static str,
    /// A part of the name of every comparison that is drawn. Where it is a figure's own name alone,
    /// that figure of every row of the last step: what each row predicts of itself.
    pub figures: &'static [&'static str],
    /// The rows that are drawn, those of the question first; empty for all.
    pub rows: &'static [&'static str],
    /// Of so many steps, the last ones; `None` for all.
    pub steps: Option<usize>,
    /// What the axis is.
    pub axis: &'static str,
}

const fn of(
    id: &'static str,
    figures: &'static [&'static str],
    rows: &'static [&'static str],
    axis: &'static str,
) -> Subject {
    Subject {
        id,
        figures,
        rows,
        steps: None,
        axis,
    }
}

impl Subject {
    const fn of_last(self, steps: usize) -> Self {
        Self {
            steps: Some(steps),
            ..self
        }
    }
}

const ALL: &[Subject] = &[
    of(
        "E1",
        &["bytes_per_publication"],
        &[
            "short-poll",
            "websocket",
            "long-poll",
            "sse",
            "channels",
            "channels-xhr-polling",
            "socketio",
            "socketio-polling",
        ],
        "bytes for each publication",
    ),
    of("E2", &[" mean_us"], &[], "time to arrive, on average"),
    of(
        "E3",
        &[" needless_ratio", "short-poll delivery_ratio"],
        &[],
        "share of the items, and of the answers",
    ),
    of("E4", &[" age_us"], &[], "age of what is shown, on average"),
    of(
        "E5",
        &["mean delay over websocket's"],
        &[],
        "what long polling adds to a WebSocket's delay",
    ),
    of(
        "E6",
        &[" overhead"],
        &["websocket", "sse"],
        "share of the bytes that is not data",
    ),
    of(
        "E7",
        &[" delivery_ratio"],
        &[
            "websocket-no-resume",
            "websocket",
            "channels",
            "channels-resume",
            "long-poll-no-resume",
            "long-poll",
            "short-poll-no-resume",
            "short-poll",
        ],
        "delivered",
    ),
    of(
        "E8",
        &["first event after the kill"],
        &[],
        "until the first event after the cut",
    ),
    of(
        "E9",
        &["clients that got through"],
        &["short-poll", "sse", "websocket"],
        "clients that got through",
    ),
    of(
        "E10",
        &["round trips to its channel"],
        &[],
        "round trips before it is in its channel",
    ),
    of("E11", &[" mean_us", " p50_us"], &[], "time to arrive"),
    of(
        "E12",
        &[" p95_us"],
        &[],
        "time to arrive, 95 % of them within",
    ),
    of(
        "E13",
        &["deliveries/s, of those offered"],
        &[],
        "deliveries a second",
    )
    // The highest rate: one by one, what waits, and what 20 ms gather.
    .of_last(3),
    of("E14", &["requests/s of"], &[], "requests a second"),
    of(
        "E15",
        &[" bytes_per_request"],
        &[],
        "bytes for each request",
    ),
    of(
        "E16",
        &["bytes per idle hour, a beat every 0.25 s"],
        &[],
        "bytes for each idle hour",
    ),
    of("E17", &[" delivery_ratio"], &[], "delivered"),
    of("E18", &["longest delay"], &[], "the longest time to arrive"),
    of(
        "E19",
        &[" delivery_ratio"],
        &[
            "short-poll",
            "sse",
            "websocket",
            "websocket-no-resume",
            "socketio-polling",
        ],
        "delivered",
    ),
    of(
        "E20",
        &[" tries_peak"],
        &[],
        "most tries to connect within 100 ms",
    ),
    of(
        "E23",
        &[" bytes_per_publication"],
        &[
            "sse",
            "sse-gzip",
            "sse-br",
            "sse-zstd",
            "websocket",
            "websocket-deflate",
            "websocket-deflate-context",
        ],
        "bytes for each publication",
    ),
    of(
        "E24",
        &["seconds between publications, 100 clients all day"],
        &[],
        "seconds between publications",
    ),
];

/// `None` for one of another program's catalogue: then the picture is of what it compared first.
pub fn subject(id: &str) -> Option<&'static Subject> {
    ALL.iter().find(|subject| subject.id == id)
}
