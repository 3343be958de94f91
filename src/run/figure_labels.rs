//! What people call a figure: the heading of a row or a column, with the unit in the value. The
//! field's term (p50, delivery ratio) and the exact meaning stand once behind it.

/// Of a figure of the catalogue; its own name where it has no other.
pub fn label(name: &'static str) -> &'static str {
    match name {
        "n" => "deliveries that were timed",
        "mean_us" => "time to arrive, on average",
        "p50_us" => "time to arrive, half of them within",
        "p90_us" => "time to arrive, nine of ten within",
        "p95_us" => "time to arrive, 95 of 100 within",
        "p99_us" => "time to arrive, 99 of 100 within",
        "p999_us" => "time to arrive, 999 of 1,000 within",
        "max_us" => "time to arrive, the slowest",
        "jitter_us" => "unevenness, from one to the next",
        "age_us" => "age of what is shown, on average",
        "peak_age_us" => "age of what is shown, just before it is renewed",
        "throughput_per_s" => "deliveries a second",
        "backlog" => "still due at the end, for each client",
        "delivery_ratio" => "delivered",
        "slow_delivery_ratio" => "delivered to slow readers",
        "subscribed" => "clients that got into the channel",
        "gaps" => "gaps in what came",
        "duplicates" => "came twice",
        "order_violations" => "came after a later one",
        "echo_ratio" => "came back to who sent it",
        "drops" => "given up by the server",
        "bytes_per_publication" => "bytes for each publication",
        "header_bytes" => "HTTP headers for each publication",
        "framing_bytes" => "framing for each publication",
        "envelope_bytes" => "envelope for each publication",
        "protocol_bytes" => "the protocol's own bytes for each publication",
        "lab_bytes" => "the lab's own bytes for each publication",
        "payload_bytes" => "the publication's own data",
        "before_compression_bytes" => "bytes for each publication, before compression",
        "message_bytes" => "bytes of one message, without HTTP headers",
        "unexplained_bytes" => "bytes that arithmetic does not explain",
        "wire_bytes_per_publication" => "bytes for each publication, with TCP, IP and Ethernet",
        "writes_per_publication" => "writes to sockets for each delivery",
        "lane_up_bytes" => "bytes up, from first connection to last close",
        "lane_down_bytes" => "bytes down, from first connection to last close",
        "requests_per_publication" => "requests for each publication",
        "requests_per_s" => "requests a second, of all clients",
        "bytes_per_s" => "bytes a second, for each client",
        "needless_ratio" => "answers with nothing new",
        "empty_ratio" => "empty answers",
        "bytes_per_request" => "bytes for each request",
        "header_bytes_per_request" => "of a request's bytes, headers",
        "up_bytes_per_publication" => "bytes up for each that a client sent",
        "up_header_bytes" => "of the bytes up, HTTP headers",
        "up_framing_bytes" => "of the bytes up, framing",
        "arrived_ratio" => "clients that got through",
        "connections_opened" => "connections opened",
        "failures" => "connections that failed",
        "refusals" => "connections that were refused",
        "tries" => "tries to reconnect",
        "tries_peak" => "tries at once, within 100 ms",
        "returned_ratio" => "clients that came back",
        "back_us" => "time to be back, half of the clients within",
        "back_95_us" => "time to be back, 95 of 100 clients within",
        "first_after_us" => "from the cut to the next event, half of the clients within",
        "subscribed_us" => "time to be in the channel, half of the clients within",
        "first_publication_us" => "time to the first event, half of the clients within",
        "quota_s" => "seconds until the quota was used up",
        "server_cpu_share" => "the server's share of its cores",
        "server_cpu_us_per_delivery" => "the server's processor time for each delivery",
        "server_memory_per_client_bytes" => "the server's memory for each client",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::run::figures::CATALOGUE;

    #[test]
    fn every_figure_has_a_name_of_its_own_for_people() {
        let labels: BTreeSet<_> = CATALOGUE.iter().map(|kind| kind.label()).collect();
        assert_eq!(labels.len(), CATALOGUE.len());
        for kind in CATALOGUE {
            assert_ne!(kind.label(), kind.name);
        }
    }
}
