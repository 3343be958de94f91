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
const RATE_MAX_PER_S: f64 = 1e6;

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
        let rate = self.load.rate_per_s;
        if !(rate > 0.0 && rate <= RATE_MAX_PER_S) {
            return refused(format!(
                "load.rate_per_s is {rate}; choose more than 0 and at most {RATE_MAX_PER_S} events \
                 a second"
            ));
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
    fn what_makes_no_sentence_is_refused_with_the_way_out() {
        let of = |text: &str| Measured::read(text.as_bytes()).err().unwrap();
        for text in ["", "[]", "{}", r#"{"load":{},"lanes":[]}"#, "\u{feff}{}"] {
            let refused = of(text);
            assert_eq!(refused.code, Code::BadJson, "{text}");
        }
        let figure = r#"{"load":{"rate_per_s":1},"lanes":[{"lane":"sse","figures":{"n":{}}}]}"#;
        assert_eq!(of(figure).code, Code::BadJson);
        let refused = of(r#"{"load":{"rate_per_s":0},"lanes":[]}"#);
        assert!(
            refused.message.contains("more than 0"),
            "{}",
            refused.message
        );
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
