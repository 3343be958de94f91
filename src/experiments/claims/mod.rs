//! The 40 claims of two articles that set Pusher, Socket.IO and WebSockets against each other, and
//! what this lab has to say to each: a result of its own, what theory says, or why it cannot tell.
//!
//! Which experiments test a claim stands with the experiments ([`Experiment::claims`]) and nowhere
//! else. A claim that none tests is shown on a page of the lab, or is not testable here.

mod beginners_post;
mod vendors_article;

use super::{ALL as EXPERIMENTS, CarriedOut, Experiment, Verdict, in_browser};

/// Where a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Article {
    /// A comparison of Pusher and Socket.IO for beginners: claims A1 to A12.
    BeginnersPost,
    /// A vendor's comparison of Pusher and WebSockets: claims B1 to B28.
    VendorsArticle,
}

impl Article {
    /// Both, in the order of their letters.
    pub const ALL: [Self; 2] = [Self::BeginnersPost, Self::VendorsArticle];

    /// What it is called on pages.
    pub fn title(self) -> &'static str {
        match self {
            Self::BeginnersPost => "Pusher vs Socket.io",
            Self::VendorsArticle => "Pusher vs WebSockets: Pros, cons and key differences",
        }
    }

    /// By whom, as far as it is known.
    pub fn kind(self) -> &'static str {
        match self {
            Self::BeginnersPost => "a beginner's post",
            Self::VendorsArticle => "a vendor's article",
        }
    }

    /// Its claims, in the order of their numbers.
    pub fn claims(self) -> &'static [Claim] {
        match self {
            Self::BeginnersPost => beginners_post::CLAIMS,
            Self::VendorsArticle => vendors_article::CLAIMS,
        }
    }
}

/// A claim in short; what stands in quotation marks is the article's own words.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// `A` or `B` for the article, and its number there.
    pub id: &'static str,
    /// The claim in short.
    pub text: &'static str,
    /// What theory, a standard or plain reasoning says to it.
    pub theory: &'static str,
    /// By what it is shown, or why not.
    pub shown: Shown,
}

/// How the lab can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// By the experiments that name it.
    ByExperiments,
    /// On a page of the lab: its address, and what is seen there.
    OnPage {
        /// Path of the page.
        address: &'static str,
        /// What is to be seen there.
        what: &'static str,
    },
    /// Not here, and why.
    NotTestable(&'static str),
}

/// What was found here, or what stands for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// A saved result of this machine: its experiment, verdict and sentence.
    Measured {
        /// Its id, as in `E5`.
        experiment: &'static str,
        /// What came out.
        verdict: Verdict,
        /// The answer in one sentence, with its figures.
        sentence: String,
    },
    /// An experiment that has not been run here: what theory says.
    Predicted {
        /// What theory says, in one sentence.
        sentence: String,
    },
    /// A page shows it to whoever looks.
    Seen {
        /// Path of the page.
        address: &'static str,
        /// What is to be seen there.
        sentence: String,
    },
    /// Nothing that a laboratory can show.
    NotTestable {
        /// Why not.
        why: &'static str,
    },
}

impl Finding {
    /// The word before the sentence.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Measured { verdict, .. } => match verdict {
                Verdict::AsPredicted => "measured here, as predicted",
                Verdict::Otherwise => "measured here, otherwise than predicted",
                Verdict::NotValid => "measured here, and not decided",
            },
            Self::Predicted { .. } => "predicted",
            Self::Seen { .. } => "to be seen here",
            Self::NotTestable { .. } => "not testable here",
        }
    }

    /// What is told of it.
    pub fn sentence(&self) -> &str {
        match self {
            Self::Measured { sentence, .. }
            | Self::Predicted { sentence }
            | Self::Seen { sentence, .. } => sentence,
            Self::NotTestable { why } => why,
        }
    }
}

impl Claim {
    /// The experiments that test it, of this catalogue and in the browser: id and title.
    pub fn experiments(&self) -> Vec<(&'static str, &'static str)> {
        let here = EXPERIMENTS
            .iter()
            .filter(|experiment| experiment.claims.contains(&self.id))
            .map(|experiment| (experiment.id, experiment.title));
        let in_browser = in_browser::ALL
            .iter()
            .filter(|known| known.claims.contains(&self.id))
            .map(|known| (known.id, known.title));
        here.chain(in_browser).collect()
    }

