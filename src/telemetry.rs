//! Logs: `tracing` to standard error, for people or as JSON lines.
//!
//! Request ids come from `tracing-actix-web`; no user text is logged at `info`.
//!
//! May use: `access`, `config`.

use actix_web::{
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use tracing::Span;
use tracing_actix_web::{DefaultRootSpanBuilder, RequestId, RootSpanBuilder};
use tracing_subscriber::{
    filter::{LevelFilter, ParseError, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use std::io::IsTerminal;

use crate::access::presenter::without_token;
use crate::config::{Config, ConfigError, LogFormat};

/// Installs the subscriber. Where standard error is closed or full, what is logged is lost and
/// nothing else: telling of that there would panic. A filter that is not understood is refused with its own words.
pub fn init(config: &Config) -> anyhow::Result<()> {
    let filter: Targets = config
        .log
        .parse()
        .map_err(|error: ParseError| ConfigError::BadLog {
            value: config.log.clone(),
            why: error.to_string(),
        })?;
    if let Some(why) = unknown_level(&config.log) {
        let value = config.log.clone();
        return Err(ConfigError::BadLog { value, why }.into());
    }
    let registry = tracing_subscriber::registry().with(filter);
    match config.log_format {
        LogFormat::Human => registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_target(false)
                    // Colours are for people: a file or a pipe gets none.
                    .with_ansi(std::io::stderr().is_terminal())
                    .log_internal_errors(false),
            )
            .try_init()?,
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .with_writer(std::io::stderr)
                    .log_internal_errors(false),
            )
            .try_init()?,
    }
    Ok(())
}

/// A word alone that is no level is a module's name to the filter, and turns all else off: a
/// misspelt level would hide every warning.
fn unknown_level(log: &str) -> Option<String> {
    const MODULES: [&str; 2] = ["pushlab", "actix"];
    let is_known = |word: &str| {
        (word.contains('=') && !word.contains('['))
            || word.is_empty()
            || word.parse::<LevelFilter>().is_ok()
            || MODULES.iter().any(|module| word.starts_with(module))
    };
    let unknown = log.split(',').map(str::trim).find(|word| !is_known(word))?;
    Some(format!(
        "{unknown} is no level: write off, error, warn, info, debug or trace"
    ))
}

/// Whether requests get their spans: an id for each is made for nothing otherwise.
pub fn traces_requests() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// A span for each request at `debug`, so that `info` pays nothing for it: method, route and
/// request id, without the query, which holds what users typed.
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        use actix_web::HttpMessage;
        let request_id = request
            .extensions()
            .get::<RequestId>()
            .copied()
            .map(|id| id.to_string())
            .unwrap_or_default();
        tracing::debug_span!(
            "request",
            method = %request.method(),
            path = without_token(request.path()),
            %request_id,
            http.status_code = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
            exception.message = tracing::field::Empty,
            exception.details = tracing::field::Empty,
        )
    }

    fn on_request_end<B: MessageBody>(
        span: Span,
        outcome: &Result<ServiceResponse<B>, actix_web::Error>,
    ) {
        DefaultRootSpanBuilder::on_request_end(span, outcome);
    }
}
