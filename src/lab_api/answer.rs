//! `POST /api/answer`: the sentence made from figures that a page measured ([`crate::run::answer`]),
//! so that pages, terminal and reports speak alike. Nothing is kept and nothing is counted.
//!
//! ```text
//! {"load":{"rate_per_s":0.2,"size_bytes":60,"clients":1,"poll_interval_ms":500,"hold_ms":25000,
//!          "conditions":""},
//!  "lanes":[{"lane":"short-poll","label":"","figures":{"p50_us":{"value":250000,"error":2000},
//!            "bytes_per_publication":{"value":5940},"delivery_ratio":{"value":1}}}]}
//!   → {"sentence":"At one event in five seconds, …","about":"bytes_per_publication",
//!      "order":["short-poll",…]}
//! ```
//!
//! Of the load only `rate_per_s` must be there. A figure is `{"value","low"?,"high"?,"error"?}`,
//! `{"below"}` or `{"invalid"}`; of the catalogue's figures those that the sentence is made from are
//! read (`p50_us`, `mean_us`, `bytes_per_publication`, `requests_per_publication`, `empty_ratio`,
//! `delivery_ratio`), others are let by. `about` is null where nothing can be told.

use std::ops::RangeInclusive;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::{
    error::{Code, Refusal},
    registry::LaneWorker,
    run::answer::{LaneFigures, Load, answer},
    transport::http_api,
};

/// Six lanes with all their figures are under 4 KiB.
const BODY_MAX_BYTES: usize = 64 << 10;
/// More than a result has rows.
const LANES_MAX: usize = 64;
/// Of the name of a lane and its label.
const NAME_MAX_BYTES: usize = 200;
const RATE_PER_S: RangeInclusive<f64> = 1e-6..=1e6;
/// Of an event's data; more than any lane takes.
const SIZE_BYTES: RangeInclusive<f64> = 0.0..=1e9;
/// Of a poll's interval or hold: up to a day.
const SPAN_MS: RangeInclusive<f64> = 1.0..=86_400_000.0;

#[derive(Deserialize)]
struct Measured {
    load: Load,
    lanes: Vec<LaneFigures>,
}

impl Measured {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let measured: Self = http_api::read_json(body).map_err(|error| {
            Refusal::new(Code::BadJson, format!("no figures: {error}")).with_hint(
                "Send {\"load\":{\"rate_per_s\":4},\"lanes\":[{\"lane\":\"sse\",\"figures\":\
                 {\"p50_us\":{\"value\":400}}}]}; a figure is {\"value\"}, {\"below\"} or \
                 {\"invalid\"}.",
            )
        })?;
        measured.check().map(|()| measured)
    }

    fn check(&self) -> Result<(), Refusal> {
        let refused = |what: String| Err(Refusal::new(Code::BadRange, what));
        let load = &self.load;
        for (name, value, range) in [
            ("rate_per_s", Some(load.rate_per_s), RATE_PER_S),
            ("size_bytes", load.size_bytes, SIZE_BYTES),
            ("poll_interval_ms", load.poll_interval_ms, SPAN_MS),
            ("hold_ms", load.hold_ms, SPAN_MS),
        ] {
            if let Some(value) = value.filter(|value| !range.contains(value)) {
                let (least, most) = range.into_inner();
                return refused(format!(
                    "load.{name} is {value:?}; choose {least} to {most}"
                ));
            }
        }
        if self.lanes.len() > LANES_MAX {
            let count = self.lanes.len();
            return refused(format!("{count} lanes; send at most {LANES_MAX}"));
        }
        let is_long = |lane: &&LaneFigures| lane.lane.len().max(lane.label.len()) > NAME_MAX_BYTES;
        match self.lanes.iter().find(is_long) {
            Some(_) => refused(format!(
                "a lane's name or label is over {NAME_MAX_BYTES} bytes; send the catalogue's"
            )),
            None => Ok(()),
        }
    }
}

