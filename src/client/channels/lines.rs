//! Lines of frames, as they come by HTTP (reference, 14.3), and the requests around them.
//!
//! [`crate::codec::pusher::line`] has their form. Not here: `m"…"`, which this lab does not send
//! but other servers may: it is understood.

use rand::{RngExt, random};

use super::{Channels, Heard};
use crate::client::{ClientContext, Ended, add, connection::Connection, http, message::read};

/// One session's addresses.
pub struct Session {
    base: String,
    query: String,
}

impl Session {
    /// A new one, named by this client (reference, 14.2).
    pub fn new(channels: &Channels) -> Self {
        let sid: String = (0..8)
            .map(|_| char::from_digit(rand::rng().random_range(0..32), 32).unwrap_or('0'))
            .collect();
        Self {
            // Three digits always, so that sessions differ in no byte count.
            base: format!(
                "/pusher/app/{}/{:03}/{sid}",
                channels.key,
                random::<u32>() % 1_000
            ),
            query: channels.query(),
        }
    }

    /// Where to fetch: `xhr_streaming` or `xhr`.
    pub fn fetch(&self, how: &str) -> String {
        format!("{}/{how}?{}", self.base, self.query)
    }

    /// Sends frames, none of them for a sign of life.
    pub async fn send(
        &self,
        io: &mut Connection,
        context: &ClientContext<'_>,
        frames: &[String],
    ) -> Result<(), Ended> {
        let body = serde_json::to_string(frames)
            .map_err(|error| Ended::NotUnderstood(error.to_string()))?;
        let path = format!("{}/xhr_send", self.base);
        http::post(io, context.target, &path, body.as_bytes()).await?;
        let head = http::read_head(io).await?;
        let body = http::read_body(io, &head).await?;
        let status = match head.status {
            // Either will do; what it says is ignored (reference, 14.6).
            204 => 200,
            other => other,
        };
        http::expect(200, status, &path, &body)
    }
}

/// What some lines asked for.
#[derive(Debug, Default)]
pub struct Taken {
    pub answers: Vec<String>,
    pub publications: usize,
    /// There was a heartbeat.
    pub beat: bool,
}

/// Takes the whole lines at the start of `text`, and leaves the rest.
pub fn take(
    channels: &Channels,
    text: &mut Vec<u8>,
    at_us: u64,
    context: &mut ClientContext<'_>,
) -> Result<Taken, Ended> {
    let mut taken = Taken::default();
    let Some(last) = memchr::memrchr(b'\n', text) else {
        return Ok(taken);
    };
    for line in text[..last].split(|byte| *byte == b'\n') {
        let Some((kind, rest)) = line.split_first() else {
            continue;
        };
        match kind {
            b'a' => {
                let frames: Vec<String> = read(rest)?;
                // What is not the frames is the line's own.
                let frame_bytes: usize = frames.iter().map(String::len).sum();
                let own = (line.len() + 1).saturating_sub(frame_bytes);
                add(&context.tally.down.framing, own);
                for frame in frames {
                    taken.hear(channels.hear(&frame, at_us, context)?);
                }
            }
            b'm' => {
                let frame: String = read(rest)?;
                taken.hear(channels.hear(&frame, at_us, context)?);
            }
            b'c' => {
                let why = String::from_utf8_lossy(rest).into_owned();
                return Err(Ended::Closed(why));
            }
            b'h' => {
                taken.beat = true;
                add(&context.tally.down.framing, line.len() + 1);
            }
            b'o' => add(&context.tally.down.framing, line.len() + 1),
            _ => {
                let shown = String::from_utf8_lossy(&line[..line.len().min(100)]).into_owned();
                return Err(Ended::NotUnderstood(format!("the line {shown:?}")));
            }
        }
    }
    text.drain(..=last);
    Ok(taken)
}

impl Taken {
    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Answer(answers) => self.answers.extend(answers),
            Heard::Publication => self.publications += 1,
            Heard::Nothing => {}
        }
    }
}
