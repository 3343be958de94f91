//! Whether a presenter is there: a class that nobody leads any more, because the laptop sleeps or the
//! token is lost, does not keep a network under conditions.
//!
//! Known by the presenter's event streams. Who leads by calls alone (`pushlab lesson play`) never was
//! there and never leaves.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use tokio::{runtime::Handle, time::sleep};

use super::{entered, stop};
use crate::{
    lab::Lab,
    lab_api::{MainLane, class_room::lock},
};

/// A page that is loaded again is back before that, and so is a laptop that changed its network.
const AWAY_FOR: Duration = Duration::from_secs(60);

/// One of the presenter's pages, as long as it is open.
pub struct Leading {
    main: web::Data<MainLane>,
    lab: Arc<Lab>,
}

impl Leading {
    /// What was lifted while nobody led is set again.
    pub async fn new(main: &web::Data<MainLane>, lab: &Arc<Lab>) -> Self {
        let is_first = lock(&main.live.leading).come();
        if is_first && let Err(error) = entered(main, lab).await {
            tracing::warn!(%error, "the class's conditions");
        }
        Self {
            main: main.clone(),
            lab: lab.clone(),
        }
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        let leaving = lock(&self.main.live.leading).go();
        // Without a runtime the server is at its end, and the conditions with it.
        if let Some(leaving) = leaving
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(leave(self.main.clone(), self.lab.clone(), leaving));
        }
    }
}

/// Each time that the last page is closed has its own wait: one that came back in between begins it anew.
async fn leave(main: web::Data<MainLane>, lab: Arc<Lab>, leaving: u64) {
    sleep(AWAY_FOR).await;
    let are_gone = lock(&main.live.leading).are_gone_since(leaving);
    if are_gone {
        stop(&main).await;
        lock(&main.live.setting).lift(&lab);
    }
}
