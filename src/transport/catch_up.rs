//! Bringing a subscriber from its position to now, however much it missed.
//!
//! ```text
//! history ──► page ──► queue empty? ──► page ──► … ──► last page ──► live
//!             64 KiB    wait for the reader             what came meanwhile is read
//!                                                       from the history, too
//! ```
//!
//! A queue's budget is for clients that do not read; if a backlog from the history counted, a
//! client that returns after a long absence would be disconnected again and again. So it does not
//! count ([`hub::queue`](crate::hub::queue)): it is handed over a page at a time, as the reader
//! takes it, and the subscription goes live with the last page. Live publications meanwhile are
//! read from the history, too. A reader that is slower than the history forgets is a slow consumer.
//!
//! Rejected: handing over the whole backlog at once. A history of 1 MiB for each of a class of
//! phones that come out of a tunnel together would be in memory as many times as there are phones.
//!
//! `pushlab experiment E7` shows what it is for: cut off for 400 ms in every 3 s, a client gets 87
//! % of ten events a second without a position and all of them, in order and once, with it. Lesson
//! 10 (`lessons/10-tunnel.md`).

use std::{
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    channel::{
        ChannelName, Publication,
        history::{Recovery, Start},
    },
    disconnect::Disconnect,
    hub::{Attachment, Batch, Subscriber},
    node::Node,
};

/// Bytes of one page, by [`Publication::retained_bytes`]; it has at least one publication.
const PAGE_BYTES: usize = 64 << 10;

/// A subscriber that says when its queue is empty.
pub trait Reader: Subscriber {
    /// Whether nothing waits in its queue: then, and only then, is it handed the next page.
    fn is_drained(&self) -> bool;

    /// Whether a page of another catch-up waits in its queue; never, if it has one channel only.
    fn has_page(&self) -> bool {
        false
    }

    /// Ready when its queue is empty. Must wake the task, unless the same task writes.
    fn poll_drained(&self, _: &mut Context<'_>) -> Poll<()> {
        match self.is_drained() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

/// Hands over what `recovery` found and what came since, and goes live. `None`: the reader was
/// disconnected instead. `attachment` must have been made before `recovery` was asked for: then
/// what is published between the two is held back and not lost, even without a history.
///
/// Must be polled again when the reader has drained: see [`Reader::poll_drained`].
pub async fn catch_up<R: Reader + 'static>(
    node: Arc<Node>,
    channel: ChannelName,
    reader: Rc<R>,
    attachment: Attachment,
    mut recovery: Recovery,
) -> Option<Attachment> {
    loop {
        let mut backlog = VecDeque::from(recovery.publications);
        // A reader of many channels gets one page at a time in all.
        if backlog.is_empty() || !reader.has_page() {
            let page = next_page(&mut backlog);
            if !page.is_empty() {
                reader.deliver(Batch::replay(&page).whole());
            }
            if backlog.is_empty() {
                attachment.go_live(&recovery.position);
                return Some(attachment);
            }
        }
        // Paused meanwhile: otherwise live publications would pile up behind the backlog.
        attachment.pause();
        while !backlog.is_empty() {
            // If the kernel takes page after page, this thread must still serve its other tasks,
            // and read what this client sends.
            tokio::task::yield_now().await;
            drained(&*reader).await;
            reader.deliver(Batch::replay(&next_page(&mut backlog)).whole());
        }
        drained(&*reader).await;
        attachment.hold_back();
        let start = Start {
            position: Some(recovery.position),
            history: None,
        };
        recovery = match node.recover(&channel, &start).await {
            Ok(missed) if missed.recovered => missed,
            Ok(_) => {
                reader.disconnect(Disconnect::SlowConsumer);
                return None;
            }
            Err(_) => {
                reader.disconnect(Disconnect::Internal);
                return None;
            }
        };
    }
}

/// Takes one page off the front: as much as fits, and at least one, however large.
fn next_page(backlog: &mut VecDeque<Arc<Publication>>) -> Vec<Arc<Publication>> {
    let mut page = Vec::new();
    let mut bytes = 0;
    while let Some(next) = backlog.front() {
        bytes += next.retained_bytes();
        if !page.is_empty() && bytes > PAGE_BYTES {
            break;
        }
        page.extend(backlog.pop_front());
    }
    page
}

/// Waits until the reader's queue is empty.
pub async fn drained(reader: &impl Reader) {
    poll_fn(|context| reader.poll_drained(context)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ChannelName, Epoch};
    use serde_json::value::RawValue;

    #[test]
    fn pages_are_bounded_and_keep_the_order() {
        let publication = |offset: u64, bytes: usize| {
            Arc::new(Publication {
                channel: ChannelName::parse("news").unwrap(),
                epoch: Epoch::parse("e1").unwrap(),
                offset,
                event: "tick".into(),
                data: RawValue::from_string(format!("\"{}\"", "x".repeat(bytes))).unwrap(),
                intended_us: 0,
                published_us: 0,
                origin: None,
            })
        };
        let sizes = [30_000, 30_000, 30_000, 200_000, 1];
        let mut backlog: VecDeque<_> = (1..).zip(sizes).map(|(n, s)| publication(n, s)).collect();
        let mut pages = Vec::new();
        while !backlog.is_empty() {
            let page = next_page(&mut backlog);
            pages.push(page.iter().map(|p| p.offset).collect::<Vec<_>>());
        }
        assert_eq!(pages, [vec![1, 2], vec![3], vec![4], vec![5]]);
    }
}
