//! Messages of three kinds, the same in every run: what people chat, what a dashboard shows, and how a
//! language model's answer comes.
//!
//! Data that is made to a size is mostly `x`, which compresses to nothing. These are as repetitive
//! as their kind is and no more: words are drawn at random, common ones more often, so that no sentence
//! comes twice within a compressor's window; prices walk.

use std::fmt::Write;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use super::{
    content::Market,
    payloads::{FILE_BOUNDS, Payloads},
};

/// A kind of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Sample {
    /// None: data of the size that is asked for
    #[default]
    None,
    /// A name and a sentence, some 70 bytes
    Chat,
    /// The prices of eight shares, some 430 bytes
    Dashboard,
    /// One token of an answer, in the usual envelope, some 190 bytes
    Tokens,
}

/// Before the first comes again: more than any window here holds.
const MESSAGES: usize = 1_000;
const SEED: u64 = 23;

/// The commonest first: each next one is drawn more rarely.
const WORDS: &str = "the to a of and in is you it that for on we are with this be at have not \
    do what can all was your there will one from or but an if they so when up out about know time see \
    get how who now just like into them some could then than only other new which over also back after \
    use two way work first well even want because any day most us give good here long make many same \
    tomorrow room lecture plan exam notes group board question answer page server client message \
    anybody thanks please sorry maybe before between wall building second number paper coffee train \
    morning evening teacher course table written later question. again. tonight. together. yes. no.";
const NAMES: [&str; 8] = [
    "Ada", "Ben", "Chen", "Dora", "Emre", "Finn", "Grace", "Hana",
];

impl Sample {
    /// Its messages; `None` for none.
    pub fn payloads(self) -> Option<Payloads> {
        let mut random = StdRng::seed_from_u64(SEED);
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut lines = String::new();
        let mut market = Market::new(SEED);
        for _ in 0..MESSAGES {
            let written = match self {
                Self::None => return None,
                Self::Chat => {
                    let length = random.random_range(3..14);
                    let text: Vec<_> = (0..length).map(|_| word(&words, &mut random)).collect();
                    let user = NAMES[random.random_range(0..NAMES.len())];
                    let text = text.join(" ");
                    writeln!(lines, "{{\"user\":\"{user}\",\"text\":\"{text}\"}}")
                }
                Self::Dashboard => {
                    market.step();
                    // Its own number is the publication's.
                    let snapshot = market.snapshot(0);
                    let quotes = snapshot.get().split_once("\"quotes\"");
                    let quotes = quotes.map_or("", |(_, quotes)| quotes);
                    writeln!(lines, "{{\"quotes\"{quotes}")
                }
                Self::Tokens => {
                    let token = word(&words, &mut random);
                    writeln!(
                        lines,
                        "{{\"id\":\"chatcmpl-9k2v7q1x4b8n0m3z\",\"object\":\"chat.completion.chunk\",\"created\":1796040000,\
                         \"model\":\"model-1\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" {token}\"}},\"finish_reason\":null}}]}}",
                    )
                }
            };
            written.expect("a text takes what is written to it");
        }
        Some(Payloads::from_lines(&lines, FILE_BOUNDS).expect("lines of JSON within the bounds"))
    }
}

/// The square of a uniform number is small more often.
fn word<'a>(words: &[&'a str], random: &mut StdRng) -> &'a str {
    let at: f64 = random.random_range(0.0..1.0);
    words[(at * at * words.len() as f64) as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_kind_is_of_the_size_that_its_help_says_and_the_same_every_time() {
        for (sample, bytes) in [
            (Sample::Chat, 70.0),
            (Sample::Dashboard, 430.0),
            (Sample::Tokens, 190.0),
        ] {
            let payloads = sample.payloads().unwrap();
            assert_eq!(payloads.count(), MESSAGES);
            assert_eq!(Some(payloads.clone()), sample.payloads());
            let mean = payloads.mean_bytes(3);
            assert!((mean / bytes - 1.0).abs() < 0.12, "{sample:?}: {mean}");
        }
        assert!(Sample::None.payloads().is_none());
    }

    #[test]
    fn no_sentence_comes_twice_within_a_window() {
        let payloads = Sample::Chat.payloads().unwrap();
        let said = |n| {
            payloads
                .numbered(n)
                .get()
                .split_once("text")
                .unwrap()
                .1
                .to_owned()
        };
        let all: HashSet<_> = (1..=MESSAGES as u64).map(said).collect();
        assert!(all.len() > MESSAGES * 99 / 100, "{}", all.len());
    }
}
