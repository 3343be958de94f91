//! Publishing over a plain transport. The demo application's channels are the plain ones, so its
//! console shows these publications as well, while somebody watches.
//!
//! Not here: what the lab's own sources publish, many times a second and the same each time.

use super::entry::Entry;
use crate::{
    channel::{ChannelName, Draft, StreamPosition},
    lab::Lab,
    node::NodeError,
};

/// Publishes; `by` says how it came: `http`, or the transport's name.
pub async fn publish(
    lab: &Lab,
    channel: &ChannelName,
    draft: Draft,
    by: &'static str,
) -> Result<StreamPosition, NodeError> {
    let watched = lab.apps.demo_app().filter(|app| app.feed.is_written());
    let Some(app) = watched else {
        return lab.node.publish(channel, draft).await;
    };
    let shown = draft.clone();
    let position = lab.node.publish(channel, draft).await?;
    app.feed.note(&Entry::Plain {
        channel: channel.local(),
        event: &shown.event,
        data: &shown.data,
        subscribers: lab.node.subscribers(channel),
        by,
    });
    Ok(position)
}
