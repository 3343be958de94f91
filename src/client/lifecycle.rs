//! The lifecycle of a client: it connects, follows its channel, reconnects after a failure as its
//! back-off says, is away during a tunnel or an outage, and resumes from its position where its
//! protocol can.

use std::{
    cell::Cell,
    future::pending,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep_until};

use super::{
    ClientContext, Cursor, Ended, Follow, Inbox, Tally, Target, back_off::Curve, upstream::Outbox,
};
use crate::clock;

/// A connection that lasted this long was a good one: the next failure begins the back-off anew.
const GOOD_AFTER: Duration = Duration::from_secs(2);

/// When a client of the quick back-off that has lost its connection, and is refused for `away`, is
/// let in again.
pub fn back_after(away: Duration) -> Duration {
    let mut tried = Curve::QUICK.wait(0);
    for tries in 1.. {
        if tried >= away {
            break;
        }
        tried += Curve::QUICK.wait(tries);
    }
    tried
}

/// Everything is gone for `away` in every `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnel {
    /// From the beginning of one to that of the next.
    pub period: Duration,
    /// How long it lasts.
    pub away: Duration,
    /// When the first period begins. Each ends with its tunnel.
    pub from: Instant,
    /// After this instant nothing is cut any more.
    pub until: Instant,
}

impl Tunnel {
    /// When the tunnel at or after `now` begins and ends; `None` when no more come.
    fn next(&self, now: Instant) -> Option<(Instant, Instant)> {
        let passed = now.saturating_duration_since(self.from);
        let number = (passed.as_nanos() / self.period.as_nanos().max(1)) as u32;
        let ends = self.from + self.period * (number + 1);
        let begins = ends - self.away;
        (begins < self.until).then_some((begins, ends))
    }
}

/// At `from` every connection is cut, and until `until` none can be made: a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When all connections are cut.
    pub from: Instant,
    /// When connecting works again.
    pub until: Instant,
}

/// What one client connects to, and how it reconnects.
pub struct ClientOptions {
    /// The lane.
    pub target: Target,
    /// See [`ClientContext::other`].
    pub other: Option<Target>,
    /// Where to go after a failure; and back after the next one.
    pub fail_over: Option<Target>,
    /// What this client is to publish; `None`: it only listens.
    pub outbox: Option<Rc<Outbox>>,
    /// `None`: as the real client of its kind.
    pub back_off: Option<Curve>,
    /// The channel's name.
    pub channel: String,
    /// Continue from the last position after an interruption; else from what comes next.
    pub resume: bool,
}

/// What a run tells all its clients while they follow: when to stop, and when they lose their
/// connections.
#[derive(Debug, Clone, Copy, Default)]
pub struct Control {
    /// The run is over.
    pub stop: bool,
    /// Everybody loses the connection now and then.
    pub tunnel: Option<Tunnel>,
    /// Everybody loses it once.
    pub outage: Option<Outage>,
}

impl Control {
    fn is_out(&self, now: Instant) -> bool {
        let outage = self.outage;
        outage.is_some_and(|outage| (outage.from..outage.until).contains(&now))
    }

    /// When a connection that was made at `began` is cut.
    fn next_cut(&self, began: Instant) -> Option<Instant> {
        let outage = self.outage.map(|outage| outage.from);
        let outage = outage.filter(|from| *from > began);
        let tunnel = self.next_tunnel();
        outage
            .into_iter()
            .chain(tunnel.map(|(begins, _)| begins))
            .min()
    }

    fn next_tunnel(&self) -> Option<(Instant, Instant)> {
        self.tunnel.and_then(|tunnel| tunnel.next(Instant::now()))
    }
}

