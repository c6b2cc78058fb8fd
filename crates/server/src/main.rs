//! `busk`: the command line.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use busk_server::audit::settlements::SettlementsError;
use busk_server::close::{self, ClosingError};
use busk_server::config::{Config, ConfigError, Settings};
use busk_server::demo::{Demo, DemoError};
use busk_server::export::{self, ExportError};
use busk_server::serve::{self, Mode, StartError};
use busk_server::{audit, clock};
use busk_store::StoreError;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// A self-hosted live platform that earns.
#[derive(Parser)]
#[command(name = "busk", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or stopped as told
  1  failed while running
  2  the command line is wrong
  3  the configuration is wrong
  4  the database cannot be opened
  5  an address cannot be listened on
  6  the books do not balance (audit)
  7  the books balance, and differ from what a provider reports (audit --settlements)";

#[derive(Subcommand)]
enum Command {
    /// Run the site until told to stop (SIGTERM, Ctrl-C)
    Serve {
        /// A TOML file with the same names as the flags [default: busk.toml, when it is here]
        #[arg(long, env = "BUSK_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Show a live site with three creators and an audience, in a throw-away folder
    Demo {
        #[command(flatten)]
        settings: Settings,
    },
    /// Re-add the books, and say whether they balance
    Audit {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        wanted: audit::settlements::Wanted,
        /// A TOML file, as for `serve`
        #[arg(long, env = "BUSK_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Close the months that are over: seal their postings, and anchor the seals in the data folder
    Close {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// First write the anchor file anew from the database, after its loss
        #[arg(long)]
        renew_anchor: bool,
        /// A TOML file, as for `serve`
        #[arg(long, env = "BUSK_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the books for accountants: as CSV, or as a journal for hledger or beancount
    Export {
        #[command(flatten)]
        wanted: export::Wanted,
        /// A TOML file, as for `serve`
        #[arg(long, env = "BUSK_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the OpenAPI 3.1 document
    Openapi,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0}")]
    Running(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Close(#[from] ClosingError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("the books do not balance")]
    Unbalanced,
    #[error(transparent)]
    Settlements(#[from] SettlementsError),
    #[error("the books differ from what a payment provider reports")]
    Differing,
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Running(_)
            | Failure::Demo(_)
            | Failure::Close(_)
            | Failure::Export(ExportError::Write(_) | ExportError::HandleUnknown(_))
            | Failure::Settlements(SettlementsError::Provider { .. })
            | Failure::Start(StartError::Rooms(_) | StartError::Provider(_)) => 1,
            Failure::Config(_) | Failure::Start(StartError::Tls(_)) => 3,
            Failure::Store(_)
            | Failure::Settlements(SettlementsError::Store(_))
            | Failure::Export(ExportError::Store(_))
            | Failure::Start(StartError::Store(_) | StartError::DataDir(..) | StartError::SealingKey(_)) => 4,
            Failure::Start(StartError::Listen(..)) => 5,
            Failure::Unbalanced => 6,
            Failure::Differing => 7,
        }
    }
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // It would say so by a panic of whoever logs, such as on a full disk.
        .log_internal_errors(false)
        .init();
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("busk: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        Command::Serve { config, settings } => {
            let file = Settings::from_file_or_default(config.as_deref())?;
            let config = settings.or(file).check()?;
            runtime.block_on(async {
                let running = serve::start(config, Mode::default()).await?;
                told_to_stop().await?;
                tracing::info!("stopping");
                running.stop().await;
                Ok(())
            })
        }
        Command::Demo { settings } => runtime.block_on(async {
            let demo = Demo::start(settings).await?;
            told_to_stop().await?;
            demo.stop().await;
            Ok(())
        }),
        Command::Audit {
            json,
            wanted,
            config,
            settings,
        } => {
            let file = Settings::from_file_or_default(config.as_deref())?;
            let config = settings.or(file).check()?;
            audited(&config, &wanted, json, &runtime)
        }
        Command::Close {
            json,
            renew_anchor,
            config,
            settings,
        } => {
            let file = Settings::from_file_or_default(config.as_deref())?;
            let config = settings.or(file).check()?;
            let store = serve::open_quietly(&config)?;
            let seals = runtime.block_on(async {
                if renew_anchor {
                    close::renew_anchor(&store, &config.data_dir).await?;
                }
                close::close(&store, &config.data_dir, clock::clock()()).await
            })?;
            Ok(close::print(&seals, json, &mut std::io::stdout())?)
        }
        Command::Export {
            wanted,
            config,
            settings,
        } => {
            let file = Settings::from_file_or_default(config.as_deref())?;
            let config = settings.or(file).check()?;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            Ok(export::run(&config.database, &wanted, &mut out)?)
        }
        Command::Openapi => {
            let openapi = runtime.block_on(serve::openapi())?;
            let text = openapi.to_pretty_json().map_err(std::io::Error::other)?;
            Ok(writeln!(std::io::stdout(), "{text}")?)
        }
    }
}

/// Audits the books, and compares them with the providers' reports if that is wanted.
fn audited(
    config: &Config,
    wanted: &audit::settlements::Wanted,
    json: bool,
    runtime: &tokio::runtime::Runtime,
) -> Result<(), Failure> {
    let audit = audit::run(&config.database, &config.data_dir)?;
    let settled = match wanted.settlements {
        true => Some(audit::settlements::run(
            config,
            wanted,
            clock::clock()(),
            runtime,
        )?),
        false => None,
    };
    audit::print(&audit, settled.as_deref(), json, &mut std::io::stdout())?;
    if !audit.is_clean() {
        Err(Failure::Unbalanced)
    } else if settled.iter().flatten().any(|of| !of.clean) {
        Err(Failure::Differing)
    } else {
        Ok(())
    }
}

/// Ends at SIGTERM or SIGINT.
async fn told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        done = tokio::signal::ctrl_c() => done,
    }
}
