//! Connection state recovery (Socket.IO documentation, "Connection state recovery"): a client that
//! comes back soon gets its id, its rooms and what it missed.
//!
//! Every event is kept for a while with whom it was for, in a ring bounded in time, number and
//! bytes; its number in the namespace goes with it as its last argument. A session that is lost is
//! saved under its secret `pid`, which is good once. One lock orders numbering, sending and
//! restoring, so nothing falls between a restore and the next event; a socket knows the last
//! number that its restore covered, so nothing comes twice.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{selection::Selection, unit::Unit};

/// How long, and how much, is kept of sessions that were lost.
#[derive(Debug, Clone, Copy)]
pub struct RecoverySettings {
    /// How long a client may be away.
    pub max_disconnection: Duration,
    /// Events kept for one namespace.
    pub events_max: usize,
    /// Bytes of events kept for one namespace.
    pub events_max_bytes: usize,
}

/// What is kept of a lost session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Which namespace it was in.
    pub namespace: Arc<str>,
    /// The public id.
    pub sid: Arc<str>,
    /// Which rooms it was in.
    pub rooms: Vec<Box<str>>,
}

/// Where a socket that has a pid lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// Index of its thread.
    pub worker: usize,
    /// Of the Engine.IO session.
    pub link: Arc<str>,
}

/// A session that came back.
pub struct Restored {
    /// What was kept.
    pub saved: Saved,
    /// What its rooms got meanwhile, in order.
    pub missed: Vec<Arc<Unit>>,
    /// The number of the last event that `missed` covers.
    pub seen: u64,
}

struct Stored {
    at: u64,
    selection: Selection,
    unit: Arc<Unit>,
}

#[derive(Default)]
struct Log {
    /// Number of the last event; the first is 1.
    last: u64,
    ring: VecDeque<Stored>,
    bytes: usize,
}

#[derive(Default)]
struct State {
    logs: HashMap<Arc<str>, Log>,
    saved: HashMap<Arc<str>, (u64, Saved)>,
    /// In the order in which they run out.
    running_out: VecDeque<(u64, Arc<str>)>,
    live: HashMap<Arc<str>, LiveSession>,
}

/// See the module.
pub struct Recovery {
    settings: RecoverySettings,
    state: Mutex<State>,
}

