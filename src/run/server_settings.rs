//! Settings of the server that a run measures, as a plan has them: `heartbeat=5s,coalesce=20ms`.
//!
//! They are those of `pushlab serve`, under the same names, and are tried before anything starts. A
//! lab that a run starts gets them as flags; one that runs already ([`differences`]) must have
//! them. Not here: what each means ([`crate::config`]).

use clap::{Args, Command, FromArgMatches};
use serde_json::Value;

use crate::config::{Config, Settings};

/// What the run itself says to the lab that it starts.
const OF_THE_RUN: [&str; 7] = [
    "config",
    "host",
    "json",
    "log",
    "port",
    "single_port",
    "workers",
];

/// What a plan must not hold: it is saved with every result, and shown to every visitor.
const SECRETS: [&str; 2] = ["presenter_token", "socketio_admin_password"];

/// Names with `_` and values, as flags.
pub fn flags(text: &str) -> Vec<String> {
    pairs(text)
        .map(|(name, value)| format!("--{}={}", name.replace('_', "-"), value))
        .collect()
}

/// Why a server cannot be started with these; `None` where it can.
pub fn objection(text: &str) -> Option<String> {
    for part in parts(text) {
        match part.split_once('=') {
            None => return Some(format!("{part:?} is not like heartbeat=5s")),
            Some((name, _)) if OF_THE_RUN.contains(&underscored(name).as_str()) => {
                return Some(format!("{} is the run's own to choose", name.trim()));
            }
            Some((name, _)) if SECRETS.contains(&underscored(name).as_str()) => {
                let variable = underscored(name).to_uppercase();
                return Some(format!(
                    "{} would be saved with the results: give it as PUSHLAB_{variable}",
                    name.trim()
                ));
            }
            Some(_) => {}
        }
    }
    effective(text).err()
}

/// Settings that a lab that runs already has otherwise: name, its value, the wanted one.
pub fn differences(text: &str, has: &Value) -> Vec<(String, String, String)> {
    let wanted = effective(text)
        .ok()
        .map(|config| config.shown())
        .unwrap_or_default();
    let shown = |value: &Value| match value {
        Value::Null => "not known there".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    pairs(text)
        .filter(|(name, _)| has[name.as_str()] != wanted[name.as_str()])
        .map(|(name, _)| {
            let (has, wanted) = (shown(&has[&name]), shown(&wanted[&name]));
            (name, has, wanted)
        })
        .collect()
}

/// All settings of a server that is started with these.
fn effective(text: &str) -> Result<Config, String> {
    let command = Settings::augment_args(Command::new("server").no_binary_name(true));
    let in_a_line = |error: clap::Error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        line.trim_start_matches("error: ").to_owned()
    };
    let given = command
        .try_get_matches_from(flags(text))
        .map_err(in_a_line)?;
    let settings = Settings::from_arg_matches(&given).map_err(in_a_line)?;
    Config::load(settings, None).map_err(|error| error.to_string())
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn pairs(text: &str) -> impl Iterator<Item = (String, &str)> {
    parts(text)
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (underscored(name), value.trim()))
}

fn underscored(name: &str) -> String {
    name.trim().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_become_flags_of_the_server() {
        let flags = flags("heartbeat=5s, coalesce = 20ms,sandbox_plan=true");
        assert_eq!(
            flags,
            ["--heartbeat=5s", "--coalesce=20ms", "--sandbox-plan=true"]
        );
        assert_eq!(
            objection("heartbeat=5s,coalesce=20ms,compress=context"),
            None
        );
        assert_eq!(objection(""), None);
    }

    #[test]
    fn what_no_server_takes_is_told() {
        for (text, why) in [
            ("heartbeat", "like heartbeat=5s"),
            ("hartbeat=5s", "hartbeat"),
            ("coalesce=never", "off, tick"),
            ("compress=gzip", "gzip"),
            ("heartbeat=0s", "more than 0s"),
            ("workers=2", "the run's own"),
            ("single-port=true", "the run's own"),
            (
                "presenter-token=0123456789abcdef",
                "PUSHLAB_PRESENTER_TOKEN",
            ),
            ("socketio_admin_password=hush", "would be saved"),
        ] {
            let said = objection(text).expect(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_lab_that_runs_is_asked_for_the_same_values() {
        let has = serde_json::to_value(Config::default()).unwrap();
        assert!(differences("coalesce=adaptive,heartbeat=25s", &has).is_empty());
        let apart = differences("coalesce=off,heartbeat=25s", &has);
        let expected = ("coalesce", "adaptive", "off");
        assert_eq!(apart.len(), 1);
        assert_eq!(
            (&*apart[0].0, &*apart[0].1, &*apart[0].2),
            expected,
            "{apart:?}"
        );
        let older = serde_json::json!({});
        assert_eq!(differences("coalesce=off", &older)[0].1, "not known there");
    }
}
