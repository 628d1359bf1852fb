//! The `postrider` program: reads the command line, runs one command, answers with an exit status.
//!
//! Owns nothing else: the command line is in `cli`, settings in `config`, each command under
//! `commands`, and the parts of a running node are put together in `node`.
//!
//! Exit status: 0 done or valid; 1 failed or invalid; 2 used or configured wrongly.

mod api;
mod cli;
mod commands;
mod config;
mod failure;
mod http_client;
mod node;
mod output;
mod own_catalogue;
mod receiver;
mod secret_key;
mod signals;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, ConfigCommand};
use crate::failure::Failure;

/// Payloads are many short-lived buffers; this allocator returns their memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Prints its own message and leaves with 2 when the command line cannot be understood.
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("cannot start: {error}"));
            return ExitCode::from(1);
        }
    };
    let done = runtime.block_on(Box::pin(dispatch(cli.command)));
    // A second signal means at once: tasks still running are not waited for. What they had not
    // settled falls due again.
    runtime.shutdown_background();
    done.unwrap_or_else(|failure| {
        output::complain(&failure.to_string());
        failure.exit_code()
    })
}

async fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Demo(args) => commands::demo::run(args).await,
        Command::Init(args) => commands::init::run(args).await,
        Command::Serve(flags) => commands::serve::run(&flags).await,
        Command::Migrate(flags) => commands::migrate::run(&flags).await,
        Command::Backup(args) => commands::backup::run(&args).await,
        Command::RotateSecretKey(args) => commands::rotate_secret_key::run(&args).await,
        Command::Doctor(args) => commands::doctor::run(&args).await,
        Command::Config { command: ConfigCommand::Show(flags) } => {
            commands::config_show::run(&flags)
        }
        Command::Verify(args) => commands::verify::run(&args),
        Command::Openapi => Ok(commands::openapi::run()),
        Command::Send(args) => commands::send::run(args).await,
        Command::Listen(args) => commands::listen::run(args).await,
        Command::Receiver(args) => commands::receiver::run(args).await,
        Command::Bench(args) => commands::bench::run(*args).await,
        Command::BenchPart(args) => commands::bench::run_part(args).await,
    }
}
