//! Pusher Channels, protocol 7, so that unmodified clients and SDKs work.
//!
//! `GET /app/{key}?protocol=7` with an upgrade → frames both ways; `/apps/{id}/…` is the signed
//! HTTP API. It stands on the same node as the plain transports, and the demo application's
//! channels are theirs (see [`app`]).
//!
//! ```text
//! client                                      server
//!   │ GET /app/KEY?protocol=7, Upgrade          │  admit: key, version, quota; a refusal is a
//!   │ ────────────────────────────────────────► │  close code, never an HTTP status
//!   │                    connection_established │
//!   │ ◄──────────────────────────────────────── │
//!   │ subscribe {channel, auth}                 │  subscribe: signature, presence, cache
//!   │ ────────────────────────────────────────► │
//!   │                    subscription_succeeded │
//!   │ ◄──────────────────────────────────────── │
//!   │                        event, event, event│  the hub, encoded once per publication
//! ```
//!
//! # Reading order
//!
//! 1. [`app_event`]: what happens in an application, and who observes it. [`auth`] and [`sign`]:
//!    signatures. [`close`]: close codes. [`plan`]: the hosted service's plans
//! 2. The parts of an application, none of which knows it: [`usage`] counts as the hosted service
//!    would, [`webhook`]s go to the application's own server, [`console`] is for people who watch,
//!    [`http_session`] is the table of sessions over HTTP; [`count_schedule`] and [`online_changes`]
//!    remember what is still to be sent
//! 3. [`app`]: an application, which owns those parts, and all of them
//! 4. [`connection`], which writes to a [`frame_sink`], and what clients ask of it ([`commands`]):
//!    [`subscribe`], [`extension`], [`client_event`], [`signin`], [`watchlist`],
//!    [`subscription_count`]
//! 5. [`admission`], [`websocket`], and [`fallback`]: the same connections over HTTP
//! 6. [`http_api`]; [`app_server`], the demo application's own server; [`trigger`], which publishes
//!    to a lab from the command line

pub mod admission;
pub mod app;
pub mod app_event;
pub mod app_server;
pub mod auth;
pub mod client_event;
pub mod close;
pub mod commands;
pub mod connection;
pub mod console;
pub mod count_schedule;
pub mod demo_keys;
pub mod excerpt;
pub mod extension;
pub mod fallback;
pub mod frame_sink;
pub mod http_api;
pub mod http_session;
pub mod online_changes;
pub mod plan;
pub mod sign;
pub mod signin;
pub mod subscribe;
pub mod subscription_count;
pub mod subscription_state;
pub mod trigger;
pub mod usage;
pub mod watchlist;
pub mod webhook;
pub mod websocket;

use std::sync::Arc;

use self::app::Apps;
use crate::node::Node;

/// Starts what runs beside the connections; called once, inside a runtime. `lab_url`: where this
/// lab's main lane is.
pub fn start(apps: &Apps, node: &Arc<Node>, lab_url: &str) {
    tokio::spawn(usage::keep(apps.usage.clone()));
    for app in apps.all() {
        app.webhooks.start(app, lab_url);
        if app.settings.watchlists {
            tokio::spawn(watchlist::publish_changes(app.clone(), node.clone()));
        }
    }
}
