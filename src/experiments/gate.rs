//! The figures of a step whose generator was not fit, as sentence, guess and picture may read them:
//! what the step's comparisons are withheld for is withheld of the figures they are made from, too.

use std::borrow::Cow;

use super::{CarriedOut, DoneStep, TIMELESS, names::row_of};
use crate::run::figures::{self, Figure};

impl CarriedOut {
    /// The same without the figures that a generator has spoilt.
    pub(super) fn gated(&self) -> Cow<'_, Self> {
        if self.steps.iter().all(|step| step.fault().is_none()) {
            return Cow::Borrowed(self);
        }
        let mut done = self.clone();
        done.steps.iter_mut().for_each(DoneStep::gate);
        Cow::Owned(done)
    }
}

impl DoneStep {
    fn gate(&mut self) {
        let Some(why) = self.fault().cloned() else {
            return;
        };
        let spoilt: Vec<(usize, String)> = self
            .report
            .lanes
            .iter()
            .enumerate()
            .flat_map(|(index, lane)| lane.measured.keys().map(move |name| (index, name)))
            .filter(|(index, name)| !self.stands(&self.report.lanes[*index].row, name))
            .map(|(index, name)| (index, name.to_string()))
            .collect();
        for (index, name) in spoilt {
            let invalid = why.clone();
            self.report.lanes[index]
                .measured
                .insert(name, Figure::Invalid { invalid });
        }
    }

    /// Whether a row's figure is the same however late the generator was: as its own comparison
    /// says, or where it has none, as those that are made from the row's figures say.
    fn stands(&self, row: &str, name: &str) -> bool {
        if TIMELESS.contains(&name) {
            return true;
        }
        let lanes = &self.report.lanes;
        let of_row = || {
            let is_its = |what: &str| row_of(what, lanes).is_some_and(|lane| lane.row == row);
            self.comparisons.iter().filter(move |one| is_its(&one.what))
        };
        let rest = |what: &str| what[row.len()..].trim_start().to_owned();
        if let Some(own) = of_row().find(|one| rest(&one.what) == name) {
            return own.stands_alone;
        }
        of_row().any(|one| one.stands_alone && figures::find(&rest(&one.what)).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::{find, sample},
        run::plan::Plan,
    };

    fn e1(is_spoilt: bool) -> CarriedOut {
        let fill = |_: &Plan, report: &mut crate::run::report::Report| {
            for row in ["short-poll", "websocket"] {
                sample::put_as_predicted(report, row, "bytes_per_publication", 535.0);
                sample::put_as_predicted(report, row, "payload_bytes", 20.0);
            }
            if is_spoilt {
                report.generator.objections = vec!["the generator was 40 ms late".to_owned()];
            }
        };
        sample::carried(find("E1").unwrap(), fill)
    }

    #[test]
    fn what_a_generator_has_spoilt_is_in_no_sentence_no_guess_and_no_picture() {
        let guess = &find("E1").unwrap().guess;
        let good = e1(false);
        assert!(good.answer.contains("535"), "{}", good.answer);
        assert_eq!(guess.found(&good).measured, Some(535.0));
        let spoilt = e1(true);
        assert!(!spoilt.answer.contains("535"), "{}", spoilt.answer);
        assert!(spoilt.answer.contains("40 ms late"), "{}", spoilt.answer);
        let found = guess.found(&spoilt);
        assert_eq!((found.theory, found.measured), (Some(535.0), None));
        let page = crate::experiments::html::answer(&spoilt, "/");
        assert!(!page.contains(">535 B</span> <small"), "{page}");
        // What a message is made of is the same however late it was published.
        let figure = spoilt.gated().steps[0].figure("websocket", "payload_bytes");
        assert_eq!(figure, Some(20.0));
    }
}
