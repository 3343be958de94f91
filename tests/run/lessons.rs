//! `pushlab lesson`: what is printed, and with which code it ends; and a teacher's folder that changes.

use std::process::{Command, Output};

use pushlab::{lesson_folder::LessonFolder, lessons::own::FILES};

use crate::support::folder::Folder;

fn pushlab(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushlab"));
    command
        .env_remove("PUSHLAB_LESSONS")
        .arg("lesson")
        .args(arguments);
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The second of the lab's lessons under an id of its own.
fn own() -> String {
    FILES[1].1.replace("\"empty-answers\"", "\"my-own\"")
}

#[test]
fn check_says_what_is_wrong_with_its_line_and_ends_with_2() {
    let folder = Folder::new("lesson-check");
    let good = folder.write("my-own.md", own());
    let bad = folder.write("my-bad.md", own().replace("minutes = 5", "minutes = 50"));
    let checked = pushlab(&["check", &good]);
    assert_eq!(checked.status.code(), Some(0));
    assert!(stdout(&checked).contains("my-own can be given, 5 min"));
    let checked = pushlab(&["check", &good, &bad]);
    assert_eq!(checked.status.code(), Some(2));
    let said = stdout(&checked);
    assert!(said.contains("my-own can be given"), "{said}");
    assert!(
        said.contains("my-bad.md:6:1  minutes is 50; choose 3 to 10"),
        "{said}"
    );
    assert!(
        said.contains("my-bad.md:2:1  id is \"my-own\" and the file is"),
        "{said}"
    );
    let missing = folder.file("none.md");
    let checked = pushlab(&["check", missing.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("none.md cannot be read"), "{said}");
    assert_eq!(pushlab(&["check"]).status.code(), Some(2), "which file?");
}

#[test]
fn list_has_every_lesson_and_those_of_a_folder() {
    let listed = pushlab(&["list"]);
    assert_eq!(listed.status.code(), Some(0));
    for (name, _) in FILES {
        let id = name[3..].trim_end_matches(".md");
        assert!(stdout(&listed).contains(&format!("  {id} ")), "{id}");
    }
    let folder = Folder::new("lesson-list");
    folder.write("my-own.md", own());
    let listed = pushlab(&["list", "--lessons", folder.path().to_str().unwrap()]);
    assert_eq!(listed.status.code(), Some(0));
    assert!(stdout(&listed).contains("(yours)"));
    folder.write("bad.md", "nothing");
    let listed = pushlab(&["list", "--lessons", folder.path().to_str().unwrap()]);
    assert_eq!(listed.status.code(), Some(2));
    let said = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(said.contains("bad.md:1:1"), "{said}");
}

#[test]
fn a_folder_is_read_again_when_it_changed_and_only_then() {
    let folder = Folder::new("lesson-folder");
    let lessons = LessonFolder::of(folder.path());
    let before = lessons.shelf();
    assert_eq!(before.all().count(), FILES.len());
    assert!(std::sync::Arc::ptr_eq(&before, &lessons.shelf()));
    folder.write("my-own.md", own());
    folder.write("notes.txt", "no lesson");
    folder.write("README.md", "about the folder");
    folder.write("large.md", "x".repeat(100_000));
    folder.write("bytes.md", [0xff_u8, 0xfe]);
    let after = lessons.shelf();
    assert!(after.find("my-own").is_some_and(|own| own.is_teachers));
    let mut broken: Vec<_> = after.broken.iter().map(|(name, _)| name.as_str()).collect();
    broken.sort_unstable();
    assert_eq!(broken, ["bytes.md", "large.md"]);
    std::fs::remove_file(folder.file("my-own.md")).unwrap();
    assert!(lessons.shelf().find("my-own").is_none());
    let gone = LessonFolder::of(&folder.file("nowhere")).shelf();
    assert_eq!((gone.all().count(), gone.broken.len()), (FILES.len(), 1));
}

#[test]
fn a_plan_s_lessons_are_played_and_a_table_says_what_each_step_took() {
    let folder = Folder::new("lesson-plan");
    let plan = folder.write(
        "9.md",
        "+++\nminutes = 9\ntitle = \"Short\"\n+++\n\n| min | what | bridge |\n|---|---|---|\n\
         | 0–3 | All join. | And then? |\n| 3–9 | `who-may-enter` | |\n\n\
         ## Before class, 10 minutes\nStart.\n\n## Behind time\nHurry.\n\n## If the Wi-Fi sleeps\nWait.\n",
    );
    let played = pushlab(&["play", "--plan", &plan, "--phones", "2", "--fast"]);
    let said = stdout(&played);
    assert_eq!(played.status.code(), Some(0), "{said}");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = said.lines().map(words).collect();
    let of = |begin: &str| {
        let found = lines.iter().find(|line| line.starts_with(begin));
        found
            .unwrap_or_else(|| panic!("no {begin:?} in {said}"))
            .clone()
    };
    assert_eq!(of("9 minutes"), "9 minutes: Short");
    assert_eq!(of("0–3 All join."), "0–3 All join. 3:00");
    // Planned, measured, for people, to spare.
    let lesson = of("3–9 who-may-enter");
    assert_eq!(lesson.split(' ').count(), 6, "{lesson}");
    assert!(lesson.starts_with("3–9 who-may-enter 6:00 0:"), "{lesson}");
    // Both stand-ins have guessed, which took some time.
    let guess = lines
        .iter()
        .find(|line| line.contains(" guess ") && line.split(' ').count() == 4);
    assert!(
        guess.is_some_and(|guess| !guess.ends_with(" 0:00")),
        "{guess:?} in {said}"
    );
    assert!(of("all ").starts_with("all 9:00 0:"));
}

#[test]
fn a_plan_that_is_none_is_told_with_what_helps() {
    let said_of = |plan: &str| {
        let refused = pushlab(&["play", "--plan", plan]);
        assert_eq!(refused.status.code(), Some(2), "{plan}");
        String::from_utf8_lossy(&refused.stderr).into_owned()
    };
    let said = said_of("46");
    assert!(
        said.contains("there is no plan \"46\"; there are 45 and 90"),
        "{said}"
    );
    let folder = Folder::new("lesson-no-plan");
    let plan = folder.write("9.md", "+++\nminutes = 9\ntitle = \"Short\"\n+++\n");
    let said = said_of(&plan);
    assert!(said.contains("its rows end at 0"), "{said}");
    let both = pushlab(&["play", "tunnel", "--plan", "45"]);
    assert_eq!(both.status.code(), Some(2), "one or the other");
}
