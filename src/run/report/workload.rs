//! What a plan does beside publishing to clients at a steady pace, in words, for the line that says
//! what was run. Nothing is said of what is as usual.

use std::fmt::Write;

use crate::run::plan::{BackOff, Balance, BlobOn, Plan, PollFor, PublishBy};

/// Each thing with "; " before it.
pub fn words(plan: &Plan) -> String {
    let mut line = String::new();
    if plan.publish_by == PublishBy::Clients {
        line.push_str("; the clients publish in turn");
    }
    match plan.poll_for {
        PollFor::News => {}
        PollFor::State => line.push_str("; polls ask for the latest publication"),
        PollFor::ChangedState => {
            line.push_str("; polls ask for the latest publication if it changed")
        }
    }
    if plan.nodes > 1 {
        let _ = write!(line, "; {} nodes without a backplane", plan.nodes);
        if plan.balance == Balance::Alternate {
            line.push_str(", requests to each in turn");
        }
    }
    if !plan.kill_node_at.0.is_zero() {
        let _ = write!(line, "; the second killed at {}", plan.kill_node_at);
    }
    if !plan.blob_every.0.is_zero() {
        let on = match plan.blob_on {
            BlobOn::Same => "",
            BlobOn::Own => " on a connection of its own",
        };
        let _ = write!(
            line,
            "; a blob of {} bytes every {}{on}",
            plan.blob_size, plan.blob_every
        );
    }
    if !plan.outage_at.0.is_zero() {
        let _ = write!(
            line,
            "; everybody cut at {} and refused for {}",
            plan.outage_at, plan.outage_for
        );
    }
    let first = plan.back_off_first;
    let _ = match plan.back_off {
        BackOff::Quick => Ok(()),
        BackOff::Fixed => write!(line, "; back-off fixed, {first}"),
        BackOff::Exponential => write!(line, "; back-off exponential from {first}"),
        BackOff::Jitter => write!(line, "; back-off exponential from {first}, with jitter"),
        BackOff::Native => write!(line, "; back-off of the real clients"),
    };
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unusual_is_told() {
        assert_eq!(words(&Plan::default()), "");
        let plan = Plan {
            nodes: 2,
            balance: Balance::Alternate,
            outage_at: "1s".parse().unwrap(),
            back_off: BackOff::Jitter,
            ..Plan::default()
        };
        assert_eq!(
            words(&plan),
            "; 2 nodes without a backplane, requests to each in turn; everybody cut at 1s and \
             refused for 0s; back-off exponential from 1s, with jitter"
        );
    }
}
