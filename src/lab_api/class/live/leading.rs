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
        let is_first = {
            let mut leading = lock(&main.live.leading);
            *leading += 1;
            *leading == 1
        };
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
        let left = {
            let mut leading = lock(&self.main.live.leading);
            *leading = leading.saturating_sub(1);
            *leading
        };
        // Without a runtime the server is at its end, and the conditions with it.
        if left == 0
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(leave(self.main.clone(), self.lab.clone()));
        }
    }
}

async fn leave(main: web::Data<MainLane>, lab: Arc<Lab>) {
    sleep(AWAY_FOR).await;
    if *lock(&main.live.leading) == 0 {
        stop(&main, &lab).await;
        lock(&main.live.setting).lift(&lab);
    }
}
