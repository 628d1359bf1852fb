//! Why a command did not do its work, and the exit status that says so.
//!
//! Invariant: the text is for the person at the terminal, names what to do, and holds no secret.

use std::fmt;
use std::process::ExitCode;

use postrider_store::StoreError;

/// A command's failure.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Used or configured wrongly: nothing was done. Exit status 2.
    Usage(String),
    /// It was tried and did not work. Exit status 1.
    Failed(anyhow::Error),
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => f.write_str(text),
            // The chain on one line: what was tried, then why it did not work.
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Failure {
    /// A store that refuses its ground (version, file system, lock, directory) is a matter of
    /// configuration; every other fault is one of the moment.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(text) => Self::Usage(text),
            held @ StoreError::InUse { .. } => Self::Usage(format!(
                "{held}; stop that one first, or give this one its own database"
            )),
            other => Self::Failed(anyhow::Error::new(other).context("the database failed")),
        }
    }
}
