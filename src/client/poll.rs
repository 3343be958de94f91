//! One poll from a cursor, short or long.

use super::{
    ClientContext, Ended, add,
    connection::Connection,
    http,
    message::{Polled, read},
};

/// Asks once, delivers what came and moves the cursor. Returns when the answer was read, in µs on
/// this process's clock.
pub async fn poll(
    io: &mut Connection,
    context: &mut ClientContext<'_>,
    target: &str,
) -> Result<u64, Ended> {
    let body = http::ask(io, context.target, target).await?;
    let at_us = io.read_at_us();
    let polled: Polled<'_> = read(&body)?;
    if polled.publications.is_empty() {
        add(&io.tally().empty_answers, 1);
    }
    polled.deliver(context.cursor, context.inbox, at_us)?;
    Ok(at_us)
}
