//! The command line: what may be written after `postrider`.
//!
//! Owns names, help and shapes only. Values of settings stay text here: `config` reads them, so
//! that a bad value is reported in the same way wherever it came from.

mod bench;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use bench::{Backend, BenchArgs, PartArgs, PartKind};

use crate::config::{LogLevel, Raw, Secret, Span};
use crate::failure::Failure;
use crate::receiver::Answers;

/// A durable webhook sender for subscription programs.
#[derive(Debug, Parser)]
#[command(name = "postrider", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the main job: sample events to bundled receivers that verify every signature
    Demo(DemoArgs),
    /// Prepare an empty database: a merchant, its owner, an operator key and an API key
    Init(InitArgs),
    /// Run the API and the delivery
    Serve(ConfigFlags),
    /// Bring the database to this version
    Migrate(ConfigFlags),
    /// Copy the database to a new file, also while Postrider runs
    Backup(BackupArgs),
    /// Seal all verification keys with another secret key, while nothing runs
    RotateSecretKey(RotateSecretKeyArgs),
    /// Check clock, disk, database, keys and egress
    Doctor(DoctorArgs),
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Verify the signature of a body read from standard input
    Verify(VerifyArgs),
    /// Print the OpenAPI 3.1 document of the API
    Openapi,
    /// Post one event over the API
    Send(SendArgs),
    /// Follow a webhook's deliveries and forward them to a local server
    Listen(ListenArgs),
    /// Receive deliveries: verify, print and answer as told
    Receiver(ReceiverArgs),
    /// Measure throughput, latency and cost on this machine, beside what it could do at best
    Bench(Box<BenchArgs>),
    /// A process of a bench, which starts it by itself
    #[command(hide = true)]
    BenchPart(PartArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the effective settings and where each came from
    Show(ConfigFlags),
}

/// Settings as flags; each comes before the environment, the file and the default.
#[derive(Debug, Default, Args)]
pub(crate) struct ConfigFlags {
    /// Settings file; postrider.toml in the working directory is read when it is there
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where everything is kept, such as sqlite:postrider.db
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Days that what is over is kept, or none: for ever
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<String>,
    /// Address of the API
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Address under which people reach it, when something stands before it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Address where metrics are read without a key
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<String>,
    /// Requests a second the API keys of one merchant may make, such as 200/s
    #[arg(long, value_name = "RATE")]
    merchant_request_rate: Option<String>,
    /// Block of addresses that may be sent to although they are not public (repeatable)
    #[arg(long = "allow-target", value_name = "CIDR")]
    allow_targets: Vec<String>,
    /// Block of addresses that may not be sent to although they are public (repeatable)
    #[arg(long = "deny-target", value_name = "CIDR")]
    deny_targets: Vec<String>,
    /// Accept http targets beside https
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    allow_http_targets: Option<String>,
    /// File with the key that encrypts verification keys
    #[arg(long, value_name = "FILE")]
    secret_key_file: Option<String>,
    /// Name of the signature header
    #[arg(long, value_name = "NAME")]
    signature_header: Option<String>,
    /// File with own event types, TOML or JSON
    #[arg(long, value_name = "FILE")]
    catalogue: Option<String>,
    /// Events that do not fit their schema: off, warn or refuse
    #[arg(long, value_name = "CHECK")]
    schema_check: Option<String>,
    /// Name server to ask instead of the system's (repeatable)
    #[arg(long = "name-server", value_name = "IP:PORT")]
    name_servers: Vec<String>,
    /// Form of the log: text or json
    #[arg(long, value_name = "FORM")]
    log_format: Option<String>,
    /// What is logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Time to finish what is in flight when stopping, such as 30s
    #[arg(long, value_name = "TIME")]
    shutdown_grace: Option<String>,
}

