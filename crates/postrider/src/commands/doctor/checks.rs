//! The single checks of `postrider doctor`. Each answers a line; none of them ends the others.

use std::path::Path;

use postrider_core::time::Timestamp;
use postrider_engine::Clock;
use postrider_store::StoreError;

use super::{Check, Status};
use crate::config::{Config, Egress};
use crate::failure::Failure;
use crate::{node, own_catalogue, secret_key};

/// This code was written later than this (2026-01-01), so a clock before it is wrong.
const CLOCK_MIN: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);
/// Far beyond the life of this code (2100-01-01).
const CLOCK_MAX: Timestamp = Timestamp::from_unix_seconds(4_102_444_800);

/// Less free space than this and the next large request may not be stored.
const FREE_BYTES_FAIL: u64 = 64 * MIB;
/// Less than this is used up by a busy hour.
const FREE_BYTES_WARN: u64 = 1024 * MIB;
const MIB: u64 = 1024 * 1024;

/// Where the system keeps its name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

fn ok(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, status: Status::Ok, detail: detail.into() }
}

fn warn(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, status: Status::Warn, detail: detail.into() }
}

fn fail(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, status: Status::Fail, detail: detail.into() }
}

/// Receivers refuse signatures whose time is off by minutes; only years can be told from here.
pub(super) fn clock(now: Timestamp) -> Check {
    let shown = now.rfc3339();
    if (CLOCK_MIN..CLOCK_MAX).contains(&now) {
        return ok("clock", format!("{shown}; receivers refuse signatures that are minutes off"));
    }
    fail("clock", format!("{shown} cannot be now; set the clock, and keep it set with NTP"))
}

/// Whether the database's directory can be written and has room.
pub(super) fn disk(database: &Path) -> Vec<Check> {
    let parent = database.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    let shown = directory.display();
    // Unlinked at once, so that nothing is left behind.
    let writable = match tempfile::tempfile_in(directory) {
        Ok(_) => ok("directory", format!("{shown} can be written")),
        Err(error) => fail(
            "directory",
            format!(
                "{shown} cannot be written: {error}; create it, and let the user Postrider runs as \
                 write to it"
            ),
        ),
    };
    let space = match rustix::fs::statvfs(directory) {
        Ok(stat) => free_space(stat.f_bavail.saturating_mul(stat.f_frsize)),
        Err(error) => warn("space", format!("cannot tell the free space of {shown}: {error}")),
    };
    vec![writable, space]
}

fn free_space(bytes: u64) -> Check {
    let detail = format!("{} MiB free", bytes / MIB);
    match bytes {
        ..FREE_BYTES_FAIL => {
            fail("space", format!("{detail}: make room now, events will be refused"))
        }
        FREE_BYTES_FAIL..FREE_BYTES_WARN => warn("space", format!("{detail}: make room soon")),
        FREE_BYTES_WARN.. => ok("space", detail),
    }
}

/// Whether the secret key can be used.
pub(super) fn secret_key(config: &Config, database: &Path) -> Result<Check, Failure> {
    let place = secret_key::place(config)?;
    let shown = place.path.display();
    if place.beside.is_some() && !place.path.exists() && !database.exists() {
        return Ok(ok("secret key", format!("{shown} is made together with the database")));
    }
    Ok(match secret_key::read(&place.path) {
        Ok(_) => ok("secret key", format!("{shown} is private and well formed")),
        Err(failure) => fail("secret key", failure.to_string()),
    })
}

/// Whether the database opens, which asks for a sound library, a local file system, a write-ahead
/// log synced at each commit, a known version and the right key; and whether it can be written.
pub(super) async fn database(config: &Config, path: &Path, clock: &Clock) -> Check {
    if !path.exists() {
        let detail = format!("{} does not exist yet; init or serve make it", path.display());
        return warn("database", detail);
    }
    let options = match node::open_options(config, clock) {
        Ok(options) => options,
        Err(failure) => return fail("database", failure.to_string()),
    };
    let opened = async {
        let store = postrider_store::open(options).await?;
        store.check().await?;
        store.tally().await
    };
    match opened.await {
        Err(StoreError::InUse { path, holder }) => ok(
            "database",
            format!("{path} is in use by {holder}; for a look inside, stop that first"),
        ),
        Ok(tally) => ok(
            "database",
            format!(
                "{} opens, with its log synced at each commit: {} events, {} pending deliveries",
                path.display(),
                tally.events,
                tally.pending
            ),
        ),
        Err(error) => fail("database", Failure::from(error).to_string()),
    }
}

/// Whether the operator's own catalogue can be used.
pub(super) fn catalogue(config: &Config) -> Check {
    match own_catalogue::load(config) {
        Ok(_) if config.catalogue.is_none() => ok("catalogue", "the built-in event types"),
        Ok(schemas) => ok(
            "catalogue",
            format!("the built-in ones, {}", own_catalogue::told(schemas.catalogue())),
        ),
        Err(failure) => fail("catalogue", failure.to_string()),
    }
}

