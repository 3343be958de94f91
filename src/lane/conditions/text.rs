//! Conditions as text, the same in plans, on the command line, in the API and on the page:
//!
//! ```text
//! conditions = term *( " + " term )
//! term       = preset / name *( SP key "=" value )
//! ```
//!
//! as in `latency down=50ms up=50ms jitter=10ms + tunnel away=2s every=15s` or `train tunnel`.
//! [`Conditions`] prints itself back; `{:#}` prints presets taken apart.

use std::{fmt, str::FromStr};

use super::{
    ALL, Kind, UNSET,
    presets::{self, Preset},
    value::Value,
};

/// Longer texts are refused, so that a text from the network is cheap to read and to print.
pub const TEXT_MAX_BYTES: usize = 1_000;
/// Conditions that may be joined.
pub const TERMS_MAX: usize = 12;

/// Why a text is not a set of conditions. `Display` says what is wrong and how to correct it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadConditions {
    /// It has so many bytes.
    #[error("conditions are at most {TEXT_MAX_BYTES} bytes long; this has {0}")]
    TooLong(usize),
    /// It joins so many.
    #[error("at most {TERMS_MAX} conditions can be joined; this has {0}")]
    TooMany(usize),
    /// Between two `+` there is nothing; the text.
    #[error(
        "there is no condition in {0:?}; write one like \"latency down=50ms up=50ms\", join several \
         with +, or name a preset"
    )]
    Empty(String),
    /// A word that names nothing.
    #[error(
        "{name:?} is no condition and no preset; conditions are {conditions}; presets are {presets}"
    )]
    Unknown {
        /// The word.
        name: String,
        /// Names of the conditions that there are.
        conditions: String,
        /// Names of the presets that there are.
        presets: String,
    },
    /// A word without `=`.
    #[error("{word:?} of {condition} is no key=value; write it like {example}")]
    NoValue {
        /// The condition that it belongs to.
        condition: &'static str,
        /// The word.
        word: String,
        /// A text that sets this condition.
        example: String,
    },
    /// A setting that the condition does not have.
    #[error("{condition} has no key {key:?}; it has {keys}")]
    UnknownKey {
        /// The condition.
        condition: &'static str,
        /// The setting.
        key: String,
        /// Settings that it has.
        keys: String,
    },
    /// A setting given two times.
    #[error("{condition} has {key} twice; leave one out")]
    Twice {
        /// The condition.
        condition: &'static str,
        /// The setting.
        key: &'static str,
    },
    /// A value that is out of range or of another kind.
    #[error("{condition} {key} is {value:?}; {expected}")]
    BadValue {
        /// The condition.
        condition: &'static str,
        /// The setting.
        key: &'static str,
        /// The value.
        value: String,
        /// What it may have, with units.
        expected: String,
    },
    /// A setting without a default that is not given.
    #[error("{condition} needs {key}: {expected}")]
    Missing {
        /// The condition.
        condition: &'static str,
        /// The setting.
        key: &'static str,
        /// What it may have, with units.
        expected: String,
    },
    /// Settings that are each in range and not together.
    #[error("{condition}: {why}")]
    DoNotFit {
        /// The condition.
        condition: &'static str,
        /// Why not, and what would.
        why: String,
    },
}

/// The settings of one condition: those that were given, and defaults for the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    values: Vec<Value>,
    given: Vec<bool>,
    kind: &'static Kind,
}

/// Reads one key's value. A key that the kind does not have is a bug of this program; the tests,
/// which build every condition, would find it.
macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident -> $type:ty, $variant:ident;)+) => {
        $($(#[$doc])* pub fn $name(&self, key: &str) -> $type {
            match self.get(key) {
                Some(Value::$variant(value)) => value,
                other => unreachable!("{} of {} is {other:?}", key, self.kind.name),
            }
        })+
    };
}

impl Settings {
    getters! {
        /// A time.
        span -> std::time::Duration, Span;
        /// Bits per second.
        rate -> u64, Rate;
        /// Bytes.
        bytes -> u64, Bytes;
        /// A whole number.
        count -> u64, Count;
        /// 0 to 1.
        share -> f64, Share;
        /// One of the words of its range.
        choice -> &'static str, Choice;
    }

    /// The value of a key that the kind has.
    fn get(&self, key: &str) -> Option<Value> {
        let index = self.kind.keys.iter().position(|known| known.name == key)?;
        self.values.get(index).copied()
    }

    /// Whether it was given explicitly.
    pub fn is_given(&self, key: &str) -> bool {
        let index = self.kind.keys.iter().position(|known| known.name == key);
        index.is_some_and(|index| self.given[index])
    }
}

/// One condition with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Its settings, given and default.
    pub settings: Settings,
    /// The preset that it came with.
    preset: Option<&'static Preset>,
}

impl Term {
    /// The entry of the catalogue that it is of.
    pub fn kind(&self) -> &'static Kind {
        self.settings.kind
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name)?;
        let settings = &self.settings;
        for (index, key) in self.kind().keys.iter().enumerate() {
            if settings.given[index] {
                write!(f, " {}={}", key.name, settings.values[index])?;
            }
        }
        Ok(())
    }
}

