//! `GET /api/class/events` while no class is on: pages that are left open hear of the next one, and ask for nothing
//! meanwhile.
//!
//! ```text
//! event: end     data: {}               at once: no class is on
//! event: tick    data: {"revision":0}   every 3 s
//!                                       a class begins: the stream ends, and the reader comes back
//! ```

use std::{net::IpAddr, rc::Rc, sync::Arc};

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    ClassRoom,
    events::{RETRY_MS, TICK},
    refusals::no_class,
};
use crate::{
    codec::sse,
    error::Refusal,
    lab::Lab,
    lab_api::{
        MainLane,
        event_stream::{self, End},
    },
    node::Connected,
};

/// One reader's place, of those for walls: without a class nobody is a phone of it.
struct Place {
    room: Arc<ClassRoom>,
    address: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.walls.leave(self.address);
    }
}

struct Reader {
    place: Place,
    changes: watch::Receiver<u64>,
    tick: Interval,
    end: Rc<End>,
    is_told: bool,
    _connected: Connected,
}

/// Refused as any question without a class where all places are taken.
pub fn open(
    lab: &Arc<Lab>,
    main: &web::Data<MainLane>,
    address: Option<IpAddr>,
) -> Result<HttpResponse, Refusal> {
    // Before it is looked whether a class has begun meanwhile.
    let changes = main.class.watch_revisions();
    let (end, connected) = End::of_stream(lab)?;
    if !main.class.walls.take(address) {
        return Err(no_class());
    }
    let room = main.class.clone();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.reset();
    let reader = Reader {
        place: Place { room, address },
        changes,
        tick,
        end,
        is_told: false,
        _connected: connected,
    };
    Ok(event_stream::read_by(reader))
}

impl event_stream::Reader for Reader {
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        if !self.is_told {
            self.is_told = true;
            sse::encode_retry(RETRY_MS, &mut out);
            sse::encode_event(Some("end"), None, b"{}", &mut out);
            return Some(out.into());
        }
        loop {
            if self.end.has_come() || self.place.room.look(|_| ()).is_some() {
                return None;
            }
            let end = self.end.clone();
            tokio::select! {
                () = end.comes() => return None,
                changed = self.changes.changed() => changed.ok()?,
                _ = self.tick.tick() => {
                    sse::encode_event(Some("tick"), None, b"{\"revision\":0}", &mut out);
                    return Some(out.into());
                }
            }
        }
    }
}
