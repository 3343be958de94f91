//! Signing in, and ending a user's connections (`docs/protocols/pusher-channels.md`, "Signing in"
//! and "Ending a user's connections").
//!
//! A signed-in connection listens to its user's control channel, on which the HTTP API says that
//! it is to end. Signing in again as the same user succeeds; as another it fails, and so does
//! whatever was not signed: an error frame and a close, both with 4009.

use std::rc::Rc;

use super::{
    app_event::AppEvent,
    auth, close,
    connection::{Connection, SignedIn},
};
use crate::{
    channel::history::Start,
    codec::pusher::{
        command::{SignIn, UserData},
        event,
    },
};

/// Event on a control channel.
pub const TERMINATE_EVENT: &str = "pusher_internal:terminate";

impl Connection {
    pub(super) async fn sign_in(self: &Rc<Self>, asked: SignIn) {
        match self.try_sign_in(&asked).await {
            Ok(watchlist) => {
                self.send(|out| event::signin_success(&asked.user_data, out));
                self.signed_in();
                let watchlist = self.watch(watchlist).await;
                if let Some(user) = &mut *self.user.borrow_mut()
                    && watchlist.is_some()
                {
                    user.watchlist = watchlist;
                }
            }
            Err(why) => {
                self.error(Some(close::UNAUTHORIZED.code), &why);
                self.sink
                    .close(close::UNAUTHORIZED.code, close::UNAUTHORIZED.why);
            }
        }
    }

    fn signed_in(&self) {
        if let Some(user) = &*self.user.borrow() {
            self.app.notify(AppEvent::SignedIn {
                socket_id: &self.socket_id,
                user_id: &user.id,
            });
        }
    }

    /// Answers the watchlist that came with it.
    async fn try_sign_in(self: &Rc<Self>, asked: &SignIn) -> Result<Option<Vec<String>>, String> {
        let settings = &self.app.settings;
        let text = auth::user_text(&self.socket_id, &asked.user_data);
        auth::check_auth(&settings.key, &settings.secret, Some(&asked.auth), text)
            .map_err(|error| error.to_string())?;
        let user = UserData::decode(&asked.user_data)
            .map_err(|why| format!("user_data is not understood: {why}"))?;
        let known = self.user.borrow().as_ref().map(|user| user.id.clone());
        match known {
            Some(known) if *known == *user.id => return Ok(user.watchlist),
            Some(_) => return Err("the connection is signed in as another user".to_owned()),
            None => {}
        }
        let channel = self.app.control_channel(&user.id);
        self.node
            .may_use(&channel, self.address)
            .map_err(|error| error.to_string())?;
        let control = self.node.attach(&channel, self.clone());
        let recovery = self.node.recover(&channel, &Start::default()).await;
        let recovery = recovery.map_err(|error| error.to_string())?;
        control.go_live(&recovery.position);
        self.user.replace(Some(SignedIn {
            id: user.id.into(),
            info: user.user_info,
            _control: control,
            watchlist: None,
        }));
        self.is_authorized.set(true);
        Ok(user.watchlist)
    }
}