impl ConfigFlags {
    /// The flags that were given: setting and value.
    pub(crate) fn given(&self) -> Vec<(&'static str, Raw)> {
        let single = [
            ("database", &self.database),
            ("retention_days", &self.retention_days),
            ("listen", &self.listen),
            ("public_url", &self.public_url),
            ("metrics_listen", &self.metrics_listen),
            ("merchant_request_rate", &self.merchant_request_rate),
            ("allow_http_targets", &self.allow_http_targets),
            ("secret_key_file", &self.secret_key_file),
            ("signature_header", &self.signature_header),
            ("catalogue", &self.catalogue),
            ("schema_check", &self.schema_check),
            ("log.format", &self.log_format),
            ("log.level", &self.log_level),
            ("shutdown_grace", &self.shutdown_grace),
        ];
        let lists = [
            ("allow_targets", &self.allow_targets),
            ("deny_targets", &self.deny_targets),
            ("name_servers", &self.name_servers),
        ];
        let single = single.into_iter().filter_map(|(key, v)| Some((key, Raw::Text(v.clone()?))));
        let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
        single.chain(lists.map(|(key, values)| (key, Raw::List(values.clone())))).collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Stop when all is settled; exit 0 only if every delivery is where it should be
    #[arg(long)]
    pub(crate) exit: bool,
    /// Address of the API [default: a free port on loopback]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", hide_default_value = true)]
    pub(crate) listen: SocketAddr,
    /// What is logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    pub(crate) log_level: LogLevel,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) flags: ConfigFlags,
    /// Name of the first merchant
    #[arg(long, value_name = "NAME")]
    pub(crate) merchant: String,
    /// E-mail address of its owner
    #[arg(long, value_name = "EMAIL")]
    pub(crate) email: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) flags: ConfigFlags,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pub(crate) flags: ConfigFlags,
    /// Where the copy goes; must not be there yet
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RotateSecretKeyArgs {
    #[command(flatten)]
    pub(crate) flags: ConfigFlags,
    /// File with the key to have from now on; made when it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) new_secret_key_file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Verification key of the webhook, as text
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Secret,
    /// Value of the signature header, such as ts=1592570791,sig=5257…
    #[arg(long, value_name = "VALUE")]
    pub(crate) header: String,
}

/// Which API, and as whom.
#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    /// Address of the API
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// API key; other users of this machine can see it while the command runs
    #[arg(long, value_name = "KEY", required_unless_present = "key_file")]
    key: Option<Secret>,
    /// File with the API key
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
}

impl ApiArgs {
    /// The key, from wherever it was given.
    pub(crate) fn key(&self) -> Result<Secret, Failure> {
        match (&self.key, &self.key_file) {
            (Some(key), _) => Ok(key.clone()),
            (None, Some(file)) => Secret::from_file(file).map_err(Failure::usage),
            (None, None) => Err(Failure::usage("name an API key with --key or --key-file")),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Type of the event, such as order.create
    #[arg(value_name = "TYPE")]
    pub(crate) event_type: String,
    /// File with the event's data, such as {"object": {…}}; - is standard input. The documented
    /// example when left out
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<String>,
    /// Id of the event: the same again is accepted once
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// Where deliveries are forwarded to, such as http://127.0.0.1:3000/webhooks
    #[arg(long, value_name = "URL")]
    pub(crate) forward: String,
    /// Webhook to follow; the only one when left out
    #[arg(long, value_name = "ID")]
    pub(crate) webhook: Option<String>,
    /// File that remembers how far it was followed, so that the next run goes on from there
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Print each delivery as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiverArgs {
    /// Address to receive on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub(crate) listen: SocketAddr,
    /// Verification key of the webhook; without it nothing is verified
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<Secret>,
    /// Name of the signature header
    #[arg(long, value_name = "NAME", default_value = postrider_core::sign::SIGNATURE_HEADER)]
    pub(crate) signature_header: String,
    /// Status codes to answer with, one per request; the last one repeats
    #[arg(long, value_name = "CODES", default_value = "200")]
    pub(crate) answer: Answers,
    /// Time to wait before each answer, such as 10s
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub(crate) delay: Span,
    /// Print each delivery as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print each body too
    #[arg(long)]
    pub(crate) print_body: bool,
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
    fn every_setting_has_the_flag_its_messages_name() {
        let command = Cli::command();
        let serve = command.get_subcommands().find(|c| c.get_name() == "serve").unwrap();
        let flags: Vec<_> = serve.get_arguments().filter_map(|arg| arg.get_long()).collect();
        for setting in crate::config::SETTINGS {
            assert!(flags.contains(&setting.flag.trim_start_matches('-')), "{}", setting.flag);
        }
        assert_eq!(
            flags.len(),
            crate::config::SETTINGS.len() + 1,
            "--config is the only other one"
        );
    }

    #[test]
    fn flags_that_were_not_given_say_nothing() {
        assert!(ConfigFlags::default().given().is_empty());
        let line = ["postrider", "serve", "--allow-http-targets", "--allow-target", "10.0.0.0/8"];
        let Command::Serve(flags) = Cli::try_parse_from(line).unwrap().command else {
            unreachable!()
        };
        let given = flags.given();
        assert_eq!(given[0], ("allow_http_targets", Raw::Text("true".to_owned())));
        assert_eq!(given[1], ("allow_targets", Raw::List(vec!["10.0.0.0/8".to_owned()])));
    }

    #[test]
    fn a_key_is_not_printed_for_debugging() {
        let line = ["postrider", "verify", "--key", "canary", "--header", "ts=1,sig=00"];
        let printed = format!("{:?}", Cli::try_parse_from(line).unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
}
