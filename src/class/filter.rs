//! Which names a student may choose. A list of words keeps out what slips out, not what is meant
//! badly: the presenter replaces any name with one press.
//!
//! What only looks like other letters is told apart first: names are kept in Unicode's form NFKC (UAX
//! #15), which makes full-width, circled and styled letters plain ones; what nobody can see is refused,
//! and so is a word of two alphabets. [`likeness`] says whether two names look the same.

use unicode_normalization::{UnicodeNormalization, char::decompose_canonical};

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
    if name.chars().any(is_invisible) {
        return Err(
            "this name has characters that nobody can see; type it without them, with a blank between its parts",
        );
    }
    let name: String = name.nfkc().collect();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = name.chars().count();
    if length == 0 || length > NAME_MAX {
        return Err("a name has 1 to 24 characters");
    }
    if !is_plain(&name) {
        return Err("a name has letters, digits, blanks and hyphens only; leave the rest out");
    }
    if !name.chars().any(char::is_alphabetic) {
        return Err("a name has a letter; write one");
    }
    let words = || name.split([' ', '-']);
    if words().any(mixes_alphabets) {
        return Err("a word of this name mixes alphabets; write each word in one");
    }
    let likeness = likeness(&name);
    if length == 1 && likeness.is_ascii() {
        return Err("one letter could be an answer; write more of the name");
    }
    if is_rude(&name) {
        return Err("this name is not shown here; choose another");
    }
    let is_answer = |answer: &&str| likeness == self::likeness(answer);
    match answers.iter().any(is_answer) {
        true => Err("this name could be an answer; choose another"),
        false => Ok(name),
    }
}

/// What a name looks like: two names of one likeness are one to whoever reads the wall. Without
/// blanks and hyphens, in small letters; digits stand for letters where there are some beside them.
pub fn likeness(name: &str) -> String {
    let name: String = name.nfkc().flat_map(char::to_lowercase).collect();
    let words = name.split(|letter: char| letter.is_whitespace() || letter == '-');
    let as_read = |word: &str| -> String {
        match word.chars().any(char::is_alphabetic) {
            true => word.chars().map(folded).collect(),
            false => word.to_owned(),
        }
    };
    words.map(as_read).collect()
}

/// Zero width, direction, fillers, selectors: what changes a name and not what is seen of it.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Alphabets whose letters are taken for each other's, each with its blocks; all others together are
/// one more. Those of East Asia are written side by side in one word, and stand there as one.
const ALPHABETS: &[&[std::ops::RangeInclusive<char>]] = &[
    &[
        'A'..='z',
        'ª'..='ʸ',
        '\u{1d00}'..='\u{1d25}',
        '\u{1d2c}'..='\u{1dbf}',
        '\u{1e00}'..='\u{1eff}',
        '\u{2c60}'..='\u{2c7f}',
        '\u{a722}'..='\u{a7ff}',
        '\u{ab30}'..='\u{ab64}',
    ],
    &['\u{370}'..='\u{3ff}', '\u{1f00}'..='\u{1fff}'],
    &[
        '\u{400}'..='\u{52f}',
        '\u{1c80}'..='\u{1c8f}',
        '\u{a640}'..='\u{a69f}',
    ],
    &['\u{530}'..='\u{58f}'],
    &['\u{10a0}'..='\u{10ff}', '\u{1c90}'..='\u{1cbf}'],
    &['\u{13a0}'..='\u{13ff}', '\u{ab70}'..='\u{abbf}'],
    &['\u{1400}'..='\u{167f}'],
    &['\u{a4d0}'..='\u{a4ff}'],
    &[
        '\u{1100}'..='\u{11ff}',
        '\u{2e80}'..='\u{9fff}',
        '\u{a960}'..='\u{a97f}',
        '\u{ac00}'..='\u{d7ff}',
        '\u{f900}'..='\u{faff}',
        '\u{20000}'..='\u{3ffff}',
    ],
];

fn mixes_alphabets(word: &str) -> bool {
    let letters = word.chars().filter(|letter| letter.is_alphabetic());
    let mut alphabets = letters.map(|letter| {
        let has_it = |blocks: &&[std::ops::RangeInclusive<char>]| {
            blocks.iter().any(|block| block.contains(&letter))
        };
        ALPHABETS.iter().position(has_it)
    });
    let first = alphabets.next();
    first.is_some_and(|first| alphabets.any(|other| other != first))
}

/// Letters and digits of any script, with at most one mark on each, blanks and hyphens. Where a letter
/// with marks is one of its own, as in Vietnamese, it is one here.
fn is_plain(name: &str) -> bool {
    let mut after_letter = false;
    name.chars().all(|letter| {
        let is_fine = match letter {
            _ if is_mark(letter) => after_letter,
            ' ' | '-' => true,
            _ => letter.is_alphanumeric(),
        };
        after_letter = letter.is_alphanumeric() && !is_mark(letter) && !has_mark(letter);
        is_fine
    })
}

