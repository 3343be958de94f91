//! Ending the connections of a user (reference, 16.8 and 11.4).

use actix_web::HttpResponse;
use serde_json::value::RawValue;

use super::{ApiError, Call};
use crate::{
    channel::Draft, codec::pusher::kind::is_user_id, protocol::pusher::signin::TERMINATE_EVENT,
    registry::LaneWorker,
};

pub(super) async fn terminate(
    worker: &LaneWorker,
    call: &Call<'_>,
    user: &str,
) -> Result<HttpResponse, ApiError> {
    if !is_user_id(user) {
        return Err(ApiError::bad(format!("{user:?} cannot be a user's id")));
    }
    let channel = call.app.control_channel(user);
    let node = &worker.lab.node;
    // Nobody signed in: no channel comes into being. With several nodes, this must be asked of
    // all of them.
    if node.subscribers(&channel) > 0 {
        let draft = Draft::new(TERMINATE_EVENT, RawValue::NULL.to_owned());
        node.publish(&channel, draft).await?;
    }
    Ok(HttpResponse::Ok().json(serde_json::json!({})))
}
