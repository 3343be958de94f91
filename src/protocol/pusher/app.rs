//! The applications of this server while it runs.
//!
//! Names: one application, the demo, has the plain channels: what it publishes, plain transports
//! hear, and the other way round. Plain transports ask for no signature, so nothing there is
//! secret from them. Every other application has a scope of its own, `ID/name`; `/` is in no
//! channel name's alphabet, neither ours nor Pusher's, so no plain name can ever be one of them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    app_event::{AppEvent, Observer},
    console::{Feed, entry::Entry},
    count_schedule::CountSchedule,
    demo_keys::DemoKeys,
    http_session::Sessions,
    online_changes::OnlineChanges,
    plan::Plan,
    usage::Usage,
    webhook::Webhooks,
};
use crate::{
    access::listed::Origins,
    channel::{
        ChannelName,
        observer::{ChannelObserver, Published},
    },
    config::apps::{AppSettings, MasterKey, Secret},
};

/// One application.
pub struct App {
    /// Shared with the tasks of its webhooks.
    pub settings: Arc<AppSettings>,
    /// That of the settings, or one made at start.
    pub(super) master_key: MasterKey,
    scope: String,
    connections: AtomicUsize,
    pub(super) count_schedule: CountSchedule,
    /// What is sent to the application's own server.
    pub webhooks: Arc<Webhooks>,
    /// The account's: all applications share it.
    pub usage: Arc<Usage>,
    pub(super) online_changes: OnlineChanges,
    /// Its connections over HTTP.
    pub sessions: Sessions,
    /// What happens in it, for those who watch.
    pub feed: Arc<Feed>,
}

impl App {
    fn new(settings: AppSettings, usage: Arc<Usage>) -> Self {
        let settings = Arc::new(settings);
        Self {
            scope: match settings.plain_channels {
                true => String::new(),
                false => settings.id.clone(),
            },
            master_key: settings
                .encryption_master_key
                .clone()
                .unwrap_or_else(MasterKey::random),
            webhooks: Webhooks::new(&settings),
            usage,
            online_changes: OnlineChanges::default(),
            settings,
            connections: AtomicUsize::new(0),
            count_schedule: CountSchedule::default(),
            sessions: Sessions::default(),
            feed: Arc::default(),
        }
    }

    /// The node's name for one of its channels; the caller has checked the name.
    pub fn channel(&self, name: &str) -> ChannelName {
        ChannelName::scoped(&self.scope, name)
    }

    /// Where the connections of a signed-in user hear from the server. `!` is in no name's
    /// alphabet: nobody can subscribe to it.
    pub fn control_channel(&self, user: &str) -> ChannelName {
        ChannelName::scoped(&self.scope, &format!("{CONTROL}{user}"))
    }

    /// Where changes of whether a user is online are published. As [`Self::control_channel`].
    pub(super) fn watch_channel(&self, user: &str) -> ChannelName {
        ChannelName::scoped(&self.scope, &format!("{WATCH}{user}"))
    }

    /// Whether a channel is this application's, and for everybody to see.
    pub fn shows(&self, channel: &ChannelName) -> bool {
        channel.scope() == self.scope && !channel.local().starts_with([CONTROL, WATCH, '#'])
    }

    /// A connection opens; `None` if the settings or the plan allow no more.
    pub fn connect(self: &Arc<Self>) -> Option<Slot> {
        let open = self.connections.fetch_add(1, Ordering::AcqRel);
        let is_in_plan = self.usage.connected();
        let slot = Slot(self.clone());
        let allowed = self.settings.max_connections;
        (is_in_plan && (allowed == 0 || open < allowed)).then_some(slot)
    }

    /// Connections that are open now, of all transports.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// Passes what happened on to the usage meter, the webhooks and the console.
    pub fn notify(&self, app_event: AppEvent<'_>) {
        self.usage.on_event(&app_event);
        self.webhooks.on_event(&app_event);
        self.feed.on_event(&app_event);
    }
}

impl Observer for App {
    fn on_event(&self, app_event: &AppEvent<'_>) {
        self.notify(*app_event);
    }
}

/// First character of control channels' names.
pub const CONTROL: char = '!';
/// First character of watch channels' names.
const WATCH: char = '?';

