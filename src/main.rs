//! The program: parse, set up, run, and turn errors into exit codes.
//!
//! 0 done, or stopped as asked; 1 failed; 2 settings or arguments not understood; 69 an address
//! cannot be listened on, or a lab cannot be reached.

use std::{
    io::{self, Read, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use pushlab::{
    cli::{Cli, Command, ServeArgs, TriggerArgs},
    config::{Config, ConfigError, apps::Secret},
    lab::LaneAddress,
    protocol::pusher::trigger::{Credentials, Trigger, TriggerError, trigger},
    server::{Server, StartError},
    telemetry,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Serve(args)) => serve(*args),
        Some(Command::Trigger(args)) => publish(*args),
        None => serve(cli.serve),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pushlab: {error:#}");
            exit_code(&error)
        }
    }
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<ConfigError>() {
        return ExitCode::from(2);
    }
    match error.downcast_ref() {
        Some(TriggerError::BadUrl(_)) => return ExitCode::from(2),
        Some(TriggerError::Unreachable { .. }) => return ExitCode::from(69),
        _ => {}
    }
    match error.downcast_ref() {
        Some(StartError::CannotListen { .. } | StartError::BadHost { .. }) => ExitCode::from(69),
        Some(StartError::Tls(error)) if error.is_of_settings() => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

fn publish(args: TriggerArgs) -> anyhow::Result<()> {
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
    Ok(())
}

fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let config = Config::load(args.settings, args.config.as_deref())?;
    telemetry::init(&config)?;
    let json = config.json;
    actix_rt::System::new().block_on(async move {
        let stop = stop_signal()?;
        let server = Server::build(config)?;
        announce(&server, json)?;
        server.run_until_stopped(stop).await?;
        Ok(())
    })
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
        writeln!(out, "\nCtrl-C stops it. pushlab --help lists the settings.")?;
    }
    out.flush()?;
    let settings = serde_json::to_string(&server.lab().config)?;
    tracing::info!(%settings, "effective settings");
    Ok(())
}
