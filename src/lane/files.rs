//! How many files this process may have open: each connection is one.
//!
//! Systems give a program few (1,024 on many Linux systems) and let it ask for more. A lab with a
//! class of thirty, each with ten lanes open, is at 300; a run with 5,000 clients is past any
//! default. So it asks at start, and what it got decides how many [`super::seats`] there are.
//! Rejected: finding out when `accept` fails, since that is when pages and `/healthz` fail as well.

/// Assumed where the system does not say.
#[cfg(not(unix))]
const UNTOLD: u64 = 16_384;

/// Raises the limit as far as allowed without privileges, and returns it. Child processes inherit
/// it.
#[cfg(unix)]
pub fn raise_limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` outlives the call, which fills it.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return 256;
    }
    let had = limit.rlim_cur;
    // macOS says "no limit" and takes no more than OPEN_MAX.
    let most = [limit.rlim_max, 10_240];
    for wanted in most.into_iter().filter(|wanted| *wanted > had) {
        limit.rlim_cur = wanted;
        // SAFETY: the kernel only reads `limit`.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0 {
            return wanted;
        }
    }
    had
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub fn raise_limit() -> u64 {
    UNTOLD
}