/// Whose watch channel it is.
pub(super) fn user_watched(channel: &ChannelName) -> Option<&str> {
    channel.local().strip_prefix(WATCH)
}

/// One of the connections that an application may have; dropping it gives it back.
pub struct Slot(pub Arc<App>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
        self.0.usage.disconnected();
    }
}

/// All applications. They do not change while the server runs.
pub struct Apps {
    apps: Vec<Arc<App>>,
    /// The demo application, if it was made here and not in the settings.
    generated: Option<Arc<App>>,
    /// What they use together.
    pub usage: Arc<Usage>,
}

impl Apps {
    /// As [`Self::with_demo`], with keys that nobody keeps.
    pub fn new(settings: &[AppSettings], plan: Option<&'static Plan>) -> Self {
        Self::with_demo(settings, plan, DemoKeys::random)
    }

    /// Those of the settings, and a demo application if none of them has the plain channels; only
    /// then its keys are asked for.
    pub fn with_demo(
        settings: &[AppSettings],
        plan: Option<&'static Plan>,
        keys: impl FnOnce() -> DemoKeys,
    ) -> Self {
        let usage = Arc::new(Usage::new(plan));
        let mut apps: Vec<_> = settings
            .iter()
            .cloned()
            .map(|settings| Arc::new(App::new(settings, usage.clone())))
            .collect();
        let has_demo = settings.iter().any(|app| app.plain_channels);
        let generated =
            (!has_demo).then(|| Arc::new(App::new(demo(settings, &keys()), usage.clone())));
        apps.extend(generated.clone());
        Self {
            apps,
            generated,
            usage,
        }
    }

    /// The application with this key, which clients name.
    pub fn by_key(&self, key: &str) -> Option<&Arc<App>> {
        self.apps.iter().find(|app| app.settings.key == key)
    }

    /// The application with this id, which SDKs name.
    pub fn by_id(&self, id: &str) -> Option<&Arc<App>> {
        self.apps.iter().find(|app| app.settings.id == id)
    }

    /// Whose channel it is.
    fn by_channel(&self, channel: &ChannelName) -> Option<&Arc<App>> {
        let scope = channel.scope();
        self.apps.iter().find(|app| app.scope == scope)
    }

    /// All of them, the demo last if it was made here.
    pub fn all(&self) -> &[Arc<App>] {
        &self.apps
    }

    /// The application that was made at start, so that its secret can be shown once.
    pub fn generated(&self) -> Option<&AppSettings> {
        self.generated.as_ref().map(|app| &*app.settings)
    }
}

impl ChannelObserver for Apps {
    fn occupied(&self, channel: &ChannelName) {
        self.user_changed(channel);
        self.notify_app_of(channel, |channel| AppEvent::Occupied { channel });
    }

    fn vacated(&self, channel: &ChannelName) {
        self.user_changed(channel);
        self.notify_app_of(channel, |channel| AppEvent::Vacated { channel });
    }

    fn joined(&self, channel: &ChannelName, user_id: &str) {
        self.notify_app_of(channel, |channel| AppEvent::MemberAdded {
            channel,
            user_id,
        });
    }

    fn left(&self, channel: &ChannelName, user_id: &str) {
        self.notify_app_of(channel, |channel| AppEvent::MemberRemoved {
            channel,
            user_id,
        });
    }

    fn wants_publications(&self, channel: &ChannelName) -> bool {
        self.by_channel(channel)
            .is_some_and(|app| app.feed.is_written() && app.shows(channel))
    }

    fn published(&self, published: &Published<'_>) {
        if let Some(app) = self.by_channel(published.channel) {
            app.feed.note(&Entry::Plain(published));
        }
    }
}

impl Apps {
    /// A channel got its first subscriber or lost its last one. If it is a user's control channel,
    /// that user has come online or gone.
    fn user_changed(&self, channel: &ChannelName) {
        if let Some(user) = channel.local().strip_prefix(CONTROL)
            && let Some(app) = self.by_channel(channel)
            && app.settings.watchlists
        {
            app.online_changes.add(user);
        }
    }

    /// Notifies a channel's application, unless the channel is for nobody to see.
    fn notify_app_of<'a>(
        &self,
        channel: &'a ChannelName,
        app_event: impl FnOnce(&'a str) -> AppEvent<'a>,
    ) {
        if let Some(app) = self.by_channel(channel)
            && app.shows(channel)
        {
            app.notify(app_event(channel.local()));
        }
    }
}

