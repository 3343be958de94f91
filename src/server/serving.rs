//! What this server serves: the one list that names every lane's server side, and hands each what it
//! needs. A new lane is one line in [`endpoints`], in the order of
//! [`crate::catalogue::LANES`].

use std::{path::Path, sync::Arc};

use crate::{
    config::Config,
    node::Node,
    protocol::{
        pusher::{self, app::Apps, demo_keys::DemoKeys, plan},
        socketio::{endpoint::EngineEndpoint, engines::Engines},
    },
    registry::{Endpoint, Endpoints},
    transport::{
        actix_ws, dictionaries, fetch_stream, http_api, long_poll, short_poll, sse, websocket,
    },
};

/// The endpoints in the order in which requests are looked up, and what their protocols keep.
pub fn endpoints(config: &Config, apps: &Arc<Apps>, engines: &Arc<Engines>) -> Endpoints {
    let mut all: Vec<Arc<dyn Endpoint>> = vec![
        Arc::new(http_api::HttpApi),
        Arc::new(short_poll::ShortPoll),
        Arc::new(long_poll::LongPoll),
        Arc::new(sse::Sse),
        Arc::new(websocket::WebSocket),
        Arc::new(pusher::websocket::WebSocketEndpoint(apps.clone())),
        Arc::new(pusher::fallback::streaming::StreamingEndpoint(apps.clone())),
        Arc::new(pusher::fallback::polling::PollingEndpoint(apps.clone())),
        Arc::new(pusher::app_server::AuthEndpoint(apps.clone())),
        Arc::new(pusher::http_api::ApiEndpoint(apps.clone())),
        Arc::new(EngineEndpoint::polling(engines)),
        Arc::new(EngineEndpoint::websocket(engines)),
        Arc::new(actix_ws::ActixWs),
        Arc::new(fetch_stream::FetchStream),
        Arc::new(dictionaries::Dictionaries),
    ];
    if config.conformance {
        all.push(Arc::new(EngineEndpoint::echo(engines)));
    }
    if config.echo {
        all.push(Arc::new(websocket::echo::EchoingWebSocket));
        all.push(Arc::new(actix_ws::echo::EchoingActixWs));
    }
    all.into()
}

/// The applications of Pusher Channels, and what runs beside them. `main_url`: where the main lane
/// is, for webhooks to the lab itself; `data`: the data folder, where the demo's keys are kept.
pub fn start_apps(config: &Config, data: &Path, main_url: &str, node: &Arc<Node>) -> Arc<Apps> {
    let apps = Arc::new(Apps::with_demo(
        &config.apps,
        config.sandbox_plan.then_some(&plan::SANDBOX),
        || DemoKeys::of(data),
    ));
    node.set_observer(apps.clone());
    pusher::start(&apps, node, main_url);
    apps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{LANES, LaneId, SHORT_POLL},
        registry::Route,
    };

    fn all() -> Endpoints {
        let config = Config::default();
        let (node, _housekeeping) = Node::new(config.node_limits());
        let engines = Arc::new(Engines::new(&config, &node));
        endpoints(&config, &Arc::new(Apps::new(&[], None)), &engines)
    }

    #[test]
    fn labels_come_from_lane_path_and_query() {
        let all = all();
        let labels_of = |lane, path, query| Route::find(&all, lane, path, query).labels;
        let on_main = labels_of(LaneId::MAIN, "/sse/a%3Db", "x=1&demo=chat").unwrap();
        assert_eq!((on_main.transport, on_main.demo), ("sse", "chat"));
        assert_eq!(&*on_main.channel, "a=b");
        let lane = SHORT_POLL.id;
        let publish = labels_of(lane, "/api/channels/a/publications", "demo=evil").unwrap();
        assert_eq!((publish.transport, publish.demo), ("short-poll", "none"));
        let by_http = labels_of(LaneId::MAIN, "/api/channels/a/history", "").unwrap();
        assert_eq!(by_http.transport, "http");
        assert_eq!(labels_of(LaneId::MAIN, "/compare", ""), None);
        assert_eq!(labels_of(lane, "/sse/a", ""), None, "not on this lane");
        assert_eq!(labels_of(LaneId::MAIN, "/sse/a%20b", ""), None);
        let polls = "EIO=4&transport=polling&channel=news";
        let by_polls = labels_of(LaneId::MAIN, "/socket.io/", polls).unwrap();
        assert_eq!(
            (by_polls.transport, &*by_polls.channel),
            ("polling", "news")
        );
    }

    #[test]
    fn every_lane_of_the_catalogue_is_served_and_no_other() {
        let served: Vec<_> = all().iter().filter_map(|it| Some(it.lane()?.id)).collect();
        let known: Vec<_> = LANES.iter().map(|lane| lane.id).collect();
        assert_eq!(served, known);
    }
}
