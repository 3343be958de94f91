//! Where an application's webhooks go, `[[apps.webhooks]]` in the settings file.
//!
//! ```toml
//! [[apps.webhooks]]
//! url = "https://example.org/hooks"
//! events = ["channel_occupied", "channel_vacated"]   # all, if left out
//! channel_prefix = "presence-"                       # both must fit; empty fits every name
//! channel_suffix = ""
//! headers = { authorization = "Bearer …" }
//! ```

use std::collections::BTreeMap;

use actix_web::http::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The events that there are (reference, 17).
pub const EVENTS: [&str; 7] = [
    "channel_occupied",
    "channel_vacated",
    "member_added",
    "member_removed",
    "client_event",
    "cache_miss",
    "subscription_count",
];

/// One receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// `http` or `https`.
    pub url: String,
    /// Names of [`EVENTS`]; empty: all.
    #[serde(default)]
    pub events: Vec<String>,
    #[serde(default)]
    pub channel_prefix: String,
    #[serde(default)]
    pub channel_suffix: String,
    /// Sent along. Not shown anywhere: they may hold what lets one in.
    #[serde(default, skip_serializing)]
    pub headers: BTreeMap<String, String>,
}

impl WebhookSettings {
    /// A receiver of everything.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            events: Vec::new(),
            channel_prefix: String::new(),
            channel_suffix: String::new(),
            headers: BTreeMap::new(),
        }
    }

    /// Its address for logs, feeds and pages: without a user, a password and a query, which may
    /// hold what lets one in.
    pub fn shown_url(&self) -> String {
        let Ok(mut url) = Url::parse(&self.url) else {
            return "(no address)".to_owned();
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        if !has_user && url.query().is_none() && url.fragment().is_none() {
            return self.url.clone();
        }
        // Fails only where there is no host, and so no user either.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.into()
    }

    /// What is wrong with it: the setting, its value, what is expected.
    pub fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        let url = Url::parse(&self.url).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some_and(|h| !h.is_empty())
        });
        let wrong = match url {
            None => Some("write it like http://127.0.0.1:9000/hooks"),
            // The HTTP client cannot check a certificate for one.
            Some(url) if url.scheme() == "https" && matches!(url.host(), Some(Host::Ipv6(_))) => {
                Some("with https, name the host instead of its IPv6 address")
            }
            Some(_) => None,
        };
        if let Some(expected) = wrong {
            return Err(("apps.webhooks.url", self.shown_url(), expected));
        }
        let unknown = |event: &&String| !EVENTS.contains(&event.as_str());
        if let Some(event) = self.events.iter().find(unknown) {
            let expected = "choose of channel_occupied, channel_vacated, member_added, \
                member_removed, client_event, cache_miss, subscription_count";
            return Err(("apps.webhooks.events", event.clone(), expected));
        }
        let is_header = |(name, value): (&String, &String)| {
            HeaderName::try_from(name.as_str()).is_ok()
                && HeaderValue::try_from(value.as_str()).is_ok()
        };
        match self.headers.iter().find(|header| !is_header(*header)) {
            None => Ok(()),
            Some((name, _)) => Err((
                "apps.webhooks.headers",
                name.clone(),
                "a header has a name of letters, digits and -, and a value on one line",
            )),
        }
    }

    /// Whether it wants an event of this name on this channel.
    pub fn wants(&self, event: &str, channel: &str) -> bool {
        (self.events.is_empty() || self.events.iter().any(|wanted| wanted == event))
            && channel.starts_with(&self.channel_prefix)
            && channel.ends_with(&self.channel_suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_to_is_refused() {
        let with = |change: &dyn Fn(&mut WebhookSettings)| {
            let mut webhook = WebhookSettings::new("https://example.org/hooks");
            change(&mut webhook);
            webhook.check().map_err(|(name, ..)| name)
        };
        assert_eq!(with(&|_| ()), Ok(()));
        for url in [
            "",
            "example.org",
            "ftp://example.org",
            "file:///etc/passwd",
            "http://",
            "https://[::1]:9000/",
        ] {
            assert_eq!(
                with(&|w| w.url = url.to_owned()),
                Err("apps.webhooks.url"),
                "{url}"
            );
        }
        assert_eq!(
            with(&|w| w.events = vec!["channel_ocupied".to_owned()]),
            Err("apps.webhooks.events")
        );
        assert_eq!(
            with(&|w| drop(w.headers.insert("x".to_owned(), "a\nb".to_owned()))),
            Err("apps.webhooks.headers")
        );
    }

    #[test]
    fn filters_are_by_event_and_by_both_ends_of_the_channel() {
        let mut webhook = WebhookSettings::new("http://127.0.0.1:1/");
        assert!(webhook.wants("cache_miss", "anything"));
        webhook.events = vec!["member_added".to_owned()];
        webhook.channel_prefix = "presence-".to_owned();
        webhook.channel_suffix = "-eu".to_owned();
        assert!(webhook.wants("member_added", "presence-a-eu"));
        assert!(!webhook.wants("member_removed", "presence-a-eu"));
        assert!(!webhook.wants("member_added", "presence-a-us"));
        assert!(!webhook.wants("member_added", "private-a-eu"));
    }

    #[test]
    fn an_address_is_shown_without_what_lets_one_in() {
        for (url, shown) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("https://a.example/h", "https://a.example/h"),
            (
                "https://user:hush@a.example/h?token=hush#hush",
                "https://a.example/h",
            ),
            ("https://hush@a.example/", "https://a.example/"),
            ("hush", "(no address)"),
        ] {
            assert_eq!(WebhookSettings::new(url).shown_url(), shown);
        }
    }

    #[test]
    fn headers_are_shown_nowhere() {
        let mut webhook = WebhookSettings::new("http://127.0.0.1:1/");
        webhook
            .headers
            .insert("authorization".to_owned(), "hush".to_owned());
        assert!(!serde_json::to_string(&webhook).unwrap().contains("hush"));
    }
}
