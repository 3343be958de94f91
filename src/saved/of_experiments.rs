//! Which saved results are of experiments, told from their names alone: a page that shows the last
//! result of each need not read every file for it.
//!
//! A name that pushlab gives is `20261129T171924Z-e10-quick`, with `-partial` where it was stopped
//! and a number where two began in the same second. Files of other names are in the list of runs
//! only.

use std::io;

use super::folder::Folder;

/// A saved result of an experiment, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id in the folder.
    pub id: String,
    /// Of the catalogue, as in `E10`.
    pub experiment: String,
    /// The whole of it was done.
    pub full: bool,
    /// It was interrupted.
    pub partial: bool,
}

impl Kept {
    /// From a result's name; `None` where it is no experiment's.
    fn of(id: &str) -> Option<Self> {
        let mut parts = id.split('-');
        let began = parts.next()?;
        if began.len() != "20261129T171924Z".len() || !began.ends_with('Z') {
            return None;
        }
        let experiment = parts.next()?.to_ascii_uppercase();
        let number = experiment.strip_prefix('E')?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let full = match parts.next()? {
            "full" => true,
            "quick" => false,
            _ => return None,
        };
        Some(Self {
            id: id.to_owned(),
            experiment,
            full,
            partial: parts.next() == Some("partial"),
        })
    }

    /// When it began, for people: `2026-11-29 17:19`, UTC.
    pub fn began(&self) -> String {
        let part = |from: usize, to: usize| self.id.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-{} {}:{}",
            part(0, 4),
            part(4, 6),
            part(6, 8),
            part(9, 11),
            part(11, 13)
        )
    }
}

impl Folder {
    /// Every saved result of an experiment, newest first.
    pub fn of_experiments(&self) -> io::Result<Vec<Kept>> {
        let ids = self.ids()?;
        Ok(ids.iter().filter_map(|id| Kept::of(id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_pushlab_gives_tell_whose_result_it_is() {
        let kept = Kept::of("20261129T171924Z-e10-quick").unwrap();
        assert_eq!(
            (kept.experiment.as_str(), kept.full, kept.partial),
            ("E10", false, false)
        );
        assert_eq!(kept.began(), "2026-11-29 17:19");
        let kept = Kept::of("20261129T171924Z-e2-full-partial-2").unwrap();
        assert_eq!(
            (kept.experiment.as_str(), kept.full, kept.partial),
            ("E2", true, true)
        );
        assert!(!Kept::of("20261129T171924Z-e2-full-2").unwrap().partial);
        for other in [
            "20261129T171924Z-seed1-sse",
            "mine",
            "mine-e2-full",
            "20261129T171924Z-e-full",
            "20261129T171924Z-e2-half",
            "20261129T171924Z-e2",
            "",
            "äöü",
        ] {
            assert_eq!(Kept::of(other), None, "{other}");
        }
    }
}
