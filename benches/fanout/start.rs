//! The scenario start: from the moment before the program is executed to the end of the first answer
//! to `GET /healthz`, with default settings, not pinned, the file already in the page cache.

use std::io::{self, Write};
use std::time::Instant;

use serde_json::json;

use crate::Bench;
use crate::process::Server;
use crate::report::{self, f1, verdict};
use crate::subscriber;

const AIM_MS: f64 = 200.0;

pub fn run(bench: &mut Bench) -> io::Result<()> {
    let count = if bench.options.is_quick { 5 } else { 20 };
    let times_ms = (0..count)
        .map(|_| start_once(bench))
        .collect::<io::Result<Vec<f64>>>()?;
    let spread = report::spread(times_ms);
    bench.say(&format!(
        "\nFrom exec to the first answered GET /healthz, {count} starts: least {} ms, median {} ms, \
         most {} ms; aim < {AIM_MS:.0} ms {}",
        f1(spread.least),
        f1(spread.median),
        f1(spread.most),
        verdict(spread.median < AIM_MS)
    ));
    let start = json!({"starts": count, "aim_ms": AIM_MS, "ms": spread.to_json()});
    bench.report.start = Some(start);
    Ok(())
}

fn start_once(bench: &Bench) -> io::Result<f64> {
    let before = Instant::now();
    let server = Server::pushlab_by_default(&bench.options.pushlab)?;
    let address = server.lane("main");
    let mut stream = subscriber::connect(address, 0)?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    let (head, _) = subscriber::read_head(&mut stream)?;
    let elapsed = before.elapsed();
    if head.starts_with(b"HTTP/1.1 200") {
        Ok(elapsed.as_secs_f64() * 1e3)
    } else {
        Err(subscriber::unexpected("/healthz", &head))
    }
}
