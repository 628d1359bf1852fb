//! How long pages of the admin take with everything of a play stored: asked for one at a time, as by
//! somebody who looks.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use postrider_engine::MachineClock;
use serde_json::{Value, json};

use super::figures::number;
use super::post::{Connection, Target, url};
use crate::api::Api;

/// Times each page is asked for; the middle one counts.
const TIMES: usize = 21;
/// The cookie of a session.
const COOKIE: &str = "__Host-postrider";

/// Milliseconds of each page, and of the slowest.
pub(super) async fn times(
    api: &Api,
    address: SocketAddr,
    webhook: &str,
) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned).context("no id");
    let link = api.post("/api/v1/portal-links", &json!({})).await?;
    let asked = json!({ "token": text(&link, "token")? });
    let begun = api.post("/api/v1/portal-links/redeem", &asked).await?;
    let cookie = ("cookie".to_owned(), format!("{COOKIE}={}", text(&begun, "token")?));
    let newest = api.get(&format!("/api/v1/deliveries?webhook={webhook}&page_size=1")).await?;
    let newest = newest["results"].get(0).context("nothing is stored")?;
    let (delivery, event) = (text(newest, "id")?, text(newest, "event")?);
    let pages = [
        ("page_overview_ms", "/overview".to_owned()),
        ("page_webhooks_ms", "/webhooks".to_owned()),
        ("page_webhook_ms", format!("/webhooks/{webhook}")),
        ("page_log_ms", "/deliveries".to_owned()),
        ("page_none_found_ms", "/deliveries?find=customer&value=nobody".to_owned()),
        ("page_failed_ms", format!("/deliveries?webhook={webhook}&status=failed")),
        ("page_delivery_ms", format!("/deliveries/{delivery}")),
        ("page_event_ms", format!("/events/{event}")),
        ("page_undelivered_ms", "/undelivered".to_owned()),
    ];
    let mut connection = Connection::new(Target::parse(&url(address, "/"))?);
    let (mut figures, mut slowest) = (Vec::new(), 0.0_f64);
    for (name, path) in pages {
        let mut taken = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let began = MachineClock::micros();
            let status = connection.get(&path, &cookie).await?;
            ensure!(status.is_success(), "{path} answers {status}");
            taken.push(MachineClock::micros() - began);
        }
        taken.sort_unstable();
        let middle = taken.get(TIMES / 2).copied().unwrap_or_default();
        let millis = number(middle) / 1_000.0;
        slowest = slowest.max(millis);
        figures.push((name, millis));
    }
    figures.push(("page_slowest_ms", slowest));
    Ok(figures)
}
