//! How a client behaves over its life: it connects, follows, comes back after a failure, goes
//! away when a tunnel takes it, and continues from where it was if it is one that can.

use std::{
    cell::Cell,
    future::pending,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep_until};

use super::{Cursor, Ended, Follow, Inbox, Tally, Target, Visit};

/// First wait before another attempt; doubles up to the last.
const BACK_OFF_FIRST: Duration = Duration::from_millis(100);
const BACK_OFF_LAST: Duration = Duration::from_secs(2);

/// When a client that has lost its connection, and is refused for `away`, is let in again.
pub fn back_after(away: Duration) -> Duration {
    let mut tried = BACK_OFF_FIRST;
    let mut back_off = BACK_OFF_FIRST;
    while tried < away {
        back_off = (back_off * 2).min(BACK_OFF_LAST);
        tried += back_off;
    }
    tried
}

/// Everything is gone for `away` in every `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnel {
    pub period: Duration,
    pub away: Duration,
    /// When the first period begins. Each ends with its tunnel.
    pub from: Instant,
    /// After this instant nothing is cut any more.
    pub until: Instant,
}

impl Tunnel {
    /// When the next tunnel begins and ends, for one who asks at `now`; `None` when no more come.
    fn next(&self, now: Instant) -> Option<(Instant, Instant)> {
        let passed = now.saturating_duration_since(self.from);
        let number = (passed.as_nanos() / self.period.as_nanos().max(1)) as u32;
        let ends = self.from + self.period * (number + 1);
        let begins = ends - self.away;
        (begins < self.until).then_some((begins, ends))
    }
}

/// How one client is to behave.
pub struct Conduct {
    pub target: Target,
    pub channel: String,
    /// Continue from the last position after an interruption; else from what comes next.
    pub resume: bool,
}

/// What all clients of a run are told while they follow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Orders {
    pub stop: bool,
    pub tunnel: Option<Tunnel>,
}

impl Orders {
    fn next_tunnel(&self) -> Option<(Instant, Instant)> {
        self.tunnel.and_then(|tunnel| tunnel.next(Instant::now()))
    }
}

/// Follows until the orders are to stop, then closes.
pub async fn follow(
    mut way: Box<dyn Follow>,
    conduct: Conduct,
    inbox: &dyn Inbox,
    tally: Rc<Tally>,
    mut orders: watch::Receiver<Orders>,
) {
    let stopping = Cell::new(false);
    let cut = Rc::new(Cell::new(false));
    let mut cursor = Cursor::default();
    let mut back_off = BACK_OFF_FIRST;
    loop {
        let now = *orders.borrow_and_update();
        if now.stop {
            return;
        }
        if let Some((begins, ends)) = now.next_tunnel()
            && begins <= Instant::now()
        {
            tokio::select! {
                () = sleep_until(ends.into()) => {}
                _ = orders.changed() => {}
            }
            continue;
        }
        if !conduct.resume {
            cursor = Cursor::default();
        }
        cut.set(false);
        let grace = way.grace();
        let mut visit = Visit {
            target: &conduct.target,
            channel: &conduct.channel,
            cursor: &mut cursor,
            inbox,
            tally: &tally,
            stopping: &stopping,
            cut: &cut,
        };
        let began = Instant::now();
        let mut following = way.follow(&mut visit);
        let ended = loop {
            let now = *orders.borrow_and_update();
            if now.stop {
                stopping.set(true);
                // An answer on its way is waited for, so that both ends count the same bytes.
                let _ = tokio::time::timeout(grace, following).await;
                return;
            }
            tokio::select! {
                ended = &mut following => break Some(ended),
                () = begin_of(now.next_tunnel()) => break None,
                changed = orders.changed() => if changed.is_err() { return },
            }
        };
        let Some(ended) = ended else {
            cut.set(true);
            continue;
        };
        if let Ended::Stopped = ended {
            return;
        }
        inbox.failed(&ended);
        if began.elapsed() > BACK_OFF_LAST {
            back_off = BACK_OFF_FIRST;
        }
        tokio::select! {
            () = tokio::time::sleep(back_off) => {}
            _ = orders.changed() => {}
        }
        back_off = (back_off * 2).min(BACK_OFF_LAST);
    }
}

async fn begin_of(tunnel: Option<(Instant, Instant)>) {
    match tunnel {
        Some((begins, _)) => sleep_until(begins.into()).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_is_back_at_the_next_attempt() {
        let ms = Duration::from_millis;
        assert_eq!(back_after(ms(0)), ms(100));
        assert_eq!(back_after(ms(100)), ms(100));
        assert_eq!(back_after(ms(101)), ms(300));
        assert_eq!(back_after(ms(2_000)), ms(3_100));
        assert_eq!(back_after(ms(4_000)), ms(5_100));
    }

    #[test]
    fn tunnels_end_their_periods_and_stop_at_the_end() {
        let from = Instant::now();
        let s = Duration::from_secs;
        let tunnel = Tunnel {
            period: s(15),
            away: s(2),
            from,
            until: from + s(30),
        };
        let at = |seconds| tunnel.next(from + s(seconds));
        assert_eq!(at(0), Some((from + s(13), from + s(15))));
        assert_eq!(at(14), Some((from + s(13), from + s(15))));
        assert_eq!(at(15), Some((from + s(28), from + s(30))));
        assert_eq!(at(30), None);
    }
}
