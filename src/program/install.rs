//! `pushlab completions` and `pushlab man`: what a shell and `man` know of the command line, made from
//! its one description in [`crate::cli`].

use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// A shell's script that completes commands and flags.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pushlab", &mut script);
    script
}

/// The manual's page of a command (`run`, `lesson play`), or of the program where none is named, in
/// roff: `pushlab man run | man -l -`.
///
/// # Errors
///
/// There is no such command; the text names those that there are.
pub fn manual(names: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut whole = Cli::command();
    // Gives subcommands their names as they are typed.
    whole.build();
    let mut command = &whole;
    for name in names {
        command = command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<_> = subcommands(command).collect();
            anyhow::anyhow!(
                "{} has no command {name:?}; choose {}",
                command.get_bin_name().unwrap_or("pushlab"),
                known.join(", ")
            )
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

fn subcommands(of: &Command) -> impl Iterator<Item = &str> {
    of.get_subcommands()
        .map(Command::get_name)
        .filter(|name| *name != "help")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in clap_complete::Shell::value_variants() {
            let script = String::from_utf8(completions(*shell)).unwrap();
            for command in subcommands(&Cli::command()) {
                assert!(script.contains(command), "{shell}: {command}");
            }
            assert!(script.contains("single-port"), "{shell}");
        }
    }

    #[test]
    fn every_command_has_its_page_and_what_is_none_is_told_so() {
        let page = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            manual(&names).map(|page| String::from_utf8(page).unwrap())
        };
        let whole = page(&[]).unwrap();
        assert!(whole.contains(".TH pushlab 1"), "{whole}");
        assert!(whole.contains("69 an address"), "exit codes are in it");
        for name in subcommands(&Cli::command()) {
            assert!(
                page(&[name])
                    .unwrap()
                    .contains(&format!(".TH pushlab-{name} 1")),
                "{name}"
            );
        }
        let inner = page(&["lesson", "play"]).unwrap();
        assert!(inner.contains("\\-\\-phones"), "{inner}");
        let said = page(&["lesson", "dance"]).unwrap_err().to_string();
        assert_eq!(
            said,
            "pushlab lesson has no command \"dance\"; choose check, play, list"
        );
    }
}
