//! How old what a display shows is.

use super::{Arrivals, DeliveryMode, Situation, predict};

/// Mean age of what a status display shows (age of information; Yates et al. 2021): the time since
/// its last update happened, 1/λ on average for Poisson updates (they are memoryless backwards,
/// too) and 1/(2λ) for periodic ones, and the delay of getting it there.
pub fn mean_age_s(mode: DeliveryMode, situation: Situation) -> f64 {
    let since_update_s = match situation.arrivals {
        Arrivals::Poisson => situation.rate_per_s.recip(),
        Arrivals::Periodic => situation.rate_per_s.recip() / 2.0,
    };
    since_update_s + predict(mode, situation).mean_delay_s
}

/// What a display shows of events that it samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// Share of the events that are ever shown.
    pub shown: f64,
    /// Share of the samples that find something new.
    pub fresh: f64,
    /// From a shown event to its display.
    pub mean_delay_s: f64,
    /// Mean age of what is shown, s.
    pub mean_age_s: f64,
    /// Just before something newer is shown, mean.
    pub peak_age_s: f64,
}

/// # Sampling
///
/// Every *c* somebody takes the newest event and shows it *d* later: a poll of the current state, or
/// a publisher that conflates. With *x* = λc:
///
/// - A sample is fresh with probability 1 − e^(−x) (Poisson) or min(1, x) (periodic, in no fixed
///   phase). It shows one event, so fresh/x of the events are ever shown; the others are missed,
///   and the samples that are not fresh are needless. Only *x* = 1 has neither for periodic
///   events: Bozdag's diagonal, pull interval = publish interval.
/// - A shown event was the newest in its cycle, so it waited what is left of the cycle after the
///   last of its events: 1/λ − c/(e^x − 1) for Poisson (an exponential time that is known to be
///   below *c*), and c/2 or 1/(2λ), whichever is less, for periodic ones.
/// - Age grows while nothing newer is shown: 1/λ (or half of it, periodic) for the event itself,
///   c/2 for the sampling and *d* for the way. Its peak is the time between two fresh samples,
///   c/fresh, and the delay of the one shown before. The survey of Yates et al. (2021) calls it
///   peak age of information.
///
/// *c* = 0 is a stream that shows everything: age 1/λ + d, peak 1/λ + d.
pub fn sampled(cycle_s: f64, situation: Situation) -> Sampled {
    let Situation {
        arrivals,
        rate_per_s,
        one_way_s,
        ..
    } = situation;
    let period_s = rate_per_s.recip();
    let since_event_s = match arrivals {
        Arrivals::Poisson => period_s,
        Arrivals::Periodic => period_s / 2.0,
    };
    let mean_age_s = since_event_s + cycle_s / 2.0 + one_way_s;
    let in_cycle = rate_per_s * cycle_s;
    if in_cycle == 0.0 {
        return Sampled {
            shown: 1.0,
            fresh: 1.0,
            mean_delay_s: one_way_s,
            mean_age_s,
            peak_age_s: period_s + one_way_s,
        };
    }
    let (fresh, waits_s) = match arrivals {
        Arrivals::Poisson => (
            -(-in_cycle).exp_m1(),
            period_s - cycle_s / in_cycle.exp_m1(),
        ),
        Arrivals::Periodic => (in_cycle.min(1.0), cycle_s.min(period_s) / 2.0),
    };
    let mean_delay_s = waits_s + one_way_s;
    Sampled {
        shown: fresh / in_cycle,
        fresh,
        mean_delay_s,
        mean_age_s,
        peak_age_s: cycle_s / fresh + mean_delay_s,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::simulated::{events, is_close, situation},
        *,
    };

    #[test]
    fn sampling_is_as_simulated() {
        for arrivals in [Arrivals::Poisson, Arrivals::Periodic] {
            for (rate, cycle_s) in [(2.037, 0.1), (2.037, 0.49), (2.037, 1.503), (19.03, 0.25)] {
                let situation = situation(arrivals, rate, 0.04);
                let predicted = sampled(cycle_s, situation);
                let events = events(situation);
                let (mut next, mut samples, mut fresh) = (0, 0.0, 0.0);
                let (mut delays, mut peaks, mut area) = (0.0, 0.0, 0.0);
                // Event that is shown, and since when.
                let mut shown: Option<(f64, f64)> = None;
                let mut time = 0.0;
                while next < events.len() {
                    samples += 1.0;
                    let at = samples * cycle_s;
                    let before = next;
                    while next < events.len() && events[next] <= at {
                        next += 1;
                    }
                    if next == before {
                        continue;
                    }
                    fresh += 1.0;
                    let (event, display) = (events[next - 1], at + situation.one_way_s);
                    delays += display - event;
                    if let Some((event, since)) = shown {
                        peaks += display - event;
                        let (from, to) = (since - event, display - event);
                        area += (to * to - from * from) / 2.0;
                        time += to - from;
                    }
                    shown = Some((event, display));
                }
                let what = |figure| format!("{figure}, {arrivals:?}, {rate}/s every {cycle_s} s");
                let all = events.len() as f64;
                is_close(&what("shown"), fresh / all, predicted.shown, 0.02);
                is_close(&what("fresh"), fresh / samples, predicted.fresh, 0.02);
                is_close(&what("delay"), delays / fresh, predicted.mean_delay_s, 0.03);
                is_close(&what("peak"), peaks / fresh, predicted.peak_age_s, 0.02);
                is_close(&what("age"), area / time, predicted.mean_age_s, 0.02);
            }
        }
        let stream = sampled(0.0, situation(Arrivals::Poisson, 4.0, 0.2));
        let nearly = sampled(1e-9, situation(Arrivals::Poisson, 4.0, 0.2));
        assert!((stream.peak_age_s - nearly.peak_age_s).abs() < 1e-6);
        assert!((stream.peak_age_s - 0.35).abs() < 1e-9);
    }
}
