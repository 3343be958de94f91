//! The lanes as pages see them, with addresses that their visitor can use.

use actix_web::HttpRequest;
use serde::Serialize;

use crate::{access::asked, lab::Lab, transport};

/// A lane as pages see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaneView {
    pub lane: &'static str,
    pub transport: Option<&'static str>,
    pub protocol: Option<&'static str>,
    pub label: &'static str,
    pub url: String,
    pub port: u16,
}

/// The lanes, with addresses on the host name that `request`'s visitor used. Where all share one
/// port, that is the one which the visitor used, too: a proxy's, perhaps.
pub fn lanes_for(lab: &Lab, request: &HttpRequest) -> Vec<LaneView> {
    let (config, host) = (&lab.config, asked::host_of(request));
    let mut views = lane_views(lab, host.as_deref());
    let origin = asked::origin_of(request, config.scheme(), &config.trusted_proxies);
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
            let transport = transport::ALL.iter().find(|t| t.lane == address.lane);
            LaneView {
                lane: address.lane.0,
                transport: transport.map(|t| t.name),
                protocol: transport.map(|t| t.protocol),
                label: transport.map_or("Main", |t| t.label),
                url: match host {
                    Some(host) => {
                        format!("{}://{host}:{}", lab.config.scheme(), address.port)
                    }
                    None => address.url.clone(),
                },
                port: address.port,
            }
        })
        .collect()
}