impl Recovery {
    /// Nothing kept yet.
    pub fn new(settings: RecoverySettings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers an event, keeps it, and sends it before another can be numbered. `send` calls no
    /// handlers.
    pub fn store(
        &self,
        now: u64,
        namespace: &Arc<str>,
        selection: &Selection,
        encode: impl FnOnce(&str) -> Option<Arc<Unit>>,
        send: impl FnOnce(Arc<Unit>, u64),
    ) {
        let mut state = self.state();
        let log = state.logs.entry(namespace.clone()).or_default();
        let number = log.last + 1;
        let Some(unit) = encode(&number.to_string()) else {
            return;
        };
        log.last = number;
        log.bytes += unit.bytes();
        log.ring.push_back(Stored {
            at: now,
            selection: selection.clone(),
            unit: unit.clone(),
        });
        let keep_from = now.saturating_sub(self.settings.max_disconnection.as_micros() as u64);
        while log.ring.front().is_some_and(|first| {
            first.at < keep_from
                || log.ring.len() > self.settings.events_max
                || log.bytes > self.settings.events_max_bytes
        }) && let Some(first) = log.ring.pop_front()
        {
            log.bytes -= first.unit.bytes();
        }
        send(unit, number);
    }

    /// A socket with this pid has joined.
    pub fn joined(&self, pid: &Arc<str>, live: LiveSession) {
        self.state().live.insert(pid.clone(), live);
    }

    /// Where the socket with this pid is, if it is still there on another session than `link`: it
    /// must go first. It is answered once, so that the second time the client may go on.
    pub fn take_live(&self, pid: &str, link: &str) -> Option<LiveSession> {
        let mut state = self.state();
        let is_elsewhere = state.live.get(pid).is_some_and(|live| *live.link != *link);
        if is_elsewhere {
            state.live.remove(pid)
        } else {
            None
        }
    }

    /// A socket is over. With `save` it may come back.
    pub fn left(&self, now: u64, pid: &Arc<str>, save: Option<Saved>) {
        let mut state = self.state();
        state.live.remove(pid);
        while state
            .running_out
            .front()
            .is_some_and(|first| first.0 <= now)
            && let Some((_, pid)) = state.running_out.pop_front()
        {
            state.saved.remove(&pid);
        }
        if let Some(saved) = save {
            let until = now + self.settings.max_disconnection.as_micros() as u64;
            state.running_out.push_back((until, pid.clone()));
            state.saved.insert(pid.clone(), (until, saved));
        }
    }

    /// Takes a session out, if it can be restored whole: known, in time, of this namespace, and
    /// everything after `offset` still there. `join` makes it a member again before another event
    /// can be numbered.
    pub fn restore<T>(
        &self,
        now: u64,
        namespace: &str,
        pid: &str,
        offset: &str,
        join: impl FnOnce(Restored) -> T,
    ) -> Option<T> {
        let mut state = self.state();
        let (until, saved) = state.saved.remove(pid)?;
        if until <= now || *saved.namespace != *namespace {
            return None;
        }
        let log = state.logs.get(namespace)?;
        let offset: u64 = offset.parse().ok()?;
        let kept_after = log.last - log.ring.len() as u64;
        if !(kept_after..=log.last).contains(&offset) {
            return None;
        }
        let missed = log
            .ring
            .iter()
            .skip((offset - kept_after) as usize)
            .filter(|stored| stored.selection.reaches(&saved.rooms))
            .map(|stored| stored.unit.clone())
            .collect();
        let seen = log.last;
        Some(join(Restored {
            saved,
            missed,
            seen,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovery() -> Recovery {
        Recovery::new(RecoverySettings {
            max_disconnection: Duration::from_millis(1),
            events_max: 3,
            events_max_bytes: 100,
        })
    }

    fn saved() -> Saved {
        Saved {
            namespace: "/".into(),
            sid: "s".into(),
            rooms: vec!["s".into(), "a".into()],
        }
    }

    fn emit(recovery: &Recovery, now: u64, rooms: &[&str], except: &[&str]) {
        let own = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
        let selection = Selection {
            rooms: own(rooms),
            except: own(except),
        };
        let encode = |offset: &str| Some(Unit::text(offset.to_owned()));
        recovery.store(now, &"/".into(), &selection, encode, |_, _| {});
    }

    fn missed(recovery: &Recovery, now: u64, offset: &str) -> Option<Vec<String>> {
        recovery.restore(now, "/", "p", offset, |restored| {
            let text = |unit: &Arc<Unit>| match &unit.parts()[0] {
                super::super::unit::Part::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                other => panic!("{other:?}"),
            };
            restored.missed.iter().map(text).collect()
        })
    }

    #[test]
    fn what_was_missed_and_meant_for_it_comes_back_once() {
        let recovery = recovery();
        let pid: Arc<str> = "p".into();
        emit(&recovery, 0, &[], &[]);
        recovery.left(0, &pid, Some(saved()));
        emit(&recovery, 0, &["a", "b"], &[]);
        emit(&recovery, 0, &["b"], &[]);
        assert_eq!(missed(&recovery, 1, "1").unwrap(), ["2"]);
        assert_eq!(missed(&recovery, 1, "1"), None, "a pid is good once");
        recovery.left(1, &pid, Some(saved()));
        emit(&recovery, 1, &[], &["a"]);
        assert_eq!(missed(&recovery, 1, "2").unwrap().len(), 0);
    }

    #[test]
    fn what_cannot_be_whole_is_not_restored() {
        let recovery = recovery();
        let pid: Arc<str> = "p".into();
        (0..5).for_each(|_| emit(&recovery, 0, &[], &[]));
        for offset in ["1", "6", "x", "-1", ""] {
            recovery.left(0, &pid, Some(saved()));
            assert_eq!(missed(&recovery, 1, offset), None, "{offset}");
        }
        recovery.left(0, &pid, Some(saved()));
        assert_eq!(missed(&recovery, 1, "2").unwrap(), ["3", "4", "5"]);
        recovery.left(0, &pid, Some(saved()));
        assert_eq!(missed(&recovery, 1_000, "5"), None, "too late");
        recovery.left(0, &pid, None);
        assert_eq!(missed(&recovery, 1, "5"), None, "left for good");
    }
}