/// An application with a key and a secret of its own, and everything switched on.
fn demo(others: &[AppSettings], keys: &DemoKeys) -> AppSettings {
    let id = (1..)
        .map(|id: u32| id.to_string())
        .find(|id| others.iter().all(|other| other.id != *id))
        .unwrap_or_default();
    AppSettings {
        plain_channels: true,
        client_events: true,
        watchlists: true,
        batch_webhooks: true,
        // Its channels are the lab's: so are the pages.
        origins: Origins::default(),
        ..keys.settings(&id)
    }
}

impl Apps {
    /// The application with the plain channels.
    pub fn demo_app(&self) -> Option<&Arc<App>> {
        self.apps.iter().find(|app| app.settings.plain_channels)
    }

    /// Its id, key and secret, for pages and tests.
    pub fn demo(&self) -> Option<(&str, &str, &Secret)> {
        let settings = &self.demo_app()?.settings;
        Some((&settings.id, &settings.key, &settings.secret))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{codec::sse, protocol::pusher::console::FeedReader};

    #[test]
    fn a_demo_application_is_there_unless_the_settings_have_one() {
        let apps = Apps::new(&[AppSettings::new("1", "k", "s")], None);
        let demo = apps.generated().unwrap();
        assert_eq!(demo.id, "2", "the first id that is free");
        assert_eq!((demo.key.len(), demo.plain_channels), (20, true));
        let mut own = AppSettings::new("7", "k", "s");
        own.plain_channels = true;
        let apps = Apps::new(&[own], None);
        assert!(apps.generated().is_none());
        assert_eq!(apps.demo().unwrap().0, "7");
    }

    #[test]
    fn only_the_demo_has_the_plain_names() {
        let apps = Apps::new(&[AppSettings::new("9", "k", "s")], None);
        let demo = apps.by_key(&apps.generated().unwrap().key).unwrap();
        let other = apps.by_id("9").unwrap();
        assert_eq!(demo.channel("news").as_str(), "news");
        assert_eq!(other.channel("news").as_str(), "9/news");
        assert!(demo.shows(&demo.channel("news")) && !demo.shows(&other.channel("news")));
        assert!(!demo.shows(&demo.control_channel("7")));
        assert!(ChannelName::parse(demo.control_channel("7").as_str()).is_err());
    }

    #[test]
    fn channels_changes_go_to_their_own_application() {
        let apps = Apps::new(&[AppSettings::new("9", "k", "s")], None);
        let feed_of = |id| FeedReader::begin(apps.by_id(id).unwrap().feed.clone(), None);
        let mut readers = ["1", "9"].map(feed_of);
        apps.occupied(&ChannelName::scoped("", "news"));
        apps.occupied(&ChannelName::scoped("9", "news"));
        apps.vacated(&ChannelName::scoped("9", "#server-to-user-7"));
        apps.joined(&ChannelName::scoped("9", "presence-r"), "7");
        apps.occupied(&ChannelName::scoped("8", "news"));
        let seen = readers.each_mut().map(|reader| {
            let mut out = Vec::new();
            reader.take(&mut out);
            let entries = sse::Decoder::default().feed(&out).into_iter();
            let entries = entries.map(|entry| -> Value { entry.data.parse().unwrap() });
            let named = entries.map(|entry| format!("{} {}", entry["what"], entry["channel"]));
            named.collect::<Vec<_>>()
        });
        let demo: &[&str] = &[r#""occupied" "news""#];
        let other: &[&str] = &[r#""occupied" "news""#, r#""member_added" "presence-r""#];
        assert_eq!(seen, [demo, other]);
    }

    #[test]
    fn connections_are_counted_and_given_back() {
        let mut settings = AppSettings::new("1", "k", "s");
        settings.max_connections = 1;
        let apps = Apps::new(&[settings], None);
        let app = apps.by_id("1").unwrap();
        let first = app.connect();
        assert!(first.is_some() && app.connect().is_none());
        assert_eq!(app.connections(), 1);
        drop(first);
        assert!(app.connect().is_some());
    }
}
