//! `docs/lesson-files.md`, held to the parser: every key that it knows has its row and no other has, bounds and defaults
//! are those of the code, the names of figures are all there, and the whole example can be given.

use std::collections::{BTreeMap, BTreeSet};

use pushlab::{
    catalogue,
    demo::{content, sources},
    experiments::group::Group,
    lessons::{
        FILE_MAX_BYTES, Lesson,
        bounds::{self, said},
        code, figure, forms, front,
        keys::of_blocks,
        step::Kind,
    },
};

use super::{
    files,
    protocols::{quoted, section, table},
};

const PAGE: &str = "lesson-files.md";

fn page() -> String {
    files().remove(PAGE).unwrap()
}

/// The rows of a block's table, by their keys: values, and what holds without one.
fn rows(page: &str, block: &str) -> BTreeMap<String, [String; 2]> {
    let heading = match block {
        "front matter" => "Front matter",
        other => other,
    };
    let rows = table_of_one(page, heading).into_iter().map(|row| {
        let [key, _, values, without] = <[String; 4]>::try_from(row).unwrap();
        (quoted(&key).next().unwrap().to_owned(), [values, without])
    });
    rows.collect()
}

/// As [`table`], also where it has a single row.
fn table_of_one(page: &str, heading: &str) -> Vec<Vec<String>> {
    let lines = section(page, heading).lines();
    let count = lines.filter(|line| line.starts_with("| `")).count();
    match count {
        1 => {
            let line = section(page, heading)
                .lines()
                .find(|line| line.starts_with("| `"));
            let cells = line.unwrap().trim_matches('|').split('|');
            vec![cells.map(|cell| cell.trim().to_owned()).collect()]
        }
        _ => table(page, heading),
    }
}

/// The page's example: what stands in its outermost fence.
fn example(page: &str) -> String {
    let (_, from) = page.split_once("````markdown\n").unwrap();
    from.split_once("\n````\n").unwrap().0.to_owned() + "\n"
}

/// Without the part that would be another heading's, and without the example, whose blocks are no headings.
fn text() -> String {
    let page = page();
    page.replace(&example(&page), "")
}

#[test]
fn every_key_that_the_parser_knows_has_its_row_and_no_other_has() {
    let text = text();
    for (block, keys) in of_blocks() {
        assert!(!keys.is_empty(), "{block}");
        let told: BTreeSet<String> = rows(&text, block).into_keys().collect();
        let known: BTreeSet<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(told, known, "{PAGE}, {block}");
    }
    let blocks: Vec<&str> = of_blocks().into_iter().map(|(block, _)| block).collect();
    for kind in Kind::NAMES {
        assert!(blocks.contains(&kind), "{kind} is read off the parser");
    }
}

#[test]
fn a_file_without_a_needed_key_does_not_load_and_without_another_it_does() {
    let text = text();
    let needed: BTreeSet<String> = rows(&text, "front matter")
        .into_iter()
        .filter(|(_, [_, without])| without == "needed")
        .map(|(key, _)| key)
        .collect();
    let known = front::Front::NEEDED.map(str::to_owned);
    assert_eq!(needed, known.into_iter().collect());
    let example = example(&page());
    for (block, keys) in of_blocks() {
        // In the example each stands on a line of its own; tables within a line are the parser's own tests' business.
        let rows = rows(&text, block);
        for key in keys {
            let line = format!("\n{key} = ");
            let fence = match block {
                "front matter" => "+++\n".to_owned(),
                other => format!("```{other}\n"),
            };
            let Some(from) = example.find(&fence) else {
                continue;
            };
            let inside = &example[from + fence.len() - 1..];
            let end = inside[1..].find(&fence[..3]).unwrap() + 1;
            let Some(at) = inside[..end].find(&line) else {
                continue;
            };
            let whole = inside[at + 1..].split('\n').next().unwrap();
            let start = from + fence.len() - 1 + at + 1;
            let without = format!(
                "{}{}",
                &example[..start],
                &example[start + whole.len() + 1..]
            );
            let loads = Lesson::parse("fresh-prices.md", &without).is_ok();
            let says = &rows[*key][1];
            if says == "needed" {
                assert!(!loads, "{block}: {key} is needed");
            }
            let is_one_value = quoted(says)
                .next()
                .is_some_and(|value| says.len() == value.len() + 2);
            if is_one_value || says.parse::<f64>().is_ok() {
                assert!(loads, "{block}: {key} has a default");
            }
        }
    }
}

