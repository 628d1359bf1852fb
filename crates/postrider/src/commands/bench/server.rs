//! The Postrider that is measured: `serve` on a fresh database, set up over its API.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use postrider_engine::Clock;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::cases::{Crowd, Hook, Place};
use super::kernel::Account;
use super::pages;
use super::part::Part;
use super::receiver::Places;
use super::tls;
use crate::api::Api;

/// Time to come up; a restart with millions of deliveries is within it.
const START_TIME: Duration = Duration::from_mins(1);
/// Merchants set up at once.
const MERCHANTS_AT_ONCE: usize = 16;
/// Requests in flight a webhook may have, as somebody would set it who wants the most of it.
const MAX_IN_FLIGHT: u32 = 64;
/// A port of loopback on which nothing listens: reserved, and below those handed out.
const REFUSED: &str = "127.0.0.2:1";

/// A node that is running.
#[derive(Debug)]
pub(super) struct Server {
    part: Part,
    folder: PathBuf,
    operator_key: String,
    pub(super) address: SocketAddr,
}

/// A merchant that can post.
#[derive(Debug, Clone)]
pub(super) struct Merchant {
    id: String,
    webhooks: Vec<String>,
}

impl Server {
    /// Prepares a database in `folder` and starts a node on it.
    pub(super) async fn fresh(folder: &Path) -> anyhow::Result<Self> {
        let arguments = ["init", "--merchant", "Bench", "--email", "bench@example.com", "--json"];
        let mut init = start(folder, &arguments)?;
        let keys: Value = init.hear(START_TIME).await?;
        // It holds the database until it has ended.
        init.ended().await?;
        let key = keys["operator_key"].as_str().context("init has printed no key")?.to_owned();
        Self::start(folder.to_owned(), key).await
    }

    async fn start(folder: PathBuf, operator_key: String) -> anyhow::Result<Self> {
        let network = ["--listen", "127.0.0.1:0", "--allow-target", "127.0.0.0/8"];
        let mut arguments = vec!["serve", "--allow-http-targets", "--log-level", "error"];
        arguments.extend(network);
        let mut part = start(&folder, &arguments)?;
        let line = part.hear_text(START_TIME).await?;
        let address = line.trim().rsplit("http://").next().and_then(|it| it.parse().ok());
        let address = address.ok_or_else(|| anyhow!("no address in {line:?}"))?;
        Ok(Self { part, folder, operator_key, address })
    }

    /// Stops the node in order and starts another on the same database.
    pub(super) async fn restart(self) -> anyhow::Result<Self> {
        let Self { part, folder, operator_key, .. } = self;
        part.stop().await?;
        Self::start(folder, operator_key).await
    }

    /// What it has cost so far.
    pub(super) fn account(&self) -> anyhow::Result<Account> {
        Account::of(&[self.part.process()?])
    }

    /// The headers of a merchant's sender.
    pub(super) fn headers(&self, merchant: &Merchant) -> Vec<(String, String)> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![header("x-api-key", &self.operator_key), header("postrider-merchant", &merchant.id)]
    }

    /// Creates the merchants of a crowd with their webhooks.
    pub(super) async fn set_up(
        &self,
        crowd: &Crowd,
        places: Places,
        with_tls: bool,
    ) -> anyhow::Result<Vec<Merchant>> {
        let scheme = if with_tls { "https" } else { "http" };
        let webhooks: Vec<_> =
            crowd.webhooks.iter().map(|it| webhook(it, places, scheme)).collect();
        let (mut merchants, mut left) = (Vec::new(), crowd.merchants);
        while left > 0 {
            let mut tasks = JoinSet::new();
            for _ in 0..left.min(MERCHANTS_AT_ONCE) {
                tasks.spawn(create(self.api(None)?, webhooks.clone()));
                left -= 1;
            }
            while let Some(made) = tasks.join_next().await {
                merchants.push(made.context("setting up broke")??);
            }
        }
        Ok(merchants)
    }

    /// Pauses every webhook of these merchants.
    pub(super) async fn pause(&self, merchants: &[Merchant]) -> anyhow::Result<()> {
        self.act(merchants, "pause", &json!({})).await
    }

    /// Lets everything go that waits.
    pub(super) async fn resume(&self, merchants: &[Merchant]) -> anyhow::Result<()> {
        self.act(merchants, "resume", &json!({"backlog": "all"})).await
    }

    /// Milliseconds of the admin's pages, as the first of these merchants sees them.
    pub(super) async fn page_times(
        &self,
        merchants: &[Merchant],
    ) -> anyhow::Result<Vec<(&'static str, f64)>> {
        let merchant = merchants.first().context("there is no merchant")?;
        let webhook = merchant.webhooks.first().context("there is no webhook")?;
        pages::times(&self.api(Some(merchant))?, self.address, webhook).await
    }

    async fn act(&self, merchants: &[Merchant], action: &str, body: &Value) -> anyhow::Result<()> {
        for merchant in merchants {
            let api = self.api(Some(merchant))?;
            for webhook in &merchant.webhooks {
                api.post(&format!("/api/v1/webhooks/{webhook}/{action}"), body).await?;
            }
        }
        Ok(())
    }

    fn api(&self, merchant: Option<&Merchant>) -> anyhow::Result<Api> {
        let url = format!("http://{}", self.address);
        let api = Api::new(&url, &self.operator_key, Clock::system());
        let api = api.map_err(|failure| anyhow!("{failure}"))?;
        Ok(merchant.map_or_else(|| api.clone(), |merchant| api.for_merchant(&merchant.id)))
    }
}

/// Starts the program with the database of `folder`.
fn start(folder: &Path, arguments: &[&str]) -> anyhow::Result<Part> {
    let database = ["--database", "sqlite:bench.db"];
    let arguments: Vec<_> = ["program"].iter().chain(arguments).chain(&database).copied().collect();
    let certificate = tls::certificate(folder);
    let trusted = [("SSL_CERT_FILE", certificate.as_path())];
    Part::start(folder, &arguments, if certificate.exists() { &trusted } else { &[] })
}

fn webhook(hook: &Hook, places: Places, scheme: &str) -> Value {
    let authority = match hook.place {
        Place::Good => places.good.to_string(),
        Place::Bad => places.bad.to_string(),
        Place::Refused => REFUSED.to_owned(),
    };
    json!({
        "name": "Bench",
        "target_url": format!("{scheme}://{authority}{}", hook.path),
        "event_types": [hook.event_type],
        "max_in_flight": MAX_IN_FLIGHT,
    })
}

async fn create(api: Api, webhooks: Vec<Value>) -> anyhow::Result<Merchant> {
    let id = |made: &Value| made["id"].as_str().map(str::to_owned).context("it has no id");
    let merchant = id(&api.post("/api/v1/merchants", &json!({"name": "Bench"})).await?)?;
    let api = api.for_merchant(&merchant);
    let mut made = Vec::new();
    for webhook in &webhooks {
        made.push(id(&api.post("/api/v1/webhooks", webhook).await?)?);
    }
    Ok(Merchant { id: merchant, webhooks: made })
}
