//! The program: parse, set up, run, and turn errors into exit codes.
//!
//! 0 done, or stopped as asked; 1 failed; 2 settings, arguments or plan not understood; 3 a run
//! shows what it must not; 4 a run's result is not valid; 69 an address cannot be listened on, or
//! a lab cannot be reached; 74 the file of what is kept (`--durable`) cannot be used.
//!
//! May use: `terminal_text`, `lab_api`, `qr`, `config`, `run`, `experiments`, `lessons`, `lesson_folder`,
//! `stand_in`, `lesson_play`, `saved`, `jobs`, `cli`, `telemetry`, `lab`, `protocol`, `server`, `system`.

mod class;
#[cfg(any(feature = "packaging", test))]
mod install;
mod plan_of_hour;

use std::{
    fs,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    cli::{
        Cli, Command, ExperimentArgs, LessonCommand, ReportArgs, RunArgs, ServeArgs, TriggerArgs,
    },
    config::{self, Config, ConfigError, Settings, apps::Secret},
    experiments::{self, CarriedOut, Experiment, UnknownExperiment},
    jobs::progress::Progress,
    lab::LaneAddress,
    lab_api::way_in::{ForPhones, phone_address},
    lesson_folder::{self, LessonFolder},
    lesson_play,
    lessons::Lesson,
    protocol::pusher::trigger::{Credentials, Trigger, TriggerError, trigger},
    run::{
        error::RunError,
        execute,
        judging::{Judging, Outcome, UnknownRow},
        lab_process::LabError,
        plan::{Plan, PlanError},
        report::{
            Report,
            forms::{self, FileError, Renders},
        },
    },
    saved::{
        document::Document,
        folder::{CannotSave, Folder},
        timings::{Done, Timings},
    },
    server::{Server, StartError},
    stand_in::STAND_INS_MAX,
    system, telemetry, terminal_text,
};
use anyhow::Context;
use clap::Parser;

/// A run shows what it must not.
const FAILED_A_THRESHOLD: u8 = 3;
/// A run's result cannot be stood behind.
const NOT_VALID: u8 = 4;

/// Does what the arguments say.
pub fn main() -> ExitCode {
    system::take_limits_as_errors();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output, errors to standard error.
            let printed = error.print().and_then(|()| io::stdout().flush());
            return match (error.exit_code(), printed) {
                (0, Err(_)) => ExitCode::FAILURE,
                (code, _) => ExitCode::from(code as u8),
            };
        }
    };
    let done = match cli.command {
        Some(Command::Serve(args)) => serve(*args, For::Everybody),
        Some(Command::Class(args)) => serve(*args, For::Class),
        Some(Command::Trigger(args)) => publish(*args),
        Some(Command::Run(args)) => run(*args),
        Some(Command::Report(args)) => report(&args),
        Some(Command::Experiment(args)) => experiment(&args),
        Some(Command::Lesson(args)) => match args.what {
            LessonCommand::Check { files } => check_lessons(&files),
            LessonCommand::Play {
                lessons,
                plan,
                phones,
                fast,
                folder,
            } => play_lessons(&lessons, plan.as_deref(), phones, fast, folder),
            LessonCommand::List { lessons } => list_lessons(lessons.unwrap_or_default().as_path()),
        },
        #[cfg(feature = "packaging")]
        Some(Command::Completions { shell }) => {
            print_bytes(&install::completions(shell)).map(|()| ExitCode::SUCCESS)
        }
        #[cfg(feature = "packaging")]
        Some(Command::Man { command }) => {
            let page = install::manual(&command);
            page.and_then(|page| print_bytes(&page))
                .map(|()| ExitCode::SUCCESS)
        }
        None => serve(cli.serve, For::Everybody),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            print_error(&format!("pushlab: {}", with_causes(&error)));
            exit_code(&error)
        }
    }
}

/// A line to standard error. Where it is closed or full nobody reads it, and the exit code says
/// the rest: `eprintln!` would panic.
fn print_error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", terminal_text::fit(line));
}

/// An error with its causes, but for a cause whose words are in what was said before it.
fn with_causes(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |said, cause| match said.as_str() {
            "" => cause,
            said if said.contains(cause.trim()) => said.to_owned(),
            said => format!("{said}: {cause}"),
        })
}

