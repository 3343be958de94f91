//! Something large now and then, beside the publications that are timed: what small ones wait
//! behind when both take the same connection.
//!
//! A blob's number is 0, which no publication of the schedule has, so nobody's books count it. A
//! thread of its own posts each to every channel and waits for the answers.

use std::{
    io::{BufReader, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    bytes::EVENT,
    publish_connection::read_answer,
    publisher::{PublishError, sleep_until},
};
use crate::{
    client::{Ended, Inbox, Target, upstream},
    demo::content::sized,
};

/// How long a blob may take to be taken.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to publish, and when.
pub struct BlobPlan {
    /// The main lane, where blobs are published.
    pub main: Target,
    /// One for each row.
    pub channels: Vec<String>,
    /// Bytes of each blob's data.
    pub size_bytes: usize,
    /// µs since the Unix epoch; rising.
    pub instants_us: Vec<u64>,
}

/// A thread that publishes blobs.
pub struct Blobs {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), PublishError>>,
}

impl Blobs {
    /// Begins to publish, in a thread of its own.
    pub fn spawn(plan: BlobPlan) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let stopped = stop.clone();
        let thread = thread::spawn(move || publish(&plan, &stopped));
        Self { stop, thread }
    }

    /// Ends it after the blob under way.
    pub fn finish(self) -> Result<(), PublishError> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or(Err(PublishError::Panicked))
    }
}

/// The channel of a row's blobs, where they have a connection of their own.
pub fn channel(of: &str) -> String {
    format!("{of}-blobs")
}

/// Hears blobs and keeps nothing.
pub struct Deaf;

impl Inbox for Deaf {
    fn subscribed(&self, _at_us: u64) {}
    fn publication(&self, _data: &str, _at_us: u64) {}
    fn failed(&self, _why: &Ended) {}
}

fn publish(plan: &BlobPlan, stop: &AtomicBool) -> Result<(), PublishError> {
    let failed = |source| PublishError::Io {
        address: plan.main.address.to_string(),
        source,
    };
    let connect = || -> std::io::Result<TcpStream> {
        let address = match &plan.main.tls {
            None => plan.main.address,
            Some(tls) => tls.bridge(plan.main.address)?,
        };
        let connection = TcpStream::connect_timeout(&address, PATIENCE)?;
        connection.set_write_timeout(Some(PATIENCE))?;
        connection.set_read_timeout(Some(PATIENCE))?;
        Ok(connection)
    };
    let mut connection = connect().map_err(failed)?;
    let reading = connection.try_clone().map_err(failed)?;
    let mut reader = BufReader::new(reading);
    let body = upstream::publication(EVENT, sized(0, plan.size_bytes).get());
    for at_us in &plan.instants_us {
        if !sleep_until(*at_us, stop, &mut |_, _| ()) {
            break;
        }
        for channel in &plan.channels {
            let request = upstream::request(&plan.main, channel, &body);
            connection.write_all(&request).map_err(failed)?;
            match read_answer(&mut reader).map_err(failed)? {
                Some((200..300, _)) => {}
                Some((status, body)) => {
                    let text = format!("{status} {}", String::from_utf8_lossy(&body));
                    return Err(PublishError::Refused(text));
                }
                None => return Err(failed(std::io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_a_number_that_no_publication_has() {
        let body = upstream::publication(EVENT, sized(0, 1_000).get());
        assert!(body.contains("{\"n\":0,"), "{body}");
    }

    #[test]
    fn a_server_that_is_not_there_is_told() {
        let blobs = Blobs::spawn(BlobPlan {
            // Nothing listens on port 1, which only the system may use.
            main: Target {
                address: ([127, 0, 0, 1], 1).into(),
                host: "127.0.0.1:1".into(),
                link: Default::default(),
                tls: None,
                compress: None,
                coding: None,
            },
            channels: vec!["c".into()],
            size_bytes: 100,
            instants_us: vec![0],
        });
        assert!(matches!(blobs.finish(), Err(PublishError::Io { .. })));
    }
}
