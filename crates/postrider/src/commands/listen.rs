//! `postrider listen`: follows a webhook's deliveries over the API and forwards them to a server
//! of the developer's own, with headers and signature as a receiver would get them.
//!
//! What a webhook is sent is read from its feed, from a cursor on. The cursor moves only after a
//! delivery was handed over, so that a lost connection, a server that is not up yet or an
//! interruption loses nothing; with `--state FILE` that holds from one run to the next.

mod cursor;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use postrider_engine::Clock;
use serde_json::Value;

use crate::api::{Api, Refused};
use crate::cli::ListenArgs;
use crate::failure::Failure;
use crate::http_client::Server;
use crate::output::{complain, say};
use crate::signals::Signals;
use cursor::Cursor;

/// How long the API may hold a question until there is something to tell.
const WAIT_SECONDS: u64 = 20;
/// Waits between tries, of the API or of the developer's server; the last one repeats.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
];
/// How long the developer's server may take for one delivery.
const FORWARD_TIMEOUT: Duration = Duration::from_mins(1);

pub(crate) async fn run(args: ListenArgs) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let clock = Clock::system();
    let api = Api::new(&args.api.url, args.api.key()?.reveal(), clock.clone())?;
    let target = Server::parse(&args.forward).map_err(Failure::usage)?;
    let webhook = match &args.webhook {
        Some(id) => id.clone(),
        None => only_webhook(&api).await?,
    };
    let cursor = Cursor::load(args.state, &webhook)?;
    let mut listener = Listener { api, target, webhook, cursor, clock, is_json: args.json };
    tokio::select! {
        failed = listener.follow() => Err(failed),
        _ = signals.stop() => Ok(ExitCode::SUCCESS),
    }
}

/// The merchant's webhook, if it has just one.
async fn only_webhook(api: &Api) -> Result<String, Failure> {
    let page = api.get("/api/v1/webhooks?page_size=2").await?;
    match page["results"].as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one["id"].as_str().unwrap_or_default().to_owned()),
        Some([]) => Err(Failure::usage("this merchant has no webhook yet; create one first")),
        _ => Err(Failure::usage("this merchant has several webhooks; name one with --webhook ID")),
    }
}

struct Listener {
    api: Api,
    target: Server,
    webhook: String,
    cursor: Cursor,
    clock: Clock,
    is_json: bool,
}

impl Listener {
    /// Follows until it cannot go on.
    async fn follow(&mut self) -> Failure {
        let (mut failures, mut is_listening) = (0, false);
        loop {
            // From here on nothing is missed.
            if !is_listening && self.cursor.at().is_some() {
                let (webhook, target, path) = (&self.webhook, &self.target, self.target.prefix());
                say(&format!("listening to webhook {webhook}, forwarding to {target}{path}"));
                is_listening = true;
            }
            match self.step().await {
                Ok(()) => failures = 0,
                Err(error) if is_final(&error) => return error.into(),
                Err(error) => {
                    complain(&format!("{error:#}; trying again"));
                    self.pause(failures).await;
                    failures += 1;
                }
            }
        }
    }

    /// Reads what comes next and hands it over.
    async fn step(&mut self) -> anyhow::Result<()> {
        let after = match self.cursor.at() {
            Some(after) => format!("&after={after}"),
            None => String::new(),
        };
        let path =
            format!("/api/v1/webhooks/{}/feed?wait_seconds={WAIT_SECONDS}{after}", self.webhook);
        let page = self.api.get_waiting(&path, Duration::from_secs(WAIT_SECONDS)).await?;
        let rows = page["results"].as_array().context("the feed is no list")?;
        for row in rows {
            self.hand_over(row).await?;
            let next = row["cursor"].as_str().context("a delivery of the feed has no cursor")?;
            self.cursor.move_to(next)?;
        }
        let next = page["next"].as_str().context("the feed has no cursor")?;
        self.cursor.move_to(next)
    }

    /// Forwards one delivery, however long the developer's server is away.
    async fn hand_over(&self, row: &Value) -> anyhow::Result<()> {
        let mut failures = 0;
        loop {
            match self.forward(row).await {
                Ok(status) => {
                    self.tell(row, status);
                    return Ok(());
                }
                Err(error) => {
                    complain(&format!("cannot reach {}: {error:#}; trying again", self.target));
                    self.pause(failures).await;
                    failures += 1;
                }
            }
        }
    }

    /// Whatever the server answers, it has the delivery.
    async fn forward(&self, row: &Value) -> anyhow::Result<u16> {
        let headers = row["request"]["headers"].as_array().context("a delivery has no headers")?;
        let body = row["request"]["body"].as_str().context("a delivery has no body")?;
        let path = match self.target.prefix() {
            "" => "/",
            prefix => prefix,
        };
        let mut request = Request::post(path);
        for header in headers {
            let name = header["name"].as_str().unwrap_or_default();
            let value = header["value"].as_str().unwrap_or_default();
            // The host is the one it is forwarded to.
            if !name.eq_ignore_ascii_case(HOST.as_str()) {
                request = request.header(name, value);
            }
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
        let answered = self.clock.within(FORWARD_TIMEOUT, self.target.exchange(request)).await;
        let (status, _) = answered.ok_or_else(|| anyhow!("no answer within a minute"))??;
        Ok(status.as_u16())
    }

    fn tell(&self, row: &Value, status: u16) {
        let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
        let is_resend = row["is_resend"] == true;
        if self.is_json {
            let line = serde_json::json!({
                "delivery": row["id"], "event": row["event"], "type": row["event_type"],
                "is_resend": is_resend, "status": status,
            });
            return say(&line.to_string());
        }
        let kind = if is_resend { "  resend" } else { "" };
        let (event_type, delivery, event) = (text("event_type"), text("id"), text("event"));
        say(&format!("{event_type}  delivery {delivery}  event {event}  answered {status}{kind}"));
    }

    async fn pause(&self, failures: usize) {
        let last = PAUSES.len() - 1;
        let pause = PAUSES.get(failures.min(last)).copied().unwrap_or_default();
        self.clock.sleep(pause).await;
    }
}

/// Whether asking again cannot help: the key, the webhook or the cursor is wrong.
fn is_final(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| (400..500).contains(&refused.status) && refused.status != 429)
}
