//! The thread that stand-ins live on: native clients share what is not for several threads, so each
//! crew has one of its own, with a runtime that ends with it.

use std::{io, thread};

use tokio::{runtime, sync::oneshot, task::LocalSet};

/// A thread that works until it is told to stop, or has done all.
pub struct Crew {
    /// Dropped, it tells the thread to end.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Crew {
    /// `work` is what it does. When the crew is told to stop, its work is dropped where it waits,
    /// and every connection with it.
    pub fn start<W>(name: &str, work: W) -> io::Result<Self>
    where
        W: AsyncFnOnce() + Send + 'static,
    {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let local = LocalSet::new();
                local.block_on(&runtime, async {
                    tokio::select! {
                        _ = stopped => {}
                        () = work() => {}
                    }
                });
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Tells it to end and waits for that.
    pub fn stop(mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a thread of stand-ins had panicked");
        }
    }
}