/// Conditions that hold together, in the order in which they act.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// One or more, at most [`TERMS_MAX`].
    pub terms: Vec<Term>,
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        let mut is_first = true;
        for term in &self.terms {
            let preset = term.preset.filter(|_| !f.alternate());
            if preset.is_some() && preset == last {
                continue;
            }
            if !is_first {
                f.write_str(" + ")?;
            }
            (is_first, last) = (false, preset);
            match preset {
                Some(preset) => f.write_str(preset.name)?,
                None => write!(f, "{term}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Conditions {
    type Err = BadConditions;

    fn from_str(text: &str) -> Result<Self, BadConditions> {
        if text.len() > TEXT_MAX_BYTES {
            return Err(BadConditions::TooLong(text.len()));
        }
        let mut terms = Vec::new();
        for part in text.split('+') {
            match presets::find(part) {
                Some(preset) => {
                    for term in preset.text.split('+') {
                        let preset = Some(preset);
                        let settings = read_term(term, text)?;
                        terms.push(Term { settings, preset });
                    }
                }
                None => terms.push(Term {
                    settings: read_term(part, text)?,
                    preset: None,
                }),
            }
        }
        if terms.len() > TERMS_MAX {
            return Err(BadConditions::TooMany(terms.len()));
        }
        Ok(Self { terms })
    }
}

/// One term. `whole`: all of the text, to be shown where a term is empty.
fn read_term(text: &str, whole: &str) -> Result<Settings, BadConditions> {
    let mut words = text.split_whitespace();
    let name = words
        .next()
        .ok_or_else(|| BadConditions::Empty(whole.to_owned()))?;
    let kind = ALL.iter().copied().find(|kind| kind.name == name);
    let kind = kind.ok_or_else(|| BadConditions::Unknown {
        // A preset's name has several words.
        name: match text.contains('=') {
            true => name.to_owned(),
            false => text.trim().to_owned(),
        },
        conditions: names(ALL.iter().map(|kind| kind.name)),
        presets: names(presets::ALL.iter().map(|preset| preset.name)),
    })?;
    let condition = kind.name;
    let mut values: Vec<Option<Value>> = vec![None; kind.keys.len()];
    for word in words {
        let (key, value) = word.split_once('=').ok_or_else(|| BadConditions::NoValue {
            condition,
            word: word.to_owned(),
            example: kind.example.to_owned(),
        })?;
        let index = kind.keys.iter().position(|known| known.name == key);
        let index = index.ok_or_else(|| BadConditions::UnknownKey {
            condition,
            key: key.to_owned(),
            keys: names(kind.keys.iter().map(|key| key.name)),
        })?;
        let (key, range) = (kind.keys[index].name, kind.keys[index].range);
        if values[index].is_some() {
            return Err(BadConditions::Twice { condition, key });
        }
        let read = range
            .read(value)
            .map_err(|expected| BadConditions::BadValue {
                condition,
                key,
                value: value.to_owned(),
                expected,
            })?;
        values[index] = Some(read);
    }
    let given = values.iter().map(Option::is_some).collect();
    let filled: Result<Vec<Value>, BadConditions> = values
        .into_iter()
        .zip(kind.keys)
        .map(|(value, key)| {
            let default = match (key.default, key.range.ends()) {
                // It is there, and nobody looks at it.
                (UNSET, Some((least, _))) => Ok(least),
                (text, _) => key.range.read(text),
            };
            value
                .map_or(default, Ok)
                .map_err(|expected| BadConditions::Missing {
                    condition,
                    key: key.name,
                    expected,
                })
        })
        .collect();
    let settings = Settings {
        values: filled?,
        given,
        kind,
    };
    match (kind.check)(&settings) {
        Ok(()) => Ok(settings),
        Err(why) => Err(BadConditions::DoNotFit { condition, why }),
    }
}

/// Names for a sentence, with commas between.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Conditions, String> {
        text.parse()
            .map_err(|error: BadConditions| error.to_string())
    }

    #[test]
    fn texts_print_back() {
        for text in [
            "latency down=50ms up=50ms jitter=10ms + tunnel away=2s every=15s",
            "train tunnel",
            "other continent + tunnel away=2s every=15s",
            "cut-rst after=5s",
        ] {
            let conditions = read(text).unwrap();
            assert_eq!(conditions.to_string(), text);
            let apart = format!("{conditions:#}");
            assert_eq!(read(&apart).unwrap().terms.len(), conditions.terms.len());
        }
        assert_eq!(read(" Train  Tunnel ").unwrap().to_string(), "train tunnel");
        assert!(
            format!("{:#}", read("train tunnel").unwrap()).contains("tunnel away=2s every=15s")
        );
    }

    #[test]
    fn every_preset_is_a_set_of_conditions_and_every_example_one() {
        for preset in presets::ALL {
            let conditions = read(preset.name).unwrap();
            assert_eq!(conditions.to_string(), preset.name);
            assert_eq!(format!("{conditions:#}"), preset.text, "{}", preset.name);
        }
        for kind in ALL {
            assert_eq!(read(kind.example).unwrap().terms[0].kind().name, kind.name);
        }
    }

    #[test]
    fn bad_texts_are_refused_by_name_with_the_way_out() {
        for (text, names, way_out) in [
            ("", "no condition", "latency down"),
            ("latency down=1ms +", "no condition", "preset"),
            ("pigeon", "pigeon", "train tunnel"),
            ("pigeon speed=9", "pigeon", "latency"),
            ("latency fast", "fast", "latency down="),
            ("latency left=5ms", "left", "jitter"),
            ("latency down=5", "latency down", "written like"),
            ("latency down=2m", "latency down", "0s to 1m"),
            ("latency down=1ms down=2ms", "down twice", "leave one out"),
            ("tunnel away=20s every=15s", "tunnel", "shorter"),
            ("bandwidth", "bandwidth", "down"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(names), "{text}: {error}");
            assert!(error.contains(way_out), "{text}: {error}");
        }
        assert!(read(&"x".repeat(2_000)).unwrap_err().contains("1000"));
        let many = ["latency down=1ms"; 13].join(" + ");
        assert!(read(&many).unwrap_err().contains("12"));
    }
}
