//! What the kernel accounts to a process: CPU time, bytes written, peak memory.
//!
//! Read from `/proc` by whoever owns the process, so no rights are needed. Processor time comes in
//! ticks of 10 ms. The number of syncs is not among it: the kernel counts none per process, and
//! tracing them would need rights and slow the process down.

use std::fs;

use anyhow::{Context as _, anyhow};

/// Microseconds of a tick of `/proc/PID/stat`, fixed in the Linux ABI.
const TICK_MICROS: u64 = 10_000;

/// What some processes have cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) cpu_micros: u64,
    pub(super) written_bytes: u64,
    /// The most memory held at once, of all processes together.
    pub(super) peak_kib: u64,
}

impl Account {
    /// Of these processes together.
    pub(super) fn of(processes: &[u32]) -> anyhow::Result<Self> {
        processes.iter().try_fold(Self::default(), |sum, process| {
            let one = Self::read(*process)
                .with_context(|| format!("cannot read the account of process {process}"))?;
            Ok(Self {
                cpu_micros: sum.cpu_micros + one.cpu_micros,
                written_bytes: sum.written_bytes + one.written_bytes,
                peak_kib: sum.peak_kib + one.peak_kib,
            })
        })
    }

    fn read(process: u32) -> anyhow::Result<Self> {
        let file = |name: &str| {
            let path = format!("/proc/{process}/{name}");
            fs::read_to_string(&path).with_context(|| path)
        };
        Ok(Self {
            cpu_micros: cpu_micros(&file("stat")?).ok_or_else(|| anyhow!("stat is unlike stat"))?,
            written_bytes: value(&file("io")?, "write_bytes:").context("no write_bytes in io")?,
            peak_kib: value(&file("status")?, "VmHWM:").context("no VmHWM in status")?,
        })
    }
}

/// User and system time. The name in parentheses may hold spaces and parentheses itself; the fields
/// after it are numbered from 3.
fn cpu_micros(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(14 - 3);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) * TICK_MICROS)
}

/// The number after a name at the beginning of a line.
fn value(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_move_the_fields() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 20 0 3";
        assert_eq!(cpu_micros(stat), Some(3_000_000));
        assert_eq!(cpu_micros("nothing"), None);
        assert_eq!(value("rchar: 1\nwrite_bytes: 4096\n", "write_bytes:"), Some(4_096));
        assert_eq!(value("VmHWM:\t  12 kB\n", "VmHWM:"), Some(12));
    }

    #[test]
    fn our_own_account_can_be_read() {
        let own = Account::of(&[std::process::id()]).unwrap();
        assert!(own.peak_kib > 0);
        assert!(Account::of(&[u32::MAX]).is_err());
    }
}