/// Standard output, to the end: what cannot be written is an error, and no panic. In it may be what a file or
/// another machine says.
fn print(text: &str) -> anyhow::Result<()> {
    print_bytes(terminal_text::fit(text).as_bytes())
}

fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .context("standard output cannot be written")
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    let is_bad_plan = matches!(error.downcast_ref(), Some(RunError::Plan(_)));
    let is_of_settings = error.is::<ConfigError>() || error.is::<CannotSave>();
    let is_of_arguments = error.is::<UnknownExperiment>() || error.is::<UnknownRow>();
    if is_of_settings || is_of_arguments || error.is::<PlanError>() || is_bad_plan {
        return ExitCode::from(2);
    }
    match error.downcast_ref() {
        Some(TriggerError::BadUrl(_)) => return ExitCode::from(2),
        Some(TriggerError::Unreachable { .. }) => return ExitCode::from(69),
        _ => {}
    }
    if let Some(RunError::Lab(LabError::Unreachable { .. } | LabError::UnknownHost { .. })) =
        error.downcast_ref()
    {
        return ExitCode::from(69);
    }
    match error.downcast_ref() {
        Some(StartError::CannotListen { .. } | StartError::BadHost { .. }) => ExitCode::from(69),
        Some(StartError::Kept(_)) => ExitCode::from(74),
        Some(StartError::Tls(error)) if error.is_of_settings() => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

fn publish(args: TriggerArgs) -> anyhow::Result<ExitCode> {
    let mut data = args.data;
    if data == "-" {
        data = String::new();
        let read = io::stdin().read_to_string(&mut data);
        read.context("the data on standard input cannot be read: it must be UTF-8")?;
    }
    let credentials = match (args.app, args.key, args.secret) {
        (Some(id), Some(key), Some(secret)) => Some(Credentials {
            id,
            key,
            secret: Secret::new(&secret),
        }),
        _ => None,
    };
    let asked = Trigger {
        url: args.url,
        credentials,
        channel: args.channel,
        event: args.event,
        data,
        socket_id: args.socket_id,
        info: args.info,
    };
    let answer = actix_rt::System::new().block_on(trigger(&asked))?;
    print(&format!("{answer}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Whom a lab is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Everybody,
    /// A class is started with it, or the one that was on goes on.
    Class,
}

impl For {
    /// Where nothing else is said, a class's phones may come in.
    fn defaults(self) -> Settings {
        let host = (self == Self::Class).then(|| "0.0.0.0".to_owned());
        Settings {
            host,
            ..Settings::default()
        }
    }
}

fn serve(args: ServeArgs, whom: For) -> anyhow::Result<ExitCode> {
    let config = Config::load_with(args.settings, args.config.as_deref(), whom.defaults())?;
    if args.print_settings {
        print(&(format!("{:#}\n", config.shown())))?;
        return Ok(ExitCode::SUCCESS);
    }
    telemetry::init(&config)?;
    check_data_folder(&config);
    let json = config.json;
    actix_rt::System::new().block_on(async move {
        let stop = system::told_to_stop()?;
        let server = Server::build(config)?;
        let code = (whom == For::Class).then(|| server.start_class()).flatten();
        announce(&server, json, code.as_deref())?;
        server.run_until_stopped(stop).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Says at the start what would otherwise be found out when a run is to be saved.
fn check_data_folder(config: &Config) {
    let folder = config::data_folder(&config.data_dir);
    if let Err(error) = Folder::of(&folder).is_writable() {
        tracing::warn!(
            "the data folder {} cannot be written ({error}), so nothing will be saved: make it \
             writable, or choose another with --data-dir DIR",
            folder.display()
        );
    }
}

fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let plan = args.plan.or(args.plan_named);
    let plan = Plan::load(args.settings, plan.as_deref())?;
    args.forms.check()?;
    args.judging.check(&plan.rows()?)?;
    let baseline = args.judging.baseline()?;
    let folder = args.keep.folder()?;
    let clock = Stopwatch::start(folder.as_ref(), Done::run(&plan), plan.expected());
    let progress = Progress::new(args.progress, clock.expected, 1);
    let report = carry_out(&plan, &progress)?;
    clock.stop(report.partial);
    let document = Document::Run(Box::new(report.clone()));
    let kept = keep(folder.as_ref(), &document, &progress);
    args.forms.write(&report)?;
    kept?;
    Ok(judged(&args.judging, &report, baseline.as_ref()))
}

/// How long something takes: what is expected beforehand, learnt from the last time here, and what it
/// took, for the next.
struct Stopwatch {
    timings: Option<Timings>,
    done: Done,
    computed: Duration,
    expected: Duration,
    began: Instant,
}

impl Stopwatch {
    /// Nothing is learnt without a folder.
    fn start(folder: Option<&Folder>, done: Done, computed: Duration) -> Self {
        let timings = folder.map(Folder::timings);
        let expected = timings.as_ref();
        let expected = expected.map_or(computed, |timings| timings.estimate(&done, computed));
        Self {
            timings,
            done,
            computed,
            expected,
            began: Instant::now(),
        }
    }

    fn stop(self, is_partial: bool) {
        let Some(mut timings) = self.timings.filter(|_| !is_partial) else {
            return;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_us = now.map_or(0, |since| since.as_micros() as u64);
        let took = (self.computed, self.began.elapsed());
        if let Err(error) = timings.record(self.done, took, now_us) {
            tracing::debug!(%error, "how long it took is not remembered");
        }
    }
}

/// Saves a result. An error is told after the result was shown: it is not to be lost with the file.
fn keep(
    folder: Option<&Folder>,
    document: &Document,
    progress: &Progress,
) -> Result<(), CannotSave> {
    let Some(folder) = folder else {
        return Ok(());
    };
    let id = folder.save(document)?;
    progress.saved(&id, folder.path());
    Ok(())
}

fn report(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let read = forms::read(&args.file);
    if matches!(read, Err(FileError::NoReport { .. }))
        && let Ok(Document::Experiment(done)) = Document::parse(&fs::read(&args.file)?)
    {
        args.forms.write_as(&*done, &OF_AN_EXPERIMENT)?;
        return Ok(code_of(done.verdict));
    }
    let report = read?;
    let baseline = args.judging.baseline()?;
    args.forms.write(&report)?;
    Ok(judged(&args.judging, &report, baseline.as_ref()))
}

fn experiment(args: &ExperimentArgs) -> anyhow::Result<ExitCode> {
    if args.id == "list" {
        let timings = args.keep.timings();
        let takes = |experiment: &Experiment, full| {
            let outline = experiment.outline(full);
            let computed = outline.iter().map(|(_, expected)| *expected).sum();
            timings.estimate(&Done::experiment(experiment.id, full), computed)
        };
        print(&experiments::list(&takes))?;
        return Ok(ExitCode::SUCCESS);
    }
    let experiment = experiments::find(&args.id)?;
    if io::stderr().is_terminal() {
        // The prediction comes first; the text on standard output has it again.
        let (question, expectation) = (experiment.question, experiment.expectation);
        print_error(&format!("{question}\nExpected: {expectation}\n"));
    }
    args.forms.check()?;
    let folder = args.keep.folder()?;
    let outline = experiment.outline(args.full);
    let expected = outline.iter().map(|(_, expected)| *expected).sum();
    let done = Done::experiment(experiment.id, args.full);
    let clock = Stopwatch::start(folder.as_ref(), done, expected);
    let progress = Progress::new(args.progress, clock.expected, outline.len());
    let mut number = 0;
    let carried_out = experiment.carry_out(args.full, &mut |step| {
        number += 1;
        progress.step(number);
        match carry_out(&step.plan, &progress) {
            Ok(report) => Ok(Some(report)),
            // What was measured in the steps before is a result.
            Err(error) if number > 1 && is_stopped(&error) => Ok(None),
            Err(error) => Err(error),
        }
    })?;
    clock.stop(carried_out.partial);
    let document = Document::Experiment(Box::new(carried_out.clone()));
    let kept = keep(folder.as_ref(), &document, &progress);
    args.forms.write_as(&carried_out, &OF_AN_EXPERIMENT)?;
    kept?;
    Ok(code_of(carried_out.verdict))
}

/// What is wrong with each, to standard output, for that is what was asked for; advice after it.
fn check_lessons(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let (mut said, mut is_wrong) = (String::new(), false);
    for path in files {
        let shown = path.display();
        let text = lesson_folder::read(path)
            .with_context(|| format!("the lesson {shown} cannot be read"))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match Lesson::parse(&name, &text) {
            Ok(lesson) => {
                for advice in &lesson.advice {
                    said.push_str(&format!("{shown}:{advice} (advice)\n"));
                }
                let (id, minutes) = (&lesson.front.id, lesson.front.minutes);
                said.push_str(&format!("{shown}: {id} can be given, {minutes} min\n"));
            }
            Err(faults) => {
                is_wrong = true;
                for fault in faults {
                    said.push_str(&format!("{shown}:{fault}\n"));
                }
            }
        }
    }
    print(&said)?;
    Ok(if is_wrong {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}

fn play_lessons(
    names: &[String],
    plan: Option<&str>,
    phones: usize,
    fast: bool,
    folder: Option<PathBuf>,
) -> anyhow::Result<ExitCode> {
    if phones > STAND_INS_MAX {
        print_error(&format!(
            "pushlab: --phones is {phones}; choose 0 to {STAND_INS_MAX}"
        ));
        return Ok(ExitCode::from(2));
    }
    let refused = |why: String| {
        print_error(&format!("pushlab: {why}"));
        Ok(ExitCode::from(2))
    };
    let plan = match plan.map(plan_of_hour::chosen).transpose()? {
        None => None,
        Some(Ok(plan)) => Some(plan),
        Some(Err(why)) => return refused(why),
    };
    let names = match &plan {
        Some(plan) => plan.lessons().map(str::to_owned).collect(),
        None => names.to_vec(),
    };
    let (lessons, folder) = match chosen_lessons(&names, folder)? {
        Ok(chosen) => chosen,
        Err(why) => return refused(why),
    };
    let wanted = lesson_play::Wanted {
        lessons,
        folder,
        phones,
        fast,
        plan,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("a runtime for the rehearsal")?;
    let mut unprinted = None;
    let say = |line: &str| {
        if let Err(error) = print(&format!("{line}\n")) {
            unprinted.get_or_insert(error);
        }
    };
    let played = runtime.block_on(async {
        tokio::select! {
            played = lesson_play::play(&wanted, say) => Some(played),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    if let Some(error) = unprinted {
        return Err(error);
    }
    let Some(failed) = played.transpose()? else {
        return Ok(ExitCode::FAILURE);
    };
    if failed.is_empty() {
        print("all is well\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    for why in &failed {
        print_error(&format!("pushlab: {why}"));
    }
    Ok(ExitCode::from(FAILED_A_THRESHOLD))
}

/// Lessons, and the folder that a lab has to have for them.
type Chosen = (Vec<Lesson>, Option<PathBuf>);

/// The lessons of these names, or what is wrong with the names.
fn chosen_lessons(
    names: &[String],
    mut folder: Option<PathBuf>,
) -> anyhow::Result<Result<Chosen, String>> {
    let mut files = Vec::new();
    for name in names {
        let path = Path::new(name);
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let shown = path.display();
        let text = lesson_folder::read(path)
            .with_context(|| format!("the lesson {shown} cannot be read"))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        match Lesson::parse(&file, &text) {
            Ok(lesson) => files.push((name, lesson)),
            Err(faults) => {
                let faults: Vec<_> = faults.iter().map(|it| format!("{shown}:{it}")).collect();
                return Ok(Err(faults.join("\n")));
            }
        }
        // Its folder is the lab's for this rehearsal.
        let own = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        if folder.as_ref().is_some_and(|folder| *folder != own) {
            return Ok(Err(format!(
                "{shown} is in another folder than the other lessons; play it by itself"
            )));
        }
        folder = Some(own);
    }
    let shelf = LessonFolder::of(folder.as_deref().unwrap_or(Path::new(""))).shelf();
    let mut chosen = Vec::new();
    for name in names {
        if let Some((_, lesson)) = files.iter().find(|(file, _)| *file == name) {
            chosen.push(lesson.clone());
        } else if name == "all" {
            chosen.extend(shelf.all().map(|shelved| shelved.lesson.clone()));
        } else if let Some(shelved) = shelf.find(name) {
            chosen.push(shelved.lesson.clone());
        } else {
            return Ok(Err(shelf.unknown(name)));
        }
    }
    Ok(Ok((chosen, folder)))
}

fn list_lessons(folder: &Path) -> anyhow::Result<ExitCode> {
    let shelf = LessonFolder::of(folder).shelf();
    let mut said = String::new();
    for shelved in shelf.all() {
        let front = &shelved.lesson.front;
        let whose = if shelved.is_teachers { "  (yours)" } else { "" };
        let (order, id, minutes) = (front.order, &front.id, front.minutes);
        let claims = front.claims.join(" ");
        said.push_str(&format!(
            "{order:>3}  {id:<22} {minutes:>2} min  {claims}{whose}\n"
        ));
        said.push_str(&format!("     {}\n", front.title));
    }
    print(&said)?;
    for (name, faults) in &shelf.broken {
        for fault in faults {
            print_error(&format!("{name}:{fault}"));
        }
    }
    Ok(match shelf.broken.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(2),
    })
}

const OF_AN_EXPERIMENT: Renders<CarriedOut> = Renders {
    csv: experiments::forms::csv,
    html: experiments::html::render,
    markdown: experiments::forms::markdown,
    table: CarriedOut::to_string,
};

fn code_of(verdict: experiments::Verdict) -> ExitCode {
    match verdict {
        experiments::Verdict::AsPredicted => ExitCode::SUCCESS,
        experiments::Verdict::Otherwise => ExitCode::from(FAILED_A_THRESHOLD),
        experiments::Verdict::NotValid => ExitCode::from(NOT_VALID),
    }
}

fn is_stopped(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(RunError::Stopped))
}

/// Carries out a plan on a runtime of its own; Ctrl-C ends it with what there is.
fn carry_out(plan: &Plan, progress: &Progress) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let asked = system::told_to_stop()?;
        tokio::spawn(async move {
            asked.await;
            // Nobody waits for it any more when the run is over.
            let _ = stop.send(true);
        });
        Ok(execute::run(plan, &|text, share| progress.say(text, share), stopped).await?)
    })
}

fn judged(judging: &Judging, report: &Report, baseline: Option<&Report>) -> ExitCode {
    let (code, reasons) = match judging.judge(report, baseline) {
        Outcome::Passed => return ExitCode::SUCCESS,
        Outcome::Failed(reasons) => (FAILED_A_THRESHOLD, reasons),
        Outcome::Invalid(reasons) => (NOT_VALID, reasons),
    };
    for reason in reasons {
        print_error(&format!("pushlab: {reason}"));
    }
    ExitCode::from(code)
}

/// `code`: of the class that the lab was started for.
fn announce(server: &Server, json: bool, code: Option<&str>) -> anyhow::Result<()> {
    #[derive(serde::Serialize)]
    struct Listening<'a> {
        listening: &'a [LaneAddress],
        /// The main lane, as other machines reach it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        from_elsewhere: Vec<String>,
        /// The Pusher application that was made at start; with its secret, for it is nowhere else.
        #[serde(skip_serializing_if = "Option::is_none")]
        demo_app: Option<DemoApp<'a>>,
        /// SHA-256 of the certificate, where lanes speak TLS.
        #[serde(skip_serializing_if = "Option::is_none")]
        tls_fingerprint: Option<&'a str>,
        /// What makes a browser the presenter's; with the token, unless that is waived.
        #[serde(skip_serializing_if = "Option::is_none")]
        presenter: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        class: Option<Class<'a>>,
    }
    #[derive(serde::Serialize)]
    struct Class<'a> {
        code: &'a str,
        /// Where its QR code leads; not there where no phone can come in.
        #[serde(skip_serializing_if = "Option::is_none")]
        phone: Option<String>,
    }
    #[derive(serde::Serialize)]
    struct DemoApp<'a> {
        id: &'a str,
        key: &'a str,
        secret: &'a str,
    }
    let demo_app = server.apps().generated().map(|app| DemoApp {
        id: &app.id,
        key: &app.key,
        secret: app.secret.reveal(),
    });
    let listening = server.addresses();
    let tls_fingerprint = server.tls_fingerprint();
    let phones = server.for_phones();
    // Before the banner, which is the last thing that a terminal shows.
    let settings = server.lab().config.shown();
    tracing::debug!(%settings, "effective settings");
    let main = listening.iter().find(|address| address.lane.0 == "main");
    let unlock = server.lab().presenter.unlock_path();
    let presenter = (main.zip(unlock.as_ref())).map(|(main, path)| format!("{}{path}", main.url));
    if json {
        let line = Listening {
            listening,
            class: code.map(|code| Class {
                code,
                phone: (phones.first()).map(|first| phone_address(&first.url, code)),
            }),
            from_elsewhere: phones.into_iter().map(|phones| phones.url).collect(),
            demo_app,
            tls_fingerprint,
            presenter,
        };
        return print(&(serde_json::to_string(&line)? + "\n"));
    }
    let not_kept = server.class_not_kept();
    if let (Some(code), Some(main)) = (code, main) {
        let banner = class::Banner {
            code,
            phones: &phones,
            here: &main.url,
            presenter: presenter.as_deref(),
            ports: server.ports(),
            is_tls: server.lab().config.is_tls(),
            fingerprint: tls_fingerprint,
            not_kept: not_kept.as_deref(),
            colours: io::stdout().is_terminal(),
        };
        // Neither lanes nor applications: those are on pages, and the code is to stay in sight.
        let (ready, text) = (ready(), banner.text());
        let again = match not_kept {
            None => "started again, the class goes on",
            Some(_) => "what the class did is not kept",
        };
        // As it is: the picture of the QR code may have colours.
        let banner = format!("{ready}{text}\n\nCtrl-C stops it; {again}.\n");
        return print_bytes(banner.as_bytes());
    }
    let mut lines = vec![ready()];
    for address in listening {
        lines.push(format!("  {:<18} {}", address.lane.0, address.url));
    }
    if let Some(DemoApp { id, key, secret }) = demo_app {
        lines.push(format!(
            "\n  Pusher application: id {id}, key {key}, secret {secret}"
        ));
    }
    if let Some(fingerprint) = tls_fingerprint {
        lines.push(format!("\n  TLS certificate, SHA-256: {fingerprint}"));
    }
    lines.push("\nCtrl-C stops it. pushlab --help lists the settings.".to_owned());
    if let Some(main) = main {
        lines.push(to_open(&main.url, &phones, presenter.as_deref()));
    }
    print(&(lines.join("\n") + "\n"))
}

fn ready() -> String {
    format!("pushlab {} is ready.\n", crate::VERSION)
}

/// What to open in a browser: the last words of the banner, so that they are in sight on a terminal
/// of 24 lines. `main`: this machine's address of the main lane; the others are those of its
/// interfaces; `presenter`: what unlocks a browser of who leads the lab, unless that is waived.
fn to_open(main: &str, from_elsewhere: &[ForPhones], presenter: Option<&str>) -> String {
    /// More interfaces than these have virtual networks, not phones.
    const SHOWN_MAX: usize = 4;
    let mut text = match presenter {
        Some(address) => format!(
            "\nYou lead the lab, open:  {address}\n\
             For everybody else:      {main}"
        ),
        None => format!(
            "\n--no-token: every visitor may see secrets, start runs and set conditions; behind a proxy,\n\
             that is everybody whom the proxy lets in.\nOpen this in a browser:  {main}"
        ),
    };
    for ForPhones { url, .. } in from_elsewhere.iter().take(SHOWN_MAX) {
        text.push_str(&format!("\nFrom a phone:            {url}"));
    }
    let more = from_elsewhere.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        text.push_str(&format!("\n(and {more} more addresses; --json lists them)"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("the file is bad: {0}")]
        struct Outer(#[source] io::Error);
        let error = anyhow::Error::from(Outer(io::Error::other("no room")));
        assert_eq!(with_causes(&error), "the file is bad: no room");
        let error = anyhow::Error::from(io::Error::other("no room")).context("it cannot be read");
        assert_eq!(with_causes(&error), "it cannot be read: no room");
    }

    #[test]
    fn the_last_lines_name_every_address_within_reason() {
        let from = |n: u8| ForPhones {
            url: format!("http://192.168.1.{n}:8080"),
            ip: format!("192.168.1.{n}"),
            interface: "wlan0".to_owned(),
            says: "private network",
            is_likely: true,
        };
        let one = to_open(
            "http://127.0.0.1:8080",
            &[from(7)],
            Some("http://a/presenter/unlock/t"),
        );
        assert!(one.contains("open:  http://a/presenter/unlock/t\n"));
        assert!(one.contains("http://127.0.0.1:8080") && one.ends_with("http://192.168.1.7:8080"));
        let many = to_open("m", &(0..9).map(from).collect::<Vec<_>>(), None);
        assert!(
            many.contains("--no-token") && many.lines().count() <= 9 && many.contains("5 more"),
            "{many}"
        );
    }
}
