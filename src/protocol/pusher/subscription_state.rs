//! How far a subscription has come in its channel: live, or still sending what was missed.

use std::{cell::RefCell, future::poll_fn, rc::Rc, task::Poll};

use futures_util::{FutureExt, future::LocalBoxFuture};

use crate::hub::Attachment;

/// See the module. Dropping it ends the subscription, or the catching up, at once.
pub struct SubscriptionState(Rc<RefCell<State>>);

enum State {
    Live { _attachment: Attachment },
    CatchingUp(LocalBoxFuture<'static, Option<Attachment>>),
    Over,
}

impl SubscriptionState {
    /// One that has missed nothing.
    pub fn live(attachment: Attachment) -> Self {
        Self(Rc::new(RefCell::new(State::Live {
            _attachment: attachment,
        })))
    }

    /// `going` catches up and answers the live attachment; `None`: the channel could not be read.
    /// It goes as far as it can now; a task goes on with the rest.
    pub fn catching_up(mut going: LocalBoxFuture<'static, Option<Attachment>>) -> Self {
        match (&mut going).now_or_never() {
            Some(Some(attachment)) => return Self::live(attachment),
            Some(None) => return Self(Rc::new(RefCell::new(State::Over))),
            None => {}
        }
        let this = Self(Rc::new(RefCell::new(State::CatchingUp(going))));
        let state = Rc::downgrade(&this.0);
        actix_rt::spawn(poll_fn(move |context| {
            let Some(state) = state.upgrade() else {
                return Poll::Ready(());
            };
            let mut state = state.borrow_mut();
            let State::CatchingUp(going) = &mut *state else {
                return Poll::Ready(());
            };
            going.poll_unpin(context).map(|attachment| {
                *state = match attachment {
                    Some(attachment) => State::Live {
                        _attachment: attachment,
                    },
                    None => State::Over,
                };
            })
        }));
        this
    }
}
