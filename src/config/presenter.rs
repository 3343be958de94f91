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
        private_file::keep(&data_folder(&self.data_dir), FILE, make).map(Some)
    }
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
