//! Which forms of a result are wanted, and where: from the command line.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{Report, csv, html, markdown, table};

/// The forms that a result can be shown in; a table for people where none takes standard output.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Forms {
    /// Print the whole result as JSON, alone on standard output
    #[arg(long)]
    pub json: bool,
    /// Write the figures as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write a self-contained page with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write a Markdown table; without a file, print it instead of the table for people
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub markdown: Option<PathBuf>,
    /// Write the whole result as JSON, for pushlab report and --baseline
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// How a kind of result looks in each form.
pub struct Renders<R> {
    /// As comma-separated values (RFC 4180).
    pub csv: fn(&R) -> String,
    /// As a page without references to anything else.
    pub html: fn(&R) -> String,
    /// As a table in Markdown.
    pub markdown: fn(&R) -> String,
    /// For people at a terminal.
    pub table: fn(&R) -> String,
}

const OF_A_RUN: Renders<Report> = Renders {
    csv: csv::render,
    html: html::render,
    markdown: markdown::render,
    table: table::render,
};

/// Why a result cannot be written or read. `Display` names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A file cannot be written.
    #[error("{path} cannot be written; choose a place that exists and is yours to write")]
    Unwritable {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file that is no saved result.
    #[error("{path} is no result that pushlab run --save wrote")]
    NoReport {
        /// The file.
        path: String,
        /// What the parser says.
        source: serde_json::Error,
    },
}

impl Forms {
    /// Says before a run what would fail after it: every file can be opened for writing. Leaves no
    /// file that was not there: a run may fail.
    pub fn check(&self) -> Result<(), FileError> {
        let files = [&self.csv, &self.html, &self.markdown, &self.save];
        for path in files.into_iter().flatten().filter(|path| !is_printed(path)) {
            let is_new = fs::symlink_metadata(path).is_err();
            let opened = OpenOptions::new().create(true).append(true).open(path);
            let tried = opened.and_then(|_| match is_new {
                true => fs::remove_file(path),
                false => Ok(()),
            });
            tried.map_err(|source| unwritable(path, source))?;
        }
        Ok(())
    }

    /// Writes the files, and one form to standard output.
    pub fn write(&self, report: &Report) -> Result<(), FileError> {
        self.write_as(report, &OF_A_RUN)
    }

    /// The same for any kind of result. What can be written is, whatever else cannot: a run is not
    /// to be lost with one file. Returns the first error.
    pub fn write_as<R: Serialize>(&self, result: &R, as_: &Renders<R>) -> Result<(), FileError> {
        let json = || serde_json::to_string(result).map(|text| text + "\n");
        let mut done = Ok(());
        let mut try_to = |tried: Result<(), FileError>| {
            if done.is_ok() {
                done = tried;
            }
        };
        let forms = [
            (&self.csv, as_.csv),
            (&self.html, as_.html),
            (&self.markdown, as_.markdown),
        ];
        for (path, render) in forms {
            if let Some(path) = path
                && !is_printed(path)
            {
                try_to(write(path, &render(result)));
            }
        }
        let not_json = |source: serde_json::Error| FileError::Unwritable {
            path: "JSON".to_owned(),
            source: source.into(),
        };
        if let Some(path) = &self.save {
            try_to(json().map_err(not_json).and_then(|json| write(path, &json)));
        }
        let text = match &self.markdown {
            _ if self.json => json().map_err(not_json)?,
            Some(path) if is_printed(path) => harmless((as_.markdown)(result)),
            _ => harmless((as_.table)(result)),
        };
        let mut out = io::stdout().lock();
        let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        try_to(printed.map_err(|source| unwritable(Path::new("standard output"), source)));
        done
    }
}

/// A file may be anybody's, and a terminal obeys control characters: each is shown as U+FFFD.
fn harmless(text: String) -> String {
    let is_obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    match text.contains(is_obeyed) {
        true => text.replace(is_obeyed, "\u{fffd}"),
        false => text,
    }
}

/// `-` stands for standard output, as it does elsewhere.
fn is_printed(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a saved result.
pub fn read(path: &Path) -> Result<Report, FileError> {
    let named = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| FileError::Unreadable {
        path: named.clone(),
        source,
    })?;
    // As every other reader of results does: one way is compiled once.
    let report: Report =
        serde_json::from_slice(text.as_bytes()).map_err(|source| FileError::NoReport {
            path: named,
            source,
        })?;
    Ok(report.settled())
}

/// Writes beside the file and moves it there, so that a full disk leaves no half of a result; into
/// what is no plain file (a pipe, a device, a link) straight.
fn write(path: &Path, text: &str) -> Result<(), FileError> {
    let put = |to: &Path| {
        let mut file = File::create(to)?;
        file.write_all(text.as_bytes())?;
        // A full disk may tell only now; what is no plain file need not know of it.
        match file.sync_all() {
            Err(error) if file.metadata()?.is_file() => Err(error),
            _ => Ok(()),
        }
    };
    let is_plain = fs::symlink_metadata(path).map_or(true, |found| found.is_file());
    let written = match (path.file_name(), is_plain) {
        (Some(name), true) => {
            let part = path.with_file_name(format!(".{}.part", name.to_string_lossy()));
            let moved = put(&part).and_then(|()| fs::rename(&part, path));
            if moved.is_err() {
                let _ = fs::remove_file(&part);
            }
            moved
        }
        _ => put(path),
    };
    written.map_err(|source| unwritable(path, source))
}

fn unwritable(path: &Path, source: io::Error) -> FileError {
    FileError::Unwritable {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_by_a_file() {
        let text = harmless("a\u{1b}]0;x\u{7}\u{9b}2J\tb\r\n".to_owned());
        assert_eq!(text, "a\u{fffd}]0;x\u{fffd}\u{fffd}2J\tb\u{fffd}\n");
    }
}
