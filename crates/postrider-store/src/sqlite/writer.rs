//! The one thread that writes. It owns the writing connection and everything kept beside it.
//!
//! Callers hand it jobs; jobs that wait are written in one transaction and answered after its
//! commit, so that a commit carries whatever piled up during the one before. Each job runs under
//! its own savepoint: one that fails is undone alone and hears its own error (Q9).
//!
//! Invariants: nobody hears of success before the commit returned. After an I/O error nothing is
//! written any more: what the disk kept is not guessed but read anew at the next start (D3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use postrider_core::limits;
use postrider_core::seal::Sealer;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::days::Days;
use super::fault::{self, Lost, Stopped};
use super::search::Bell;
use crate::error::{Result, StoreError};

const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const SAVEPOINT: &str = "SAVEPOINT job";
const RELEASE: &str = "RELEASE job";
const UNDO: &str = "ROLLBACK TO job";
const WAL_SIZE: &str = "PRAGMA wal_checkpoint(NOOP)";
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const CHECKPOINT_AND_RESTART: &str = "PRAGMA wal_checkpoint(RESTART)";

/// Jobs in one transaction: all that can wait.
const GROUP_MAX: usize = limits::WRITER_QUEUE_MAX;
/// Pages in the write-ahead log (4 KiB each) that are worth a checkpoint. More would make the pause
/// longer, fewer would write pages that change often more often.
const CHECKPOINT_PAGES: i64 = 4_000;
/// Pages at which readers are waited for, so that the log can begin anew and does not grow on.
const RESTART_PAGES: i64 = 16 * CHECKPOINT_PAGES;

/// What a job works with.
pub(super) struct Desk {
    /// The writing connection, inside a transaction.
    pub(super) connection: Connection,
    /// Seals verification keys.
    pub(super) sealer: Sealer,
    /// The catalog version as of this transaction; put back when it is undone.
    pub(super) catalog_version: u64,
    /// Figures that this transaction changes.
    pub(super) days: Days,
    /// To be told of stored events.
    pub(super) bell: Arc<Bell>,
}

impl Desk {
    /// A desk before its first job.
    pub(super) fn new(connection: Connection, sealer: Sealer, catalog_version: u64) -> Self {
        let (days, bell) = (Days::default(), Arc::default());
        Self { connection, sealer, catalog_version, days, bell }
    }
}

/// The way to the writing thread. Dropping it waits for jobs under way and closes the connection.
pub(super) struct Writer {
    /// Always `Some` until dropped.
    jobs: Option<Jobs>,
    thread: Option<JoinHandle<()>>,
    is_broken: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(desk: Desk) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(limits::WRITER_QUEUE_MAX);
        let is_broken = Arc::new(AtomicBool::new(false));
        let bench = Bench { desk, is_broken: Arc::clone(&is_broken), restart_pages: RESTART_PAGES };
        let name = "postrider-sqlite-writer".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || bench.serve(waiting))?;
        Ok(Self { jobs: Some(Jobs(jobs)), thread: Some(thread), is_broken })
    }

    /// Runs `work` in a transaction and answers when it is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (ticket, answer) = Ticket::pair(work);
        let Jobs(jobs) = self.jobs.as_ref().ok_or(Stopped::Closed)?;
        jobs.send(ticket).await.map_err(|_| Stopped::Closed)?;
        answer.await.unwrap_or_else(|_| Err(Stopped::Closed.into()))
    }

    /// Another way in, for a thread. The writer does not end before all of these are gone.
    pub(super) fn jobs(&self) -> Result<Jobs> {
        Ok(self.jobs.clone().ok_or(Stopped::Closed)?)
    }

    /// Whether an I/O error has stopped all writing.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already seen by whoever waited for its answer.
            drop(thread.join());
        }
    }
}

/// The entrance to the writing thread.
#[derive(Clone)]
pub(super) struct Jobs(mpsc::Sender<Box<dyn Job>>);

impl Jobs {
    /// Like [`Writer::run`], for threads that may block.
    pub(super) fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (ticket, answer) = Ticket::pair(work);
        self.0.blocking_send(ticket).map_err(|_| Stopped::Closed)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(Stopped::Closed.into()))
    }
}

/// One caller's work, with its type forgotten.
trait Job: Send {
    /// Does the work; the answer waits for the commit. An error is lent to the writer to look at.
    fn run(&mut self, desk: &mut Desk) -> std::result::Result<(), &StoreError>;
    /// Tells the caller. `lost`: the transaction was not committed, and why.
    fn answer(self: Box<Self>, lost: Option<StoreError>);
}

struct Ticket<F, T> {
    work: Option<F>,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<F, T> Ticket<F, T>
where
    F: FnOnce(&mut Desk) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    fn pair(work: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { work: Some(work), result: None, reply }), answer)
    }
}

