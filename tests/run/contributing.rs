//! `CONTRIBUTING.md` says what it takes to add one of each kind. Each list is held to the tree: what it
//! names is there, for a sibling that was added by it; and no file that names that sibling is missing
//! from it. What can be added without building is added here, out of tree; what takes a build, by
//! `tests/toys/`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::support::folder::Folder;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A recipe, and a sibling that is in the tree.
struct Recipe {
    heading: &'static str,
    /// What stands for `NAME` in the paths of the list, from the most fitting on.
    sibling: &'static [&'static str],
    /// How the sibling is called where it is registered.
    called: &'static [&'static str],
    /// Files that name the sibling for another reason than that it is there, and which.
    besides: &'static [(&'static str, &'static str)],
}

const RECIPES: &[Recipe] = &[
    Recipe {
        heading: "Add a lane",
        sibling: &["fetch_stream", "fetch-stream", "ndjson"],
        called: &["fetch_stream", "FETCH_STREAM", "fetch-stream.js"],
        besides: &[
            ("src/lessons/code.rs", "lessons show its module"),
            ("src/capture/", "which lane its own tests of bodies are of"),
        ],
    },
    Recipe {
        heading: "Add a network condition",
        sibling: &["stall"],
        called: &["stall::KIND", "mod stall;", "(\"stall\","],
        besides: &[],
    },
    Recipe {
        heading: "Add an experiment",
        sibling: &["e05_long_poll_gap"],
        called: &["e05_long_poll_gap"],
        besides: &[],
    },
    Recipe {
        heading: "Add a lesson",
        sibling: &["13-silence"],
        called: &["13-silence"],
        besides: &[],
    },
    Recipe {
        heading: "Add a plan",
        sibling: &["inbox"],
        called: &["plans/inbox.toml"],
        besides: &[],
    },
    Recipe {
        heading: "Add a report format",
        sibling: &["csv"],
        called: &[
            "report::csv",
            "csv::render",
            "mod csv;",
            "as_.csv",
            "forms::csv",
        ],
        besides: &[(
            "src/saved/document.rs",
            "the pages of saved runs, which the recipe names below its list",
        )],
    },
];

/// The part of CONTRIBUTING.md below a heading, up to the next of its rank.
fn section(heading: &str) -> String {
    let text = fs::read_to_string(Path::new(ROOT).join("CONTRIBUTING.md")).unwrap();
    let (_, rest) = text
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("CONTRIBUTING.md has no \"{heading}\""));
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// Path and instruction of each line of its table.
fn list(heading: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = section(heading)
        .lines()
        .filter_map(|line| {
            let (path, what) = line.strip_prefix("| `")?.split_once("` | ")?;
            Some((path.to_owned(), what.to_owned()))
        })
        .collect();
    assert!(lines.len() >= 2, "{heading} has a list: {lines:?}");
    lines
}

#[test]
fn what_a_recipe_names_is_there_for_a_sibling_that_was_added_by_it() {
    for recipe in RECIPES {
        for (path, what) in list(recipe.heading) {
            let named: Vec<_> = match path.contains("NAME") {
                true => recipe
                    .sibling
                    .iter()
                    .map(|name| path.replace("NN-NAME", "NAME").replace("NAME", name))
                    .collect(),
                false => vec![path.clone()],
            };
            let is_there = named
                .iter()
                .any(|path| Path::new(ROOT).join(path).is_file());
            assert!(is_there, "{}: none of {named:?} is there", recipe.heading);
            assert_eq!(
                path.contains("NAME"),
                what.starts_with("new"),
                "{path}: new or not?"
            );
        }
    }
}

#[test]
fn whatever_registers_the_sibling_is_in_the_recipe() {
    for recipe in RECIPES {
        let listed: BTreeSet<_> = list(recipe.heading)
            .into_iter()
            .flat_map(|(path, _)| {
                let of = |name: &&str| path.replace("NN-NAME", "NAME").replace("NAME", name);
                recipe.sibling.iter().map(of).collect::<Vec<_>>()
            })
            .collect();
        let mut registering = 0;
        for file in files(&Path::new(ROOT).join("src")) {
            // A comment may point to it from anywhere.
            let text = fs::read_to_string(&file).unwrap();
            let code = |line: &&str| !line.trim_start().starts_with("//");
            let text: Vec<_> = text.lines().filter(code).collect();
            let text = text.join("\n");
            let path = file
                .strip_prefix(ROOT)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            if !recipe.called.iter().any(|name| text.contains(name)) {
                continue;
            }
            registering += 1;
            let is_excused = recipe
                .besides
                .iter()
                .any(|(besides, _)| path.starts_with(besides));
            assert!(
                listed.contains(&path) || is_excused,
                "{path} names {:?}, and \"{}\" of CONTRIBUTING.md does not list it",
                recipe.called,
                recipe.heading
            );
        }
        assert!(
            registering > 0,
            "{}: {:?} is nowhere",
            recipe.heading,
            recipe.called
        );
    }
}

