//! Latency: every byte arrives later, by a draw from a distribution, and in order.
//!
//! The kernels of both ends shake hands before this program hears of a connection, so the time that
//! the handshake would have taken (one round trip) is added to the first bytes of a new one.
//!
//! Order is kept by the [`line`](super::line): a piece that drew less than the one before it leaves
//! with that one. So with much jitter and many pieces the mean is above `down`, as in a queue. `tc
//! netem` lets packets overtake, and TCP puts them in order again: to an application it is the same.
//!
//! The draws are made for each piece and not for each message: what is written in one call has one.

use std::time::{Duration, Instant};

use rand::{RngExt, rngs::SmallRng};

use super::{Condition, Direction, Impairment, Key, Kind, Opening, Range, Settings};

const WAY: Range = Range::Span {
    least_ms: 0,
    most_ms: 60_000,
};

pub const KIND: Kind = Kind {
    name: "latency",
    meaning: "Every byte arrives later; what is sent first arrives first",
    example: "latency down=50ms up=50ms jitter=10ms",
    keys: &[
        Key {
            name: "down",
            range: WAY,
            default: "0s",
            meaning: "From server to client, on average",
        },
        Key {
            name: "up",
            range: WAY,
            default: "0s",
            meaning: "From client to server, on average",
        },
        Key {
            name: "jitter",
            range: WAY,
            default: "0s",
            meaning: "How far single delays are from that: all within it (uniform), its standard \
                deviation (normal), or what is added on average, by a long tail (pareto)",
        },
        Key {
            name: "shape",
            range: Range::Choice(&["uniform", "normal", "pareto"]),
            default: "uniform",
            meaning: "The distribution of jitter",
        },
    ],
    check: |_| Ok(()),
    build: |settings| Box::new(Latency::new(settings)),
};

/// How delays are spread around their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Uniform,
    Normal,
    Pareto,
}

/// On a lane.
#[derive(Debug, Clone, Copy)]
struct Latency {
    down: Duration,
    up: Duration,
    jitter: Duration,
    shape: Shape,
}

impl Latency {
    fn new(settings: &Settings) -> Self {
        Self {
            down: settings.span("down"),
            up: settings.span("up"),
            jitter: settings.span("jitter"),
            shape: match settings.choice("shape") {
                "normal" => Shape::Normal,
                "pareto" => Shape::Pareto,
                _ => Shape::Uniform,
            },
        }
    }

    /// One delay. Below 0 is nothing: a byte cannot arrive before it left.
    fn draw(&self, direction: Direction, random: &mut SmallRng) -> Duration {
        let base = match direction {
            Direction::Down => self.down,
            Direction::Up => self.up,
        };
        if self.jitter.is_zero() {
            return base;
        }
        let off = match self.shape {
            Shape::Uniform => random.random_range(-1.0..=1.0),
            Shape::Normal => normal(random),
            Shape::Pareto => pareto_tail(random),
        };
        let seconds = base.as_secs_f64() + off * self.jitter.as_secs_f64();
        Duration::from_secs_f64(seconds.clamp(0.0, 60.0))
    }
}

/// Mean 0, standard deviation 1 (Box and Muller, 1958).
fn normal(random: &mut SmallRng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// From 0, mean 1, with a tail as of Pareto's distribution for α = 3 (the Lomax distribution of
/// scale 2).
fn pareto_tail(random: &mut SmallRng) -> f64 {
    const ALPHA: f64 = 3.0;
    let u = 1.0 - random.random::<f64>();
    (ALPHA - 1.0) * (u.powf(-1.0 / ALPHA) - 1.0)
}

/// On one connection.
struct Delayed {
    latency: Latency,
    random: SmallRng,
    /// When the handshake of a new connection would have been over.
    shaken_hands: Option<Instant>,
}

impl Condition for Latency {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        let mut random = opening.random();
        let handshake =
            self.draw(Direction::Up, &mut random) + self.draw(Direction::Down, &mut random);
        Box::new(Delayed {
            latency: *self,
            random,
            shaken_hands: opening.is_new.then_some(opening.opened + handshake),
        })
    }
}

impl Impairment for Delayed {
    fn leaves(&mut self, direction: Direction, _bytes: usize, at: Instant) -> Instant {
        // Only what comes up waits for it: on every lane the client speaks first.
        let from = match (direction, self.shaken_hands) {
            (Direction::Up, Some(shaken_hands)) => at.max(shaken_hands),
            _ => at,
        };
        from + self.latency.draw(direction, &mut self.random)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{impair, opening};
    use super::*;

    #[test]
    fn each_way_has_its_delay_and_a_new_connection_a_handshake() {
        let opening = opening();
        let mut delayed = impair("latency down=50ms up=20ms", &opening);
        let ms = Duration::from_millis;
        let at = opening.opened + ms(500);
        assert_eq!(delayed.leaves(Direction::Down, 1, at), at + ms(50));
        assert_eq!(delayed.leaves(Direction::Up, 1, at), at + ms(20));
        // The first bytes of a new connection: SYN and its answer, then they.
        let first = delayed.leaves(Direction::Up, 1, opening.opened);
        assert_eq!(first, opening.opened + ms(50 + 20 + 20));
        let known = Opening {
            is_new: false,
            ..opening
        };
        let mut delayed = impair("latency up=20ms", &known);
        let first = delayed.leaves(Direction::Up, 1, known.opened);
        assert_eq!(first, known.opened + ms(20));
    }

    #[test]
    fn distributions_have_the_mean_and_spread_they_say() {
        let opening = opening();
        for (shape, mean_ms, least_ms, most_ms) in [
            ("uniform", 50.0, 40.0, 60.0),
            ("normal", 50.0, 0.0, 110.0),
            ("pareto", 60.0, 50.0, 60_000.0),
        ] {
            let text = format!("latency down=50ms jitter=10ms shape={shape}");
            let mut delayed = impair(&text, &opening);
            let all: Vec<f64> = (0..20_000)
                .map(|_| delayed.leaves(Direction::Down, 1, opening.opened) - opening.opened)
                .map(|delay| delay.as_secs_f64() * 1e3)
                .collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            assert!((mean - mean_ms).abs() < 0.5, "{shape}: {mean}");
            let range = least_ms..=most_ms;
            assert!(all.iter().all(|delay| range.contains(delay)), "{shape}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_delays() {
        let draws = |seed| {
            let opening = Opening { seed, ..opening() };
            let mut delayed = impair("latency down=50ms jitter=10ms", &opening);
            (0..5)
                .map(|_| delayed.leaves(Direction::Down, 1, opening.opened) - opening.opened)
                .collect::<Vec<_>>()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
    }
}
