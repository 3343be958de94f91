//! Who may connect: the page by its origin, the client by its protocol version, and within the
//! application's bounds. The same for WebSockets and for HTTP.

use std::sync::Arc;

use actix_http::{HttpMessage, Request};
use percent_encoding::percent_decode_str;

use super::{
    app::{App, Apps, Slot},
    close::{self, Closing},
};
use crate::{
    access::{asked_name::AskedName, listed::Origins},
    catalogue::CHANNELS,
    registry::{Door, LaneWorker},
};

/// Oldest and newest protocol version that is spoken.
const VERSIONS: std::ops::RangeInclusive<u64> = 4..=7;

/// Pages of which origins may use the application whose key the path begins with. A key that nobody
/// has gets its close code, whoever asks.
pub fn door_of_app<'a>(apps: &'a Apps, rest: &str) -> Door<'a> {
    static ANY: Origins = Origins::Any;
    // Handlers get it decoded to the last character.
    let key = percent_decode_str(rest.split('/').next().unwrap_or_default());
    let app = apps.by_key(&key.decode_utf8_lossy());
    Door::Clients(app.map_or(&ANY, |app| &app.settings.origins))
}

/// Who may connect: the application, and one of its connections.
pub fn admit(apps: &Apps, worker: &LaneWorker, request: &Request) -> Result<Slot, Closing> {
    let key = request
        .path()
        .strip_prefix(CHANNELS.path)
        .unwrap_or_default();
    if key.is_empty() || key.contains('/') {
        return Err(close::PATH_NOT_FOUND);
    }
    let app = apps.by_key(key).ok_or(close::UNKNOWN_APP)?;
    let extensions = request.extensions();
    let asked = extensions.get::<AskedName>();
    let doors = &worker.lab.doors;
    doors
        .grant(request.headers(), asked, &app.settings.origins)
        .check()
        .map_err(|_| close::FOREIGN_PAGE)?;
    admit_to(worker, app, request.uri().query().unwrap_or_default())
}

/// As [`admit`], of a known application.
pub fn admit_to(worker: &LaneWorker, app: &Arc<App>, query: &str) -> Result<Slot, Closing> {
    check_version(app, query)?;
    if !app.settings.enabled {
        return Err(close::APP_DISABLED);
    }
    if app.settings.tls_only && !worker.lab.config.is_tls() {
        return Err(close::TLS_ONLY);
    }
    app.connect().ok_or(close::OVER_QUOTA)
}

/// A missing version is 7 unless the application is strict: many clients leave it out.
fn check_version(app: &App, query: &str) -> Result<(), Closing> {
    let given = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("protocol="))
        .filter(|version| !version.is_empty());
    match given.map(str::parse::<u64>) {
        None if app.settings.strict_protocol => Err(close::NO_VERSION),
        None => Ok(()),
        Some(Err(_)) => Err(close::BAD_VERSION),
        Some(Ok(version)) if VERSIONS.contains(&version) => Ok(()),
        Some(Ok(_)) => Err(close::UNSUPPORTED_VERSION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::apps::AppSettings;

    #[test]
    fn protocol_versions_are_read_as_4_2_says() {
        let mut strict = AppSettings::new("2", "strict", "s");
        strict.strict_protocol = true;
        let apps = Apps::new(&[AppSettings::new("1", "k", "s"), strict], None);
        let check = |key, query| {
            check_version(apps.by_key(key).unwrap(), query).map_err(|closing| closing.code)
        };
        for good in [
            "",
            "client=js",
            "protocol=7",
            "protocol=4&version=8.6.0",
            "protocol=",
        ] {
            assert_eq!(check("k", good), Ok(()), "{good}");
        }
        assert_eq!(check("k", "protocol=3"), Err(4007));
        assert_eq!(check("k", "protocol=8"), Err(4007));
        assert_eq!(check("k", "protocol=seven"), Err(4006));
        assert_eq!(check("k", "protocol=-1"), Err(4006));
        assert_eq!(check("strict", ""), Err(4008));
    }
}
