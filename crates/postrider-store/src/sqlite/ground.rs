//! What is checked before the database file is touched: the library, the directory, the file
//! system, and that no other process has it open.
//!
//! Each refusal is one line that says what is wrong and what to do (reliability.md D5).

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Result, StoreError};

/// Older libraries can corrupt a write-ahead log (reliability.md 0.2, 8).
const LIBRARY_MIN: i32 = 3_051_003;

/// File systems on other machines, by the magic number of statfs(2). Locks and shared memory, on
/// which SQLite's write-ahead log rests, do not work across machines.
const NETWORK_FILE_SYSTEMS: [(u32, &str); 9] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
];
const FUSE: u32 = 0x6573_5546;
/// FUSE serves local file systems too; these are not.
const NETWORK_FUSE: [&str; 12] = [
    "sshfs",
    "s3fs",
    "gcsfuse",
    "rclone",
    "glusterfs",
    "davfs",
    "curlftpfs",
    "cephfs",
    "ceph-fuse",
    "mount-s3",
    "juicefs",
    "blobfuse2",
];

pub(super) fn refuse<T>(text: String) -> Result<T> {
    Err(StoreError::Refused(text))
}

/// Refuses a library known to lose data.
pub(super) fn check_library(version: i32) -> Result<()> {
    if version >= LIBRARY_MIN {
        return Ok(());
    }
    refuse(format!(
        "SQLite {}.{}.{} can corrupt its database; build Postrider with 3.51.3 or later",
        version / 1_000_000,
        version / 1_000 % 1_000,
        version % 1_000
    ))
}

/// The directory of the database, or why it cannot be used.
pub(super) fn check_directory(path: &Path) -> Result<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    if path.is_dir() {
        return refuse(format!(
            "cannot open the database {}: it is a directory; name a file in it",
            path.display()
        ));
    }
    if !directory.is_dir() {
        return refuse(format!(
            "cannot open the database {}: there is no directory {}; create it or choose another",
            path.display(),
            directory.display()
        ));
    }
    let name = file_system(directory);
    if let Some(name) = name {
        return refuse(format!(
            "cannot open the database {}: it is on {name}, a network file system, where SQLite \
             loses data; put it on a local disk",
            path.display()
        ));
    }
    Ok(directory.to_owned())
}

/// The name of the network file system `directory` is on.
#[cfg(target_os = "linux")]
fn file_system(directory: &Path) -> Option<String> {
    let magic = rustix::fs::statfs(directory).ok()?.f_type;
    // The kernel's type is signed on some machines; the magic number has 32 bits on all.
    let magic = u32::try_from(magic & 0xffff_ffff).ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    network_file_system(magic, &mounts, &directory.canonicalize().ok()?)
}

#[cfg(not(target_os = "linux"))]
fn file_system(_: &Path) -> Option<String> {
    None
}

fn network_file_system(magic: u32, mounts: &str, directory: &Path) -> Option<String> {
    if magic == FUSE {
        let kind = mounted_as(mounts, directory)?.strip_prefix("fuse.")?;
        return NETWORK_FUSE.contains(&kind).then(|| kind.to_owned());
    }
    let found = NETWORK_FILE_SYSTEMS.iter().find(|(known, _)| *known == magic);
    found.map(|(_, name)| (*name).to_owned())
}

/// The type of the mount that holds `directory`, from the text of /proc/self/mountinfo: the fifth
/// field is the mount point, the type follows a lone dash (proc(5)).
fn mounted_as<'a>(mounts: &'a str, directory: &Path) -> Option<&'a str> {
    let mount = |line: &'a str| {
        let (front, back) = line.split_once(" - ")?;
        let point = front.split(' ').nth(4)?;
        directory.starts_with(point).then_some((point.len(), back.split(' ').next()?))
    };
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

/// Takes the lock that says "this process has the database open"; it goes with the file handle,
/// also when the process is killed.
pub(super) fn lock(path: &Path) -> Result<File> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let cannot = |error: &std::io::Error| {
        let remedy = match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                "let the user Postrider runs as write to the directory"
            }
            _ => "look at the disk",
        };
        StoreError::Refused(format!(
            "cannot open the database {}: cannot write {}: {error}; {remedy}",
            path.display(),
            lock_path.display()
        ))
    };
    let mut options = File::options();
    let opened = options.read(true).write(true).create(true).truncate(false).open(&lock_path);
    let mut file = opened.map_err(|error| cannot(&error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(path, &mut file)),
        Err(TryLockError::Error(error)) => return Err(cannot(&error)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    // The number is for people only; a full disk must not keep us from starting.
    if let Err(error) = written {
        tracing::warn!(%error, "could not note the process id in the lock file");
    }
    Ok(file)
}

fn held(path: &Path, file: &mut File) -> StoreError {
    let mut holder = String::new();
    let read = file.take(32).read_to_string(&mut holder).is_ok();
    let holder = holder.trim();
    let known = read && !holder.is_empty() && holder.bytes().all(|b| b.is_ascii_digit());
    let holder = if known { format!("process {holder}") } else { "another process".to_owned() };
    StoreError::InUse { path: path.display().to_string(), holder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_corrupts_is_refused() {
        let error = check_library(3_051_002).unwrap_err();
        assert!(error.to_string().contains("SQLite 3.51.2"), "{error}");
        assert!(check_library(3_051_003).is_ok());
        assert!(check_library(rusqlite::version_number()).is_ok());
    }

    #[test]
    fn network_file_systems_are_recognised() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/root rw\n\
                      30 22 0:40 / /mnt/far rw shared:1 - fuse.sshfs far: rw\n\
                      31 22 0:41 / /mnt/near rw - fuse.lazyfs lazyfs rw\n";
        let name = |magic, path| network_file_system(magic, mounts, Path::new(path));
        assert_eq!(name(0x6969, "/srv").as_deref(), Some("NFS"));
        assert_eq!(name(0xff53_4d42, "/srv").as_deref(), Some("CIFS"));
        assert_eq!(name(0xef53, "/srv"), None);
        assert_eq!(name(FUSE, "/mnt/far/postrider").as_deref(), Some("sshfs"));
        assert_eq!(name(FUSE, "/mnt/near"), None);
        assert_eq!(mounted_as(mounts, Path::new("/mnt/farther")), Some("ext4"));
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = check_directory(Path::new("/nowhere/at/all/p.db")).unwrap_err();
        assert!(error.to_string().contains("there is no directory /nowhere/at/all"), "{error}");
        let error = check_directory(Path::new("/")).unwrap_err();
        assert!(error.to_string().contains("it is a directory"), "{error}");
    }

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db");
        let first = lock(&path).unwrap();
        let error = lock(&path).unwrap_err();
        let text = format!("in use by process {}", std::process::id());
        assert!(error.to_string().contains(&text), "{error}");
        drop(first);
        assert!(lock(&path).is_ok());
    }
}