#[test]
fn the_registering_line_stands_once_in_each_file_that_lists_siblings() {
    for (file, line) in [
        (
            "src/server/serving.rs",
            "Arc::new(fetch_stream::FetchStream),",
        ),
        ("src/run/each_lane/mod.rs", "&fetch_stream::JsonLines,"),
        ("src/catalogue.rs", "    &FETCH_STREAM,"),
        ("src/lane/conditions/mod.rs", "&stall::KIND,"),
        ("src/experiments/mod.rs", "&e05_long_poll_gap::EXPERIMENT,"),
        ("src/lessons/own.rs", "\"13-silence.md\","),
        ("src/run/plan/ready.rs", "plans/inbox.toml"),
    ] {
        let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
        assert_eq!(text.matches(line).count(), 1, "{file}: {line}");
    }
}

/// Every command and every test that is named is there.
#[test]
fn the_test_of_each_kind_is_there() {
    let table = section("One test of each kind");
    for line in table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        let command = line.rsplit('`').nth(1).unwrap();
        let words: Vec<_> = command.split_whitespace().collect();
        let after = |flag: &str| Some(words[words.iter().position(|word| *word == flag)? + 1]);
        let wanted = match () {
            () if command.contains("node --test") => words.last().unwrap().to_string(),
            () if command.contains("--lib") => {
                format!("src/{}.rs", after("--lib").unwrap().replace("::", "/"))
            }
            () if command.contains("cargo test --test") => {
                let program = after("--test").unwrap();
                format!("tests/{program}/{}.rs", words.last().unwrap())
            }
            () if command.contains("fuzz run") => {
                format!("fuzz/fuzz_targets/{}.rs", after("run").unwrap())
            }
            () if command.contains("cargo bench") => {
                format!("benches/{}/main.rs", after("--bench").unwrap())
            }
            () => panic!("what is tried by {command:?}?"),
        };
        assert!(
            Path::new(ROOT).join(&wanted).is_file(),
            "{command}: {wanted}"
        );
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

fn pushlab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pushlab"))
        .args(arguments)
        .env_remove("PUSHLAB_LESSONS")
        .env("PUSHLAB_DATA_DIR", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The recipe's own commands, on a toy of another subject than the lesson that it is copied from.
#[test]
fn a_lesson_is_added_out_of_tree() {
    let recipe = section("Add a lesson");
    let (_, from) = recipe.split_once("cp ").unwrap();
    let from = from.split_whitespace().next().unwrap();
    let folder = Folder::new("recipe-lesson");
    let lessons = folder.path().to_str().unwrap();
    let text = fs::read_to_string(Path::new(ROOT).join(from)).unwrap();
    let file = folder.write(
        "my-own.md",
        text.replace("id = \"empty-answers\"", "id = \"my-own\""),
    );
    for command in ["lesson check", "lesson play"] {
        assert!(recipe.contains(command), "{command} is in the recipe");
    }
    let checked = pushlab(&["lesson", "check", &file]);
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    let listed = pushlab(&["lesson", "list", "--lessons", lessons]);
    assert!(said(&listed).contains("my-own"), "{}", said(&listed));
    let played = pushlab(&[
        "lesson",
        "play",
        "my-own",
        "--lessons",
        lessons,
        "--fast",
        "--phones",
        "4",
    ]);
    assert_eq!(played.status.code(), Some(0), "{}", said(&played));
}

#[test]
fn a_plan_is_added_out_of_tree() {
    let folder = Folder::new("recipe-plan");
    let plan = folder.write(
        "my-plan.toml",
        "# How late is a toy?\nlanes = \"sse\"\nclients = 2\nrate = 20.0\nwarm_up = \"200ms\"\nduration = \"500ms\"\n",
    );
    let done = pushlab(&[
        "run",
        &plan,
        "--json",
        "--no-save",
        "--pin",
        "off",
        "--keep-awake",
        "off",
    ]);
    // 4: a busy machine's delays cannot be stood behind, and the plan was carried out.
    assert!(matches!(done.status.code(), Some(0 | 4)), "{}", said(&done));
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["plan"]["clients"], 2);
    assert_eq!(
        report["lanes"][0]["measured"]["delivery_ratio"]["value"],
        1.0
    );
}
