//! A process of the bench, seen from both sides.
//!
//! Everything runs in the program's own file, started anew with the hidden command `bench-part`.
//! Bench and part speak JSON, a line each way, over the part's standard input and output.
//!
//! Invariant: no part outlives the bench. It is killed when its [`Part`] is dropped, on whichever
//! way; and should the bench itself be killed, the kernel kills the part.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use postrider_engine::Clock;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Longest line read: sets of millions of events as digits.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Time to stop by itself before it is killed.
const STOP_TIME: Duration = Duration::from_secs(40);
/// Bytes shown of a part's log when it fails.
const LOG_SHOWN_BYTES: usize = 2_000;

/// A part, seen from the bench.
#[derive(Debug)]
pub(super) struct Part {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    log: std::path::PathBuf,
}

impl Part {
    /// Starts a part in `folder`; `arguments` begin with its name.
    pub(super) fn start(
        folder: &Path,
        arguments: &[&str],
        environment: &[(&str, &Path)],
    ) -> anyhow::Result<Self> {
        let name = arguments.first().copied().unwrap_or_default();
        let log = folder.join(format!("{name}.log"));
        let program = std::env::current_exe().context("cannot tell where the program is")?;
        // A child keeps the number of its parent from before it could be orphaned.
        let parent = std::process::id().to_string();
        let mut child = Command::new(program)
            .args(["bench-part", "--parent", &parent])
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).with_context(|| log.display().to_string())?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the {name}"))?;
        let input = child.stdin.take().context("the part has no input")?;
        let output = child.stdout.take().context("the part has no output")?;
        Ok(Self { child, input, output: BufReader::new(output), log })
    }

    /// Its process, while it runs.
    pub(super) fn process(&self) -> anyhow::Result<u32> {
        self.child.id().context("the part has ended")
    }

    /// Says something, and reads the answer, which comes within `limit`.
    pub(super) async fn ask<T: DeserializeOwned>(
        &mut self,
        what: &impl Serialize,
        limit: Duration,
    ) -> anyhow::Result<T> {
        let mut line = serde_json::to_string(what)?;
        line.push('\n');
        let told = self.input.write_all(line.as_bytes()).await;
        told.map_err(|error| self.failed(&error.into()))?;
        self.hear(limit).await
    }

    /// Reads what it says within `limit`.
    pub(super) async fn hear<T: DeserializeOwned>(&mut self, limit: Duration) -> anyhow::Result<T> {
        let line = self.hear_text(limit).await?;
        serde_json::from_str(&line).context("a part of the bench does not speak as expected")
    }

    /// The next line as it is.
    pub(super) async fn hear_text(&mut self, limit: Duration) -> anyhow::Result<String> {
        match Clock::system().within(limit, line(&mut self.output)).await {
            Some(Ok(Some(line))) => Ok(line),
            Some(Ok(None)) => Err(self.failed(&anyhow!("it ended"))),
            Some(Err(error)) => Err(self.failed(&error)),
            None => Err(self.failed(&anyhow!("nothing came within {limit:?}"))),
        }
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let process = i32::try_from(self.process()?).ok().and_then(Pid::from_raw);
        let process = process.context("the part has no process")?;
        rustix::process::kill_process(process, Signal::TERM).context("cannot stop a part")?;
        self.ended().await
    }

    /// Waits until it has stopped, which it does by itself.
    pub(super) async fn ended(mut self) -> anyhow::Result<()> {
        if Clock::system().within(STOP_TIME, self.child.wait()).await.is_none() {
            return Err(self.failed(&anyhow!("it did not stop within {STOP_TIME:?}")));
        }
        Ok(())
    }

    /// An error with the end of the part's log, which says more.
    fn failed(&self, error: &anyhow::Error) -> anyhow::Error {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let end = log.get(log.len().saturating_sub(LOG_SHOWN_BYTES)..).unwrap_or_default();
        let name = self.log.file_stem().unwrap_or_default().display();
        anyhow!("the {name} failed: {error:#}\n{}", String::from_utf8_lossy(end).trim())
    }
}

/// The bench, seen from a part.
pub(super) struct Desk {
    input: BufReader<tokio::io::Stdin>,
}

impl Desk {
    pub(super) fn open() -> Self {
        Self { input: BufReader::new(tokio::io::stdin()) }
    }

    /// What the bench says next; `None` when it is done.
    pub(super) async fn hear<T: DeserializeOwned>(&mut self) -> anyhow::Result<Option<T>> {
        let line = line(&mut self.input).await?;
        line.map(|line| serde_json::from_str(&line).context("cannot read the task")).transpose()
    }

    #[expect(clippy::unused_self, reason = "who speaks is at the desk")]
    pub(super) fn say(&mut self, what: &impl Serialize) -> anyhow::Result<()> {
        crate::output::say(&serde_json::to_string(what)?);
        Ok(())
    }
}

async fn line(input: &mut (impl AsyncBufRead + Unpin)) -> anyhow::Result<Option<String>> {
    let mut line = String::new();
    let length = input.take(LINE_BYTES_MAX).read_line(&mut line).await?;
    if length as u64 >= LINE_BYTES_MAX {
        bail!("a line is longer than {LINE_BYTES_MAX} bytes");
    }
    Ok((length > 0).then_some(line))
}

/// What every part does first: ties its life to that of the bench, and asks for as many open files
/// as it may have, since thousands of connections are what is measured.
pub(super) fn begin(parent: u32) -> anyhow::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("cannot tie the part to the bench")?;
    let is_parent = |pid: Pid| u32::try_from(pid.as_raw_nonzero().get()) == Ok(parent);
    if !rustix::process::getppid().is_some_and(is_parent) {
        bail!("this is a part of `postrider bench`, which starts it by itself");
    }
    let files = rustix::process::getrlimit(Resource::Nofile);
    let most = Rlimit { current: files.maximum, maximum: files.maximum };
    rustix::process::setrlimit(Resource::Nofile, most).context("cannot open more files")
}
