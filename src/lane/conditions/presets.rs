//! Sets of conditions under well-known names, one line each.

/// A named set of conditions.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub struct Preset {
    /// As it is written, in either case.
    pub name: &'static str,
    /// What it stands for.
    pub text: &'static str,
    /// What it is like, in a sentence for the page.
    pub meaning: &'static str,
}

macro_rules! presets {
    ($($name:literal = $text:literal, $meaning:literal;)+) => {
        /// In the order in which they are shown.
        pub const ALL: &[Preset] = &[
            $(Preset { name: $name, text: $text, meaning: $meaning }),+
        ];
    };
}

presets! {
    "train tunnel" = "latency down=30ms up=30ms jitter=10ms + tunnel away=2s every=15s",
        "A mobile network that loses every connection for 2 s in every 15 s";
    "hotel proxy" = "latency down=30ms up=30ms jitter=20ms shape=pareto + bandwidth down=2mbit up=1mbit shared=yes + office upgrade=strip idle=30s",
        "A slow, shared line whose proxy knows no WebSockets and forgets idle connections";
    "office antivirus" = "latency down=5ms up=5ms + office upgrade=403 buffer=64KiB hold=5s",
        "A scanner that refuses upgrades and looks at streaming answers before it lets them pass";
    "other continent" = "latency down=90ms up=90ms jitter=5ms shape=normal + stall every=20s for=300ms",
        "A long way: 180 ms there and back, and now and then a packet that must be sent again";
    "phone asleep" = "tunnel away=40s every=1m first=5s existing=silent new=hang",
        "A phone in a pocket: silent for 40 s in every minute, then all of it at once";
    "deploy now" = "tunnel away=3s every=1h first=0s existing=fin new=refuse",
        "A restart: every connection is closed at once, and for 3 s nobody answers";
}

/// By name, in either case, however the words are spaced.
pub fn find(name: &str) -> Option<&'static Preset> {
    let words = || name.split_whitespace().map(str::to_ascii_lowercase);
    ALL.iter()
        .find(|preset| preset.name.split(' ').map(str::to_owned).eq(words()))
}
