//! A crowd that tries again.

/// How clients wait before they try again: wait *k* is `first_s · factor^k`, at most `most_s`,
/// times a number that is spread evenly between two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waits {
    /// The first wait, s.
    pub first_s: f64,
    /// Each is so many times the one before.
    pub factor: f64,
    /// None is longer, s.
    pub most_s: f64,
    /// Each is multiplied by a draw between these two, evenly.
    pub spread: (f64, f64),
}

/// How a crowd comes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comeback {
    /// After the end of the outage, until 95 % have tried with success.
    pub until_95_s: f64,
    /// Largest share of the crowd that tries within the window.
    pub peak: f64,
    /// Tries of one client, the last of which succeeds.
    pub tries: f64,
}

/// # Coming back after an outage
///
/// Everybody is cut at 0 and nobody can connect before *D*. A client tries at the sums of its
/// waits, S₁ < S₂ < …, and is back at the first that is not before *D*. Without a random part all
/// of them try at the same instants: the whole crowd is the peak, at the first such sum. With one,
/// the density of S_k is that of S_(k−1) below *D*, convolved with the wait's: computed on a grid,
/// wait after wait, until nobody is left. What the server needs for a connection is left out: tries
/// are counted, and they meet it in this shape. (Shape of the argument: M. Brooker, "Exponential
/// Backoff And Jitter", AWS 2015, who simulates it.)
pub fn comeback(waits: Waits, outage_s: f64, window_s: f64) -> Comeback {
    const CELLS: f64 = 4_000.0;
    const TRIES_MAX: i32 = 1_000;
    let step_s = ((outage_s + waits.most_s) / CELLS).max(1e-6);
    let cell = |s: f64| (s / step_s).round() as usize;
    let end = cell(outage_s);
    let longest = cell(waits.most_s) + 2;
    // Probability of a try in each cell, of those who are not back.
    let mut away = vec![0.0; end.max(1)];
    away[0] = 1.0;
    let mut back = vec![0.0; end + longest + 1];
    let mut tries = 0.0;
    for k in 0..TRIES_MAX {
        let left: f64 = away.iter().sum();
        if left < 1e-6 {
            break;
        }
        tries += left;
        let wait_s = (waits.first_s * waits.factor.powi(k)).min(waits.most_s);
        let (least, most) = (cell(wait_s * waits.spread.0), cell(wait_s * waits.spread.1));
        let mut next = vec![0.0; end + longest + 1];
        // Of each cell an even spread over a range of cells: where it begins and ends to count.
        let mut edges = vec![0.0; next.len() + 1];
        for (at, share) in away.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            // What the cap cuts off waits for exactly as long as it.
            let (low, high) = (least.min(longest - 1), most.min(longest - 1));
            let width = (most - least + 1) as f64;
            let beyond = (most - high) as f64 / width;
            next[at + high] += share * beyond;
            edges[at + low] += share / width;
            edges[at + high + 1] -= share / width;
        }
        let mut density = 0.0;
        for (cell, edge) in next.iter_mut().zip(&edges) {
            density += edge;
            *cell += density;
        }
        for (sum, share) in back[end..].iter_mut().zip(&next[end..]) {
            *sum += share;
        }
        next.truncate(end.max(1));
        if end == 0 {
            next[0] = 0.0;
        }
        away = next;
    }
    let window = cell(window_s).max(1);
    let (mut inside, mut peak, mut total) = (0.0, 0.0, 0.0);
    let mut until_95 = end;
    for (at, share) in back.iter().enumerate() {
        inside += share;
        if at >= window {
            inside -= back[at - window];
        }
        peak = f64::max(peak, inside);
        if total < 0.95 {
            until_95 = at;
        }
        total += share;
    }
    Comeback {
        until_95_s: until_95.saturating_sub(end) as f64 * step_s,
        peak: peak.min(1.0),
        tries,
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::{super::simulated::is_close, *};

    /// Plays a crowd client by client.
    fn crowd(waits: Waits, outage_s: f64, window_s: f64) -> Comeback {
        const CLIENTS: usize = 20_000;
        let mut random = SmallRng::seed_from_u64(11);
        let mut tries = 0;
        let mut back: Vec<f64> = (0..CLIENTS)
            .map(|_| {
                let mut now = 0.0;
                for k in 0.. {
                    let share: f64 = random.random();
                    let share = waits.spread.0 + (waits.spread.1 - waits.spread.0) * share;
                    let wait = (waits.first_s * waits.factor.powi(k)).min(waits.most_s);
                    now += (wait * share).min(waits.most_s);
                    tries += 1;
                    if now >= outage_s {
                        break;
                    }
                }
                now
            })
            .collect();
        back.sort_by(f64::total_cmp);
        let mut first = 0;
        let mut peak = 0;
        for (index, at) in back.iter().enumerate() {
            while at - back[first] >= window_s {
                first += 1;
            }
            peak = peak.max(index + 1 - first);
        }
        Comeback {
            until_95_s: back[CLIENTS * 95 / 100] - outage_s,
            peak: peak as f64 / CLIENTS as f64,
            tries: tries as f64 / CLIENTS as f64,
        }
    }

    #[test]
    fn a_crowd_comes_back_as_simulated() {
        let waits = |factor, most_s, spread| Waits {
            first_s: 0.2,
            factor,
            most_s,
            spread,
        };
        for (waits, outage_s) in [
            (waits(1.0, 0.2, (1.0, 1.0)), 0.913),
            (waits(2.0, 2.0, (1.0, 1.0)), 0.913),
            (waits(2.0, 2.0, (0.0, 1.0)), 0.913),
            (waits(2.0, 2.0, (0.0, 1.0)), 5.03),
            (waits(2.0, 1.0, (0.5, 1.5)), 3.01),
            (waits(2.0, 2.0, (0.0, 1.0)), 0.0),
        ] {
            let predicted = comeback(waits, outage_s, 0.1);
            let simulated = crowd(waits, outage_s, 0.1);
            let what = |figure| format!("{figure} of {waits:?} after {outage_s}");
            is_close(
                &what("95 %"),
                simulated.until_95_s,
                predicted.until_95_s,
                0.05,
            );
            is_close(&what("peak"), simulated.peak, predicted.peak, 0.06);
            is_close(&what("tries"), simulated.tries, predicted.tries, 0.02);
        }
    }
}
