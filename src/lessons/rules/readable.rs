//! How much of it can be read, and how easily: advice, and no faults.

use super::Asked;
use crate::lessons::{
    bounds::{SENTENCE_MAX, WORDS_MAX},
    fault::Fault,
    markup,
    step::{Kind, Step, To},
};

/// What makes it long or hard to read.
pub(super) fn words(asked: &Asked<'_>, advice: &mut Vec<Fault>) {
    let said = |step: &Step| match &step.kind {
        Kind::Guess(guess) => {
            let all = [&guess.options[..], &guess.items[..]].concat();
            format!("{}\n\n{}", guess.question, all.join("\n\n"))
        }
        Kind::Reveal(reveal) => format!("{}\n\n{}", reveal.predicted(), reveal.change),
        Kind::Ask(ask) => format!("{}\n\n{}", ask.question, ask.options.join("\n\n")),
        _ => String::new(),
    };
    let mut all = 0;
    for (step, prose) in asked.steps.iter().zip(asked.prose) {
        let is_note = matches!(&step.kind, Kind::Say(say) if say.to == To::Presenter);
        if is_note {
            continue;
        }
        let mut text = format!("{prose}\n\n{}", said(step));
        all += markup::words(&text);
        if let Kind::Run(run) = &step.kind {
            text.push_str(&run.alone);
        }
        let (count, sentence) = markup::longest_sentence(&text);
        if count > SENTENCE_MAX {
            let begin: String = sentence.chars().take(40).collect();
            let what = format!("a sentence has {count} words; make two of \"{begin}…\"");
            advice.push(Fault::new(step.line, what));
        }
    }
    if all > WORDS_MAX {
        let what =
            format!("it has {all} words on screens; {WORDS_MAX} can be read, so leave some out");
        advice.push(Fault::new(1, what));
    }
}