impl<F, T> Job for Ticket<F, T>
where
    F: FnOnce(&mut Desk) -> Result<T> + Send,
    T: Send,
{
    fn run(&mut self, desk: &mut Desk) -> std::result::Result<(), &StoreError> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(desk));
        }
        match &self.result {
            Some(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    fn answer(self: Box<Self>, lost: Option<StoreError>) {
        let result = match (self.result, lost) {
            (Some(Err(error)), _) | (_, Some(error)) => Err(error),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(Stopped::Closed.into()),
        };
        // A caller that went away does not hear; what it asked for is done all the same.
        drop(self.reply.send(result));
    }
}

/// The thread's own things.
struct Bench {
    desk: Desk,
    is_broken: Arc<AtomicBool>,
    restart_pages: i64,
}

impl Bench {
    fn serve(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = waiting.blocking_recv() {
            if self.is_broken.load(Ordering::Acquire) {
                first.answer(Some(Stopped::DiskError.into()));
                continue;
            }
            self.serve_group(first, &mut waiting);
            self.desk.bell.ring();
            // Callers have their answers; the pause is the next group's alone.
            self.checkpoint();
        }
    }

    fn serve_group(&mut self, first: Box<dyn Job>, waiting: &mut mpsc::Receiver<Box<dyn Job>>) {
        let version = self.desk.catalog_version;
        let mut group = Vec::with_capacity(1);
        let ending = self.write_group(first, waiting, &mut group);
        if let Err(lost) = &ending {
            self.desk.catalog_version = version;
            self.desk.days.drop_group();
            // Fails when SQLite has rolled back by itself, which is as well.
            drop(self.desk.connection.execute_batch(ROLLBACK));
            if lost.is_io_failure() {
                self.stop_for_good(&lost.to_error());
            }
        }
        for job in group {
            job.answer(ending.as_ref().err().map(Lost::to_error));
        }
    }

    fn write_group(
        &mut self,
        first: Box<dyn Job>,
        waiting: &mut mpsc::Receiver<Box<dyn Job>>,
        group: &mut Vec<Box<dyn Job>>,
    ) -> std::result::Result<(), Lost> {
        let begun = self.execute(BEGIN);
        group.push(first);
        begun.map_err(Lost::of_commit)?;
        while let Some(job) = group.last_mut() {
            self.run_one(&mut **job)?;
            if group.len() == GROUP_MAX {
                break;
            }
            let Ok(next) = waiting.try_recv() else { break };
            group.push(next);
        }
        let Desk { connection, days, .. } = &mut self.desk;
        days.write(connection).map_err(Lost::of_commit)?;
        self.execute(COMMIT).map_err(Lost::of_commit)
    }

    /// Runs one job under its savepoint. An error means that the whole group is undone.
    fn run_one(&mut self, job: &mut dyn Job) -> std::result::Result<(), Lost> {
        self.execute(SAVEPOINT).map_err(Lost::of_commit)?;
        let version = self.desk.catalog_version;
        let Err(error) = job.run(&mut self.desk) else {
            self.desk.days.keep_job();
            return self.execute(RELEASE).map_err(Lost::of_commit);
        };
        self.desk.catalog_version = version;
        self.desk.days.drop_job();
        if fault::is_io_failure(error) {
            self.stop_for_good(error);
            return Err(Lost::Neighbour);
        }
        if self.desk.connection.is_autocommit() {
            return Err(Lost::of_job(error));
        }
        self.execute(UNDO).and_then(|()| self.execute(RELEASE)).map_err(Lost::of_commit)
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.desk.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn stop_for_good(&self, error: &StoreError) {
        self.is_broken.store(true, Ordering::Release);
        tracing::error!(
            error = error as &dyn std::error::Error,
            "the database met a disk error; nothing more is stored until Postrider is restarted"
        );
    }

    /// Moves the write-ahead log into the database when it has grown. Done here and not by SQLite
    /// itself, which hides a failed sync of it.
    fn checkpoint(&mut self) {
        if let Err(error) = self.try_checkpoint() {
            let error = StoreError::from(error);
            if fault::is_io_failure(&error) {
                self.stop_for_good(&error);
            } else {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the write-ahead log could not be merged; it grows on");
            }
        }
    }

    fn try_checkpoint(&mut self) -> rusqlite::Result<()> {
        let (pages, merged) = self.wal(WAL_SIZE)?;
        if pages >= self.restart_pages {
            self.wal(CHECKPOINT_AND_RESTART)?;
            // Readers that would not end in time are not waited for at every commit.
            self.restart_pages = pages + CHECKPOINT_PAGES;
        } else if pages - merged >= CHECKPOINT_PAGES {
            self.wal(CHECKPOINT)?;
        }
        if pages < RESTART_PAGES {
            self.restart_pages = RESTART_PAGES;
        }
        Ok(())
    }

    fn wal(&self, sql: &str) -> rusqlite::Result<(i64, i64)> {
        let mut statement = self.desk.connection.prepare_cached(sql)?;
        statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))
    }
}
