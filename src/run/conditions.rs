//! Network conditions of a plan: which lane has which, and what theory can say of them.
//!
//! Text: conditions as in [`crate::lane::conditions::text`], for all lanes, or lane by lane with
//! `;` between: `sse: train tunnel; websocket, channels: cut-rst after=5s`.
//!
//! Closed forms exist for latency (which adds to the round trip) and for what a tunnel loses.
//! Where any other condition holds, delays are not predicted; where one may lose bytes or end
//! connections in another way, neither is delivery.

use std::time::Duration;

use crate::{
    catalogue::{LANES, lane},
    client::lifecycle,
    lane::conditions::{Conditions, Settings},
};

/// Conditions by lane.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlannedConditions {
    /// For lanes that are not named.
    all: Option<Conditions>,
    named: Vec<(String, Conditions)>,
}

impl PlannedConditions {
    /// Reads a plan's text; empty for none. The error says what is wrong and the way out.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut planned = Self::default();
        if text.trim().is_empty() {
            return Ok(planned);
        }
        for part in text.split(';') {
            let (names, text) = match part.split_once(':') {
                Some((names, text)) => (Some(names), text),
                None => (None, part),
            };
            let conditions: Conditions = text
                .parse()
                .map_err(|error: crate::lane::conditions::BadConditions| error.to_string())?;
            match names {
                None if planned.all.is_some() => {
                    return Err(
                        "all lanes have conditions twice; name lanes, as in sse: … ; \
                                websocket: …"
                            .to_owned(),
                    );
                }
                None => planned.all = Some(conditions),
                Some(names) => {
                    for name in names.split(',').map(str::trim) {
                        planned.add(name, &conditions)?;
                    }
                }
            }
        }
        Ok(planned)
    }

    fn add(&mut self, name: &str, conditions: &Conditions) -> Result<(), String> {
        if lane(name).is_none() {
            let known: Vec<_> = LANES.iter().map(|lane| lane.id.0).collect();
            return Err(format!(
                "{name:?} is no lane; choose some of {}",
                known.join(", ")
            ));
        }
        if self.named.iter().any(|(known, _)| known == name) {
            return Err(format!(
                "the lane {name} has conditions twice; join them with +"
            ));
        }
        self.named.push((name.to_owned(), conditions.clone()));
        Ok(())
    }

    /// When a lane's conditions first end connections of their own, after they took effect.
    pub fn cut_after(&self, lane: &str) -> Option<Duration> {
        const CUTS: [&str; 3] = ["cut-fin", "cut-rst", "half-open"];
        let terms = self.of(lane)?.terms.iter();
        terms
            .filter(|term| CUTS.contains(&term.kind().name))
            .map(|term| term.settings.span("after"))
            .min()
    }

    /// Those of one lane.
    pub fn of(&self, lane: &str) -> Option<&Conditions> {
        let named = self.named.iter().find(|(name, _)| name == lane);
        named
            .map(|(_, conditions)| conditions)
            .or(self.all.as_ref())
    }
}

/// What theory needs to know of a lane's conditions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Effect {
    /// What is added on the way down, and up, on average.
    pub down: Duration,
    /// What is added from client to server.
    pub up: Duration,
    /// How far single delays may be from that, on either side.
    pub jitter: Duration,
    /// When everything is gone.
    pub tunnel: Option<TunnelEffect>,
    /// Delays have no closed form.
    pub delays_unknown: bool,
    /// Delivery has none.
    pub delivery_unknown: bool,
    /// Bytes that the lane has counted may never arrive, so it cannot be held against the kernel.
    pub loses_bytes: bool,
}

/// A tunnel as far as delivery goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TunnelEffect {
    /// After the beginning of measuring.
    pub first: Duration,
    /// How long a client without resume misses everything, in every period.
    pub missed: Duration,
    /// From the beginning of one to that of the next.
    pub every: Duration,
}

impl Effect {
    /// Of a set of conditions, what changes a prediction.
    pub fn of(conditions: &Conditions) -> Self {
        let mut effect = Self::default();
        for term in &conditions.terms {
            effect.add(term.kind().name, &term.settings);
        }
        effect
    }

