//! Which broker a server's node gets: one in memory, or one that writes to the data folder
//! (`--durable`).

use std::{path::Path, sync::Arc};

use crate::{
    broker::{
        Broker, Surroundings,
        durable::{DurableBroker, OpenError},
        memory::MemoryBroker,
    },
    clock,
    config::Config,
    system,
};

/// The file in the data folder.
const FILE: &str = "kept.redb";

/// The broker that the settings ask for. Reads all of its file.
pub fn broker(
    config: &Config,
    data: &Path,
    around: Surroundings,
) -> Result<Arc<dyn Broker>, OpenError> {
    let limits = config.node_limits().broker;
    let Some(acknowledge) = config.durable.acknowledge() else {
        return Ok(Arc::new(MemoryBroker::new(limits, around)));
    };
    let path = data.join(FILE);
    let made = system::folders_for_their_owner()
        .recursive(true)
        .create(data);
    made.map_err(|error| OpenError::Disk {
        path: path.clone(),
        why: error.to_string(),
    })?;
    let opened = DurableBroker::open(&path, limits, acknowledge, around, clock::now_us())?;
    Ok(Arc::new(opened))
}
