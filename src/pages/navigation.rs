//! What leads from page to page, and what each page says to a browser without scripts.
//!
//! A page is one line of [`PLACES`]; the header shows the first seven or fewer beside each other and
//! the others under "More". On a narrow screen more of them go there: the style sheet decides.

/// A page that the header leads to.
pub struct Place {
    /// What the page calls itself, in `Page::here`.
    pub here: &'static str,
    pub path: &'static str,
    pub name: &'static str,
    /// Whether it stands in the header, or under "More".
    pub in_header: bool,
    /// Whether a narrow screen has room for it in the header, too.
    pub on_phones: bool,
    /// What a browser without scripts shows instead of what is missing.
    pub without_scripts: &'static str,
}

/// Every page of the header, in the order in which they are shown.
pub static PLACES: &[Place] = &[
    Place {
        here: "home",
        path: "/",
        name: "Lab",
        in_header: true,
        on_phones: false,
        without_scripts: "Without JavaScript the lanes can be read about here; their figures and code need it.",
    },
    Place {
        here: "chat",
        path: "/chat",
        name: "Chat",
        in_header: true,
        on_phones: true,
        without_scripts: "The chat needs JavaScript: messages are sent, received and timed by it. Only the choice of a room works without.",
    },
    Place {
        here: "dashboard",
        path: "/dashboard",
        name: "Dashboard",
        in_header: true,
        on_phones: false,
        without_scripts: "The dashboard needs JavaScript: what it shows comes live, and its age is measured in this browser.",
    },
    Place {
        here: "compare",
        path: "/compare",
        name: "Compare",
        in_header: true,
        on_phones: true,
        without_scripts: "Comparing needs JavaScript: this browser is what measures. Without it, pushlab run in a terminal compares the same lanes.",
    },
    Place {
        here: "experiments",
        path: "/experiments",
        name: "Experiments",
        in_header: true,
        on_phones: false,
        without_scripts: "The experiments can be read without JavaScript; starting one and seeing its result needs it. In a terminal: pushlab experiment list.",
    },
    Place {
        here: "lessons",
        path: "/lessons",
        name: "Lessons",
        in_header: true,
        on_phones: false,
        without_scripts: "Lessons can be read without JavaScript; then everything stands here at once, so write your guess down before you read on.",
    },
    Place {
        here: "join",
        path: "/join",
        name: "Class",
        in_header: false,
        on_phones: false,
        without_scripts: "The address and the code of a class stand here without JavaScript; taking part with a phone needs it.",
    },
    Place {
        here: "runs",
        path: "/runs",
        name: "Runs",
        in_header: false,
        on_phones: false,
        without_scripts: "Saved runs can be read and compared without JavaScript; starting, naming and deleting one needs it.",
    },
    Place {
        here: "claims",
        path: "/claims",
        name: "Claims",
        in_header: false,
        on_phones: false,
        without_scripts: "All of this page can be read without JavaScript.",
    },
    Place {
        here: "conditions",
        path: "/conditions",
        name: "Conditions",
        in_header: false,
        on_phones: false,
        without_scripts: "Setting conditions needs JavaScript. In a terminal: PUT /api/conditions/LANE, as /docs/runs shows.",
    },
    Place {
        here: "recovery",
        path: "/recovery",
        name: "Recovery",
        in_header: false,
        on_phones: false,
        without_scripts: "This demonstration needs JavaScript: three connections of this browser are cut and come back.",
    },
    Place {
        here: "console",
        path: "/console",
        name: "Console",
        in_header: false,
        on_phones: false,
        without_scripts: "The console needs JavaScript: what it shows comes live.",
    },
    Place {
        here: "examples",
        path: "/examples",
        name: "First examples",
        in_header: false,
        on_phones: false,
        without_scripts: "The examples can be read without JavaScript; to run them needs it.",
    },
    Place {
        here: "docs",
        path: "/docs",
        name: "Docs",
        in_header: false,
        on_phones: false,
        without_scripts: "All chapters can be read without JavaScript.",
    },
];

/// What the page `here` says to a browser without scripts; empty for one that needs none.
pub fn without_scripts(here: &str) -> &'static str {
    let place = PLACES.iter().find(|place| place.here == here);
    place.map_or("", |place| place.without_scripts)
}

/// The page that an address is below; `None` where that is the first page, or none.
pub fn above(path: &str) -> Option<&'static Place> {
    let is_below = |place: &&Place| {
        let rest = path.strip_prefix(place.path);
        rest.is_some_and(|rest| place.path != "/" && (rest.is_empty() || rest.starts_with('/')))
    };
    PLACES.iter().find(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_entries_at_most_stand_beside_each_other() {
        let beside = PLACES.iter().filter(|place| place.in_header).count();
        assert!(beside < 7, "{beside} and More");
        assert!(PLACES.iter().all(|p| p.in_header || !p.on_phones));
        assert!(PLACES.iter().all(|p| !p.without_scripts.is_empty()));
    }

    #[test]
    fn an_address_is_below_a_page_by_whole_steps() {
        let above = |path| above(path).map(|place| place.here);
        assert_eq!(above("/runs/none"), Some("runs"));
        assert_eq!(above("/chat"), Some("chat"));
        assert_eq!(above("/runsome"), None);
        assert_eq!(above("/nothing/runs"), None);
    }
}
