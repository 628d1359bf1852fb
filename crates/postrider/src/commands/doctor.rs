//! `postrider doctor`: looks at what the work rests on, and says what is wrong before it breaks.
//!
//! Owns the order of the checks and how they are printed; each check is in `checks`. It opens the
//! database as `serve` does (so it also migrates it), and does not while another process has it; it
//! creates nothing, and connects to nothing outside: of egress it reports the configuration.

mod checks;

use std::process::ExitCode;

use postrider_engine::Clock;
use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::output::say;
use crate::telemetry;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// It works, and somebody should know.
    Warn,
    /// It does not work.
    Fail,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    detail: String,
}

#[derive(Serialize)]
struct Report {
    status: Status,
    checks: Vec<Check>,
}

pub(crate) async fn run(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let config = config::load(&args.flags)?.config;
    telemetry::start(config.log);
    let checks = examine(&config).await?;
    let status = checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok);
    let report = Report { status, checks };
    if args.json {
        say(&serde_json::to_string(&report).map_err(anyhow::Error::new)?);
    } else {
        for check in &report.checks {
            say(&format!("{:<4}  {:<10}  {}", check.status.as_str(), check.name, check.detail));
        }
    }
    Ok(if status == Status::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn examine(config: &Config) -> Result<Vec<Check>, Failure> {
    let clock = Clock::system();
    let path = postrider_store::open::sqlite_path(config.database.reveal())?;
    let mut checks = vec![checks::clock(clock.now())];
    checks.extend(checks::disk(&path));
    checks.push(checks::secret_key(config, &path)?);
    checks.push(checks::database(config, &path, &clock).await);
    checks.push(checks::catalogue(config));
    checks.push(checks::roots());
    checks.push(checks::name_servers(&config.egress));
    checks.extend(checks::targets(&config.egress));
    Ok(checks)
}
