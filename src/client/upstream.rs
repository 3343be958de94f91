//! The way up: what a client is to publish, and how it does so without a socket of its own.
//!
//! An [`Outbox`] is filled by a schedule and emptied either by the client's own socket or by
//! [`post_all`], as a page beside an event stream would do it: one POST after the other, each
//! waiting for the answer before, so that order is kept. Parallel POSTs would be faster and would
//! overtake each other; they are not here.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use super::{Ended, Inbox, Tally, Target, connection::Connection, http};

/// Publications that may wait for their way up; more are given up and counted.
const WAITING_MAX: usize = 20_000;
/// Before another connection is tried.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Publications that a client is to send, each a JSON object `{"event":…,"data":…}`.
#[derive(Default)]
pub struct Outbox {
    waiting: RefCell<VecDeque<String>>,
    given_up: Cell<u64>,
    added: Notify,
}

impl Outbox {
    /// Puts a message behind the others, and wakes the client that is to send it.
    pub fn push(&self, publication: String) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= WAITING_MAX {
            self.given_up.set(self.given_up.get() + 1);
            return;
        }
        waiting.push_back(publication);
        self.added.notify_one();
    }

    /// The oldest; waits for one. Dropping the future loses nothing.
    pub async fn next(&self) -> String {
        loop {
            let oldest = self.waiting.borrow_mut().pop_front();
            match oldest {
                Some(publication) => return publication,
                None => self.added.notified().await,
            }
        }
    }

    /// What did not fit.
    pub fn given_up(&self) -> u64 {
        self.given_up.get()
    }

    /// What never left.
    pub fn left(&self) -> usize {
        self.waiting.borrow().len()
    }
}

/// A publication as a client sends it.
pub fn publication(event: &str, data: &str) -> String {
    format!("{{\"event\":\"{event}\",\"data\":{data}}}")
}

/// Where publications are posted to.
pub fn path(channel: &str) -> String {
    format!("/api/channels/{channel}/publications")
}

/// The request of [`post_all`], whole.
pub fn request(to: &Target, channel: &str, publication: &str) -> Vec<u8> {
    let headers = "Content-Type: text/plain\r\n";
    http::request("POST", to, &path(channel), headers, publication.as_bytes())
}

/// Posts what is in the outbox for as long as it is polled.
pub async fn post_all(
    target: &Target,
    channel: &str,
    outbox: &Outbox,
    inbox: &dyn Inbox,
    tally: Rc<Tally>,
) -> ! {
    let path = path(channel);
    let cut = Rc::<Cell<bool>>::default();
    loop {
        let ended = post_on_one(target, &path, outbox, inbox, (&tally, &cut)).await;
        inbox.failed(&ended);
        sleep(TRY_AGAIN).await;
    }
}

async fn post_on_one(
    target: &Target,
    path: &str,
    outbox: &Outbox,
    inbox: &dyn Inbox,
    (tally, cut): (&Rc<Tally>, &Rc<Cell<bool>>),
) -> Ended {
    let posting = async {
        let mut io = Connection::open(target, tally.clone(), cut.clone()).await?;
        loop {
            let publication = outbox.next().await;
            http::post(&mut io, target, path, publication.as_bytes()).await?;
            let head = http::read_head(&mut io).await?;
            let body = http::read_body(&mut io, &head).await?;
            http::expect(200, head.status, path, &body)?;
            inbox.acknowledged();
        }
    };
    let ended: Result<std::convert::Infallible, Ended> = posting.await;
    match ended {
        Ok(never) => match never {},
        Err(ended) => ended,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn an_outbox_keeps_order_and_counts_what_does_not_fit() {
        let outbox = Outbox::default();
        assert!(outbox.next().now_or_never().is_none());
        for number in 0..WAITING_MAX + 3 {
            outbox.push(number.to_string());
        }
        assert_eq!((outbox.left(), outbox.given_up()), (WAITING_MAX, 3));
        assert_eq!(outbox.next().now_or_never().unwrap(), "0");
        assert_eq!(outbox.next().now_or_never().unwrap(), "1");
    }
}
