//! Which names a student may choose. A list of words keeps out what slips out, not what is meant
//! badly: the presenter replaces any name with one press.

/// Characters of a name.
pub const NAME_MAX: usize = 24;

/// Refused wherever they stand within a word, also written with digits; nobody's name has them.
const NOWHERE: &[&str] = &[
    "fuck",
    "bitch",
    "whore",
    "nigger",
    "nigga",
    "faggot",
    "retard",
    "asshole",
    "arschloch",
    "hurensohn",
    "fotze",
    "wichser",
    "schlampe",
    "kanake",
    "missgeburt",
    "fickdich",
    "putain",
    "salope",
    "enculé",
    "connard",
    "hijodeputa",
    "mierda",
    "hitler",
    "vagina",
    "blowjob",
];

/// Refused as a word of their own: within longer words they are harmless, or part of a name, as in
/// Harshita, Siriporn, Slutsky.
const NOT_AS_A_WORD: &[&str] = &[
    "ass", "arse", "cunt", "cock", "dick", "pussy", "tits", "cum", "sex", "sexy", "wank", "wanker",
    "twat", "prick", "rape", "rapist", "nazi", "kkk", "jizz", "piss", "crap", "damn", "fag",
    "homo", "spast", "spasti", "fick", "ficken", "hure", "nutte", "arsch", "scheisse", "scheiße",
    "merde", "pute", "puta", "bite", "shit", "shits", "shitty", "shithead", "bullshit", "dipshit",
    "slut", "sluts", "slutty", "porn", "porno", "pornhub", "penis", "penises",
];

/// The name as it is shown, with single blanks. `answers`: texts that would give an answer away.
///
/// # Errors
///
/// What is wrong, for whoever typed it; the name itself is not in it.
pub fn check(name: &str, answers: &[&str]) -> Result<String, &'static str> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = name.chars().count();
    if length == 0 || length > NAME_MAX {
        return Err("a name has 1 to 24 characters");
    }
    if !is_plain(&name) {
        return Err("a name has letters, digits, blanks and hyphens only");
    }
    if !name.chars().any(char::is_alphabetic) {
        return Err("a name has a letter");
    }
    if length == 1 && name.is_ascii() {
        return Err("one letter could be an answer");
    }
    if is_rude(&name) {
        return Err("this name is not shown here");
    }
    let lower = name.to_lowercase();
    let is_answer = |answer: &&str| lower == answer.trim().to_lowercase();
    match answers.iter().any(is_answer) {
        true => Err("this name could be an answer"),
        false => Ok(name),
    }
}

/// Letters and digits of any script, with at most one mark on each, blanks and hyphens.
fn is_plain(name: &str) -> bool {
    let mut after_letter = false;
    name.chars().all(|letter| {
        let is_fine = match letter {
            _ if is_mark(letter) => after_letter,
            ' ' | '-' => true,
            _ => letter.is_alphanumeric(),
        };
        after_letter = letter.is_alphanumeric() && !is_mark(letter);
        is_fine
    })
}

/// Marks that names need and that are no letters for Unicode: accents that stand alone, and signs of
/// Indic scripts and of Thai.
fn is_mark(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{93c}' | '\u{94d}' | '\u{9bc}' | '\u{9cd}' | '\u{a4d}'
        | '\u{acd}' | '\u{b4d}' | '\u{bcd}' | '\u{c4d}' | '\u{ccd}' | '\u{d4d}' | '\u{dca}'
        | '\u{e47}'..='\u{e4e}')
}

/// Words are looked at one by one, since what two neighbours have together is chance ("Pen Isabel"),
/// unless all of them are single letters: "f u c k".
fn is_rude(name: &str) -> bool {
    let folded: String = name
        .chars()
        .flat_map(char::to_lowercase)
        .map(folded)
        .collect();
    let parts = folded.split([' ', '-']).filter(|part| !part.is_empty());
    let parts: Vec<Vec<Run>> = parts
        .map(|part| runs(part.chars().filter(|letter| letter.is_alphabetic())))
        .collect();
    let is_spelled = parts
        .iter()
        .all(|part| part.iter().map(|run| run.1).sum::<usize>() <= 1);
    let spelled = is_spelled.then(|| runs(folded.chars().filter(|letter| letter.is_alphabetic())));
    // A digit that stands for no letter may stand between two words, too.
    let between = folded.split(|letter: char| !letter.is_alphabetic());
    let words: Vec<Vec<Run>> = (parts.into_iter().chain(spelled))
        .chain(between.map(|word| runs(word.chars())))
        .collect();
    let is_there = |list: &[&str], is_so: fn(&[Run], &[Run]) -> bool| {
        list.iter().any(|listed| {
            let listed = runs(listed.chars());
            words.iter().any(|word| is_so(word, &listed))
        })
    };
    is_there(NOWHERE, has) || is_there(NOT_AS_A_WORD, is)
}

