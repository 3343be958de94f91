//! The program: parse, set up, run, and turn errors into exit codes.
//!
//! 0 done, or stopped as asked; 1 failed; 2 settings, arguments or plan not understood; 3 a run
//! shows what it must not; 4 a run's result is not valid; 69 an address cannot be listened on, or
//! a lab cannot be reached.

use std::{
    fs,
    io::{self, IsTerminal, Read, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use pushlab::{
    cli::{Cli, Command, ExperimentArgs, ReportArgs, RunArgs, ServeArgs, TriggerArgs},
    config::{Config, ConfigError, apps::Secret},
    experiments::{self, CarriedOut, UnknownExperiment},
    jobs::progress::Progress,
    lab::LaneAddress,
    protocol::pusher::trigger::{Credentials, Trigger, TriggerError, trigger},
    run::{
        execute::{self, RunError},
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
    },
    server::{Server, StartError},
    telemetry,
};

/// A run shows what it must not.
const FAILED_A_THRESHOLD: u8 = 3;
/// A run's result cannot be stood behind.
const NOT_VALID: u8 = 4;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Serve(args)) => serve(*args),
        Some(Command::Trigger(args)) => publish(*args),
        Some(Command::Run(args)) => run(*args),
        Some(Command::Report(args)) => report(&args),
        Some(Command::Experiment(args)) => experiment(&args),
        None => serve(cli.serve),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pushlab: {error:#}");
            exit_code(&error)
        }
    }
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
    writeln!(io::stdout().lock(), "{answer}")?;
    Ok(ExitCode::SUCCESS)
}

fn serve(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(args.settings, args.config.as_deref())?;
    telemetry::init(&config)?;
    let json = config.json;
    actix_rt::System::new().block_on(async move {
        let stop = stop_signal()?;
        let server = Server::build(config)?;
        announce(&server, json)?;
        server.run_until_stopped(stop).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let plan = Plan::load(args.settings, args.plan.as_deref())?;
    args.forms.check()?;
    args.judging.check(&plan.rows()?)?;
    let baseline = args.judging.baseline()?;
    let folder = args.keep.folder()?;
    let progress = Progress::new(args.progress, plan.expected(), 1);
    let report = carry_out(&plan, &progress)?;
    let document = Document::Run(Box::new(report.clone()));
    let kept = keep(folder.as_ref(), &document, &progress);
    args.forms.write(&report)?;
    kept?;
    Ok(judged(&args.judging, &report, baseline.as_ref()))
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
        print!("{}", experiments::list());
        return Ok(ExitCode::SUCCESS);
    }
    let experiment = experiments::find(&args.id)?;
    if io::stderr().is_terminal() {
        // The prediction comes first; the text on standard output has it again.
        let (question, expectation) = (experiment.question, experiment.expectation);
        eprintln!("{question}\nExpected: {expectation}\n");
    }
    args.forms.check()?;
    let folder = args.keep.folder()?;
    let outline = experiment.outline(args.full);
    let expected = outline.iter().map(|(_, expected)| *expected).sum();
    let progress = Progress::new(args.progress, expected, outline.len());
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
    let document = Document::Experiment(Box::new(carried_out.clone()));
    let kept = keep(folder.as_ref(), &document, &progress);
    args.forms.write_as(&carried_out, &OF_AN_EXPERIMENT)?;
    kept?;
    Ok(code_of(carried_out.verdict))
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
        let asked = stop_signal()?;
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
        eprintln!("pushlab: {reason}");
    }
    ExitCode::from(code)
}

/// Resolves at SIGINT or SIGTERM. The handlers are in place before the addresses are printed.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn announce(server: &Server, json: bool) -> anyhow::Result<()> {
    #[derive(serde::Serialize)]
    struct Listening<'a> {
        listening: &'a [LaneAddress],
        /// The Pusher application that was made at start; with its secret, for it is nowhere else.
        #[serde(skip_serializing_if = "Option::is_none")]
        demo_app: Option<DemoApp<'a>>,
        /// SHA-256 of the certificate, where lanes speak TLS.
        #[serde(skip_serializing_if = "Option::is_none")]
        tls_fingerprint: Option<&'a str>,
    }
    #[derive(serde::Serialize)]
    struct DemoApp<'a> {
        id: &'a str,
        key: &'a str,
        secret: &'a str,
    }
    let demo_app = server.lab().apps.generated().map(|app| DemoApp {
        id: &app.id,
        key: &app.key,
        secret: app.secret.reveal(),
    });
    let listening = server.addresses();
    let tls_fingerprint = server.tls_fingerprint();
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(
            &mut out,
            &Listening {
                listening,
                demo_app,
                tls_fingerprint,
            },
        )?;
        writeln!(out)?;
    } else {
        writeln!(out, "pushlab {} is ready.\n", pushlab::VERSION)?;
        for address in listening {
            let what = match address.lane.0 {
                "main" => "open this in a browser",
                _ => "",
            };
            writeln!(out, "  {:<18} {}  {what}", address.lane.0, address.url)?;
        }
        if let Some(DemoApp { id, key, secret }) = demo_app {
            writeln!(
                out,
                "\n  Pusher application: id {id}, key {key}, secret {secret}"
            )?;
        }
        if let Some(fingerprint) = tls_fingerprint {
            writeln!(out, "\n  TLS certificate, SHA-256: {fingerprint}")?;
        }
        let (files, room) = server.room();
        writeln!(
            out,
            "\n  Room for {} connections ({} of them on lanes) with {files} open files",
            room.all, room.held
        )?;
        writeln!(out, "\nCtrl-C stops it. pushlab --help lists the settings.")?;
    }
    out.flush()?;
    let settings = serde_json::to_string(&server.lab().config)?;
    let (open_files, room) = server.room();
    tracing::info!(
        open_files,
        connections = room.all,
        on_lanes = room.held,
        "room"
    );
    tracing::info!(%settings, "effective settings");
    Ok(())
}
