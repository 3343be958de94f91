//! Which names a student may choose. A list of words keeps out what slips out, not what is meant
//! badly: the presenter replaces any name with one press.
//!
//! What only looks like other letters is told apart first: names are kept in Unicode's form NFKC (UAX
//! #15), which makes full-width, circled and styled letters plain ones; what nobody can see is refused,
//! and so are a word of two alphabets and letters that are in no use today (UTS #39: of Lisu or Coptic, in
//! squares). [`likeness`] says whether two names look the same.

use unicode_normalization::{UnicodeNormalization, char::decompose_canonical};
use unicode_security::{GeneralSecurityProfile, MixedScript, skeleton};

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
    "dickhead",
    "cocksucker",
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

/// Names of people that look like one of these without their accents.
const NAMES_ALL_THE_SAME: &[&str] = &["fücks"];

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
    let words = || name.split([' ', '-']);
    if words().any(mixes_alphabets) {
        return Err("a word of this name mixes alphabets; write each word in one");
    }
    if !is_plain(&name) {
        return Err("a name has letters, digits, blanks and hyphens only; leave the rest out");
    }
    if !name
        .chars()
        .all(|letter| is_mark(letter) || " -".contains(letter) || letter.identifier_allowed())
    {
        return Err(
            "a letter of this name is one that is in no use today, and is taken for another; write the usual one",
        );
    }
    if !name.chars().any(char::is_alphabetic) {
        return Err("a name has a letter; write one");
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
/// blanks, hyphens and accents, in small letters; digits stand for letters where there are some beside them.
pub fn likeness(name: &str) -> String {
    let name: String = name.nfkc().collect();
    let words = name.split(|letter: char| letter.is_whitespace() || letter == '-');
    let as_read = |word: &str| match word.chars().any(char::is_alphabetic) {
        true => folded(word),
        // A number is no word: Team 5 is not Team S. But Team 1 looks as Team l does.
        false => word.replace('0', "o").replace('1', "l"),
    };
    words.map(as_read).collect()
}

/// The name without its numbers, as it is shown while a number is guessed.
pub fn without_numbers(name: &str) -> String {
    let mut shown = String::new();
    for letter in name.chars() {
        match letter.is_numeric() {
            false => shown.push(letter),
            true if shown.ends_with('…') => {}
            true => shown.push('…'),
        }
    }
    shown
}

/// Whether there is a number in it.
pub fn has_number(name: &str) -> bool {
    name.nfkc().any(char::is_numeric)
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

/// Scripts that are written side by side in one word, as in Japanese, are one.
fn mixes_alphabets(word: &str) -> bool {
    !word.is_single_script()
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
    let is_a_name = |word: &&str| NAMES_ALL_THE_SAME.contains(&word.to_lowercase().as_str());
    let words = name.split([' ', '-']).filter(|word| !is_a_name(word));
    let folded = folded(&words.collect::<Vec<_>>().join(" "));
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
            let listed = runs(self::folded(listed).chars());
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

/// What a text looks like, in small Latin letters as far as it does (the skeleton of Unicode's UTS 39): without
/// accents, digits as the letters that they stand for, and what is read for each other as one.
fn folded(text: &str) -> String {
    let small: String = text.nfkc().flat_map(char::to_lowercase).collect();
    small
        .chars()
        .flat_map(looks_like)
        .map(one_of_its_kind)
        .collect()
}

/// A small letter by the one that it looks like; where it looks like none of Latin's, by its capital's.
fn looks_like(letter: char) -> Vec<char> {
    let own = skeleton_of(letter);
    if own.iter().all(char::is_ascii) {
        return own;
    }
    let mut capitals = letter.to_uppercase();
    let capital = capitals.next().map(skeleton_of).unwrap_or_default();
    match capital[..] {
        [capital] if capital.is_ascii() => skeleton_of(capital.to_ascii_lowercase()),
        _ => own,
    }
}

fn skeleton_of(letter: char) -> Vec<char> {
    let text = letter.to_string();
    skeleton(&text)
        .filter(|part| !is_accent(*part))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Accents and strokes, which are left out; not the vowels of other scripts.
fn is_accent(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Of those that are written for each other, one: 1, i and l; 0 and o; 5, $ and s.
fn one_of_its_kind(letter: char) -> char {
    match letter {
        '0' => 'o',
        '1' | 'i' | '|' => 'l',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
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
            ("Ayşe", "Ayşe"),
            ("Łukasz", "Łukasz"),
            ("Søren", "Søren"),
            ("Đức", "Đức"),
            ("Mia", "Mia"),
            ("Millie", "Millie"),
            ("Billy", "Billy"),
            ("Dilara", "Dilara"),
            ("Corinna", "Corinna"),
            ("יוסף", "יוסף"),
            ("கவிதா", "கவிதா"),
            ("ქეთი", "ქეთი"),
            ("Արամ", "Արամ"),
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
            "Hit1er",
            "HitIer",
            "hítler",
            "fúck",
            "ƒuck",
            "føck fúçk",
            "dickhead",
            "d1ckhead",
            "cocksucker",
            "ꓝꓴꓚꓗ",
            "ꓐꓲꓔꓚꓧ",
            "🅵🆄🅲🅺",
            "🄵🅄🄲🄺",
            "ᏟᎾᏟᏦ",
            "ᎪᎠᎪᎷ",
            "ⲠⲞⲢⲚ",
            "🅰🅳🅰",
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
            ("Bill", "BiIl"),
            ("Bill", "bi1l"),
            ("Ian", "lan"),
            ("Al", "AI"),
            ("Team 1", "Team l"),
            ("Müller", "Muller"),
            ("Сара", "Capa"),
            ("Omar", "0mar"),
            ("Jose", "J0sé"),
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
