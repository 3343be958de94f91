//! From a file to a [`Lesson`]: front matter, then the blocks of the text in their order.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use serde::de::DeserializeOwned;

use super::{
    FILE_MAX_BYTES, Lesson,
    bounds::STEPS_MAX,
    fault::{Fault, distance, nearest},
    front::Front,
    markup, rules,
    step::{Ask, Code, Guess, Kind, Reveal, Run, Say, Set, Step, Wait},
};
use crate::terminal_text;

const MARK: &str = "+++";

pub fn parse(name: &str, text: &str) -> Result<Lesson, Vec<Fault>> {
    if text.len() > FILE_MAX_BYTES {
        let (size, most) = (text.len(), FILE_MAX_BYTES);
        let fault = format!("it has {size} bytes, and a lesson has {most} at most; make two of it");
        return Err(vec![Fault::new(1, fault)]);
    }
    // A mark of the byte order, and ends of lines as another system writes them.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    if let Some(fault) = obeyed(&text) {
        return Err(vec![fault]);
    }
    let halves = Halves::of(&text).map_err(|fault| vec![fault])?;
    let mut faults: Vec<Fault> = missing(halves.front).into_iter().collect();
    let front = match faults.is_empty() {
        true => toml_of::<Front>("front matter", halves.front, 2),
        false => Err(faults.remove(0)),
    };
    let front = front.map_err(|fault| faults.push(fault)).ok();
    let mut read = Read::default();
    read.body(halves.body, halves.body_line);
    faults.append(&mut read.faults);
    let Some(front) = front else {
        return Err(faults);
    };
    let mut advice = Vec::new();
    let asked = rules::Asked {
        name,
        front: &front,
        front_text: halves.front,
        steps: &read.steps,
        prose: &read.prose,
        // A block that could not be read is no forgotten one.
        is_whole: faults.is_empty(),
    };
    rules::check(&asked, &mut faults, &mut advice);
    if !faults.is_empty() {
        faults.sort_by_key(|fault| (fault.line, fault.column));
        return Err(faults);
    }
    Ok(Lesson {
        front,
        steps: read.steps,
        advice,
    })
}

/// The first character that a terminal would obey, or that turns text round, where it stands in the file.
fn obeyed(text: &str) -> Option<Fault> {
    let lines = text.split('\n').enumerate();
    lines.into_iter().find_map(|(line, text)| {
        let mut letters = text.chars().enumerate();
        let (column, letter) = letters.find(|(_, letter)| is_refused(*letter))?;
        Some(Fault::new(line + 1, not_shown(letter)).at(column + 1))
    })
}

fn is_refused(letter: char) -> bool {
    !matches!(letter, '\n' | '\t') && terminal_text::is_obeyed(letter)
}

fn not_shown(letter: char) -> String {
    format!(
        "the character {} is not shown, and terminals obey it or text is turned round by it; take it out",
        letter.escape_unicode()
    )
}

/// The same of what a block's texts say once they are read: `"\u001b"`.
fn obeyed_in(value: &toml::Value) -> Option<char> {
    match value {
        toml::Value::String(text) => text.chars().find(|letter| is_refused(*letter)),
        toml::Value::Array(all) => all.iter().find_map(obeyed_in),
        toml::Value::Table(all) => all.iter().find_map(|(key, value)| {
            let in_key = key.chars().find(|letter| is_refused(*letter));
            in_key.or_else(|| obeyed_in(value))
        }),
        _ => None,
    }
}

/// Front matter and text.
struct Halves<'a> {
    front: &'a str,
    body: &'a str,
    /// Of the text's first line.
    body_line: usize,
}

impl<'a> Halves<'a> {
    fn of(text: &'a str) -> Result<Self, Fault> {
        let Some(rest) = text.strip_prefix("+++\n") else {
            let what = "a lesson begins with a line +++, then its front matter, then +++ again; \
                put +++ into the first line";
            return Err(Fault::new(1, what));
        };
        let mut from = 0;
        for (at, line) in rest.split_inclusive('\n').enumerate() {
            if line.trim_end() == MARK {
                return Ok(Self {
                    front: &rest[..from],
                    body: &rest[from + line.len()..],
                    body_line: at + 3,
                });
            }
            from += line.len();
        }
        let what = "the front matter does not end; put a line +++ after it";
        Err(Fault::new(1, what))
    }
}

/// What is read of the text.
#[derive(Default)]
struct Read {
    steps: Vec<Step>,
    /// Each step's prose, as Markdown.
    prose: Vec<String>,
    faults: Vec<Fault>,
}

