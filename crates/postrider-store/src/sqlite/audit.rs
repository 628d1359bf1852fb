//! The audit log as a chain of rows.
//!
//! Q13: a change and its entry are one transaction, because both run in the same job. The chain's
//! end is kept beside it, so that missing last rows are noticed as well.

use postrider_core::audit::{Actor, ActorKind, CHAIN_START, Entry, Stamp};
use postrider_core::ids::{Id, MerchantId};
use rusqlite::{Connection, Row, params};

use super::pages::{self, Scan, Walk};
use super::rows::{collect, optional_id, time};
use super::writer::Desk;
use crate::catalog::{AuditFilter, Audited, Page, PageAsk};
use crate::error::{Result, StoreError};

const HEAD: &str = "SELECT audit_count, audit_head FROM meta WHERE id = 1";
const SET_HEAD: &str = "UPDATE meta SET audit_count = ?1, audit_head = ?2 WHERE id = 1";
const INSERT: &str = "INSERT INTO audit_log (position, merchant, at, actor_kind, actor_id, \
     actor_name, request, action, object, detail, hash) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const ALL: Scan = Scan {
    down: "SELECT position, merchant, at, actor_kind, actor_id, actor_name, request, action, \
         object, detail, hash FROM audit_log WHERE position <= ?1 ORDER BY position DESC LIMIT ?2",
    up: "SELECT position, merchant, at, actor_kind, actor_id, actor_name, request, action, \
         object, detail, hash FROM audit_log WHERE position >= ?1 ORDER BY position LIMIT ?2",
};
const OF_MERCHANT: Scan = Scan {
    down: "SELECT position, merchant, at, actor_kind, actor_id, actor_name, request, action, \
         object, detail, hash FROM audit_log INDEXED BY audit_log_merchant \
         WHERE merchant = ?3 AND position <= ?1 ORDER BY position DESC LIMIT ?2",
    up: "SELECT position, merchant, at, actor_kind, actor_id, actor_name, request, action, \
         object, detail, hash FROM audit_log INDEXED BY audit_log_merchant \
         WHERE merchant = ?3 AND position >= ?1 ORDER BY position LIMIT ?2",
};
const OF_OBJECT: Scan = Scan {
    down: "SELECT position, merchant, at, actor_kind, actor_id, actor_name, request, action, \
         object, detail, hash FROM audit_log INDEXED BY audit_log_object \
         WHERE object = ?4 AND (?3 IS NULL OR merchant = ?3) AND position <= ?1 \
         ORDER BY position DESC LIMIT ?2",
    up: "SELECT position, merchant, at, actor_kind, actor_id, actor_name, request, action, \
         object, detail, hash FROM audit_log INDEXED BY audit_log_object \
         WHERE object = ?4 AND (?3 IS NULL OR merchant = ?3) AND position >= ?1 \
         ORDER BY position LIMIT ?2",
};

/// Rows in one reading while the chain is verified: some milliseconds.
const SLICE_ROWS: usize = 2_000;

/// Adds an entry, in the transaction of what it tells of.
pub(super) fn record(
    desk: &Desk,
    stamp: &Stamp,
    merchant: Option<MerchantId>,
    action: &str,
    object: &impl ToString,
    detail: impl Into<String>,
) -> Result<()> {
    let (count, head) = head(&desk.connection)?;
    let entry = Entry {
        position: count + 1,
        merchant,
        stamp: stamp.clone(),
        action: action.to_owned(),
        object: object.to_string(),
        detail: detail.into(),
    };
    let hash = entry.link(&head);
    desk.connection.prepare_cached(INSERT)?.execute(params![
        entry.position,
        merchant.map(MerchantId::to_bytes),
        stamp.at.unix_millis(),
        stamp.by.kind.as_str(),
        stamp.by.id,
        stamp.by.name,
        stamp.request.map(Id::to_bytes),
        entry.action,
        entry.object,
        entry.detail,
        hash,
    ])?;
    desk.connection.prepare_cached(SET_HEAD)?.execute(params![entry.position, hash])?;
    Ok(())
}

fn head(connection: &Connection) -> Result<(u64, [u8; 32])> {
    let mut statement = connection.prepare_cached(HEAD)?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

pub(super) fn entries(
    connection: &Connection,
    filter: &AuditFilter,
    ask: PageAsk,
) -> Result<Page<Entry>> {
    let merchant = filter.merchant.map(MerchantId::to_bytes);
    pages::page(ask, |walk, limit| {
        let place = |row: &Row<'_>| {
            let (entry, _) = read(row)?;
            Ok((u128::from(entry.position), entry))
        };
        let scan = |scan: &Scan| connection.prepare_cached(walk.pick(scan));
        match (&filter.object, merchant) {
            (Some(object), _) => {
                let key = params![walk.seq(), limit, merchant, object];
                collect(&mut *scan(&OF_OBJECT)?, key, place)
            }
            (None, Some(_)) => {
                collect(&mut *scan(&OF_MERCHANT)?, params![walk.seq(), limit, merchant], place)
            }
            (None, None) => collect(&mut *scan(&ALL)?, params![walk.seq(), limit], place),
        }
    })
}

