//! The presenter: whoever leads the lab, recognised by a token and not by an address.
//!
//! A request from this machine proves nothing, because a proxy may run on it. What is secret, or
//! changes the lab for others, needs the token on loopback, too:
//!
//! - programs send `Authorization: Bearer TOKEN` (RFC 6750 §2.1);
//! - a browser opens `/presenter/unlock/TOKEN` once and gets a cookie. Its name differs from lab to
//!   lab, since cookies are shared by all ports of a host (RFC 6265 §8.5); its path is
//!   `/presenter`, with which no lane's request begins, so that its bytes are on no lane. Requests
//!   that need it are therefore below `/presenter`, too: `/presenter/api/…` is the same as
//!   `/api/…`.
//!
//! Either way, a request of another origin's page is refused, and another port is another origin:
//! browsers send the cookie to all ports of a host.

use actix_web::{HttpRequest, HttpResponse, http::header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::from_own_page;
use crate::error::{Code, Refusal};

/// The path that the cookie is sent to.
pub const PATH: &str = "/presenter";
/// Followed by the token.
pub const UNLOCK: &str = "/presenter/unlock/";

/// See the module.
pub struct Presenter {
    /// `None`: waived by `--no-token`.
    token: Option<String>,
    cookie_name: String,
    cookie_value: String,
    is_secure: bool,
}

impl Presenter {
    /// `is_secure`: the lab speaks TLS, so that the cookie is for TLS only.
    pub fn new(token: Option<String>, is_secure: bool) -> Self {
        let derive = |what: &str| {
            let text = format!("pushlab {what}\n{}", token.as_deref().unwrap_or_default());
            let digest = Sha256::digest(text.as_bytes());
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let name: String = derive("name of the cookie");
        Self {
            cookie_name: format!("pushlab-presenter-{}", &name[..12]),
            cookie_value: derive("value of the cookie"),
            token,
            is_secure,
        }
    }

    /// Whether nobody is asked for the token (`--no-token`).
    pub fn is_waived(&self) -> bool {
        self.token.is_none()
    }

    /// The path that gives a browser the cookie; never log it. `None` if no token is needed.
    pub fn unlock_path(&self) -> Option<String> {
        Some(format!("{UNLOCK}{}", self.token.as_deref()?))
    }

    /// Refuses a request without the token, and one of another origin's page.
    pub fn require(&self, request: &HttpRequest) -> Result<(), Refusal> {
        from_own_page(request)?;
        self.is_shown(request).then_some(()).ok_or_else(|| {
            Refusal::new(
                Code::PresenterOnly,
                "this is for whoever leads the lab, and needs the presenter's token",
            )
        })
    }

    /// Whether the request has the token. Decides what is shown, not what is allowed.
    pub fn is_shown(&self, request: &HttpRequest) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let bearer = request.headers().get(header::AUTHORIZATION);
        let bearer = bearer.and_then(|value| value.to_str().ok()).and_then(|v| {
            let (scheme, rest) = v.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
        });
        bearer.is_some_and(|guess| is_same(guess, token))
            || (request.headers().get_all(header::COOKIE))
                .filter_map(|line| line.to_str().ok())
                .flat_map(|line| line.split(';'))
                .filter_map(|pair| pair.trim().split_once('='))
                .any(|(name, value)| name == self.cookie_name && is_same(value, &self.cookie_value))
    }

    /// Answers `GET /presenter/unlock/TOKEN`: sets the cookie and redirects to a page of the lab, so
    /// that the token does not stay in the address bar.
    pub fn unlock(&self, guess: &str, then: &'static str) -> Result<HttpResponse, Refusal> {
        if self.token.as_deref().is_some_and(|t| !is_same(guess, t)) {
            return Err(Refusal::new(
                Code::PresenterOnly,
                "this is not the token of this lab",
            ));
        }
        let secure = if self.is_secure { "; Secure" } else { "" };
        let (name, value) = (&self.cookie_name, &self.cookie_value);
        let cookie = format!("{name}={value}; Path={PATH}; HttpOnly; SameSite=Strict{secure}");
        Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, then))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::SET_COOKIE, cookie))
            .finish())
    }
}

/// Its duration reveals only whether the lengths are equal.
fn is_same(guess: &str, wanted: &str) -> bool {
    guess.as_bytes().ct_eq(wanted.as_bytes()).into()
}

/// A path as it may be logged.
pub fn without_token(path: &str) -> &str {
    if path.starts_with(UNLOCK) {
        UNLOCK
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn ask(headers: &[(&'static str, String)]) -> HttpRequest {
        let request = TestRequest::default().insert_header(("host", "localhost:8080"));
        headers
            .iter()
            .fold(request, |request, header| {
                request.append_header((header.0, header.1.as_str()))
            })
            .to_http_request()
    }

    fn cookie(of: &Presenter) -> String {
        let answer = of.unlock(of.token.as_deref().unwrap(), "/").unwrap();
        let set = answer
            .headers()
            .get(header::SET_COOKIE)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(
            set.contains("HttpOnly")
                && set.contains("SameSite=Strict")
                && set.contains("Path=/presenter")
        );
        set.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn the_token_or_its_cookie_is_needed_and_another_labs_is_none() {
        let lab = Presenter::new(Some("the-token-of-this-lab".into()), true);
        let other = Presenter::new(Some("another-token-entirely".into()), true);
        let mine = ("cookie", cookie(&lab));
        let bearer = ("authorization", "Bearer the-token-of-this-lab".to_owned());
        assert!(lab.require(&ask(std::slice::from_ref(&bearer))).is_ok());
        assert!(lab.require(&ask(std::slice::from_ref(&mine))).is_ok());
        for bad in [
            vec![],
            vec![("authorization", "Bearer the-token-of-this-la".to_owned())],
            vec![("authorization", "Basic the-token-of-this-lab".to_owned())],
            vec![("authorization", "Bearer another-token-entirely".to_owned())],
            vec![("cookie", cookie(&other))],
        ] {
            let refused = lab.require(&ask(&bad)).unwrap_err();
            assert_eq!(refused.code, Code::PresenterOnly, "{bad:?}");
        }
        for proof in [mine, bearer] {
            for foreign in ["http://localhost:8081", "null", "http://evil.example"] {
                let asked = ask(&[proof.clone(), ("origin", foreign.to_owned())]);
                let refused = lab.require(&asked).unwrap_err();
                assert_eq!(refused.code, Code::ForeignPage, "{foreign}");
            }
            let own = ask(&[proof, ("origin", "https://localhost:8080".to_owned())]);
            assert!(lab.require(&own).is_ok());
        }
        assert!(lab.unlock("wrong", "/").is_err() && lab.unlock("", "/").is_err());
        assert_eq!(without_token("/presenter/unlock/x"), UNLOCK);
    }

    #[test]
    fn where_it_is_waived_only_foreign_pages_are_refused() {
        let lab = Presenter::new(None, false);
        assert!(lab.require(&ask(&[])).is_ok());
        let foreign = ask(&[("origin", "http://evil.example".to_owned())]);
        assert_eq!(lab.require(&foreign).unwrap_err().code, Code::ForeignPage);
    }
}
