//! The command line: types only, no effects.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Settings;

const MORE: &str = "Every setting can also be given as PUSHLAB_NAME in the environment or as \
    name = value in a TOML file (--config FILE). Flags count first, then the environment, then the \
    file.\n\nExit codes: 0 stopped as asked; 1 failed; 2 settings not understood; 69 an address \
    cannot be listened on.";

/// A laboratory for one question: poll or push, and how?
///
/// Serves the same chat and the same live dashboard over short polling, long polling, server-sent
/// events and WebSockets, each on a port of its own, and counts every byte and every millisecond
/// of each. Start it, open the address it prints, and compare.
#[derive(Debug, Parser)]
#[command(name = "pushlab", version, args_conflicts_with_subcommands = true, after_help = MORE)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the lab (what happens without a command, too)
    #[command(after_help = MORE)]
    Serve(ServeArgs),
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeArgs {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Settings,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_what_happens_without_a_command() {
        let bare = Cli::parse_from(["pushlab", "--port", "0", "--json"]);
        assert_eq!(bare.serve.settings.port, Some(0));
        assert_eq!(bare.serve.settings.json, Some(true));
        let Some(Command::Serve(args)) =
            Cli::parse_from(["pushlab", "serve", "--heartbeat", "5s"]).command
        else {
            panic!("serve was named");
        };
        assert_eq!(args.settings.heartbeat.unwrap().to_string(), "5s");
    }
}
