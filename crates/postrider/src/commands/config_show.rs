//! `postrider config show`: the settings in force, as TOML, each with where it came from.

use std::process::ExitCode;

use crate::cli::ConfigFlags;
use crate::config;
use crate::failure::Failure;
use crate::output::say;

pub(crate) fn run(flags: &ConfigFlags) -> Result<ExitCode, Failure> {
    let loaded = config::load(flags)?;
    let rows: Vec<_> =
        loaded.rows().map(|(key, value, source)| (format!("{key} = {value}"), source)).collect();
    let width = rows.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    for (line, source) in rows {
        say(&format!("{line:width$}  # {source}"));
    }
    Ok(ExitCode::SUCCESS)
}