    /// What the last results of its experiments on this machine say, each in its sentence; what
    /// theory says where there is none. `last` gives an experiment's last result.
    pub fn found<'a>(
        &self,
        last: impl Fn(&'static Experiment) -> Option<&'a CarriedOut>,
    ) -> Vec<Finding> {
        let mut found: Vec<Finding> = EXPERIMENTS
            .iter()
            .filter(|experiment| experiment.claims.contains(&self.id))
            .filter_map(|experiment| {
                let done = last(experiment)?;
                Some(Finding::Measured {
                    experiment: experiment.id,
                    verdict: done.tally().verdict(),
                    sentence: done.answer.clone(),
                })
            })
            .collect();
        if found.is_empty() {
            found.push(match self.shown {
                Shown::ByExperiments => Finding::Predicted {
                    sentence: self.theory.to_owned(),
                },
                Shown::OnPage { address, what } => Finding::Seen {
                    address,
                    sentence: what.to_owned(),
                },
                Shown::NotTestable(why) => Finding::NotTestable { why },
            });
        }
        found
    }
}

/// By its number; `None` where neither article has it.
pub fn find(id: &str) -> Option<&'static Claim> {
    let all = Article::ALL.into_iter().flat_map(Article::claims);
    all.into_iter().find(|claim| claim.id == id)
}

/// Of what an experiment tests what is no claim of the two articles: those are shown by themselves.
pub fn literature(tested: &str) -> Option<String> {
    let is_number = |part: &&str| {
        let name = part.split([' ', ',']).next().unwrap_or_default();
        find(name).is_some()
    };
    let left: Vec<&str> = tested.split("; ").filter(|part| !is_number(part)).collect();
    (!left.is_empty()).then(|| left.join("; "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::experiments::sample::{carried_out, comparison};

    fn all() -> impl Iterator<Item = &'static Claim> {
        Article::ALL.into_iter().flat_map(Article::claims)
    }

    #[test]
    fn what_is_shown_as_a_claim_is_not_said_again() {
        assert_eq!(literature("A1 \"slow\"; B12"), None);
        let both = literature("RFC 6202 §2.2; B9 \"improves latency\"; A1, A7");
        assert_eq!(both.as_deref(), Some("RFC 6202 §2.2"));
        assert_eq!(literature("Arrow 1951").as_deref(), Some("Arrow 1951"));
    }

    #[test]
    fn all_forty_are_there_in_their_order() {
        let of = |article: Article, letter: char, most: usize| {
            let ids: Vec<String> = (1..=most).map(|n| format!("{letter}{n}")).collect();
            let here: Vec<&str> = article.claims().iter().map(|claim| claim.id).collect();
            assert_eq!(here, ids);
        };
        of(Article::BeginnersPost, 'A', 12);
        of(Article::VendorsArticle, 'B', 28);
        assert_eq!(find("B7").unwrap().id, "B7");
        assert_eq!(find("C1"), None);
    }

    #[test]
    fn what_experiments_name_is_a_claim_and_is_theirs_to_show() {
        let named = EXPERIMENTS.iter().flat_map(|experiment| experiment.claims);
        let named: BTreeSet<&str> = named
            .chain(in_browser::ALL.iter().flat_map(|known| known.claims))
            .copied()
            .collect();
        for id in &named {
            assert!(find(id).is_some(), "{id}");
        }
        for claim in all() {
            let is_tested = !claim.experiments().is_empty();
            let is_by_experiments = claim.shown == Shown::ByExperiments;
            assert_eq!(is_tested, is_by_experiments, "{}", claim.id);
            for text in [claim.text, claim.theory] {
                assert!(text.len() > 10 && !text.contains("  "), "{}", claim.id);
            }
        }
    }

    #[test]
    fn a_result_of_this_machine_comes_before_theory() {
        let claim = find("B7").unwrap();
        let nothing = claim.found(|_| None);
        assert_eq!(nothing.len(), 1);
        assert_eq!(nothing[0].label(), "predicted");
        assert_eq!(nothing[0].sentence(), claim.theory);
        let unit = crate::run::figures::Unit::Count;
        let mut done = carried_out(vec![comparison("a", 2.0, Some(2.0), 0.1, unit)]);
        done.answer = "It was 2.".to_owned();
        let found = claim.found(|experiment| (experiment.id == "E1").then_some(&done));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].label(), "measured here, as predicted");
        assert_eq!(found[0].sentence(), "It was 2.");
        let elsewhere = find("A10").unwrap().found(|_| None);
        assert_eq!(elsewhere[0].label(), "not testable here");
        assert_eq!(
            find("B20").unwrap().found(|_| None)[0].label(),
            "to be seen here"
        );
    }
}