/// The letter has an accent within it.
fn has_mark(letter: char) -> bool {
    let mut has = false;
    decompose_canonical(letter, |part| has |= matches!(part, '\u{300}'..='\u{36f}'));
    has
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

/// Digits that stand for letters, and letters that look like Latin ones: small capitals, Greek, Cyrillic.
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
        'в' => 'b',
        'к' => 'k',
        'м' => 'm',
        'н' => 'h',
        'т' => 't',
        'һ' => 'h',
        'ј' => 'j',
        'ԁ' => 'd',
        'ԛ' => 'q',
        'ԝ' => 'w',
        'α' => 'a',
        'β' => 'b',
        'ε' => 'e',
        'η' => 'n',
        'ι' => 'i',
        'κ' => 'k',
        'ν' => 'v',
        'ο' => 'o',
        'ρ' => 'p',
        'τ' => 't',
        'υ' => 'u',
        'χ' => 'x',
        'ω' => 'w',
        'ı' => 'i',
        'ɑ' => 'a',
        'ɡ' => 'g',
        'ᴀ' => 'a',
        'ʙ' => 'b',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ᴇ' => 'e',
        'ꜰ' => 'f',
        'ɢ' => 'g',
        'ʜ' => 'h',
        'ɪ' => 'i',
        'ᴊ' => 'j',
        'ᴋ' => 'k',
        'ʟ' => 'l',
        'ᴍ' => 'm',
        'ɴ' => 'n',
        'ᴏ' => 'o',
        'ᴘ' => 'p',
        'ʀ' => 'r',
        'ꜱ' => 's',
        'ᴛ' => 't',
        'ᴜ' => 'u',
        'ᴠ' => 'v',
        'ᴡ' => 'w',
        'ʏ' => 'y',
        'ᴢ' => 'z',
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
            ("Ａｄａ", "Ada"),
            ("𝒜𝒹𝒶", "Ada"),
            ("Ｍüller　２", "Müller 2"),
            ("Nguye\u{302}\u{303}n", "Nguyễn"),
            ("Γιώργος", "Γιώργος"),
            ("Анна Smith", "Анна Smith"),
            ("さくら子", "さくら子"),
            ("김민준", "김민준"),
            ("אבי", "אבי"),
            ("محمد", "محمد"),
            ("ተስፋዬ", "ተስፋዬ"),
            ("Əli", "Əli"),
            ("X Æ", "X Æ"),
            ("Fücks", "Fücks"),
            ("Рома", "Рома"),
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
            "ｆｕｃｋ",
            "𝖋𝖚𝖈𝖐",
            "ⓕⓤⓒⓚ",
            "ꜰᴜᴄᴋ",
            "f\u{ad}uck",
            "Ｂ",
            "В",
            "４２",
        ] {
            assert!(check(name, &[]).is_err(), "{name:?}");
        }
        assert!(check("It is the same", &["it is the SAME "]).is_err());
        assert!(check("Ｉｔ is the-same", &["it is the same"]).is_err());
    }

    #[test]
    fn who_is_refused_is_told_what_to_do() {
        for invisible in [
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2066}',
            '\u{2060}',
            '\u{feff}',
            '\u{ad}',
            '\u{34f}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{115f}',
            '\u{fe0f}',
            '\u{e0041}',
        ] {
            let why = check(&format!("A{invisible}da"), &[]).unwrap_err();
            assert!(why.contains("nobody can see"), "{invisible:?}: {why}");
            assert!(why.contains("type it without them"), "{invisible:?}: {why}");
        }
        // Of Cyrillic, Greek, Armenian and Cherokee one letter each.
        for mixed in ["Аda", "Adα", "Οtter", "Quiet Oտter", "Ꭺda", "Jean-Lυc"] {
            let why = check(mixed, &[]).unwrap_err();
            assert!(why.contains("each word in one"), "{mixed}: {why}");
        }
    }

    #[test]
    fn names_that_look_the_same_have_one_likeness() {
        for (one, other) in [
            ("Quiet Otter", "QUIET 0TTER"),
            ("Quiet Otter", "Ｑuiet-Otter"),
            ("Анна", "AHHA"),
            ("Ada", "ᴀᴅᴀ"),
        ] {
            assert_eq!(likeness(one), likeness(other), "{one} {other}");
        }
        for (one, other) in [
            ("Team 5", "Team S"),
            ("Müller 1", "Müller 2"),
            ("Ada", "Ade"),
        ] {
            assert_ne!(likeness(one), likeness(other), "{one} {other}");
        }
    }
}
