//! Settings: what there is to set, and how flags, environment, file and defaults make a [`Config`].
//!
//! Owns the table [`SETTINGS`] and the order flags > `POSTRIDER_…` environment > TOML file >
//! defaults. Reading and printing single values is left to `values`, the TOML file to `file`.
//!
//! Invariants:
//! - Only this file reads the environment.
//! - An unknown key is an error, and all problems are reported together, each with where it came
//!   from, its key, and what is allowed.
//! - `config.default.toml` names every setting and equals [`Config::default`].
//! - Nobody outside wiring receives a whole `Config`.

mod file;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use postrider_engine::Sabotage;
use postrider_engine::schemas::SchemaCheck;
use postrider_web::PublicUrl;

use crate::cli::ConfigFlags;
use crate::failure::Failure;
pub(crate) use values::{
    DatabaseUrl, Days, HeaderName, LogFormat, LogLevel, Rate, Raw, Secret, Span,
};
use values::{Value, put};

/// Read when `--config` names no other and it is there.
const FILE_NAME: &str = "postrider.toml";
const ENVIRONMENT_PREFIX: &str = "POSTRIDER_";
/// Unknown to release builds, to the manual page and to `config show`.
const SABOTAGE_VARIABLE: &str = "POSTRIDER_SABOTAGE";
/// Likeness from which "did you mean" helps; unrelated keys stay under 0.75.
const LIKENESS_MIN: f64 = 0.8;

/// Every setting. `config.default.toml` says what each one means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Config {
    pub(crate) database: DatabaseUrl,
    pub(crate) secret_key_file: Option<PathBuf>,
    pub(crate) retention_days: Days,
    pub(crate) shutdown_grace: Span,
    pub(crate) web: Web,
    pub(crate) egress: Egress,
    pub(crate) signature_header: HeaderName,
    /// The operator's own event types.
    pub(crate) catalogue: Option<PathBuf>,
    pub(crate) schema_check: SchemaCheck,
    pub(crate) log: Log,
    /// Not a setting: a fault for the controls of reliability tests, in debug builds only.
    pub(crate) sabotage: Sabotage,
}

/// Where the API answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Web {
    pub(crate) listen: SocketAddr,
    /// Where metrics are read without a key, if anywhere.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Where people reach it.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) merchant_request_rate: Rate,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: None,
            public_url: None,
            merchant_request_rate: Rate::default(),
        }
    }
}

/// Where deliveries may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Egress {
    pub(crate) allow_targets: Vec<IpNet>,
    pub(crate) deny_targets: Vec<IpNet>,
    pub(crate) allow_http_targets: bool,
    pub(crate) name_servers: Vec<SocketAddr>,
}

/// What is logged, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: LogLevel,
}

/// One setting: its names, and how it is read into and printed from a [`Config`].
pub(crate) struct Setting {
    /// Its key in the file; the environment variable follows from it.
    pub(crate) key: &'static str,
    /// Its flag.
    pub(crate) flag: &'static str,
    read: fn(&mut Config, &Raw) -> Result<(), String>,
    show: fn(&Config) -> String,
}

/// Every setting, in the order of `config.default.toml`.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "database",
        flag: "--database",
        read: |config, raw| put(&mut config.database, raw),
        show: |config| config.database.show(),
    },
    Setting {
        key: "secret_key_file",
        flag: "--secret-key-file",
        read: |config, raw| put(&mut config.secret_key_file, raw),
        show: |config| config.secret_key_file.show(),
    },
    Setting {
        key: "retention_days",
        flag: "--retention-days",
        read: |config, raw| put(&mut config.retention_days, raw),
        show: |config| config.retention_days.show(),
    },
    Setting {
        key: "listen",
        flag: "--listen",
        read: |config, raw| put(&mut config.web.listen, raw),
        show: |config| config.web.listen.show(),
    },
    Setting {
        key: "public_url",
        flag: "--public-url",
        read: |config, raw| put(&mut config.web.public_url, raw),
        show: |config| config.web.public_url.show(),
    },
    Setting {
        key: "metrics_listen",
        flag: "--metrics-listen",
        read: |config, raw| put(&mut config.web.metrics_listen, raw),
        show: |config| config.web.metrics_listen.show(),
    },
    Setting {
        key: "merchant_request_rate",
        flag: "--merchant-request-rate",
        read: |config, raw| put(&mut config.web.merchant_request_rate, raw),
        show: |config| config.web.merchant_request_rate.show(),
    },
    Setting {
        key: "shutdown_grace",
        flag: "--shutdown-grace",
        read: |config, raw| put(&mut config.shutdown_grace, raw),
        show: |config| config.shutdown_grace.show(),
    },
    Setting {
        key: "allow_targets",
        flag: "--allow-target",
        read: |config, raw| put(&mut config.egress.allow_targets, raw),
        show: |config| config.egress.allow_targets.show(),
    },
    Setting {
        key: "deny_targets",
        flag: "--deny-target",
        read: |config, raw| put(&mut config.egress.deny_targets, raw),
        show: |config| config.egress.deny_targets.show(),
    },
    Setting {
        key: "allow_http_targets",
        flag: "--allow-http-targets",
        read: |config, raw| put(&mut config.egress.allow_http_targets, raw),
        show: |config| config.egress.allow_http_targets.show(),
    },
    Setting {
        key: "name_servers",
        flag: "--name-server",
        read: |config, raw| put(&mut config.egress.name_servers, raw),
        show: |config| config.egress.name_servers.show(),
    },
    Setting {
        key: "signature_header",
        flag: "--signature-header",
        read: |config, raw| put(&mut config.signature_header, raw),
        show: |config| config.signature_header.show(),
    },
    Setting {
        key: "catalogue",
        flag: "--catalogue",
        read: |config, raw| put(&mut config.catalogue, raw),
        show: |config| config.catalogue.show(),
    },
    Setting {
        key: "schema_check",
        flag: "--schema-check",
        read: |config, raw| put(&mut config.schema_check, raw),
        show: |config| config.schema_check.show(),
    },
    Setting {
        key: "log.format",
        flag: "--log-format",
        read: |config, raw| put(&mut config.log.format, raw),
        show: |config| config.log.format.show(),
    },
    Setting {
        key: "log.level",
        flag: "--log-level",
        read: |config, raw| put(&mut config.log.level, raw),
        show: |config| config.log.level.show(),
    },
];

