//! Host names that a lab answers under, besides its addresses and this machine's own names: written
//! `lab.example.org,*.class.example`; `*` is any.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// See the module. Lower case; serialized as its text; none by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostNames(Vec<String>);

impl HostNames {
    /// Whether a name, in lower case and without a port, is one of them. `*.class.example` is for
    /// every name below it.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|known| match known.strip_prefix('*') {
            Some(end) => name.ends_with(end),
            None => known == name,
        })
    }
}

impl FromStr for HostNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|n| !n.is_empty());
        names
            .map(|name| {
                if is_name(name) {
                    Ok(name.to_ascii_lowercase())
                } else {
                    Err(format!(
                        "{name:?} is no host name; write it like lab.example.org or \
                         *.example.org, without a port, several with commas between, or *"
                    ))
                }
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn is_name(text: &str) -> bool {
    let name = match text {
        "*" => return true,
        _ => text.strip_prefix("*.").unwrap_or(text),
    };
    let is_byte = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    !name.is_empty() && name.bytes().all(is_byte)
}

impl fmt::Display for HostNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

impl Serialize for HostNames {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostNames {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_matched_whole() {
        let names: HostNames = "Lab.example.org, *.class.example".parse().unwrap();
        assert_eq!(names.to_string(), "lab.example.org,*.class.example");
        for (name, is) in [
            ("lab.example.org", true),
            ("a.class.example", true),
            ("class.example", false),
            ("evilclass.example", false),
            ("evil-lab.example.org", false),
        ] {
            assert_eq!(names.contains(name), is, "{name}");
        }
        assert!("*".parse::<HostNames>().unwrap().contains("any"));
        assert_eq!("".parse(), Ok(HostNames::default()));
        for bad in ["http://a", "a:80", "a/b", "*a", "a b"] {
            assert!(
                bad.parse::<HostNames>().unwrap_err().contains("like"),
                "{bad}"
            );
        }
    }
}
