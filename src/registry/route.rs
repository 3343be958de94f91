//! Which endpoint a request belongs to, and under which labels it is metered.

use std::sync::Arc;

use super::Endpoint;
use crate::{
    catalogue::{Form, LaneId, variant_of},
    lane::meter::Labels,
};

/// What a request's path and query say, before it is answered.
#[derive(Debug, Default)]
pub struct Route {
    /// The endpoint to whose path it belongs, as an index into the worker's list. It may be one
    /// that this lane does not serve: then the request is refused, with an answer that its clients
    /// can read.
    pub(super) endpoint: Option<usize>,
    /// Whether this lane serves it there.
    pub(super) is_served: bool,
    /// Index in the path at which the endpoint's prefix ends.
    pub(super) rest_from: usize,
    /// `None` for the lab's own traffic, which is metered under no labels.
    pub labels: Option<Labels>,
}

impl Route {
    /// Of several endpoints with the same prefix, the first one that this lane serves and that
    /// knows the rest of the path.
    pub fn find(endpoints: &[Arc<dyn Endpoint>], lane: LaneId, path: &str, query: &str) -> Self {
        let mut found = Self::default();
        for (at, endpoint) in endpoints.iter().enumerate() {
            let mut paths = endpoint.paths().iter();
            let Some(rest) = paths.find_map(|start| path.strip_prefix(start)) else {
                continue;
            };
            let is_served = endpoint.is_on(lane);
            let here = Self {
                endpoint: Some(at),
                is_served,
                rest_from: path.len() - rest.len(),
                labels: is_served
                    .then(|| labels_of(&**endpoint, lane, rest, query))
                    .flatten(),
            };
            if here.labels.is_some() {
                return here;
            }
            if found.endpoint.is_none() || (is_served && !found.is_served) {
                found = here;
            }
        }
        found
    }
}

fn labels_of(endpoint: &dyn Endpoint, lane: LaneId, rest: &str, query: &str) -> Option<Labels> {
    let (transport, protocol) = endpoint.labelled(lane)?;
    Some(Labels {
        lane,
        transport,
        protocol,
        channel: endpoint.metered_as(rest, query)?,
        demo: demo_in(query),
        form: form_in(endpoint, query).label(),
    })
}

/// The form that a request asks for, where its lane has it.
fn form_in(endpoint: &dyn Endpoint, query: &str) -> Form {
    let is_bare = query.split('&').any(|pair| pair == "envelope=bare");
    let has_it = |lane| variant_of(lane, Form::Bare).is_some();
    match is_bare && endpoint.lane().is_some_and(has_it) {
        true => Form::Bare,
        false => Form::AsItIs,
    }
}

/// The demo that a request names. Only known ones are labels.
fn demo_in(query: &str) -> &'static str {
    let named = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("demo="))
        .unwrap_or_default();
    ["chat", "dashboard", "compare"]
        .into_iter()
        .find(|demo| *demo == named)
        .unwrap_or("none")
}