/// Follows the channel until `control` says to stop, then closes.
pub async fn follow(
    mut follower: Box<dyn Follow>,
    mut options: ClientOptions,
    inbox: &dyn Inbox,
    tally: Rc<Tally>,
    mut control: watch::Receiver<Control>,
) {
    let stopping = Cell::new(false);
    let cut = Rc::new(Cell::new(false));
    let mut cursor = Cursor::default();
    let mut tries = 0;
    loop {
        let now = *control.borrow_and_update();
        if now.stop {
            return;
        }
        if let Some((begins, ends)) = now.next_tunnel()
            && begins <= Instant::now()
        {
            tokio::select! {
                () = sleep_until(ends.into()) => {}
                _ = control.changed() => {}
            }
            continue;
        }
        if !options.resume {
            cursor = Cursor::default();
        }
        inbox.tries(clock::now_us());
        if now.is_out(Instant::now()) {
            let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
            inbox.failed(&Ended::Io(refused));
            if !wait(&options, &*follower, &mut tries, &mut control).await {
                return;
            }
            continue;
        }
        cut.set(false);
        let grace = follower.grace();
        let mut context = ClientContext {
            target: &options.target,
            other: options.other.as_ref(),
            outbox: options.outbox.as_deref(),
            channel: &options.channel,
            cursor: &mut cursor,
            inbox,
            tally: &tally,
            stopping: &stopping,
            steps: None,
            cut: &cut,
        };
        let began = Instant::now();
        let mut following = follower.follow(&mut context);
        let ended = loop {
            let now = *control.borrow_and_update();
            if now.stop {
                stopping.set(true);
                // An answer on its way is waited for, so that both ends count the same bytes.
                let _ = tokio::time::timeout(grace, following).await;
                return;
            }
            tokio::select! {
                ended = &mut following => break Some(ended),
                () = at(now.next_cut(began)) => break None,
                changed = control.changed() => if changed.is_err() { return },
            }
        };
        // A cut connection is to end by RST, so this comes before it is dropped.
        cut.set(ended.is_none());
        drop(following);
        if began.elapsed() > GOOD_AFTER {
            tries = 0;
        }
        match ended {
            Some(Ended::Stopped) => return,
            Some(ended) => inbox.failed(&ended),
            None => {
                // After a tunnel a client reconnects at once; after a cut its back-off applies.
                if now_in_tunnel(&control) {
                    continue;
                }
                let reset = io::Error::from(io::ErrorKind::ConnectionReset);
                inbox.failed(&Ended::Io(reset));
            }
        }
        if let Some(fail_over) = &mut options.fail_over {
            std::mem::swap(&mut options.target, fail_over);
        }
        if !wait(&options, &*follower, &mut tries, &mut control).await {
            return;
        }
    }
}

fn now_in_tunnel(control: &watch::Receiver<Control>) -> bool {
    let next = control.borrow().next_tunnel();
    next.is_some_and(|(begins, _)| begins <= Instant::now())
}

/// Waits before another try; false when there is to be none.
async fn wait(
    options: &ClientOptions,
    follower: &dyn Follow,
    tries: &mut u32,
    control: &mut watch::Receiver<Control>,
) -> bool {
    let Some(curve) = options.back_off.or_else(|| follower.native_back_off()) else {
        return false;
    };
    let until = Instant::now() + curve.wait(*tries);
    *tries = tries.saturating_add(1);
    loop {
        tokio::select! {
            () = sleep_until(until.into()) => return true,
            changed = control.changed() => {
                if changed.is_err() || control.borrow_and_update().stop {
                    return false;
                }
            }
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant.into()).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_cuts_what_began_before_it_and_refuses_what_comes_in_it() {
        let from = Instant::now() + Duration::from_secs(5);
        let until = from + Duration::from_secs(2);
        let control = Control {
            outage: Some(Outage { from, until }),
            ..Control::default()
        };
        let s = Duration::from_secs;
        assert_eq!(control.next_cut(from - s(1)), Some(from));
        assert_eq!(control.next_cut(until), None);
        assert!(!control.is_out(from - s(1)) && control.is_out(from));
        assert!(control.is_out(from + s(1)) && !control.is_out(until));
    }

    #[test]
    fn a_refused_client_is_back_at_its_next_attempt() {
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
