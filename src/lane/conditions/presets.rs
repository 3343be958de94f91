//! Sets of conditions under well-known names, one line each: networks as people meet them, and
//! what platforms do to a connection by default, each with its source.
//!
//! A platform's figures are its documentation's of the day on which they were read (November 2026),
//! and change. Where a limit is on a request it is here on a connection, which is the same for a
//! stream, a held poll and a socket.

/// A named set of conditions.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub struct Preset {
    /// As it is written, in either case.
    pub name: &'static str,
    /// What it stands for.
    pub text: &'static str,
    /// What it is like, in a sentence for the page.
    pub meaning: &'static str,
    /// Where its figures are from; `None` for one that is made up to be like that.
    pub source: Option<&'static str>,
}

macro_rules! presets {
    ($($name:literal = $text:literal, $meaning:literal $(, from $source:literal)?;)+) => {
        /// In the order in which they are shown.
        pub const ALL: &[Preset] = &[
            $(Preset { name: $name, text: $text, meaning: $meaning, source: source!($($source)?) }),+
        ];
    };
}

macro_rules! source {
    () => {
        None
    };
    ($source:literal) => {
        Some($source)
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
    "nginx defaults" = "office upgrade=strip idle=1m buffer=4KiB hold=1h accel=honour",
        "A proxy as it is installed: no WebSockets, answers gathered by 4 KiB, cut after 60 s without a byte",
        from "nginx.org: ngx_http_proxy_module, websocket";
    "load balancer 60s" = "office idle=1m",
        "A balancer in a cloud that cuts after 60 s without a byte",
        from "AWS: Application Load Balancer, idle timeout";
    "app router 55s" = "office idle=55s",
        "A hosted application's router: 55 s between two bytes",
        from "Heroku: HTTP routing, timeouts";
    "cdn 125s" = "office idle=125s",
        "A network of caches in front: 125 s without a byte, then error 524",
        from "Cloudflare: error 524";
    "gateway 29s" = "cut-fin after=29s",
        "A gateway for functions: 29 s in all, whatever passes",
        from "AWS: API Gateway quotas, integration timeout";
    "function 300s" = "cut-fin after=5m",
        "A function that ends after 300 s in all, stream or not",
        from "Vercel: Functions, maximum duration";
    "phone radio" = "latency down=30ms up=30ms jitter=10ms + radio sleep=11600ms wake=260ms",
        "A phone's radio: asleep after 11.6 s of silence, and 260 ms late for what comes then",
        from "Huang et al., MobiSys 2012, table 3 (LTE)";
}

/// By name, in either case, however the words are spaced.
pub fn find(name: &str) -> Option<&'static Preset> {
    let words = || name.split_whitespace().map(str::to_ascii_lowercase);
    ALL.iter()
        .find(|preset| preset.name.split(' ').map(str::to_owned).eq(words()))
}
