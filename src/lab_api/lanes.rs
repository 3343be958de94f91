//! The lanes as pages see them: what the [`catalogue`] says of each, and an address that their
//! visitor can use.

use actix_web::HttpRequest;
use serde::Serialize;

use crate::{
    access::asked_name,
    catalogue::{self, BrowserClient, Fetching, Lane, Resuming, Sending, VARIANTS, Variant},
    lab::Lab,
};

/// A lane as pages see it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct LaneView {
    /// Id of the lane.
    pub lane: &'static str,
    /// How bytes travel; `None` for the main lane.
    pub transport: Option<&'static str>,
    /// What they mean; `None` for the main lane.
    pub protocol: Option<&'static str>,
    /// Its name for people.
    pub label: &'static str,
    /// Address as the asking page reaches it.
    pub url: String,
    /// Port that it listens on.
    pub port: u16,
    /// `None` for the main lane, which no page has a client for.
    #[serde(flatten)]
    pub facts: Option<LaneFacts>,
}

/// What pages need to know to draw and to use a lane.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct LaneFacts {
    short: &'static str,
    note: &'static str,
    fetching: Fetching,
    sending: Sending,
    upgrades: bool,
    resuming: Resuming,
    /// What this instrument adds around each publication there, or why nothing.
    lab_part: &'static str,
    is_compared_first: bool,
    dash: &'static [u8],
    client: &'static BrowserClient,
}

impl LaneFacts {
    fn of(lane: &'static Lane) -> Self {
        Self {
            short: lane.short,
            note: lane.note,
            fetching: lane.fetching,
            sending: lane.sending,
            upgrades: lane.upgrades,
            resuming: lane.resuming,
            lab_part: lane.lab_part.sentence(),
            is_compared_first: lane.is_compared_first,
            dash: lane.look.dash,
            client: &lane.browser_client,
        }
    }
}

/// A row of a comparison that uses a lane in another form, as pages see it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct VariantView {
    /// Id of the row.
    pub row: &'static str,
    /// Whose port, transport, protocol and colour it has.
    pub lane: &'static str,
    /// The label that its bytes are counted under.
    form: &'static str,
    /// Its name for people.
    pub label: &'static str,
    short: &'static str,
    note: &'static str,
    lab_part: &'static str,
    dash: &'static [u8],
    client: &'static BrowserClient,
}

impl VariantView {
    fn of(variant: &'static Variant) -> Self {
        Self {
            row: variant.id,
            lane: variant.lane.id.0,
            form: variant.form.label(),
            label: variant.label,
            short: variant.short,
            note: variant.note,
            lab_part: variant.lab_part.sentence(),
            dash: variant.dash,
            client: variant.browser_client,
        }
    }
}

/// The variants of these lanes.
pub fn variants_of(lanes: &[LaneView]) -> Vec<VariantView> {
    let is_there = |variant: &&&Variant| lanes.iter().any(|l| l.lane == variant.lane.id.0);
    let there = VARIANTS.iter().filter(is_there);
    there.map(|variant| VariantView::of(variant)).collect()
}

/// The lanes, with addresses on the host name that `request`'s visitor used. Where all share one
/// port, that is the one which the visitor used, too: a proxy's, perhaps.
pub fn lanes_for(lab: &Lab, request: &HttpRequest) -> Vec<LaneView> {
    let (config, host) = (&lab.config, asked_name::host_of(request));
    let mut views = lane_views(lab, host.as_deref());
    let origin = asked_name::origin_of(request, config.scheme(), &config.trusted_proxies);
    if let (true, Some((scheme, authority))) = (config.single_port && host.is_some(), origin) {
        for view in &mut views {
            view.url = format!("{scheme}://{authority}");
        }
    }
    views
}

/// The lanes, with addresses on this host name, or where there is none those they listen at.
pub fn lane_views(lab: &Lab, host: Option<&str>) -> Vec<LaneView> {
    lab.addresses()
        .iter()
        .map(|address| {
            let lane = catalogue::lane(address.lane.0);
            LaneView {
                lane: address.lane.0,
                transport: lane.map(|lane| lane.transport),
                protocol: lane.map(|lane| lane.protocol),
                label: lane.map_or("Main", |lane| lane.label),
                url: match host {
                    Some(host) => {
                        format!("{}://{host}:{}", lab.config.scheme(), address.port)
                    }
                    None => address.url.clone(),
                },
                port: address.port,
                facts: lane.map(LaneFacts::of),
            }
        })
        .collect()
}
