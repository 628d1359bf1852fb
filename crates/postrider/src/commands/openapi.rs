//! `postrider openapi`: prints the description of the API.

use std::process::ExitCode;

use crate::output::say;

pub(crate) fn run() -> ExitCode {
    say(&postrider_web::openapi());
    ExitCode::SUCCESS
}
