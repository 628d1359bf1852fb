//! The secret key: 32 random bytes in a file, which encrypt verification keys in the database.
//!
//! Owns the file: where it is, making it, and refusing one that is unfit. Encrypting is left to
//! `postrider_core::seal`.
//!
//! Invariants:
//! - The file is never readable by others: made with mode 0600, refused otherwise.
//! - A key is made only together with a new database, or for one that is about to be sealed with it.
//!   Beside one that exists, a fresh key would open nothing, and would hide that the right one is
//!   missing.
//! - Nothing here prints the key.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use postrider_core::seal::Sealer;
use postrider_engine::chance;

use crate::config::Config;
use crate::failure::Failure;

const KEY_BYTES: usize = 32;
/// The digits and a line break, with room to notice that there is more.
const FILE_BYTES_MAX: u64 = 256;

/// The key that encrypts verification keys.
#[derive(PartialEq, Eq)]
pub(crate) struct SecretKey([u8; KEY_BYTES]);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

impl SecretKey {
    pub(crate) fn sealer(&self) -> Sealer {
        Sealer::new(&self.0, chance::fill_secret)
    }
}

/// Where the key file is, and whether we may make it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// The database beside which the key was not configured but made.
    pub(crate) beside: Option<PathBuf>,
}

/// The place of the key by configuration: the file named, or the one beside the database.
pub(crate) fn place(config: &Config) -> Result<Place, Failure> {
    if let Some(path) = &config.secret_key_file {
        return Ok(Place { path: path.clone(), beside: None });
    }
    let database = postrider_store::open::sqlite_path(config.database.reveal())?;
    let mut path = database.clone().into_os_string();
    path.push(".key");
    Ok(Place { path: path.into(), beside: Some(database) })
}

/// Reads the key, or makes it for a database that does not exist yet.
pub(crate) fn read_or_make(config: &Config) -> Result<SecretKey, Failure> {
    let Place { path, beside } = place(config)?;
    let Some(database) = beside.filter(|_| !path.exists()) else { return read(&path) };
    // An empty file holds no verification keys either.
    if database.metadata().is_ok_and(|metadata| metadata.len() > 0) {
        return Err(Failure::usage(format!(
            "the database {} is there and its secret key {} is not: without it the verification \
             keys cannot be read; put the file back, or name it with --secret-key-file",
            database.display(),
            path.display()
        )));
    }
    make(&path)?;
    tracing::info!(
        path = %path.display(),
        "made a secret key, which encrypts verification keys; back it up apart from the database"
    );
    read(&path)
}

/// Reads the key at `path`, or makes it: for a database that is to be sealed with it.
pub(crate) fn read_or_make_at(path: &Path) -> Result<SecretKey, Failure> {
    if !path.exists() {
        make(path)?;
    }
    read(path)
}

/// Reads the key at `path`, or says in one line why it cannot be used and what to do.
pub(crate) fn read(path: &Path) -> Result<SecretKey, Failure> {
    let shown = path.display();
    let cannot = |error: &std::io::Error| {
        let remedy = match error.kind() {
            ErrorKind::NotFound => "correct the path, or put the file back".to_owned(),
            ErrorKind::PermissionDenied => {
                format!("let the user Postrider runs as own it: chown USER {shown}")
            }
            _ => "look at the disk".to_owned(),
        };
        Failure::usage(format!("the secret key file {shown} cannot be read: {error}; {remedy}"))
    };
    let mut file = File::open(path).map_err(|error| cannot(&error))?;
    let metadata = file.metadata().map_err(|error| cannot(&error))?;
    if !metadata.is_file() {
        return Err(Failure::usage(format!("the secret key file {shown} is not a file; name one")));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Failure::usage(format!(
            "the secret key file {shown} can be read by others (mode {mode:04o}): chmod 600 {shown}"
        )));
    }
    let mut text = String::new();
    let read = (&mut file).take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.ok().and_then(|_| parse(text.trim())).ok_or_else(|| {
        Failure::usage(format!(
            "the secret key file {shown} does not hold a key: it must be 64 hex digits on one \
             line; put the right file back"
        ))
    })
}

fn parse(text: &str) -> Option<SecretKey> {
    if text.len() != KEY_BYTES * 2 {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    let is_hex = faster_hex::hex_decode(text.as_bytes(), &mut key).is_ok();
    is_hex.then_some(SecretKey(key))
}

/// Makes a key file with mode 0600. It appears complete or not at all; another process that was
/// faster keeps its own.
fn make(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(Failure::usage(format!(
            "there is no directory {}; create it, or choose another --database",
            directory.display()
        )));
    }
    let mut key = [0; KEY_BYTES];
    chance::fill_secret(&mut key);
    let text = faster_hex::hex_string(&key);
    let write = || {
        // Temporary files are made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        writeln!(file, "{text}")?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => File::open(directory)?.sync_all(),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.error),
        }
    };
    write().map_err(|error: std::io::Error| {
        Failure::usage(format!(
            "cannot make the secret key file {}: {error}; let the user Postrider runs as write to \
             {}, or choose another --database",
            path.display(),
            directory.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;
    use std::os::unix::fs::PermissionsExt as _;

    fn config(directory: &Path) -> Config {
        let database = DatabaseUrl::sqlite(&directory.join("p.db"));
        Config { database, ..Config::default() }
    }

    fn refusal(config: &Config) -> String {
        let failure = read_or_make(config).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)), "{failure}");
        failure.to_string()
    }

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_missing_key_is_made_beside_a_new_database_for_its_owner_only_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let made = read_or_make(&config).unwrap();
        let path = directory.path().join("p.db.key");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(&config).unwrap().0, made.0);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left over");
        assert_eq!(format!("{made:?}"), "SecretKey(…)");
    }

    #[test]
    fn a_database_without_its_key_is_refused_rather_than_given_another() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("p.db"), "not empty").unwrap();
        assert!(refusal(&config(directory.path())).contains("put the file back"));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_fix() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db.key");
        for mode in [0o640, 0o604, 0o660] {
            write(&path, &"ab".repeat(32), mode);
            let text = refusal(&config(directory.path()));
            assert!(text.contains(&format!("chmod 600 {}", path.display())), "{text}");
        }
        write(&path, &"ab".repeat(32), 0o400);
        assert_eq!(read(&path).unwrap().0, [0xab; 32]);
    }

    #[test]
    fn a_malformed_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db.key");
        for text in
            ["", "ab", &"xy".repeat(32), &"ab".repeat(33), &"+1".repeat(32), &"é".repeat(32)]
        {
            write(&path, text, 0o600);
            assert!(refusal(&config(directory.path())).contains("64 hex digits"), "{text}");
        }
    }

    #[test]
    fn a_database_in_a_directory_that_is_not_there_is_refused_with_the_fix() {
        let text = refusal(&config(Path::new("/nowhere/at/all")));
        assert!(text.contains("no directory /nowhere/at/all; create it"), "{text}");
    }

    #[test]
    fn a_key_file_that_was_named_and_is_missing_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let secret_key_file = Some(directory.path().join("nowhere"));
        let text = refusal(&Config { secret_key_file, ..config(directory.path()) });
        assert!(text.contains("correct the path"), "{text}");
    }
}
