//! Which names a student may choose. A list of words keeps out what slips out, not what is meant
//! badly: the presenter replaces any name with one press.

/// Characters of a name.
pub const NAME_MAX: usize = 24;

/// Refused wherever they stand, also written with digits or with blanks between.
const NOWHERE: [&str; 30] = [
    "fuck",
    "shit",
    "bitch",
    "whore",
    "slut",
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
    "ficken",
    "fickdich",
    "putain",
    "salope",
    "enculé",
    "connard",
    "hijodeputa",
    "mierda",
    "hitler",
    "penis",
    "vagina",
    "porn",
    "blowjob",
];

/// Refused as a word of their own: within longer words they are harmless, or part of a surname.
const NOT_AS_A_WORD: [&str; 36] = [
    "ass", "arse", "cunt", "cock", "dick", "pussy", "tits", "cum", "sex", "sexy", "wank", "wanker",
    "twat", "prick", "rape", "rapist", "nazi", "kkk", "jizz", "piss", "crap", "damn", "fag",
    "homo", "spast", "spasti", "fick", "hure", "nutte", "arsch", "scheisse", "scheiße", "merde",
    "pute", "puta", "bite",
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
    match answers.iter().any(|answer| is_answer(&answer)) {
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

fn is_rude(name: &str) -> bool {
    let folded: String = name
        .chars()
        .flat_map(char::to_lowercase)
        .map(folded)
        .collect();
    let together = squeezed(folded.chars().filter(|letter| letter.is_alphabetic()));
    let is_inside = |word: &&str| together.contains(&squeezed(word.chars()));
    let words = || folded.split(|letter: char| !letter.is_alphabetic());
    let is_word = |word: &&str| words().any(|own| squeezed(own.chars()) == squeezed(word.chars()));
    // As one word, too: "a s s".
    let is_all = |word: &&str| together == squeezed(word.chars());
    NOWHERE.iter().any(|word| is_inside(&word))
        || NOT_AS_A_WORD
            .iter()
            .any(|word| is_word(&word) || is_all(&word))
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

/// A letter that is repeated counts once.
fn squeezed(letters: impl Iterator<Item = char>) -> String {
    let mut text = String::new();
    for letter in letters {
        if !text.ends_with(letter) {
            text.push(letter);
        }
    }
    text
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
            "sh1t",
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
