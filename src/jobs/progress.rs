//! What a run tells of itself while it goes: to people at a terminal on one line, to a program as
//! JSON, a line each, on standard error.
//!
//! ```text
//! {"at":{"expected_ms":14200,"step":1,"steps":2,"text":"pass 1 of 1: sse for 3s"}}
//! {"saved":"20261122T201530Z-e10-quick"}
//! ```

use std::{
    cell::RefCell,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Form {
    /// One line at a terminal; in a pipe only, at the end, where the result is
    #[default]
    Auto,
    /// JSON, a line each, on standard error
    Json,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// How far it is.
    At(At),
    /// The result is in the data folder under this id.
    Saved(String),
}

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// About how long all of it takes.
    pub expected_ms: u64,
    /// The present step, from 1.
    pub step: usize,
    /// How many steps there are.
    pub steps: usize,
    /// What happens, in words.
    pub text: String,
}

/// Tells it.
pub struct Progress {
    form: Form,
    at: RefCell<At>,
}

impl Progress {
    /// Tells progress in this form. `expected`: how long all of it takes; `steps`: into how many
    /// runs it is cut.
    pub fn new(form: Form, expected: Duration, steps: usize) -> Self {
        Self {
            form,
            at: RefCell::new(At {
                expected_ms: expected.as_millis() as u64,
                step: 1,
                steps,
                text: String::new(),
            }),
        }
    }

    /// The step with this number, from 1, begins.
    pub fn step(&self, step: usize) {
        self.at.borrow_mut().step = step;
    }

    /// Tells what happens, and how much of it is over if that is known; nothing clears the line.
    pub fn say(&self, text: &str, share: Option<f64>) {
        match self.form {
            Form::Auto if io::stderr().is_terminal() => match share {
                None => put(&format!("\r\x1b[K{text}")),
                Some(share) => put(&format!("\r\x1b[K{}", bar(text, share))),
            },
            Form::Auto => {}
            // Whoever reads this goes by the expected time.
            Form::Json if share.is_some() => {}
            Form::Json => {
                self.at.borrow_mut().text = text.to_owned();
                write_line(&Line::At(self.at.borrow().clone()));
            }
        }
    }

    /// Tells where the result is.
    pub fn saved(&self, id: &str, path: &std::path::Path) {
        match self.form {
            Form::Auto => put(&format!(
                "Saved: {}\n",
                path.join(format!("{id}.json")).display()
            )),
            Form::Json => write_line(&Line::Saved(id.to_owned())),
        }
    }
}

/// A line for people: how far a pass is.
fn bar(what: &str, share: f64) -> String {
    const WIDTH: usize = 24;
    let full = ((share.clamp(0.0, 1.0) * WIDTH as f64) as usize).min(WIDTH);
    let (done, left) = ("#".repeat(full), "-".repeat(WIDTH - full));
    format!(
        "[{done}{left}] {:3.0} %  {what}",
        share.clamp(0.0, 1.0) * 100.0
    )
}

fn write_line(line: &Line) {
    if let Ok(text) = serde_json::to_string(line) {
        put(&(text + "\n"));
    }
}

/// Progress that nobody can read (a closed pipe, a full disk) is no reason to stop a run, and none
/// to panic, which `eprint!` does.
fn put(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_whatever_they_show() {
        assert_eq!(bar("x", 0.0), format!("[{}]   0 %  x", "-".repeat(24)));
        assert_eq!(
            bar("x", 0.5),
            format!("[{0}{1}]  50 %  x", "#".repeat(12), "-".repeat(12))
        );
        for share in [-1.0, 0.999, 1.0, 7.0] {
            assert_eq!(bar("x", share).len(), bar("x", 0.0).len());
        }
    }

    #[test]
    fn lines_are_as_the_module_shows_them() {
        let line = Line::Saved("x".to_owned());
        assert_eq!(serde_json::to_string(&line).unwrap(), r#"{"saved":"x"}"#);
        let text = r#"{"at":{"expected_ms":1,"step":1,"steps":2,"text":"t"}}"#;
        let Line::At(at) = serde_json::from_str(text).unwrap() else {
            panic!("it says where it is");
        };
        assert_eq!((at.step, at.steps), (1, 2));
        assert!(serde_json::from_str::<Line>("pushlab: no").is_err());
    }
}