fn read(row: &Row<'_>) -> Result<(Entry, [u8; 32])> {
    let kind: String = row.get(3)?;
    let by = Actor {
        kind: ActorKind::parse(&kind).ok_or(StoreError::Corrupt("audit_log.actor_kind"))?,
        id: row.get(4)?,
        name: row.get(5)?,
    };
    let entry = Entry {
        position: row.get(0)?,
        merchant: optional_id(row, 1)?,
        stamp: Stamp { by, at: time(row, 2)?, request: optional_id(row, 6)? },
        action: row.get(7)?,
        object: row.get(8)?,
        detail: row.get(9)?,
    };
    Ok((entry, row.get(10)?))
}

/// A walk along the chain, oldest entry first.
#[derive(Debug)]
pub(super) struct Verifying {
    done: u64,
    hash: [u8; 32],
}

impl Verifying {
    pub(super) const fn new() -> Self {
        Self { done: 0, hash: CHAIN_START }
    }

    /// Follows one slice; the verdict when the walk is over.
    pub(super) fn slice(&mut self, connection: &Connection) -> Result<Option<Audited>> {
        let (count, head) = head(connection)?;
        let from = Walk::Up(u128::from(self.done) + 1);
        let rows = {
            let mut statement = connection.prepare_cached(ALL.up)?;
            // A row that no longer reads is an altered row, not a failure.
            collect(&mut statement, params![from.seq(), SLICE_ROWS], |row| Ok(read(row).ok()))?
        };
        let is_last = rows.len() < SLICE_ROWS;
        for row in rows {
            let expected = self.done + 1;
            let hash =
                row.filter(|(entry, _)| entry.position == expected).and_then(|(entry, stored)| {
                    let hash = entry.link(&self.hash);
                    (hash == stored).then_some(hash)
                });
            let Some(hash) = hash else { return Ok(Some(self.broken_at(expected))) };
            (self.done, self.hash) = (expected, hash);
        }
        if !is_last {
            return Ok(None);
        }
        if self.done != count || self.hash != head {
            return Ok(Some(self.broken_at(self.done + 1)));
        }
        Ok(Some(Audited { entries: self.done, first_altered: None }))
    }

    const fn broken_at(&self, position: u64) -> Audited {
        Audited { entries: self.done, first_altered: Some(position) }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::Sqlite;
    use super::super::tests::is_a_bounded_search;
    use super::*;
    use crate::Catalog;
    use crate::catalog::Note;
    use crate::conformance::fixture::{at, merchant, sealer, stamp};

    #[test]
    fn every_page_is_a_bounded_search() {
        for scan in [ALL, OF_MERCHANT, OF_OBJECT] {
            is_a_bounded_search(scan.down);
            is_a_bounded_search(scan.up);
        }
    }

    /// Tamperings, each with a number of its own to work with.
    const TAMPERINGS: [&str; 10] = [
        "UPDATE audit_log SET actor_name = 'mallory' WHERE position = ?1",
        "UPDATE audit_log SET actor_kind = 'nobody' WHERE position = ?1",
        "UPDATE audit_log SET actor_id = 'x' WHERE position = ?1",
        "UPDATE audit_log SET at = at + 1 WHERE position = ?1",
        "UPDATE audit_log SET action = 'nothing' WHERE position = ?1",
        "UPDATE audit_log SET object = object || '0' WHERE position = ?1",
        "UPDATE audit_log SET detail = 'x' WHERE position = ?1",
        "UPDATE audit_log SET merchant = NULL WHERE position = ?1",
        "UPDATE audit_log SET hash = zeroblob(32) WHERE position = ?1",
        "DELETE FROM audit_log WHERE position = ?1",
    ];

    #[tokio::test]
    async fn the_first_altered_row_of_every_tampering_is_named() {
        const ENTRIES: i64 = 30;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db");
        let store = Sqlite::open(path.clone(), sealer(), at(0)).await.unwrap();
        for n in 0..ENTRIES {
            let (action, object) = ("a".to_owned(), n.to_string());
            let note = Note { merchant: Some(merchant(1)), action, object, detail: String::new() };
            store.note(note, stamp(n)).await.unwrap();
        }
        let intact = Audited { entries: 30, first_altered: None };
        assert_eq!(store.verify_audit_log().await.unwrap(), intact);
        drop(store);
        let mut connection = Connection::open(&path).unwrap();
        for (n, tampering) in (0..100).zip(TAMPERINGS.iter().cycle()) {
            let position = n * 7 % ENTRIES + 1;
            let transaction = connection.transaction().unwrap();
            assert_eq!(transaction.execute(tampering, params![position]).unwrap(), 1);
            let verdict = Verifying::new().slice(&transaction).unwrap().unwrap();
            assert_eq!(verdict.first_altered, u64::try_from(position).ok(), "{tampering}");
            transaction.rollback().unwrap();
        }
        assert_eq!(Verifying::new().slice(&connection).unwrap(), Some(intact));
    }
}
