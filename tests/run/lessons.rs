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
