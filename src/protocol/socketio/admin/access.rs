//! Who may join `/admin`: the user `admin` with the password, or who has been given a session.
//!
//! The password is compared in constant time. Who fails has to wait, 1 s after the first failure
//! and twice as long after each other one, up to a minute; during the wait the right password is
//! refused as well. IPv6 addresses count by their /64, which is what one customer has.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::super::{
    io::{Candidate, Denied},
    socket::Socket,
    worker::secret_id,
};
use crate::{config::secret::Secret, network};

const USER: &str = "admin";
/// How long a session is good for.
const SESSION_US: u64 = 12 * 3_600 * 1_000_000;
/// Sessions at once; the oldest goes.
const SESSIONS_MAX: usize = 64;
const FIRST_WAIT_US: u64 = 1_000_000;
const LONGEST_WAIT_US: u64 = 60_000_000;
/// After this long without a failure an address is forgotten.
const FORGET_US: u64 = 600_000_000;
/// Addresses remembered at once; the one that failed longest ago goes.
const ADDRESSES_MAX: usize = 1_024;

/// What the UI sends with its connect.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Credentials {
    username: String,
    password: String,
    session_id: String,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: u64,
}

impl Failures {
    /// When the next attempt is looked at.
    fn wait_until(self) -> u64 {
        let doublings = self.count.saturating_sub(1).min(10);
        self.last + (FIRST_WAIT_US << doublings).min(LONGEST_WAIT_US)
    }
}

#[derive(Default)]
struct State {
    /// Id and when it ends, oldest first.
    sessions: Vec<(Arc<str>, u64)>,
    failures: HashMap<Option<IpAddr>, Failures>,
}

/// See the module.
pub struct Access {
    password: Secret,
    state: Mutex<State>,
}

impl Access {
    pub fn new(password: Secret) -> Self {
        Self {
            password,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The namespace's middleware.
    pub fn decide(&self, candidate: &Candidate<'_>, now: u64) -> Result<(), Denied> {
        let sent: Credentials = serde_json::from_str(candidate.auth.get()).unwrap_or_default();
        let mut state = self.state();
        if state.knows(&sent.session_id, now) {
            return Ok(());
        }
        // A page that was reloaded after a restart shows a session of before: no guess.
        if sent.username.is_empty() && sent.password.is_empty() {
            return Err(denied("invalid credentials".to_owned()));
        }
        let from = candidate.address.map(network::of);
        let failed = state.failures.get(&from).copied();
        if let Some(until) = failed
            .map(Failures::wait_until)
            .filter(|until| *until > now)
        {
            let wait_s = (until - now).div_ceil(1_000_000);
            return Err(denied(format!(
                "too many attempts: try again in {wait_s} s"
            )));
        }
        // Both are always looked at.
        let is_user = sent.username.as_bytes().ct_eq(USER.as_bytes());
        if self.password.is(&sent.password) & bool::from(is_user) {
            state.failures.remove(&from);
            return Ok(());
        }
        state.failed(from, now);
        Err(denied("invalid credentials".to_owned()))
    }

    /// A session for one who has come in with the password; `None` if it came with a session.
    pub fn open_session(&self, socket: &Socket, now: u64) -> Option<Arc<str>> {
        let sent: Credentials = serde_json::from_str(socket.auth.get()).unwrap_or_default();
        let mut state = self.state();
        if state.knows(&sent.session_id, now) {
            return None;
        }
        let session = secret_id();
        if state.sessions.len() >= SESSIONS_MAX {
            state.sessions.remove(0);
        }
        state.sessions.push((session.clone(), now + SESSION_US));
        Some(session)
    }
}

impl State {
    fn knows(&mut self, session: &str, now: u64) -> bool {
        self.sessions.retain(|(_, until)| *until > now);
        let is_it = |id: &str| bool::from(id.as_bytes().ct_eq(session.as_bytes()));
        self.sessions
            .iter()
            .fold(false, |found, (id, _)| found | is_it(id))
    }

    fn failed(&mut self, from: Option<IpAddr>, now: u64) {
        self.failures
            .retain(|_, failed| failed.last + FORGET_US > now);
        if self.failures.len() >= ADDRESSES_MAX && !self.failures.contains_key(&from) {
            let oldest = self.failures.iter().min_by_key(|(_, failed)| failed.last);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.failures.remove(&oldest);
            }
        }
        let failed = self.failures.entry(from).or_insert(Failures {
            count: 0,
            last: now,
        });
        failed.count += 1;
        failed.last = now;
    }
}

fn denied(message: String) -> Denied {
    Denied {
        message,
        data: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, value::to_raw_value};

    const S: u64 = 1_000_000;

    fn attempt(access: &Access, address: &str, password: &str, now: u64) -> Result<(), String> {
        let auth = to_raw_value(&json!({"username": "admin", "password": password})).unwrap();
        let candidate = Candidate {
            namespace: "/admin",
            auth: &auth,
            query: "",
            address: address.parse().ok(),
        };
        access.decide(&candidate, now).map_err(|no| no.message)
    }

    #[test]
    fn guessing_takes_longer_and_longer_and_holds_up_nobody_else() {
        let access = Access::new("correct horse".parse().unwrap());
        let guess = |now| attempt(&access, "10.0.0.1", "wrong", now).unwrap_err();
        let right = |address, now| attempt(&access, address, "correct horse", now);
        assert_eq!(guess(0), "invalid credentials");
        assert_eq!(guess(S / 2), "too many attempts: try again in 1 s");
        assert_eq!(guess(S), "invalid credentials");
        assert_eq!(guess(2 * S), "too many attempts: try again in 1 s");
        assert_eq!(guess(3 * S), "invalid credentials");
        let refused = right("10.0.0.1", 4 * S).unwrap_err();
        assert_eq!(refused, "too many attempts: try again in 3 s");
        assert_eq!(right("10.0.0.2", 4 * S), Ok(()));
        assert_eq!(right("10.0.0.1", 7 * S), Ok(()));
        assert_eq!(guess(7 * S), "invalid credentials", "forgotten by success");
    }

    #[test]
    fn addresses_are_bounded_and_an_ipv6_network_is_one() {
        let access = Access::new("correct horse".parse().unwrap());
        for n in 0..2_000_u64 {
            let address = format!("10.1.{}.{}", n / 256, n % 256);
            let _ = attempt(&access, &address, "wrong", n);
        }
        assert_eq!(access.state().failures.len(), ADDRESSES_MAX);
        let _ = attempt(&access, "2001:db8::1", "wrong", 10 * S);
        let next = attempt(&access, "2001:db8::ffff", "wrong", 10 * S).unwrap_err();
        assert!(next.starts_with("too many"), "{next}");
    }
}
