//! Applications of Pusher Channels, `[[apps]]` in the settings file, and their limits.
//!
//! ```toml
//! [[apps]]
//! id = "42"            # digits only: SDKs insist
//! key = "my-key"
//! secret = "my-secret"
//! client_events = true
//! ```
//! Every limit has the hosted service's value as its default (reference, 18). Without any
//! `[[apps]]` that shares the plain channels, a demo application is made at start.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{Span, webhooks::WebhookSettings};
use crate::access::listed::Origins;

/// An application's secret. Neither printed nor serialized.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(Box<str>);

impl Secret {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// To sign with it, or to show it to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// From which the keys of an application's encrypted channels are made (reference, 13): 32 bytes,
/// written in base64 as SDKs take them. Neither printed nor serialized.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    pub fn random() -> Self {
        Self(rand::random())
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<String> for MasterKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or("encryption_master_key is not 32 bytes in base64: make one with openssl rand -base64 32")
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Declares the settings of an application that have defaults, once.
macro_rules! app_settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:literal $(, $serde:ident)?;)+) => {
        /// One application.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct AppSettings {
            /// Digits only. Neither it nor the key is shown among the settings, which every visitor
            /// and every saved result sees.
            #[serde(skip_serializing)]
            pub id: String,
            #[serde(skip_serializing)]
            pub key: String,
            #[serde(skip_serializing)]
            pub secret: Secret,
            /// Of the application's own server, whose part the lab plays for the demo; made at
            /// start where none is given.
            #[serde(skip_serializing, default)]
            pub encryption_master_key: Option<MasterKey>,
            $($(#[$doc])* #[serde(default = $default $(, $serde)?)] pub $name: $type),+
        }

        impl AppSettings {
            /// An application with every default.
            pub fn new(id: &str, key: &str, secret: &str) -> Self {
                Self {
                    id: id.to_owned(),
                    key: key.to_owned(),
                    secret: Secret::new(secret),
                    encryption_master_key: None,
                    $($name: defaults::$name()),+
                }
            }
        }
    };
}

mod defaults {
    use super::{Origins, Span, WebhookSettings};

    macro_rules! defaults {
        ($($name:ident: $type:ty = $value:expr;)+) => { $(pub fn $name() -> $type { $value })+ };
    }

    defaults! {
        enabled: bool = true;
        plain_channels: bool = false;
        tls_only: bool = false;
        client_events: bool = false;
        subscription_count: bool = false;
        strict_protocol: bool = false;
        sign_in_within: Option<Span> = None;
        max_connections: usize = 0;
        activity_timeout: Span = Span::ms(120_000);
        pong_timeout: Span = Span::ms(30_000);
        channel_name_max_bytes: usize = 164;
        event_name_max_characters: usize = 200;
        event_max_bytes: usize = 10_240;
        channels_per_publish: usize = 100;
        events_per_batch: usize = 10;
        client_events_per_s: u32 = 10;
        presence_max_members: usize = 100;
        presence_member_max_bytes: usize = 1_024;
        presence_user_id_max_characters: usize = 128;
        watchlists: bool = false;
        batch_webhooks: bool = false;
        webhook_timeout: Span = Span::ms(10_000);
        webhook_first_retry: Span = Span::ms(1_000);
        webhook_retry_for: Span = Span::ms(300_000);
        webhooks: Vec<WebhookSettings> = Vec::new();
        origins: Origins = Origins::Any;
    }
}

app_settings! {
    /// Off: connections are refused with 4003 and API calls with 403.
    enabled: bool = "defaults::enabled";
    /// Its channels are the plain transports' channels, which know no signatures. Otherwise it
    /// has names of its own that no plain transport can reach. At most one application.
    plain_channels: bool = "defaults::plain_channels";
    /// Connections without TLS are refused with 4000.
    tls_only: bool = "defaults::tls_only";
    client_events: bool = "defaults::client_events";
    /// Whether subscribers are told how many they are.
    subscription_count: bool = "defaults::subscription_count";
    /// Refuses connections that name no protocol version, with 4008.
    strict_protocol: bool = "defaults::strict_protocol";
    /// Connections must sign in or subscribe to a guarded channel within this time; none by
    /// default.
    sign_in_within: Option<Span> = "defaults::sign_in_within";
    /// Connections at one time; more are refused with 4004. 0: no limit.
    max_connections: usize = "defaults::max_connections";
    /// Silence after which a connection is pinged; told to clients in whole seconds.
    activity_timeout: Span = "defaults::activity_timeout";
    /// Silence after a ping at which a connection is closed with 4201.
    pong_timeout: Span = "defaults::pong_timeout";
    /// At most 200, which is where SDKs stop.
    channel_name_max_bytes: usize = "defaults::channel_name_max_bytes";
    event_name_max_characters: usize = "defaults::event_name_max_characters";
    /// Of the data of one event, as the text that the publisher gave.
    event_max_bytes: usize = "defaults::event_max_bytes";
    channels_per_publish: usize = "defaults::channels_per_publish";
    events_per_batch: usize = "defaults::events_per_batch";
    /// Per connection; more are refused with 4301.
    client_events_per_s: u32 = "defaults::client_events_per_s";
    presence_max_members: usize = "defaults::presence_max_members";
    /// Of a member's `channel_data`.
    presence_member_max_bytes: usize = "defaults::presence_member_max_bytes";
    presence_user_id_max_characters: usize = "defaults::presence_user_id_max_characters";
    /// Whether signed-in users are told who of their watchlist is online.
    watchlists: bool = "defaults::watchlists";
    /// Whether webhooks tell of several events in one request: those of 100 ms. Otherwise each is
    /// a request of its own.
    batch_webhooks: bool = "defaults::batch_webhooks";
    /// How long a webhook's receiver may take to answer.
    webhook_timeout: Span = "defaults::webhook_timeout";
    /// Pause before the second try; it doubles with each further one, up to a minute.
    webhook_first_retry: Span = "defaults::webhook_first_retry";
    /// How long after the first try a webhook is tried again; 0s: once only.
    webhook_retry_for: Span = "defaults::webhook_retry_for";
    /// Not shown among the settings, as the key.
    webhooks: Vec<WebhookSettings> = "defaults::webhooks", skip_serializing;
    /// Pages that may connect from a browser: any, as with the hosted service, or a list besides
    /// those that the lab lets in anyway.
    origins: Origins = "defaults::origins";
}

