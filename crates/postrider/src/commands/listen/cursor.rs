//! How far a webhook's feed was followed, in memory or in a file.
//!
//! The file is replaced whole, so that an interruption leaves the old or the new one.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::failure::Failure;

/// A place in the feed of one webhook.
#[derive(Debug)]
pub(super) struct Cursor {
    file: Option<PathBuf>,
    webhook: String,
    at: Option<String>,
}

impl Cursor {
    /// The place an earlier run came to, if `file` tells of one.
    pub(super) fn load(file: Option<PathBuf>, webhook: &str) -> Result<Self, Failure> {
        let at = match &file {
            Some(path) => read(path, webhook)?,
            None => None,
        };
        Ok(Self { file, webhook: webhook.to_owned(), at })
    }

    pub(super) fn at(&self) -> Option<&str> {
        self.at.as_deref()
    }

    /// Notes that everything before `next` was handed over.
    pub(super) fn move_to(&mut self, next: &str) -> anyhow::Result<()> {
        if self.at.as_deref() == Some(next) {
            return Ok(());
        }
        self.at = Some(next.to_owned());
        let Some(path) = &self.file else { return Ok(()) };
        let state = json!({ "webhook": self.webhook, "after": next });
        replace(path, &state).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn read(path: &Path, webhook: &str) -> Result<Option<String>, Failure> {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::usage(format!("cannot read {shown}: {error}"))),
    };
    let state: Value = serde_json::from_str(&text).unwrap_or_default();
    match (state["webhook"].as_str(), state["after"].as_str()) {
        (Some(known), Some(after)) if known == webhook => Ok(Some(after.to_owned())),
        (Some(known), Some(_)) => Err(Failure::usage(format!(
            "{shown} is the state of webhook {known}; name another file with --state"
        ))),
        _ => Err(Failure::usage(format!("{shown} is no state of `postrider listen`"))),
    }
}

fn replace(path: &Path, state: &Value) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(state.to_string().as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_run_goes_on_where_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        let mut cursor = Cursor::load(Some(file.clone()), "w").unwrap();
        assert_eq!(cursor.at(), None);
        cursor.move_to("c1").unwrap();
        cursor.move_to("c2").unwrap();
        assert_eq!(Cursor::load(Some(file.clone()), "w").unwrap().at(), Some("c2"));
        let other = Cursor::load(Some(file.clone()), "v").unwrap_err().to_string();
        assert!(other.contains("webhook w"), "{other}");
        std::fs::write(&file, "shopping").unwrap();
        assert!(Cursor::load(Some(file), "w").is_err());
    }
}
