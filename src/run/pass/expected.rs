//! What a row's bytes must come to.

use std::ops::RangeInclusive;

use super::{Pass, RunningRow};
use crate::{
    channel::{ChannelName, Epoch},
    client::connection::SimulatedLink,
    run::{
        bytes::Model,
        error::RunError,
        plan::{BlobOn, PublishBy},
        poll_bytes::PollBytes,
        upstream_bytes::{self, UpBytes},
    },
};

/// See `RowResult`.
#[derive(Default)]
pub(super) struct ExpectedBytes {
    pub(super) model: Option<Model>,
    pub(super) up: Option<UpBytes>,
    pub(super) poll: Option<PollBytes>,
}

impl Pass<'_> {
    /// What a row's bytes must come to.
    pub(super) async fn expected_bytes(
        &self,
        row: &RunningRow,
        numbers: RangeInclusive<u64>,
    ) -> Result<ExpectedBytes, RunError> {
        if self.lab().peer().is_some() {
            return Ok(ExpectedBytes::default());
        }
        let mut expected = ExpectedBytes {
            model: self.model(row, numbers).await?,
            ..ExpectedBytes::default()
        };
        let target = self.lab().lane(&row.row.lane, SimulatedLink::default())?;
        if self.plan.publish_by == PublishBy::Clients {
            let sends = self.client(row, 0)?.sends();
            let content = self.plan.content()?;
            expected.up = Some(upstream_bytes::up(sends, &target, &row.channel, &content));
        }
        // What compression makes of an answer has no closed form.
        if row.row.samples(self.plan) && row.row.coding().is_none() {
            // A lab that does not answer is said by the row's own bytes, which then stand alone.
            expected.poll = PollBytes::learn(&target, &row.channel).await.ok();
        }
        Ok(expected)
    }

    /// What a row's messages must cost, where each is the publications that the run made and
    /// nothing else: no confirmations of what clients published, no blobs, no greetings of clients
    /// that come back, no polls without a cursor, no clients that are turned away or leave what
    /// was sent unread, one node's epoch, and no content coding: messages on WebSockets are
    /// modelled as before they were compressed.
    pub(super) async fn model(
        &self,
        row: &RunningRow,
        numbers: RangeInclusive<u64>,
    ) -> Result<Option<Model>, RunError> {
        let plan = self.plan;
        let has_blobs = !plan.blob_every.0.is_zero() && plan.blob_on == BlobOn::Same;
        let is_plain = !row.row.samples(plan)
            && row.row.coding().is_none()
            && plan.publish_by == PublishBy::Run
            && plan.nodes == 1
            && !has_blobs
            && plan.outage_at.0.is_zero()
            && plan.slow_readers + plan.may_be_refused == 0;
        if !is_plain {
            return Ok(None);
        }
        let lab = self.lab();
        let content = plan.content()?;
        let epoch = lab.epoch(&row.channel).await?;
        let names = ChannelName::parse(&row.channel)
            .ok()
            .zip(Epoch::parse(&epoch));
        let lane = lab.lane(&row.row.lane, SimulatedLink::default())?;
        Ok(names.map(|(channel, epoch)| Model {
            row: row.row.clone(),
            channel,
            epoch,
            content,
            clients: plan.clients as u64,
            numbers,
            lane,
            app_key: lab.app_key().unwrap_or_default().to_owned(),
            hold_ms: plan.hold.0.as_millis() as u64,
        }))
    }
}