impl Setting {
    /// Its environment variable.
    fn variable(&self) -> String {
        format!("{ENVIRONMENT_PREFIX}{}", self.key.to_uppercase().replace('.', "_"))
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value somebody gave, not judged yet.
#[derive(Debug)]
struct Given {
    key: String,
    raw: Raw,
    source: Source,
}

/// The effective settings, and where those that are not defaults came from.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    sources: BTreeMap<&'static str, Source>,
}

impl Loaded {
    /// Each setting's key, value as TOML, and source.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, String, &Source)> {
        SETTINGS.iter().map(|setting| {
            let source = self.sources.get(setting.key).unwrap_or(&Source::Default);
            (setting.key, (setting.show)(&self.config), source)
        })
    }
}

/// Everything outside the flags that settings are read from.
#[derive(Debug, Default)]
struct Surroundings {
    file: Option<(PathBuf, String)>,
    environment: Vec<(String, String)>,
    problems: Vec<String>,
}

/// Reads the settings of this process.
pub(crate) fn load(flags: &ConfigFlags) -> Result<Loaded, Failure> {
    let surroundings = look_around(flags.config.as_deref());
    resolve(surroundings, flags.given()).map_err(|problems| {
        let count = problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        Failure::usage(format!("{count} {noun} in the settings\n  {}", problems.join("\n  ")))
    })
}

fn look_around(named: Option<&Path>) -> Surroundings {
    let mut found = Surroundings::default();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(ENVIRONMENT_PREFIX)) else {
            continue;
        };
        match value.into_string() {
            Ok(value) => found.environment.push((name.to_owned(), value)),
            Err(_) => found.problems.push(format!("environment {name}: is not UTF-8 text")),
        }
    }
    found.environment.sort();
    let path = named.unwrap_or(Path::new(FILE_NAME));
    match std::fs::read_to_string(path) {
        Ok(text) => found.file = Some((path.to_owned(), text)),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            let path = path.display();
            found.problems.push(format!("{path}: cannot be read: {error}; correct --config"));
        }
    }
    found
}

/// Lays the layers over each other, lowest first. `Err` holds every problem there is.
fn resolve(
    surroundings: Surroundings,
    flags: Vec<(&'static str, Raw)>,
) -> Result<Loaded, Vec<String>> {
    let Surroundings { file, environment, mut problems } = surroundings;
    let mut given = Vec::new();
    let mut wanted_sabotage = Sabotage::None;
    if let Some((path, text)) = file {
        match file::read(&path, &text) {
            Ok(values) => given.extend(values),
            Err(problem) => problems.push(problem),
        }
    }
    for (name, value) in environment {
        if name == SABOTAGE_VARIABLE
            && let Some(named) = sabotage(&value)
        {
            wanted_sabotage = named;
            continue;
        }
        match SETTINGS.iter().find(|setting| setting.variable() == name) {
            Some(setting) => given.push(Given {
                key: setting.key.to_owned(),
                raw: Raw::Text(value),
                source: Source::Environment(name),
            }),
            None => problems.push(unknown_variable(&name)),
        }
    }
    for (key, raw) in flags {
        let flag = SETTINGS.iter().find(|setting| setting.key == key).map_or("", |s| s.flag);
        given.push(Given { key: key.to_owned(), raw, source: Source::Flag(flag) });
    }
    let mut loaded = Loaded::default();
    loaded.config.sabotage = wanted_sabotage;
    for value in given {
        if let Err(problem) = apply(&mut loaded, value) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

fn apply(loaded: &mut Loaded, given: Given) -> Result<(), String> {
    let Given { key, raw, source } = given;
    let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
        let hint = meant(&key, SETTINGS.iter().map(|setting| setting.key.to_owned()));
        return Err(format!("{source}: `{key}` is not a setting; {hint}"));
    };
    (setting.read)(&mut loaded.config, &raw)
        .map_err(|problem| format!("{source}: `{key}`: {problem}"))?;
    loaded.sources.insert(setting.key, source);
    Ok(())
}

#[cfg(debug_assertions)]
fn sabotage(name: &str) -> Option<Sabotage> {
    (name == "ack-before-commit").then_some(Sabotage::AckBeforeCommit)
}

#[cfg(not(debug_assertions))]
fn sabotage(_: &str) -> Option<Sabotage> {
    None
}

fn unknown_variable(name: &str) -> String {
    let hint = meant(name, SETTINGS.iter().map(Setting::variable));
    format!("environment: `{name}` is not a setting; {hint}")
}

/// The nearest of `known`, or all of them when none is near.
fn meant(wrong: &str, known: impl Iterator<Item = String>) -> String {
    let known: Vec<String> = known.collect();
    let likeness = |name: &String| strsim::jaro_winkler(wrong, name);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best.filter(|name| likeness(name) >= LIKENESS_MIN) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}
