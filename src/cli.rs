//! The command line: types only, no effects.
//!
//! clap shows plain doc comments as help. What is for readers of the code alone is written as
//! `#[doc = concat!(…)]`, which clap does not read: so a note on a struct does not become the help of
//! the command that it is of.
//!
//! May use: `config`, `run`, `saved`, `jobs`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{
    config::Settings,
    jobs::progress::Form,
    run::{judging::Judging, plan::PlanSettings, report::forms::Forms},
    saved::keep::Keep,
};

const MORE: &str = "Every setting can also be given as PUSHLAB_NAME in the environment or as \
    name = value in a TOML file (--config FILE). Flags count first, then the environment, then the \
    file.\n\nExit codes: 0 stopped as asked; 1 failed; 2 settings not understood; 69 an address \
    cannot be listened on.";

const OF_CLASS: &str = "All settings of pushlab serve. Prints \
    the addresses for phones with a QR code, the class's code, and the presenter's own address. Where a school's \
    firewall lets one port in only: --single-port, without conditions on lanes.\n\nExit codes: as pushlab serve.";

const OF_CLASS_HOST: &str = "Address to listen on; one of this machine's keeps to its network [default: 0.0.0.0, all of them]";

const OF_TRIGGER: &str = "Exit codes: 0 published; 1 the lab refused it; 2 arguments not understood; \
    69 the lab cannot be reached.";

const OF_LESSONS: &str = "A lesson is a Markdown file; the lab's own are in lessons/ of its source and on the page \
    /lessons. Yours come from a folder: pushlab --lessons DIR.\n\nExit codes: 0 every lesson can be given; 1 a \
    file cannot be read; 2 something is wrong with a lesson.";

const RUN_MORE: &str = "Ready plans (pushlab run NAME, with flags to change them; their files are in \
    plans/):\n  dashboard  what a dashboard that changes once a second costs for 5,000 people\n  chat       \
    a room of 50 who all write: how long a message is on its way\n  inbox      a notification every few \
    seconds: how late, and how much traffic says there is none\n  cursors    ten people who see each \
    other's cursors move\n\nA plan file has the same names, with _ for -: lanes = \"sse,websocket\", \
    poll_interval = \"500ms\". Flags count before it.\n\nExit codes: 0 done, and every figure can be \
    stood behind; 1 it could not be done; 2 the plan is not understood; 3 a --fail-on condition is \
    met, or something is worse than in the baseline; 4 the result is not valid, and the reasons \
    are told.";

/// A laboratory for one question: poll or push, and how?
///
/// Serves the same chat and the same live dashboard over short polling, long polling, server-sent
/// events and WebSockets, each on a port of its own, and counts every byte and every millisecond
/// of each. Start it, open the address it prints, and compare.
#[derive(Debug, Parser)]
#[command(name = "pushlab", version, args_conflicts_with_subcommands = true, after_help = MORE)]
pub struct Cli {
    #[doc = concat!("What ", "is to be done; `None`: the lab is started.")]
    #[command(subcommand)]
    pub command: Option<Command>,
    #[doc = concat!("How ", "the lab is started, where there is no command.")]
    #[command(flatten)]
    pub serve: ServeArgs,
}

#[doc = concat!("What ", "the program can do.")]
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the lab (what happens without a command, too)
    #[command(after_help = MORE)]
    Serve(Box<ServeArgs>),
    /// Start the lab for a class: phones in the same network may come in, and a class is on
    #[command(after_help = OF_CLASS, mut_arg("host", |arg| arg.help(OF_CLASS_HOST)))]
    Class(Box<ServeArgs>),
    /// Publish an event to a running lab through its signed HTTP API, and print the answer
    #[command(after_help = OF_TRIGGER)]
    Trigger(Box<TriggerArgs>),
    /// Measure the lanes by one seeded schedule, with predictions beside
    #[command(after_help = RUN_MORE)]
    Run(Box<RunArgs>),
    /// Show a saved run again, in any form
    #[command(after_help = RUN_MORE)]
    Report(Box<ReportArgs>),
    /// Do an experiment of the catalogue, or list them
    Experiment(ExperimentArgs),
    /// List the lessons, or find out what is wrong with one of your own
    #[command(after_help = OF_LESSONS)]
    Lesson(LessonArgs),
    /// Print a shell's script that completes commands and flags
    #[cfg(feature = "packaging")]
    Completions {
        /// Whose script it is to be
        shell: clap_complete::Shell,
    },
    /// Print the manual's page of the program or of a command: pushlab man run | man -l -
    #[cfg(feature = "packaging")]
    Man {
        /// As it is typed: run, or lesson play
        command: Vec<String>,
    },
}

#[doc = concat!("`pushlab lesson`: ", "which of its commands.")]
#[derive(Debug, Clone, clap::Args)]
pub struct LessonArgs {
    #[doc = concat!("What ", "is done with lessons.")]
    #[command(subcommand)]
    pub what: LessonCommand,
}

