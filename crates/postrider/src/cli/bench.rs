//! The command line of `bench`, and of the parts it starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::commands::bench::Scenario;

/// Where the events of a bench are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// A fresh SQLite file for each measurement
    Sqlite,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure (repeatable) [default: burst, steady, fanout]
    #[arg(long = "scenario", value_name = "NAME", value_enum, hide_default_value = true)]
    pub(crate) scenarios: Vec<Scenario>,
    /// Times everything is measured; shown are median, least and most
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Time events are posted in each measurement
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
    /// Events a second of `steady` (repeatable) [default: 50, 200, 1000, 5000]
    #[arg(long = "rate", value_name = "N", default_values_t = [50, 200, 1_000, 5_000], hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rates: Vec<u32>,
    /// Most events of `burst`, `fanout` and `tls`; without it the time alone ends them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub(crate) events: Option<u64>,
    /// Events queued by `backlog`
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=20_000_000))]
    pub(crate) backlog: u64,
    /// Where events are stored
    #[arg(long, value_name = "KIND", value_enum, default_value = "sqlite")]
    pub(crate) database: Backend,
    /// Directory for databases, which are removed; its disk is what is measured [default: the
    /// system's for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Write the figures as JSON; - is standard output, which then has nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Where another sender takes events; only `burst` and `steady`, and it must be set up
    #[arg(long, value_name = "URL", requires_all = ["body", "receiver"])]
    pub(crate) url: Option<String>,
    /// Header of the requests to --url, such as "authorization: Bearer KEY" (repeatable)
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "url")]
    pub(crate) headers: Vec<String>,
    /// File with the body for --url, with {{event}}, {{time}} and {{sequence}} to be filled in
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) body: Option<PathBuf>,
    /// Address on which to receive what the sender at --url delivers
    #[arg(long, value_name = "ADDR", requires = "url")]
    pub(crate) receiver: Option<SocketAddr>,
    /// Targets to which the sender at --url delivers each event
    #[arg(long, value_name = "N", default_value_t = 1, requires = "url")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) targets: u64,
    /// Process of the sender at --url, for CPU, disk and memory (repeatable)
    #[arg(long = "process", value_name = "PID", requires = "url")]
    pub(crate) processes: Vec<u32>,
}

/// A process of a bench.
#[derive(Debug, Args)]
pub(crate) struct PartArgs {
    /// The bench it belongs to
    #[arg(long, value_name = "PID")]
    pub(crate) parent: u32,
    #[command(subcommand)]
    pub(crate) part: PartKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PartKind {
    /// This program with other arguments
    Program {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Answers as paths say
    Receiver {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        tls: bool,
    },
    /// Posts events
    Generator,
    /// Syncs a file
    Disk {
        #[arg(long)]
        millis: u64,
    },
}
