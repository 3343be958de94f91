//! The two experiments that measure the visitor's own browser: their texts. What they do is in
//! `static/js/experiments/e21.js` and `e22.js`.

/// An experiment in the browser.
pub struct Own {
    pub id: &'static str,
    pub title: &'static str,
    pub group: &'static str,
    pub question: &'static str,
    pub claim: &'static str,
    pub expectation: &'static str,
    pub meaning: &'static str,
    /// What is guessed, with the unit behind the field.
    pub guess: (&'static str, &'static str),
    pub takes: &'static str,
}

pub const ALL: [Own; 2] = [
    Own {
        id: "E21",
        title: "Six connections",
        group: "networks",
        question: "How many event streams can one site hold open in a browser, and what happens to the next one, \
            and to everything else?",
        claim: "A browser opens at most six HTTP/1.1 connections to an origin, over all its tabs; a WebSocket is \
            not among them (WHATWG HTML, \"Server-sent events\", warns of it)",
        expectation: "with HTTP/1.1: six event streams open, the 7th and 8th wait, and so does an ordinary \
            request to that origin; eight WebSockets all open, and the request is answered",
        meaning: "Event streams over HTTP/1.1 are for one tab at a time. Where people keep several open, use \
            HTTP/2, a WebSocket, or one stream that the tabs share.",
        guess: (
            "Of eight event streams, the first that does not open is number",
            "",
        ),
        takes: "10 s",
    },
    Own {
        id: "E22",
        title: "Hidden tab",
        group: "networks",
        question: "A page polls every half second. What becomes of that while nobody looks at its tab, and what \
            of a push?",
        claim: "Browsers run the timers of hidden tabs at most once a second, and after five minutes at most once \
            a minute (Chrome since 88); what comes from the network is handed on as ever",
        expectation: "hidden: polls 1 s apart, after 5 minutes 60 s (Chrome 88; newer ones may begin sooner, \
            others differ); pushes 0.5 s apart all the time",
        meaning: "What must reach a tab that nobody looks at has to be pushed. A poll is only as often as the \
            browser lets its timer run.",
        guess: ("The polls of a hidden tab are apart by", "s"),
        takes: "as long as you like",
    },
];

/// By its number, in either case.
pub fn find(id: &str) -> Option<&'static Own> {
    ALL.iter().find(|own| own.id.eq_ignore_ascii_case(id))
}
