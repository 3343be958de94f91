//! Who asks: the presenter, a phone of the class, or the wall.
//!
//! A phone's cookie is `pushlab-class-ID=TOKEN` with the id of the class, so that one of another class
//! is none; the token has 128 random bits, of which the class keeps the SHA-256.

use actix_web::{HttpRequest, http::header};
use sha2::{Digest, Sha256};

use super::{
    ClassRoom,
    refusals::{no_class, not_in_class},
};
use crate::{
    access::presenter::PATH,
    class::{Class, ParticipantId, Whom},
    error::Refusal,
    lab::Lab,
};

/// How long a phone's cookie is good for, s.
const COOKIE_MAX_AGE_S: u32 = 12 * 60 * 60;

/// For whom a state is made, and of which class.
#[derive(Clone)]
pub struct Sees {
    pub whom: Whom,
    /// Id of the class.
    pub class: String,
}

/// Below the presenter's path the presenter, and nobody else is let in; elsewhere a program that
/// shows the presenter's token, a phone, or the wall.
pub fn sees(request: &HttpRequest, lab: &Lab, room: &ClassRoom) -> Result<Sees, Refusal> {
    let is_below = request
        .path()
        .strip_prefix(PATH)
        .is_some_and(|rest| rest.starts_with('/'));
    if is_below {
        lab.presenter.require(request)?;
    }
    let shows_token = request.headers().contains_key(header::AUTHORIZATION)
        && lab.presenter.require(request).is_ok();
    let seen = room.look(|class| Sees {
        whom: match (is_below || shows_token, of_cookie(request, class)) {
            (true, _) => Whom::Presenter,
            (false, Some(id)) => Whom::Phone(id),
            (false, None) => Whom::Wall,
        },
        class: class.id().to_owned(),
    });
    seen.ok_or_else(no_class)
}

/// The phone that asks.
pub fn phone(request: &HttpRequest, room: &ClassRoom) -> Result<ParticipantId, Refusal> {
    let asked = room.look(|class| of_cookie(request, class));
    asked.ok_or_else(no_class)?.ok_or_else(not_in_class)
}

fn of_cookie(request: &HttpRequest, class: &Class) -> Option<ParticipantId> {
    let name = cookie_name(class.id());
    let lines = request.headers().get_all(header::COOKIE);
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, token)| *key == name && token.len() == 32)
        .find_map(|(_, token)| class.of_token(&hash(token)))
}

fn cookie_name(class: &str) -> String {
    format!("pushlab-class-{class}")
}

pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// 128 random bits as 32 hexadecimal digits.
pub fn new_token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The header that gives a phone its cookie.
pub fn cookie(class: &str, token: &str, is_tls: bool) -> String {
    let secure = if is_tls { "; Secure" } else { "" };
    format!(
        "{}={token}; Path=/api/class; HttpOnly; SameSite=Strict; Max-Age={COOKIE_MAX_AGE_S}{secure}",
        cookie_name(class)
    )
}

/// Refuses where the request's cookie is not this phone's.
pub fn is_phone(request: &HttpRequest, class: &Class, id: ParticipantId) -> Result<(), Refusal> {
    match of_cookie(request, class) == Some(id) {
        true => Ok(()),
        false => Err(not_in_class()),
    }
}