impl Read {
    fn body(&mut self, body: &str, body_line: usize) {
        let line_of = |at: usize| body_line + body[..at].matches('\n').count();
        let mut prose_from = 0;
        for block in blocks(body) {
            let line = line_of(block.span.start);
            if !Kind::NAMES.contains(&block.word) {
                if let Some(what) = not_a_step(block.word) {
                    self.faults.push(Fault::new(line, what));
                    prose_from = block.span.end;
                }
                continue;
            }
            if self.steps.len() == STEPS_MAX {
                let what = format!("a lesson has {STEPS_MAX} steps at most; make two of it");
                self.faults.push(Fault::new(line, what));
                return;
            }
            let prose = &body[prose_from..block.span.start];
            if markup::nesting(prose) > markup::NESTING_MAX {
                let what = format!(
                    "quotations, lists and emphasis stand in each other more than {} times; take some marks away",
                    markup::NESTING_MAX
                );
                self.faults.push(Fault::new(line_of(prose_from), what));
            }
            prose_from = block.span.end;
            match kind_of(block.word, &body[block.inside.clone()], line + 1) {
                Ok(kind) => {
                    let html = markup::to_html(prose);
                    // Written as an entity: &#27;
                    if let Some(letter) = html.chars().find(|letter| is_refused(*letter)) {
                        self.faults.push(Fault::new(line, not_shown(letter)));
                    }
                    self.steps.push(Step { line, html, kind });
                    self.prose.push(prose.to_owned());
                }
                Err(fault) => self.faults.push(fault),
            }
        }
        let left = &body[prose_from..];
        if !left.trim().is_empty() {
            let at = prose_from + left.len() - left.trim_start().len();
            let what = "this text comes after the last step and is shown nowhere; put it before \
                the block of a step";
            self.faults.push(Fault::new(line_of(at), what));
        }
    }
}

/// A fenced block that stands by itself, not within a list or a quotation.
struct Block<'a> {
    /// The first word after its fence.
    word: &'a str,
    span: Range<usize>,
    /// What is between its fences.
    inside: Range<usize>,
}

fn blocks(body: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for (event, span) in Parser::new_ext(body, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) if depth == 0 => {
                depth += 1;
                // From the body and not from the event, so that it lives as long.
                let first = body[span.clone()].lines().next().unwrap_or_default();
                let info = first.trim_start_matches([' ', '`', '~']);
                let from = (span.start + first.len() + 1).min(span.end);
                found.push(Block {
                    word: info.split_whitespace().next().unwrap_or_default(),
                    inside: from..from,
                    span,
                });
            }
            Event::Text(_) if depth == 1 => {
                if let Some(block) = found.last_mut()
                    && block.span.end >= span.end
                    && block.inside.end < span.end
                {
                    block.inside.end = span.end;
                }
            }
            Event::Start(_) => depth += 1,
            Event::End(TagEnd::CodeBlock) | Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

/// What is to be said of a block that is none of the steps; `None`: it is code to show.
fn not_a_step(word: &str) -> Option<String> {
    // One letter off: of longer distances every other language would be a step.
    let mut names = Kind::NAMES.iter();
    let meant = names.find(|name| !word.is_empty() && distance(word, name) == 1)?;
    Some(format!(
        "\"{word}\" is no kind of step; nearest: \"{meant}\""
    ))
}

fn kind_of(word: &str, text: &str, line: usize) -> Result<Kind, Fault> {
    Ok(match word {
        "guess" => Kind::Guess(toml_of::<Guess>(word, text, line)?),
        "set" => Kind::Set(toml_of::<Set>(word, text, line)?),
        "run" => Kind::Run(toml_of::<Run>(word, text, line)?),
        "wait" => Kind::Wait(toml_of::<Wait>(word, text, line)?),
        "reveal" => Kind::Reveal(toml_of::<Reveal>(word, text, line)?),
        "code" => Kind::Code(toml_of::<Code>(word, text, line)?),
        "ask" => Kind::Ask(toml_of::<Ask>(word, text, line)?),
        _ => Kind::Say(toml_of::<Say>(word, text, line)?),
    })
}

/// `line`: of the text's first line, in the file.
fn toml_of<T: DeserializeOwned>(whose: &str, text: &str, line: usize) -> Result<T, Fault> {
    let told = toml::from_str::<toml::Table>(text).ok();
    if let Some(letter) = told.and_then(|told| obeyed_in(&toml::Value::Table(told))) {
        let what = format!("{whose}: {}", not_shown(letter));
        return Err(Fault::new(line, what));
    }
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.get(..at).unwrap_or_default();
        let line = line + before.matches('\n').count();
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        Fault::new(line, format!("{whose}: {}", remedied(error.message()))).at(column)
    })
}

/// Where more keys than one are missing: all of them, for the parser tells of one at a time.
fn missing(front: &str) -> Option<Fault> {
    let told = toml::from_str::<toml::Table>(front).ok()?;
    let keys = Front::NEEDED.iter().filter(|key| !told.contains_key(**key));
    let lines: Vec<String> = keys.map(|key| format!("{key} = …")).collect();
    (lines.len() > 1).then(|| {
        let what = format!("front matter: lines are missing; add {}", lines.join(", "));
        Fault::new(2, what)
    })
}

/// The parser's message with what to do.
fn remedied(message: &str) -> String {
    let message = message.trim().replace('\n', ", ");
    let mut ticks = message.split('`');
    if let Some(known) = message.strip_prefix("unknown field ") {
        let wrong = ticks.nth(1).unwrap_or_default();
        let fields: Vec<&str> = known.split('`').skip(3).step_by(2).collect();
        return format!("\"{wrong}\" is no key of it; {}", nearest(wrong, fields));
    }
    if message.starts_with("missing field ") {
        let missing = ticks.nth(1).unwrap_or_default();
        return format!("\"{missing}\" is missing; add a line {missing} = …");
    }
    if message.starts_with("unknown variant ") {
        let wrong = ticks.nth(1).unwrap_or_default();
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        return format!("it cannot be \"{wrong}\"; {}", nearest(wrong, known));
    }
    // What a value says of itself has its remedy already.
    if message.contains(';') {
        return message;
    }
    format!("{message}; texts stand in \"…\", lists in […], and the block ends with its own ```")
}
