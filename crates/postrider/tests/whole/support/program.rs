//! The program under test: the real binary on a database of its own.
//!
//! [`Installation`] is what survives a kill (the folder with the database, the keys of `init`);
//! [`Server`] is one running process. Whatever the process logs is kept in a file and shown when
//! the test fails.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::http::Client;

/// Longest time a process may take to come up. Not a schedule: the test goes on at once when the
/// process says that it answers.
const START_TIME_MAX: Duration = Duration::from_secs(30);

/// Text shown of a log when a test fails.
const LOG_SHOWN_BYTES: usize = 8 * 1024;

/// The program's path.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_postrider");

/// A database that `init` has prepared.
#[derive(Debug)]
pub struct Installation {
    folder: tempfile::TempDir,
    pub merchant: String,
    pub api_key: String,
    /// The owner's, who signs in with `password`.
    pub email: String,
    pub password: String,
}

impl Installation {
    /// Prepares a fresh database with one merchant.
    pub fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program(&folder.path().join("postrider.db"));
        let output = command
            .args(["init", "--json", "--merchant", "Roast & Co", "--email", "owner@example.com"])
            .args(database_flag(&folder.path().join("postrider.db")))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let keys: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |name: &str| keys[name].as_str().unwrap_or_else(|| panic!("{keys}")).to_owned();
        Self {
            merchant: text("merchant_id"),
            api_key: text("api_key"),
            email: text("email"),
            password: text("password"),
            folder,
        }
    }

    /// Starts the program on this database and waits until it answers.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// The same, with more environment variables.
    pub fn serve_with(&self, environment: &[(&str, &str)]) -> Server {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut child = program(&self.database())
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "error"])
            .args(["--allow-target", "127.0.0.0/8", "--allow-http-targets"])
            .args(database_flag(&self.database()))
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (address, stdout) = wait_for_address(stdout);
        let address = address.unwrap_or_else(|| {
            // A process that hangs must not outlive the test.
            let _ = child.kill();
            panic!("the program did not come up\n{}", self.log_end())
        });
        Server { child, address, _stdout: stdout }
    }

    /// A connection to `server` with the merchant's key.
    pub fn client(&self, server: &Server) -> Client {
        Client::connect(server.address, &self.api_key).unwrap()
    }

    /// Backs the database up to a file of this name beside it; answers what the command says, or
    /// what it complains of.
    pub fn backup(&self, name: &str) -> Result<Value, String> {
        let mut command = program(&self.database());
        command.args(["backup", name, "--json"]).args(database_flag(&self.database()));
        let output = command.output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8(output.stderr).unwrap());
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Another installation that starts from a backup of this one.
    pub fn restored(&self, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copy = |from: &str, to: &str| {
            std::fs::copy(self.folder.path().join(from), folder.path().join(to)).unwrap()
        };
        copy(name, "postrider.db");
        copy("postrider.db.key", "postrider.db.key");
        Self {
            folder,
            merchant: self.merchant.clone(),
            api_key: self.api_key.clone(),
            email: self.email.clone(),
            password: self.password.clone(),
        }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("postrider.db")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn log_end(&self) -> String {
        let log = std::fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_SHOWN_BYTES)..]).into_owned()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- end of the program's log ---\n{}", self.log_end());
        }
    }
}

/// The program, with nothing of the surroundings that it would read.
fn program(database: &std::path::Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().current_dir(database.parent().unwrap());
    command
}

fn database_flag(database: &std::path::Path) -> [String; 2] {
    ["--database".to_owned(), format!("sqlite:{}", database.display())]
}

/// Reads standard output up to the line that names the address. The pipe is handed back, as the
/// program keeps writing to it.
fn wait_for_address(mut stdout: BufReader<ChildStdout>) -> (Option<SocketAddr>, Option<Pipe>) {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let mut address = None;
        while address.is_none() && stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
            address = address_in(&line);
            line.clear();
        }
        let _ = tell.send((address, Some(stdout)));
    });
    told.recv_timeout(START_TIME_MAX).unwrap_or((None, None))
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split_once("http://")?.1;
    rest.split(|c: char| c.is_whitespace() || c == '/').next()?.parse().ok()
}

type Pipe = BufReader<ChildStdout>;

/// One running process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Kept open: the program may write to it.
    _stdout: Option<Pipe>,
}

impl Server {
    /// SIGTERM: the process ends in order, with status 0.
    pub fn stop(mut self) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "ended with {status}");
    }

    /// SIGKILL: the process gets no chance to do anything any more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it was killed and waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