/// Whether there are issuers to judge the certificates of targets by.
pub(super) fn roots() -> Check {
    let found = rustls_native_certs::load_native_certs();
    match (found.certs.len(), found.errors.first()) {
        (0, Some(error)) => fail("roots", format!("no trusted issuers: {error}; {INSTALL_ROOTS}")),
        (0, None) => fail("roots", format!("no trusted issuers; {INSTALL_ROOTS}")),
        (count, None) => ok("roots", format!("{count} trusted issuers")),
        (count, Some(error)) => warn("roots", format!("{count} trusted issuers; {error}")),
    }
}

const INSTALL_ROOTS: &str =
    "https targets will all fail: install ca-certificates, or set SSL_CERT_FILE";

/// Which name servers are asked. None is, here.
pub(super) fn name_servers(egress: &Egress) -> Check {
    if !egress.name_servers.is_empty() {
        let listed: Vec<_> = egress.name_servers.iter().map(ToString::to_string).collect();
        return ok("names", format!("asked of {} (name_servers)", listed.join(", ")));
    }
    match std::fs::read_to_string(RESOLV_CONF) {
        Ok(text) => system_name_servers(&text),
        Err(error) => fail("names", format!("{RESOLV_CONF}: {error}; set name_servers")),
    }
}

fn system_name_servers(resolv_conf: &str) -> Check {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        let is_server = words.next() == Some("nameserver");
        words.next().filter(|_| is_server).map(str::to_owned)
    };
    let servers: Vec<_> = resolv_conf.lines().filter_map(server).collect();
    if servers.is_empty() {
        let detail = format!("{RESOLV_CONF} names no server: targets cannot be found by name");
        return warn("names", format!("{detail}; set name_servers"));
    }
    ok("names", format!("asked of {} ({RESOLV_CONF})", servers.join(", ")))
}

/// What an operator opened beyond the public internet.
pub(super) fn targets(egress: &Egress) -> Vec<Check> {
    let mut checks = Vec::new();
    for block in &egress.allow_targets {
        let detail = format!("{block} may be sent to by every webhook of every merchant");
        checks.push(warn("targets", format!("{detail} (allow_targets)")));
    }
    if egress.allow_http_targets {
        checks
            .push(warn("targets", "http is accepted: bodies travel in clear (allow_http_targets)"));
    }
    if checks.is_empty() {
        checks.push(ok("targets", "public addresses only, https only"));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(check: &Check) -> Status {
        check.status
    }

    #[test]
    fn a_clock_in_another_age_fails() {
        assert_eq!(status(&clock(Timestamp::EPOCH)), Status::Fail);
        assert_eq!(status(&clock(CLOCK_MIN)), Status::Ok);
        assert_eq!(status(&clock(CLOCK_MAX)), Status::Fail);
    }

    #[test]
    fn little_space_warns_and_none_fails() {
        use Status::{Fail, Ok, Warn};
        let gib = 1024 * MIB;
        let found = [0, 63 * MIB, 64 * MIB, gib - 1, gib].map(|bytes| status(&free_space(bytes)));
        assert_eq!(found, [Fail, Fail, Warn, Warn, Ok]);
    }

    #[test]
    fn a_missing_directory_fails_and_says_so() {
        let checks = disk(Path::new("/nowhere/at/all/p.db"));
        assert_eq!(status(&checks[0]), Status::Fail);
        assert!(checks[0].detail.contains("/nowhere/at/all"), "{}", checks[0].detail);
    }

    #[test]
    fn name_servers_are_read_as_the_system_reads_them() {
        let found = system_name_servers("# nameserver 1.1.1.1\nsearch x\nnameserver\t10.0.0.2\n");
        assert_eq!((found.status, found.detail.contains("10.0.0.2")), (Status::Ok, true));
        assert!(!found.detail.contains("1.1.1.1"));
        assert_eq!(status(&system_name_servers("search x\n")), Status::Warn);
    }

    #[test]
    fn what_was_opened_is_warned_of() {
        let allow_targets = vec!["10.0.0.0/8".parse().unwrap()];
        let opened = Egress { allow_targets, allow_http_targets: true, ..Egress::default() };
        let found: Vec<_> = targets(&opened).iter().map(status).collect();
        assert_eq!(found, [Status::Warn, Status::Warn]);
        assert_eq!(
            targets(&Egress::default()).iter().map(status).collect::<Vec<_>>(),
            [Status::Ok]
        );
    }

    #[test]
    fn a_catalogue_that_is_none_fails() {
        assert_eq!(status(&catalogue(&Config::default())), Status::Ok);
        let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        let config = Config { catalogue: Some(file.path().to_owned()), ..Config::default() };
        assert_eq!(status(&catalogue(&config)), Status::Ok);
        std::fs::write(file.path(), "colour = 'red'").unwrap();
        let found = catalogue(&config);
        assert_eq!((status(&found), found.detail.contains("colour")), (Status::Fail, true));
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_is_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db");
        let found = database(&Config::default(), &path, &Clock::system()).await;
        assert_eq!(status(&found), Status::Warn);
        assert!(!path.exists());
    }
}
