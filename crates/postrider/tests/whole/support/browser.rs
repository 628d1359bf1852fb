//! A headless Chromium, driven over WebDriver (W3C Recommendation): its driver, a session, and what a
//! person does with a page.
//!
//! Nothing here sleeps: the driver itself waits, with a bound, until what is looked for is there.
//! One browser runs at a time, as each takes a whole machine for a moment.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::Client;
use super::program::{Installation, Server};

/// Longest time the driver looks for something; it goes on at once when it is there.
const PATIENCE_MS: u32 = 30_000;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A browser with one window, which begins at the address of a server.
pub struct Browser {
    driver: Child,
    client: Mutex<Client>,
    session: String,
    base: String,
    _turn: MutexGuard<'static, ()>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts one for the pages of `server`.
    pub fn start(server: &Server) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver ({error}): scripts/test installs it"));
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.unwrap_or_else(|| panic!("the driver did not name its port"));
        // Read on, so that it never waits for somebody to.
        std::thread::spawn(move || lines.for_each(drop));
        let mut client = Client::connect(([127, 0, 0, 1], port).into(), "none").unwrap();
        let data = format!("--user-data-dir={}", folder.path().join("data").display());
        // Chromium's own sandbox needs rights that containers do not give; the pages are ours.
        let flags =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &data];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "implicit": PATIENCE_MS, "script": PATIENCE_MS },
            "unhandledPromptBehavior": "ignore",
        } } });
        let begun = client.post("/session", &wanted).expect(200).json();
        let session = begun["value"]["sessionId"].as_str().unwrap().to_owned();
        let base = format!("http://{}", server.address);
        let client = Mutex::new(client);
        Self { driver, client, session, base, _turn: turn, _folder: folder }
    }

    /// Starts one and signs the owner in.
    pub fn signed_in(installation: &Installation, server: &Server) -> Self {
        let browser = Self::start(server);
        browser.sign_in(&installation.email, &installation.password);
        browser
    }

    pub fn sign_in(&self, email: &str, password: &str) {
        self.open("/sign-in");
        self.fill("email", email);
        self.fill("password", password);
        self.press("Sign in");
        self.find("//h1[.='Webhooks']");
    }

    fn ask(&self, command: &str, body: &Value) -> Result<Value, String> {
        let path = format!("/session/{}/{command}", self.session);
        let answer = self.client.lock().unwrap().post(&path, body);
        let value = answer.json()["value"].take();
        if answer.status == 200 { Ok(value) } else { Err(value["message"].to_string()) }
    }

    #[track_caller]
    fn command(&self, command: &str, body: &Value) -> Value {
        self.ask(command, body)
            .unwrap_or_else(|why| panic!("{command} {body}: {why}\n{}", self.text()))
    }

    /// Opens a page of the server.
    pub fn open(&self, path: &str) {
        self.command("url", &json!({ "url": format!("{}{path}", self.base) }));
    }

    /// Runs a script in the page; answers what it returns.
    pub fn run(&self, script: &str, given: &[Value]) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": given }))
    }

    /// The same for a script that answers by calling its last argument.
    pub fn run_later(&self, script: &str) -> Value {
        self.command("execute/async", &json!({ "script": script, "args": [] }))
    }

    /// What there is to read on the page.
    pub fn text(&self) -> String {
        let script = json!({ "script": "return location.href + '\\n' + document.body.innerText", "args": [] });
        self.ask("execute/sync", &script)
            .map_or_else(|why| why, |text| text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits for an element, by XPath.
    #[track_caller]
    pub fn find(&self, xpath: &str) -> String {
        let found = self.command("element", &json!({ "using": "xpath", "value": xpath }));
        let mut elements = found.as_object().unwrap().values();
        elements.next().unwrap().as_str().unwrap().to_owned()
    }

    /// Waits until the page says this.
    #[track_caller]
    pub fn see(&self, text: &str) {
        self.find(&format!("//body[contains(normalize-space(.), \"{text}\")]"));
    }

    /// Whether the page says this now.
    pub fn says(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    #[track_caller]
    pub fn click(&self, xpath: &str) {
        let element = self.find(xpath);
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    /// Clicks within one step of the page: for rows, which may be drawn anew between two.
    #[track_caller]
    pub fn click_row(&self, xpath: &str) {
        self.find(xpath);
        let click = "document.evaluate(arguments[0], document, null, 9).singleNodeValue.click()";
        self.run(click, &[json!(xpath)]);
    }

    /// Follows the link or presses the button with this label.
    #[track_caller]
    pub fn press(&self, label: &str) {
        let is = format!("[normalize-space(.)=\"{label}\"]");
        self.click(&format!("//main//button{is} | //main//a{is} | //header//button{is}"));
    }

    /// Types into the field of this name, after what was in it is gone.
    #[track_caller]
    pub fn fill(&self, name: &str, text: &str) {
        let element = self.find(&format!("//*[@name=\"{name}\"][not(@type='hidden')]"));
        self.command(&format!("element/{element}/clear"), &json!({}));
        self.command(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Ticks a box or a choice by its name and value.
    #[track_caller]
    pub fn tick(&self, name: &str, value: &str) {
        self.click(&format!("//input[@name=\"{name}\"][@value=\"{value}\"]"));
    }

    /// Whether pages are shown dark.
    pub fn show_dark(&self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        let command =
            json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.command("goog/cdp/execute", &command);
    }

    /// What pages complained of since the last question: scripts that failed, and policies that were
    /// broken.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({ "type": "browser" }));
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser with everything it has started; the driver alone would leave it.
        if let Ok(mut client) = self.client.lock() {
            let path = format!("/session/{}", self.session);
            let _ = client.call("DELETE", &path, ("application/json", b""));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