pub async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let most = worker.lab.config.body_max_bytes.min(BODY_MAX_BYTES);
    let body = http_api::body(&request, payload, most).await?;
    let measured = Measured::read(&body)?;
    Ok(super::no_store().json(answer(&measured.load, &measured.lanes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: &str = r#"{"load":{"rate_per_s":0.2,"size_bytes":60,"schedule":"poisson",
        "clients":1,"poll_interval_ms":500,"hold_ms":25000,"measured_s":21},"lanes":[
        {"lane":"short-poll","figures":{"p50_us":{"value":247800,"error":2000},
         "bytes_per_publication":{"value":5940},"delivery_ratio":{"value":1},"n":{"value":4}}},
        {"lane":"websocket","figures":{"p50_us":{"value":4600,"low":4500,"high":4700,"error":300},
         "bytes_per_publication":{"value":132},"p99_us":{"invalid":"few"},
         "delivery_ratio":{"value":1}}}]}"#;

    #[test]
    fn a_pages_figures_make_the_sentence() {
        let measured = Measured::read(FIGURES.as_bytes()).unwrap();
        let answer = serde_json::to_value(answer(&measured.load, &measured.lanes)).unwrap();
        assert_eq!(
            answer,
            serde_json::json!({
                "sentence": "At one event in five seconds, short polling every 500 ms used 45 \
                    times the bytes of a WebSocket, and was 243 ms later.",
                "about": "bytes_per_publication",
                "order": ["short-poll", "websocket"],
            })
        );
    }

    #[test]
    fn figures_that_no_measurement_gives_are_not_spoken_of() {
        for (of, number) in [
            ("value", "1e308"),
            ("value", "1e-320"),
            ("error", "1e308"),
            ("below", "1e308"),
        ] {
            let figure = match of {
                "error" => format!(r#"{{"value":1,"error":{number}}}"#),
                of => format!(r#"{{"{of}":{number}}}"#),
            };
            let lanes = ["short-poll", "websocket"].map(|lane| {
                let figure = if lane == "websocket" {
                    &figure
                } else {
                    r#"{"value":9}"#
                };
                format!(r#"{{"lane":"{lane}","figures":{{"bytes_per_publication":{figure}}}}}"#)
            });
            let lanes = lanes.join(",");
            let text = format!(r#"{{"load":{{"rate_per_s":1}},"lanes":[{lanes}]}}"#);
            let measured = Measured::read(text.as_bytes()).unwrap();
            let sentence = answer(&measured.load, &measured.lanes).sentence;
            assert!(sentence.len() < 200, "{sentence}");
            assert!(!sentence.contains(" 0 times"), "{sentence}");
        }
    }

    #[test]
    fn what_makes_no_sentence_is_refused_with_the_way_out() {
        let of = |text: &str| Measured::read(text.as_bytes()).err().unwrap();
        for text in ["", "[]", "{}", r#"{"load":{},"lanes":[]}"#, "\u{feff}{}"] {
            let refused = of(text);
            assert_eq!(refused.code, Code::BadJson, "{text}");
        }
        let figure = r#"{"load":{"rate_per_s":1},"lanes":[{"lane":"sse","figures":{"n":{}}}]}"#;
        assert_eq!(of(figure).code, Code::BadJson);
        for load in [
            r#"{"rate_per_s":0}"#,
            r#"{"rate_per_s":1e-320}"#,
            r#"{"rate_per_s":1,"size_bytes":1e308}"#,
            r#"{"rate_per_s":1,"poll_interval_ms":1e308}"#,
            r#"{"rate_per_s":1,"hold_ms":-1}"#,
        ] {
            let refused = of(&format!(r#"{{"load":{load},"lanes":[]}}"#));
            assert_eq!(refused.code, Code::BadRange, "{load}");
            assert!(refused.message.contains("; choose "), "{}", refused.message);
        }
        let lanes = vec![r#"{"lane":"sse","figures":{}}"#; LANES_MAX + 1].join(",");
        let refused = of(&format!(
            r#"{{"load":{{"rate_per_s":1}},"lanes":[{lanes}]}}"#
        ));
        assert!(
            refused.message.contains("send at most 64"),
            "{}",
            refused.message
        );
        let long = "x".repeat(NAME_MAX_BYTES + 1);
        let text = format!(
            r#"{{"load":{{"rate_per_s":1}},"lanes":[{{"lane":"{long}","figures":{{}}}}]}}"#
        );
        assert_eq!(of(&text).code, Code::BadRange);
    }
}
