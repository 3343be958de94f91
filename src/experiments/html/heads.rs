//! What headers are made of: one poll of the run and its answer, line by line, beside what a
//! WebSocket puts before the same publication.

use crate::{
    experiments::{CarriedOut, DoneStep},
    run::{
        answer::decimal,
        report::{Exchange, LaneReport},
    },
};

/// The experiments whose question is what headers cost.
const ABOUT_HEADERS: &[&str] = &["E1"];

const POLLS: &str = "short-poll";
const FRAMES: &str = "websocket";

/// See the module.
pub(super) struct Heads<'a> {
    pub(super) poll: &'a Exchange,
    /// What a frame puts before the publication: measured, in bytes.
    pub(super) frame: Option<String>,
    /// How the WebSocket was opened.
    pub(super) opening: Option<&'a Exchange>,
}

/// Of the first step that has them; `None` of other experiments, and of results from before an
/// example was kept.
pub(super) fn heads(done: &CarriedOut) -> Option<Heads<'_>> {
    if !ABOUT_HEADERS.contains(&done.id.as_str()) {
        return None;
    }
    done.steps.iter().find_map(of_step)
}

fn of_step(step: &DoneStep) -> Option<Heads<'_>> {
    let frames = step.row(FRAMES);
    let framing = |lane: &LaneReport| lane.figure("framing_bytes")?.value();
    Some(Heads {
        poll: step.row(POLLS)?.example.as_ref()?,
        frame: frames.and_then(framing).map(|bytes| decimal(bytes, 3)),
        opening: frames.and_then(|lane| lane.example.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::exchange::SentHead,
        experiments::{html::answer, sample},
    };

    fn exchange(request: &str, answer: &str) -> Exchange {
        Exchange {
            request: SentHead::of(request.as_bytes()),
            answer: SentHead::of(answer.as_bytes()),
        }
    }

    fn carried_out() -> CarriedOut {
        let mut done = sample::carried_out(Vec::new());
        done.id = "E1".to_owned();
        let lanes = &mut done.steps[0].report.lanes;
        for lane in lanes.iter_mut() {
            lane.example = Some(match lane.row.as_str() {
                POLLS => exchange(
                    "GET /<p> HTTP/1.1\r\nCookie: secret\r\n\r\n",
                    "HTTP/1.1 200 OK\r\n\r\n",
                ),
                _ => exchange(
                    "GET /w HTTP/1.1\r\n\r\n",
                    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
                ),
            });
        }
        done
    }

    #[test]
    fn a_poll_is_shown_line_by_line_beside_the_frames_header() {
        let page = answer(&carried_out(), "/runs/x");
        assert!(page.contains("One question and its answer, as they were sent"));
        assert!(page.contains("GET /&#60;p&#62; HTTP/1.1") && !page.contains("<p> HTTP"));
        assert!(page.contains("Cookie: hidden, 6 bytes") && !page.contains("secret"));
        // 19 + 16 + 2 there, 17 + 2 back.
        assert!(page.contains("<strong>56 bytes</strong>"), "{page}");
        // The sample's framing.
        assert!(page.contains("<strong>10 bytes</strong>"), "{page}");
        assert!(page.contains("101 Switching Protocols"));
        assert!(!page.contains("style="));
    }

    #[test]
    fn older_results_and_other_experiments_have_no_such_part() {
        let mut older = carried_out();
        for lane in &mut older.steps[0].report.lanes {
            lane.example = None;
        }
        assert!(heads(&older).is_none());
        let mut other = carried_out();
        other.id = "E2".to_owned();
        assert!(heads(&other).is_none());
        assert!(!answer(&other, "/runs/x").contains("as they were sent"));
    }
}