    fn add(&mut self, kind: &str, settings: &Settings) {
        match kind {
            "latency" => {
                let jitter = settings.span("jitter");
                let (down, up) = (settings.span("down"), settings.span("up"));
                self.down += down;
                self.up += up;
                self.jitter += jitter;
                let is_even = match settings.choice("shape") {
                    "uniform" => jitter <= down && jitter <= up,
                    // Practically nothing of it is cut off at 0.
                    "normal" => jitter * 4 <= down && jitter * 4 <= up,
                    _ => jitter.is_zero(),
                };
                self.delays_unknown |= !is_even && !jitter.is_zero();
            }
            "tunnel" => {
                self.delays_unknown = true;
                let loses = settings.choice("existing") != "silent";
                self.loses_bytes |= loses;
                // What two tunnels lose together is not worked out.
                self.delivery_unknown |= self.tunnel.is_some();
                let (away, every) = (settings.span("away"), settings.span("every"));
                self.tunnel = Some(TunnelEffect {
                    first: match settings.is_given("first") {
                        true => settings.span("first"),
                        false => every - away,
                    },
                    missed: match (loses, settings.choice("new")) {
                        (false, _) => Duration::ZERO,
                        (true, "hang") => away.max(lifecycle::back_after(Duration::ZERO)),
                        (true, _) => lifecycle::back_after(away),
                    },
                    every,
                });
            }
            "bandwidth" | "stall" | "radio" | "slow-consumer" => self.delays_unknown = true,
            _ => {
                self.delays_unknown = true;
                self.delivery_unknown = true;
                self.loses_bytes = true;
            }
        }
        // A slow line delivers everything in the end, a slow reader may be given up.
        self.delivery_unknown |= kind == "slow-consumer";
        self.loses_bytes |= kind == "slow-consumer";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(text: &str) -> Effect {
        Effect::of(&text.parse().unwrap())
    }

    #[test]
    fn conditions_are_for_all_lanes_or_for_some() {
        let read = |text| PlannedConditions::read(text).unwrap();
        let of = |planned: &PlannedConditions, lane| planned.of(lane).map(ToString::to_string);
        let all = read("train tunnel");
        assert_eq!(of(&all, "sse").as_deref(), Some("train tunnel"));
        let some = read("latency down=5ms up=5ms; sse, websocket: cut-rst after=5s");
        assert_eq!(of(&some, "sse").as_deref(), Some("cut-rst after=5s"));
        assert_eq!(
            of(&some, "long-poll").as_deref(),
            Some("latency down=5ms up=5ms")
        );
        assert_eq!(of(&read("sse: train tunnel"), "websocket"), None);
        assert_eq!(of(&read(" "), "sse"), None);
        assert_eq!(some.cut_after("sse"), Some(Duration::from_secs(5)));
        assert_eq!(some.cut_after("long-poll"), None);
        for (text, way_out) in [
            ("train tunnel; train tunnel", "name lanes"),
            ("sse: train tunnel; sse: train tunnel", "join"),
            ("pigeon: train tunnel", "short-poll"),
            ("sse:", "no condition"),
        ] {
            let error = PlannedConditions::read(text).unwrap_err();
            assert!(error.contains(way_out), "{text}: {error}");
        }
    }

    #[test]
    fn latency_and_tunnels_have_closed_forms_and_the_others_say_that_they_have_none() {
        let ms = Duration::from_millis;
        let far = effect("latency down=50ms up=20ms jitter=5ms + latency down=1ms up=1ms");
        assert_eq!((far.down, far.up, far.jitter), (ms(51), ms(21), ms(5)));
        assert!(!far.delays_unknown && !far.delivery_unknown && !far.loses_bytes);
        assert!(effect("latency down=5ms jitter=10ms").delays_unknown);
        assert!(effect("latency down=50ms up=50ms jitter=5ms shape=pareto").delays_unknown);
        let train = effect("train tunnel");
        let tunnel = train.tunnel.unwrap();
        assert_eq!((tunnel.missed, tunnel.every), (ms(2_000), ms(15_000)));
        assert!(train.delays_unknown && train.loses_bytes && !train.delivery_unknown);
        // Refused, a client is back at its next attempt: 0.1, 0.3, 0.7, 1.5, 3.1 s.
        let refused = effect("tunnel away=2s every=15s new=refuse");
        assert_eq!(refused.tunnel.unwrap().missed, ms(3_100));
        let silent = effect("tunnel away=2s every=15s existing=silent");
        assert_eq!(silent.tunnel.unwrap().missed, ms(0));
        assert!(!silent.loses_bytes);
        for text in [
            "cut-rst after=5s",
            "half-open after=5s",
            "limit connections=3",
        ] {
            assert!(effect(text).delivery_unknown && effect(text).loses_bytes);
        }
        assert!(effect("bandwidth down=1mbit").delays_unknown);
        assert!(!effect("bandwidth down=1mbit").delivery_unknown);
    }
}
