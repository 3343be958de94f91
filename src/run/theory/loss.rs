//! What never arrives.

/// Share of the publications that a client loses which is away for `away_s` in every `period_s`:
/// all of these without recovery, none with it while the history reaches back far enough.
pub fn loss(away_s: f64, period_s: f64, history_s: Option<f64>) -> f64 {
    let missed_s = match history_s {
        None => away_s,
        Some(history_s) => (away_s - history_s).max(0.0),
    };
    (missed_s / period_s).clamp(0.0, 1.0)
}

/// As [`loss`] without recovery, of a stretch that need not be whole periods: a client that is away for
/// `away_s` from `first_s` on and again every `period_s`, and loses what came up to `before_s`
/// earlier as well. The sum of the overlaps with the stretch, divided by it.
pub fn loss_within(stretch_s: f64, first_s: f64, away_s: f64, period_s: f64, before_s: f64) -> f64 {
    let mut lost_s = 0.0;
    let mut begins_s = first_s;
    while begins_s - before_s < stretch_s {
        let ends_s = (begins_s + away_s).min(stretch_s);
        lost_s += (ends_s - (begins_s - before_s).max(0.0)).max(0.0);
        begins_s += period_s;
    }
    (lost_s / stretch_s).clamp(0.0, 1.0)
}

/// Share of the deliveries that happen when clients are spread over nodes that tell each other
/// nothing, and everything is published on the first: that of the clients that are there, who are
/// one more than elsewhere when they cannot be divided evenly.
pub fn delivered_without_backplane(clients: usize, nodes: usize) -> f64 {
    clients.div_ceil(nodes.max(1)) as f64 / clients.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_costs_its_share_or_nothing() {
        assert_eq!(loss(2.0, 15.0, None), 2.0 / 15.0);
        assert_eq!(loss(2.0, 15.0, Some(600.0)), 0.0);
        assert_eq!(loss(130.0, 150.0, Some(100.0)), 0.2);
        // Over whole periods it is the same; over a part it is what falls into it.
        assert_eq!(loss_within(60.0, 13.0, 2.0, 15.0, 0.0), 8.0 / 60.0);
        assert_eq!(loss_within(12.0, 13.0, 2.0, 15.0, 0.0), 0.0);
        assert_eq!(loss_within(14.0, 13.0, 2.0, 15.0, 0.0), 1.0 / 14.0);
        // What waits when the stretch ends is lost to the tunnel that begins there.
        assert_eq!(loss_within(10.0, 0.0, 2.0, 5.0, 1.0), 6.0 / 10.0);
    }

    #[test]
    fn without_a_backplane_the_first_nodes_clients_are_served() {
        assert_eq!(delivered_without_backplane(20, 2), 0.5);
        assert_eq!(delivered_without_backplane(5, 2), 0.6);
        assert_eq!(delivered_without_backplane(5, 1), 1.0);
    }
}
