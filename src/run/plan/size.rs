//! Whether a plan fits into this machine: its memory, its file descriptors, its local ports.

use super::{Balance, BlobOn, Order, Plan, PlanError, PublishBy, out_of_range};
use crate::run::{lanes::Row, machine};

/// Deliveries that a run may have, so that their records fit into memory.
const DELIVERIES_MAX: f64 = 500_000_000.0;
/// Descriptors that the generator needs beside one per client.
const SPARE_DESCRIPTORS: u64 = 100;

impl Plan {
    pub(super) fn check_size(&self, rows: &[Row]) -> Result<(), PlanError> {
        let at_once = match self.order {
            Order::Together => rows.len(),
            Order::InTurn => 1,
        };
        let events = self.rate * (self.duration.0 + self.warm_up.0).as_secs_f64();
        let deliveries = events * self.clients as f64 * at_once as f64;
        if deliveries > DELIVERIES_MAX {
            return Err(out_of_range(
                "clients",
                self.clients,
                format!(
                    "with this rate and duration that makes {deliveries:.0} deliveries; at most \
                     {DELIVERIES_MAX:.0} fit into memory"
                ),
            ));
        }
        // A client that posts, changes nodes or receives blobs apart has one more connection.
        let more = usize::from(self.publish_by == PublishBy::Clients)
            + usize::from(self.balance == Balance::Alternate)
            + usize::from(self.blob_on == BlobOn::Own);
        let connections = rows.iter().map(|row| row.connections() + more);
        let connections: usize = match self.order {
            Order::Together => connections.sum(),
            Order::InTurn => connections.max().unwrap_or(1),
        };
        self.check_ports(rows, more)?;
        let needed = (self.clients * connections) as u64 + SPARE_DESCRIPTORS;
        match machine::open_files_max() {
            Some(limit) if needed > limit => Err(out_of_range(
                "clients",
                self.clients,
                format!(
                    "{at_once} lanes at once need {needed} file descriptors and {limit} are \
                     allowed; run ulimit -n {needed} first, or --order in-turn"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Connections to one address must each have a local port of their own, and a lane is an
    /// address.
    fn check_ports(&self, rows: &[Row], more: usize) -> Result<(), PlanError> {
        let of_lane = |lane: &str| -> usize {
            let same = rows.iter().filter(|row| row.lane == lane);
            let each = same.map(|row| row.connections() + more);
            match self.order {
                Order::Together => each.sum(),
                Order::InTurn => each.max().unwrap_or(1),
            }
        };
        let most = rows.iter().map(|row| of_lane(&row.lane)).max();
        let needed = (self.clients * most.unwrap_or(1)) as u64;
        match machine::local_ports() {
            Some(ports) if needed > ports => Err(out_of_range(
                "clients",
                self.clients,
                format!(
                    "a lane would have {needed} connections and this machine has {ports} local \
                     ports; choose fewer, or widen net.ipv4.ip_local_port_range"
                ),
            )),
            _ => Ok(()),
        }
    }
}