/// What is wrong with a list of applications: the setting, its value, what is expected.
pub fn check(apps: &[AppSettings]) -> Result<(), (&'static str, String, &'static str)> {
    let seen = |n: usize, same: &dyn Fn(&AppSettings) -> bool| apps[..n].iter().any(same);
    for (n, app) in apps.iter().enumerate() {
        let name = || app.id.clone();
        if app.id.is_empty() || !app.id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(("apps.id", name(), "SDKs insist on digits only"));
        }
        if app.key.is_empty()
            || !app
                .key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            return Err(("apps.key", app.key.clone(), "use letters, digits, - and _"));
        }
        if app.secret.reveal().is_empty() {
            return Err(("apps.secret", "empty".to_owned(), "choose one"));
        }
        if seen(n, &|other| other.id == app.id || other.key == app.key) {
            return Err((
                "apps.id",
                name(),
                "every application needs an id and a key of its own",
            ));
        }
        if app.plain_channels && seen(n, &|other| other.plain_channels) {
            return Err((
                "apps.plain_channels",
                name(),
                "one application at most can have it",
            ));
        }
        if app.activity_timeout.0.as_secs() == 0 {
            return Err(("apps.activity_timeout", name(), "clients need at least 1s"));
        }
        for webhook in &app.webhooks {
            webhook.check()?;
        }
        if app.webhook_timeout.0.is_zero() {
            return Err(("apps.webhook_timeout", name(), "choose more than 0s"));
        }
        if app.channel_name_max_bytes > 200 {
            return Err(("apps.channel_name_max_bytes", name(), "SDKs stop at 200"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        apps: Vec<AppSettings>,
    }

    fn apps(text: &str) -> Vec<AppSettings> {
        toml::from_str::<File>(text).unwrap().apps
    }

    #[test]
    fn limits_have_the_hosted_services_values() {
        let app = apps("[[apps]]\nid='42'\nkey='k'\nsecret='s'\nclient_events=true").remove(0);
        assert!(app.client_events);
        assert_eq!((app.event_max_bytes, app.client_events_per_s), (10_240, 10));
        assert_eq!(app.activity_timeout.to_string(), "2m");
        assert_eq!(check(&[app]), Ok(()));
    }

    #[test]
    fn a_secret_goes_into_no_output() {
        let mut app = AppSettings::new("1", "k", "hush");
        app.encryption_master_key = Some(MasterKey([0; 32]));
        let shown = format!("{app:?}{}", serde_json::to_string(&app).unwrap());
        assert!(!shown.contains("hush"), "{shown}");
        app.key = "the-key".to_owned();
        app.webhooks = vec![WebhookSettings::new("http://user:password@a.example/")];
        let serialized = serde_json::to_string(&app).unwrap();
        for own in ["the-key", "a.example", "\"id\""] {
            assert!(!serialized.contains(own), "{own} in {serialized}");
        }
        assert!(!shown.contains("[0") && shown.contains("MasterKey(…)"));
    }

    #[test]
    fn a_master_key_is_32_bytes_in_base64() {
        let good = STANDARD.encode([7; 32]);
        assert_eq!(MasterKey::try_from(good).unwrap().bytes(), &[7; 32]);
        for bad in [STANDARD.encode([7; 31]), "%".to_owned(), String::new()] {
            assert!(MasterKey::try_from(bad).is_err());
        }
    }

    #[test]
    fn what_sdks_cannot_use_is_refused() {
        let with = |change: &dyn Fn(&mut AppSettings)| {
            let mut app = AppSettings::new("1", "k", "s");
            change(&mut app);
            check(&[AppSettings::new("2", "k2", "s"), app]).map_err(|(name, ..)| name)
        };
        assert_eq!(with(&|_| ()), Ok(()));
        assert_eq!(with(&|app| app.id = "demo".to_owned()), Err("apps.id"));
        assert_eq!(with(&|app| app.id = "2".to_owned()), Err("apps.id"));
        assert_eq!(with(&|app| app.key = "a/b".to_owned()), Err("apps.key"));
        assert_eq!(
            with(&|app| app.activity_timeout = Span::ms(10)),
            Err("apps.activity_timeout")
        );
    }
}
