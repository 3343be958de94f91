//! Experiments that a page in the visitor's own browser carries out, on /experiments: their texts.
//! What is measured stays in the page, which makes the sentence there.

use super::group::Group;

/// An entry of the catalogue without plans.
pub struct InBrowser {
    /// Its number in the catalogue, as in `E21`.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it asks.
    pub question: &'static str,
    /// Whose claim it tests, in the claim's own words.
    pub claim: &'static str,
    /// What theory expects.
    pub expectation: &'static str,
    /// Claims that it is about.
    pub claims: &'static [&'static str],
    /// Which kind of question.
    pub group: Group,
    /// What a visitor guesses first: a number, and its unit.
    pub ask: &'static str,
    /// Of what is guessed.
    pub unit: &'static str,
    /// What theory says of that, in this unit.
    pub theory: f64,
    /// What the figure says about the browser.
    pub meaning: &'static str,
}

/// Those whose subject is the browser itself: no native client has six connections or a hidden tab.
pub const ALL: [InBrowser; 2] = [
    InBrowser {
        id: "E21",
        title: "Six connections",
        question: "How many event streams can one site hold open in a browser, and what happens to \
            the next one, and to everything else?",
        claim: "a browser opens at most six HTTP/1.1 connections to an origin, over all its tabs; a \
            WebSocket is not among them (WHATWG HTML, \"Server-sent events\", warns of it)",
        expectation: "with HTTP/1.1 six event streams open, the 7th and 8th wait, and so does an \
            ordinary request to that origin; eight WebSockets all open, and the request is answered",
        claims: &["B5"],
        group: Group::Networks,
        ask: "Of eight event streams to one site, the first that does not open is the",
        unit: "th",
        theory: 7.0,
        meaning: "An event stream for each tab stops the whole site at the seventh, its ordinary \
            requests too. Share one stream between tabs, speak HTTP/2, or use a WebSocket.",
    },
    InBrowser {
        id: "E22",
        title: "Hidden tab",
        question: "A page polls every half second. What becomes of that while nobody looks at its \
            tab, and what of a push?",
        claim: "browsers run the timers of hidden tabs at most once a second, and after five minutes \
            at most once a minute (Chrome since 88); what comes from the network is handed on as ever",
        expectation: "hidden: polls 1 s apart, after 5 minutes 60 s (Chrome 88; newer ones may begin \
            sooner, others differ); pushes 0.5 s apart all the time",
        claims: &["B12"],
        group: Group::Delay,
        ask: "The polls of a hidden tab, every 0.5 s by its timer, come apart",
        unit: "s",
        theory: 1.0,
        meaning: "Whoever must hear of something while looking at another tab is told late by a \
            poll and in time by a push. Whoever only looks has lost nothing, and the server is \
            spared.",
    },
];

/// By its number, in either case.
pub fn find(id: &str) -> Option<&'static InBrowser> {
    ALL.iter().find(|known| known.id.eq_ignore_ascii_case(id))
}