#[test]
fn bounds_and_defaults_are_those_of_the_code() {
    let text = text();
    let clock = front::Clock::default();
    let most = |bound: usize| format!("at most {bound}");
    let bounds = [
        ("front matter", "title", most(bounds::TITLE_MAX)),
        ("front matter", "order", said(&bounds::ORDER)),
        ("front matter", "minutes", said(&bounds::MINUTES)),
        ("front matter", "claims", said(&bounds::CLAIMS)),
        ("front matter", "lacks", most(bounds::LACKS_MAX)),
        ("front matter", "pages", most(bounds::PAGES_MAX)),
        ("needs", "phones", most(bounds::CLIENTS_MAX.into())),
        ("needs", "stand_ins", most(bounds::CLIENTS_MAX.into())),
        ("needs", "nodes", said(&bounds::NODES)),
        ("guess", "question", most(bounds::TEXT_MAX)),
        ("guess", "unit", most(bounds::UNIT_MAX)),
        ("guess", "x_unit", most(bounds::UNIT_MAX)),
        ("guess", "options", said(&bounds::OPTIONS)),
        ("guess", "options", most(bounds::OPTION_MAX)),
        ("guess", "x", said(&bounds::POINTS)),
        ("guess", "items", said(&bounds::ITEMS)),
        ("guess", "items", most(bounds::OPTION_MAX)),
        ("guess", "seconds", said(&bounds::GUESS_S)),
        ("guess", "max", most(bounds::AXIS_MAX.log10() as usize)),
        ("set", "phones", most(bounds::GROUPS_MAX)),
        ("phones", "share", said(&bounds::SHARE)),
        (
            "phones",
            "poll_interval_ms",
            said(&bounds::POLL_INTERVAL_MS),
        ),
        ("source", "rate_per_s", said(&sources::RATE_RANGE)),
        (
            "source",
            "size_bytes",
            said(&(content::SIZE_MIN_BYTES..=content::SIZE_MAX_BYTES)),
        ),
        (
            "source",
            "conflate_ms",
            most(sources::CONFLATE_MAX_MS as usize),
        ),
        ("run", "clients", said(&(1..=bounds::CLIENTS_MAX))),
        ("run", "seen", most(bounds::TEXT_MAX)),
        ("live", "seconds", said(&bounds::LIVE_S)),
        ("live", "warm_up", most(bounds::WARM_UP_MAX_S.into())),
        ("wait", "at_most_s", said(&bounds::WAIT_S)),
        ("reveal", "sentence", most(bounds::TEXT_MAX)),
        ("reveal", "predicted", most(bounds::TEXT_MAX)),
        ("reveal", "figures", most(bounds::FIGURES_MAX)),
        ("code", "lines", said(&(1..=code::LINES_MAX))),
        ("ask", "question", most(bounds::TEXT_MAX)),
        ("ask", "options", said(&bounds::ASK_OPTIONS)),
        ("ask", "options", most(bounds::OPTION_MAX)),
        ("ask", "because", most(bounds::TEXT_MAX)),
    ];
    for (block, key, bound) in bounds {
        let values = &rows(&text, block)[key][0];
        // A whole number: "1 to 60" is not in "1 to 600".
        let is_said = values
            .split(&bound)
            .skip(1)
            .any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
        assert!(is_said, "{PAGE}, {block}.{key}: {values:?} has {bound:?}");
    }
    let seconds = rows(&text, "clock");
    for (key, default) in [
        ("read", clock.read),
        ("guess", clock.guess),
        ("talk", clock.talk),
        ("run", clock.run),
        ("reveal", clock.reveal),
        ("discuss", clock.discuss),
        ("ask", clock.ask),
    ] {
        assert_eq!(seconds[key][1], default.to_string(), "clock.{key}");
    }
    let whole = rows(&text, "front matter")["clock"][1].clone();
    assert!(
        whole.contains(&format!("{} s together", clock.sum())),
        "{whole}"
    );
    for said in [
        format!(
            "{} KiB and {} steps",
            FILE_MAX_BYTES / 1024,
            bounds::STEPS_MAX
        ),
        format!("More than {} words", bounds::WORDS_MAX),
        format!("more than {} words, are advised", bounds::SENTENCE_MAX),
        format!("at most {} letters. Names", figure::LENGTH_MAX),
    ] {
        assert!(text.contains(&said), "{PAGE}: {said}");
    }
}

#[test]
fn what_may_stand_in_a_value_is_what_the_code_takes() {
    let text = text();
    let values = |block: &str, key: &str| -> BTreeSet<String> {
        let row = rows(&text, block).remove(key).unwrap();
        quoted(&row[0]).map(str::to_owned).collect()
    };
    let groups = Group::ALL.map(|group| group.id().to_owned());
    assert_eq!(values("front matter", "group"), groups.into());
    let theories = forms::NAMES.map(str::to_owned);
    assert_eq!(values("reveal", "theory"), theories.into());
    let bare = (catalogue::VARIANTS.iter())
        .filter(|variant| variant.form == catalogue::Form::Bare)
        .map(|variant| variant.lane.id.0.to_owned());
    let mut with_bare: BTreeSet<String> = bare.collect();
    with_bare.insert("true".to_owned());
    assert_eq!(values("phones", "bare"), with_bare);
    for (path, _) in code::FILES {
        assert!(path.starts_with("static/js/transports/"), "{path}");
    }

    let figures = section(&text, "Figures and conditions");
    let named: BTreeSet<&str> = quoted(figures).collect();
    let of_group = figure::OF_A_GROUP.map(|name| format!("group1.{name}"));
    let names = [
        &figure::COUNTERS[..],
        &figure::SHARES,
        &figure::STAGES,
        &figure::QUANTILES,
        &figure::OF_A_CLASS,
    ]
    .concat();
    let names = names.into_iter().chain(of_group.iter().map(String::as_str));
    for name in names {
        assert!(named.contains(name), "{PAGE}: `{name}`");
    }
}

#[test]
fn the_whole_example_can_be_given_and_is_easily_read() {
    let page = page();
    let lesson = Lesson::parse("fresh-prices.md", &example(&page));
    let lesson = lesson.unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(lesson.advice, []);
    assert!(page.contains("`fresh-prices.md`:"));
}