#[doc = concat!("What ", "can be done with lessons.")]
#[derive(Debug, Clone, Subcommand)]
pub enum LessonCommand {
    /// Say what is wrong with lessons, each with its line and what to do
    Check {
        #[doc = concat!("Markdown ", "files.")]
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Lead lessons from their first step to their last in a lab of their own, with native clients in
    /// the place of phones: a rehearsal, and a lesson's test
    Play {
        /// Ids of lessons, files of your own, or all
        #[arg(
            value_name = "ID|FILE|all",
            required_unless_present = "plan",
            conflicts_with = "plan"
        )]
        lessons: Vec<String>,
        /// The lessons of a plan instead, 45, 90 or a file of your own, and then a table: what each step
        /// took beside the plan's minutes
        #[arg(long, value_name = "45|90|FILE")]
        plan: Option<String>,
        /// How many clients stand in for phones, 0 to 100
        #[arg(long, default_value_t = 28, value_name = "COUNT")]
        phones: usize,
        /// Leave out experiments: their results are only predicted
        #[arg(long)]
        fast: bool,
        /// A folder of your own lessons beside the lab's
        #[arg(long = "lessons", value_name = "DIR", env = "PUSHLAB_LESSONS")]
        folder: Option<PathBuf>,
    },
    /// Every lesson with its minutes and the claims that it covers
    List {
        /// A folder of your own lessons beside the lab's
        #[arg(long, value_name = "DIR", env = "PUSHLAB_LESSONS")]
        lessons: Option<PathBuf>,
    },
}

#[doc = concat!("`pushlab trigger`: ", "what to publish, where, and what the call is signed with.")]
#[derive(Debug, Clone, clap::Args)]
pub struct TriggerArgs {
    #[doc = concat!("Where ", "to publish.")]
    pub channel: String,
    #[doc = concat!("Name ", "of the event.")]
    pub event: String,
    /// What the event carries, most often JSON; - reads standard input
    pub data: String,
    /// Where the lab is
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Id of the application [default: the demo application of a lab on this machine]
    #[arg(long, env = "PUSHLAB_APP_ID", requires_all = ["key", "secret"])]
    pub app: Option<String>,
    #[doc = concat!("Key ", "of the application.")]
    #[arg(long, env = "PUSHLAB_APP_KEY", requires_all = ["app", "secret"])]
    pub key: Option<String>,
    /// Better given in the environment, where other users do not see it
    #[arg(long, env = "PUSHLAB_APP_SECRET", hide_env_values = true, requires_all = ["app", "key"])]
    pub secret: Option<String>,
    /// The connection that is not to get it
    #[arg(long)]
    pub socket_id: Option<String>,
    /// Ask for user_count, subscription_count or both, with a comma between
    #[arg(long)]
    pub info: Option<String>,
}

#[doc = concat!("`pushlab run`: ", "the plan, and what becomes of the result.")]
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// A ready plan by name (see below), or a plan in TOML; - reads standard input
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// The same
    #[arg(long = "plan", value_name = "PLAN", conflicts_with = "plan")]
    pub plan_named: Option<PathBuf>,
    #[doc = concat!("What ", "the plan sets; flags count before a file.")]
    #[command(flatten)]
    pub settings: PlanSettings,
    #[doc = concat!("How ", "the result is shown.")]
    #[command(flatten)]
    pub forms: Forms,
    #[doc = concat!("What ", "makes the run fail.")]
    #[command(flatten)]
    pub judging: Judging,
    #[doc = concat!("Where ", "the result is saved.")]
    #[command(flatten)]
    pub keep: Keep,
    /// How to tell what happens
    #[arg(long, value_enum, default_value_t)]
    pub progress: Form,
}

#[doc = concat!("`pushlab report`: ", "which result, and how it is shown.")]
#[derive(Debug, Clone, clap::Args)]
pub struct ReportArgs {
    /// A result that --save or --json wrote, or a file of the data folder; of a run or an experiment
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[doc = concat!("How ", "the result is shown.")]
    #[command(flatten)]
    pub forms: Forms,
    #[doc = concat!("What ", "makes the report fail.")]
    #[command(flatten)]
    pub judging: Judging,
}

#[doc = concat!("`pushlab experiment`: ", "which one, and how much of it.")]
#[derive(Debug, Clone, clap::Args)]
pub struct ExperimentArgs {
    /// Its number in the catalogue, as in E2; or list
    #[arg(value_name = "ID")]
    pub id: String,
    /// The whole of it, with repetitions; without, what fits into about 20 s
    #[arg(long)]
    pub full: bool,
    #[doc = concat!("How ", "the result is shown.")]
    #[command(flatten)]
    pub forms: Forms,
    #[doc = concat!("Where ", "the result is saved.")]
    #[command(flatten)]
    pub keep: Keep,
    /// How to tell what happens
    #[arg(long, value_enum, default_value_t)]
    pub progress: Form,
}

#[doc = concat!("`pushlab serve` and `pushlab class`: ", "the settings of a lab.")]
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeArgs {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the effective settings as JSON, without secrets, and stop
    #[arg(long)]
    pub print_settings: bool,
    #[doc = concat!("Settings ", "that were given as flags.")]
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
    fn a_class_says_that_it_listens_on_every_address() {
        let mut cli = Cli::command();
        let class = cli.find_subcommand_mut("class").unwrap();
        let help = class.render_long_help().to_string();
        assert!(help.contains("[default: 0.0.0.0"), "{help}");
        assert!(!help.contains("[default: 127.0.0.1"), "{help}");
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
        let class = Cli::parse_from(["pushlab", "class", "--single-port", "--port", "0"]);
        let Some(Command::Class(args)) = class.command else {
            panic!("class was named");
        };
        assert_eq!(args.settings.single_port, Some(true));
        assert_eq!(args.settings.host, None, "left to the program");
    }
}
