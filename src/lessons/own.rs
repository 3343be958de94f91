//! The lessons of this lab, as they are in `lessons/`.

use std::sync::LazyLock;

use super::Lesson;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        /// Name and text of each, in their order.
        pub const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../lessons/", $name)))),+];
    };
}

files! {
    "01-one-in-many-out.md",
    "02-empty-answers.md",
    "03-half-the-interval.md",
    "04-what-it-weighs.md",
    "05-one-connection.md",
    "06-hello.md",
    "07-the-gap.md",
    "08-both-ways.md",
    "09-old-numbers.md",
    "10-tunnel.md",
    "11-who-comes-back.md",
    "12-office-proxy.md",
    "13-silence.md",
    "14-who-may-enter.md",
    "15-two-servers.md",
    "16-lights-out.md",
}

/// In their order. A test holds that every file is one.
pub static LESSONS: LazyLock<Vec<Lesson>> = LazyLock::new(|| {
    let parsed = FILES
        .iter()
        .filter_map(|(name, text)| Lesson::parse(name, text).ok());
    parsed.collect()
});
