//! Where the presenter's token comes from.
//!
//! `PUSHLAB_PRESENTER_TOKEN`, or the file of the data folder that the first start makes (0600).

use std::{io, path::Path};

use super::{Config, data_folder, from_environment, private_file};

/// In the data folder.
const FILE: &str = "presenter-token";

/// A token that nobody guesses: 128 bits as 32 hexadecimal digits.
pub fn make() -> String {
    format!("{:032x}", rand::random::<u128>())
}

impl Config {
    /// This lab's token; `None` where it is waived. An error says why it could not be kept.
    pub fn presenter_token(&self) -> io::Result<Option<String>> {
        if self.no_token {
            return Ok(None);
        }
        if !self.presenter_token.is_empty() {
            return Ok(Some(self.presenter_token.reveal().to_owned()));
        }
        let kept = private_file::keep(&data_folder(&self.data_dir), FILE, make)?;
        match is_token(&kept) {
            true => Ok(Some(kept)),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{FILE} there holds no {RULE}; remove it"),
            )),
        }
    }
}

/// What a token is, in words.
pub const RULE: &str = "token of at least 16 bytes of A-Z a-z 0-9 - _ . ~";

/// Whether nobody guesses it, and an address takes it as it is.
pub fn is_token(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.len() >= 16 && text.bytes().all(is_plain)
}

/// The token of the lab at a host, for the command line: from the environment; and for a lab on
/// this machine, which may be trusted with it, from the data folder.
pub fn token_for(host: &str) -> Option<String> {
    let given = |name| from_environment::<String>(name).ok().flatten();
    if let Some(token) = given("presenter_token").filter(|token| !token.is_empty()) {
        return Some(token);
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = match bare.parse::<std::net::IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    };
    let folder = given("data_dir").unwrap_or_default();
    is_here
        .then(|| private_file::read(&data_folder(Path::new(&folder)), FILE))?
        .ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_plain() {
        assert!(is_token(&make()));
        for bad in [
            "",
            "a",
            "abc def\nxyz 0123456",
            "0123456789abcde",
            "0123456789abcdeü",
        ] {
            assert!(!is_token(bad), "{bad}");
        }
    }
}