/// A letter, and how often it stands there in a row.
type Run = (char, usize);

fn runs(letters: impl Iterator<Item = char>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for letter in letters {
        match runs.last_mut() {
            Some((last, count)) if *last == letter => *count += 1,
            _ => runs.push((letter, 1)),
        }
    }
    runs
}

/// The listed word stands in this one, its letters at least as often: "fuuuck". Not less often, for
/// Niger is a country.
fn has(word: &[Run], listed: &[Run]) -> bool {
    let is_run = |(own, of): (&Run, &Run)| own.0 == of.0 && own.1 >= of.1;
    word.windows(listed.len())
        .any(|part| part.iter().zip(listed).all(is_run))
}

/// It is the listed one, or that with a letter three times or more: "asss". Twice is another word, as in
/// the surname Rappe.
fn is(word: &[Run], listed: &[Run]) -> bool {
    let is_run = |(own, of): (&Run, &Run)| own.0 == of.0 && (own.1 == of.1 || own.1 >= of.1.max(3));
    word.len() == listed.len() && word.iter().zip(listed).all(is_run)
}

/// Digits that stand for letters, and Cyrillic letters that look like Latin ones.
fn folded(letter: char) -> char {
    match letter {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        'а' => 'a',
        'е' => 'e',
        'і' => 'i',
        'о' => 'o',
        'р' => 'p',
        'с' => 'c',
        'у' => 'y',
        'х' => 'x',
        'ѕ' => 's',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_taken() {
        for (name, shown) in [
            ("  Ada   Lovelace ", "Ada Lovelace"),
            ("Jean-Luc", "Jean-Luc"),
            ("Müller 2", "Müller 2"),
            ("李", "李"),
            ("नेहा", "नेहा"),
            ("कृष्ण", "कृष्ण"),
            ("สมชาย", "สมชาย"),
            ("Scunthorpe", "Scunthorpe"),
            ("Cassandra", "Cassandra"),
            ("Hancock", "Hancock"),
            ("Nazir", "Nazir"),
            ("Essex", "Essex"),
            ("Анна", "Анна"),
            ("Anna K", "Anna K"),
            ("Lisa K", "Lisa K"),
            ("Harshita", "Harshita"),
            ("Akshita", "Akshita"),
            ("Rishit", "Rishit"),
            ("Siriporn", "Siriporn"),
            ("Pornchai", "Pornchai"),
            ("Niger", "Niger"),
            ("Nigeria", "Nigeria"),
            ("Pen Isabel", "Pen Isabel"),
            ("Slutsky", "Slutsky"),
            ("Fickenscher", "Fickenscher"),
            ("Rappe", "Rappe"),
            ("As", "As"),
        ] {
            assert_eq!(check(name, &[]).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn rude_words_numbers_and_answers_are_not() {
        for name in [
            "",
            "   ",
            "42",
            "4 2",
            "-",
            "B",
            "<b>x</b>",
            "a\u{202e}b",
            "a\u{200b}b",
            "Fuck you",
            "f u c k",
            "FUUUCK",
            "f-u-c-k",
            "fu2ck",
            "motherfucker",
            "sh1t",
            "s h i t",
            "Porn",
            "p3nis",
            "Nigger",
            "niggger",
            "KKK",
            "k k k",
            "2cum2",
            "asss",
            "5hit",
            "a s s",
            "big ass",
            "Hitler",
            "d1ck",
            "Z\u{301}\u{301}",
            "an emoji 🙂",
            "abcdefghijklmnopqrstuvwxy",
            "every 0.5 s",
            "сunt",
        ] {
            assert!(check(name, &[]).is_err(), "{name:?}");
        }
        assert!(check("It is the same", &["it is the SAME "]).is_err());
    }
}
