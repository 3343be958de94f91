//! How long a quota of messages lasts.

/// How long a quota of messages lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuotaUse {
    /// Publications a second.
    pub rate_per_s: f64,
    /// Each gets every publication, and each delivery is a message.
    pub clients: f64,
    /// Calls of the service's API for a publication, each of them a message: 1, or 0 for a
    /// publisher that goes another way.
    pub calls_per_publication: f64,
}

/// How long *Q* messages last: each publication takes *N* deliveries and its calls,
/// Q / (λ (N + calls)). Fan-out is what uses a quota up, not publishing.
pub fn quota_lasts_s(messages: f64, used: QuotaUse) -> f64 {
    messages / (used.rate_per_s * (used.clients + used.calls_per_publication))
}

#[cfg(test)]
mod tests {
    use super::{super::simulated::is_close, *};

    #[test]
    fn a_quota_lasts_as_simulated() {
        for (rate_per_s, clients, calls) in [(200.0, 100, 0), (1.0 / 43.0, 100, 1), (5.0, 7, 1)] {
            let (mut left, mut publications) = (200_000i64, 0.0);
            while left > 0 {
                left -= i64::from(clients + calls);
                publications += 1.0;
            }
            let used = QuotaUse {
                rate_per_s,
                clients: f64::from(clients),
                calls_per_publication: f64::from(calls),
            };
            let predicted = quota_lasts_s(200_000.0, used);
            is_close("quota", publications / rate_per_s, predicted, 0.01);
        }
    }
}
