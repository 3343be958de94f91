//! What the demo application connects and signs with. It is made once and kept in the data folder,
//! for its owner alone, so that clients and copied snippets still work after a restart.

use std::{io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::auth::hex;
use crate::config::{
    apps::{AppSettings, MasterKey},
    private_file,
};

/// Its file in the data folder.
const FILE: &str = "demo-app.json";

/// See the module. The file holds it as JSON.
#[derive(Clone, Serialize, Deserialize)]
pub struct DemoKeys {
    key: String,
    secret: String,
    /// Base64 of 32 bytes.
    encryption_master_key: String,
}

impl DemoKeys {
    /// New keys for a start without any in the data folder.
    pub fn random() -> Self {
        Self {
            key: random_hex(),
            secret: random_hex(),
            encryption_master_key: STANDARD.encode(MasterKey::random().bytes()),
        }
    }

    /// Those of a folder; where it cannot be used the log says so, and they last until the end.
    pub fn of(folder: &Path) -> Self {
        Self::kept(folder).unwrap_or_else(|error| {
            tracing::warn!(
                %error,
                "the demo application's key is not kept: {FILE} in the data folder cannot be used. \
                 Clients must learn a new one after a restart. Remove the file, or choose another \
                 folder with --data-dir"
            );
            Self::random()
        })
    }

    fn kept(folder: &Path) -> io::Result<Self> {
        let made = || serde_json::to_string(&Self::random()).unwrap_or_default();
        let text = private_file::keep(folder, FILE, made)?;
        // The error does not quote the file: that could show a part of a secret.
        let bad = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let keys: Self = serde_json::from_str(&text)
            .map_err(|_| bad("it is not JSON of the demo application's keys"))?;
        let is_word = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let is_good = is_word(&keys.key) && !keys.secret.is_empty() && keys.master_key().is_some();
        is_good
            .then_some(keys)
            .ok_or_else(|| bad("a key in it cannot be used"))
    }

    fn master_key(&self) -> Option<MasterKey> {
        MasterKey::try_from(self.encryption_master_key.clone()).ok()
    }

    /// An application with them and every default.
    pub(super) fn settings(&self, id: &str) -> AppSettings {
        AppSettings {
            encryption_master_key: self.master_key(),
            ..AppSettings::new(id, &self.key, &self.secret)
        }
    }
}

fn random_hex() -> String {
    let mut bytes = [0; 10];
    rand::rng().fill(&mut bytes);
    hex(&bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn they_last_and_a_broken_file_stops_nothing() {
        let folder = std::env::temp_dir().join(format!("pushlab-demo-keys-{}", std::process::id()));
        let first = DemoKeys::of(&folder).settings("1");
        assert_eq!((first.key.len(), first.secret.reveal().len()), (20, 20));
        assert_eq!(DemoKeys::of(&folder).settings("1"), first);
        for broken in [
            "{",
            "{}",
            r#"{"key":"a/b","secret":"s","encryption_master_key":""}"#,
        ] {
            fs::write(folder.join(FILE), broken).unwrap();
            assert!(DemoKeys::kept(&folder).is_err(), "{broken}");
            assert_ne!(DemoKeys::of(&folder).settings("1").key, first.key);
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
