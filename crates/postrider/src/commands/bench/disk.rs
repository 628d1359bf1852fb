//! The floor of the disk: a file that grows by 4 KiB and is synced, again and again.
//!
//! What a write-ahead log that groups nothing would do; no commit can be faster than its median.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use postrider_engine::MachineClock;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::part::Desk;

/// A page of the file system and of SQLite's log.
const BLOCK_BYTES: usize = 4_096;
/// Syncs in all: the file stays below 4 GiB.
const SYNCS_MAX: u64 = 1_000_000;

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Syncs {
    pub(super) took_micros: u64,
    pub(super) latency: Histogram,
}

/// Syncs for this long, and says what came of it.
pub(super) fn run(folder: &Path, lasts: Duration) -> anyhow::Result<()> {
    let path = folder.join("floor");
    let mut file = File::create(&path).with_context(|| path.display().to_string())?;
    let block = [b'x'; BLOCK_BYTES];
    let mut latency = Histogram::default();
    let began = MachineClock::micros();
    let mut now = began;
    while Duration::from_micros(now - began) < lasts && latency.count() < SYNCS_MAX {
        file.write_all(&block).context("cannot write the floor's file")?;
        file.sync_data().context("cannot sync the floor's file")?;
        let after = MachineClock::micros();
        latency.record(after - now);
        now = after;
    }
    Desk::open().say(&Syncs { took_micros: now - began, latency })?;
    std::fs::remove_file(&path).context("cannot remove the floor's file")
}
