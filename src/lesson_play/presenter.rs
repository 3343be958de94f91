//! Who leads the class that a lesson is played in: the calls of the presenter's page.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{PlayError, lab::OwnLab};
use crate::stand_in::asking::{Answer, Asking};

/// How often the state is asked for where something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// For all stand-ins to be there.
const ARRIVE_WITHIN: Duration = Duration::from_secs(20);

pub struct Presenter {
    asking: Asking,
}

impl Presenter {
    pub fn of(lab: &OwnLab) -> Self {
        Self {
            asking: Asking::of_presenter(lab.main.clone(), lab.token.clone()),
        }
    }

    /// Begins a class and waits until so many stand-ins are there.
    pub async fn begin(&mut self, phones: usize) -> Result<(), PlayError> {
        self.post("/api/class", json!({ "name": "played" })).await?;
        if phones == 0 {
            return Ok(());
        }
        self.post("/api/class/stand-ins", json!({ "count": phones }))
            .await?;
        let what = format!("{phones} stand-ins are not there");
        self.until(&what, ARRIVE_WITHIN, |state| {
            match state["here"].as_u64() == Some(phones as u64) {
                true => Ok(()),
                false => Err(format!("{} are", state["here"])),
            }
        })
        .await
        .map(drop)
    }

    pub async fn end(&mut self) -> Result<(), PlayError> {
        let path = "/api/class?save=false";
        let answer = self.asking.delete(path).await?;
        good("DELETE /api/class", answer).map(drop)
    }

    /// What the presenter's page has.
    pub async fn state(&mut self) -> Result<Value, PlayError> {
        self.get("/api/class/lead").await
    }

    pub async fn get(&mut self, path: &str) -> Result<Value, PlayError> {
        let answer = self.asking.get(path).await?;
        good(&format!("GET {path}"), answer)
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Result<Value, PlayError> {
        let answer = self.asking.post(path, &body).await?;
        good(&format!("POST {path}"), answer)
    }

    /// The state as soon as it is as wanted; what is seen instead is the error of `is_it`.
    pub async fn until(
        &mut self,
        what: &str,
        within: Duration,
        is_it: impl Fn(&Value) -> Result<(), String>,
    ) -> Result<Value, PlayError> {
        let deadline = Instant::now() + within;
        loop {
            let state = self.state().await?;
            match is_it(&state) {
                Ok(()) => return Ok(state),
                Err(seen) if Instant::now() >= deadline => {
                    return Err(PlayError::TooLate {
                        what: what.to_owned(),
                        within,
                        seen,
                    });
                }
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }
}

fn good(call: &str, answer: Answer) -> Result<Value, PlayError> {
    match answer.is_good() {
        true => Ok(answer.body),
        false => Err(PlayError::Refused {
            call: call.to_owned(),
            status: answer.status,
            code: answer.code().to_owned(),
            message: answer.message().to_owned(),
        }),
    }
}
