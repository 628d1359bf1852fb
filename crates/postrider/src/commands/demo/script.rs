//! What the demo posts: the documented example of every event type in the catalogue, and a second
//! round under the sender's own ids, in each of the three forms the API takes.

use anyhow::{Context as _, bail};
use postrider_core::catalogue::{self, EventTypeEntry, Family, natural};
use serde_json::{Value, json};

use crate::api::Api;

const PATH: &str = "/api/v1/events";
/// Events posted one by one; the rest of the first round is one batch.
const SINGLES: usize = 12;

/// What was posted and what the API answered.
pub(super) struct Posted {
    /// The family of each event, in order.
    pub(super) types: Vec<&'static EventTypeEntry>,
    /// The deliveries named in the answers.
    pub(super) deliveries: Vec<String>,
    pub(super) singly: usize,
    pub(super) in_batch: usize,
    pub(super) as_lines: usize,
}

/// Posts the whole script.
pub(super) async fn post(api: &Api, merchant: &str, now: i64) -> anyhow::Result<Posted> {
    let all: Vec<_> = catalogue::entries().iter().collect();
    let (singles, batch) = all.split_at(SINGLES.min(all.len()));
    let again = second_round();
    let mut deliveries = Vec::new();
    for entry in singles {
        let answer = api.post(PATH, &catalogue::example(entry, merchant, now)).await?;
        deliveries.extend(named(&answer)?);
    }
    let examples: Vec<_> =
        batch.iter().map(|entry| catalogue::example(entry, merchant, now)).collect();
    let answer = api.post(PATH, &json!({ "events": examples })).await?;
    deliveries.extend(results(&answer, batch.len())?);
    let lines: String = again
        .iter()
        .enumerate()
        .map(|(n, entry)| {
            let mut event = catalogue::example(entry, merchant, now);
            event["id"] = format!("demo-{:03}", n + 1).into();
            natural::compact(&event) + "\n"
        })
        .collect();
    let answer = api.post_lines(PATH, lines).await?;
    deliveries.extend(results(&answer, again.len())?);
    let (singly, in_batch, as_lines) = (singles.len(), batch.len(), again.len());
    let types = all.into_iter().chain(again).collect();
    Ok(Posted { types, deliveries, singly, in_batch, as_lines })
}

/// Everything once more, except what goes to the dead webhook: each of its deliveries costs a
/// second of probing, and six of them show it as well as twelve.
fn second_round() -> Vec<&'static EventTypeEntry> {
    catalogue::entries().iter().filter(|entry| entry.family != Family::Entitlement).collect()
}

/// The deliveries of each event of one request.
fn results(answer: &Value, expected: usize) -> anyhow::Result<Vec<String>> {
    let results = answer["results"].as_array().context("the API's answer has no results")?;
    if results.len() != expected {
        bail!("{expected} events were posted and {} answered", results.len());
    }
    let named: anyhow::Result<Vec<_>> = results.iter().map(named).collect();
    Ok(named?.concat())
}

/// The deliveries of one event.
fn named(answer: &Value) -> anyhow::Result<Vec<String>> {
    let deliveries = answer["deliveries"].as_array().context("an answer has no deliveries")?;
    Ok(deliveries.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_has_every_family_and_at_least_sixty_events() {
        let first = catalogue::entries();
        assert!(first.len() + second_round().len() >= 60);
        for family in Family::ALL {
            assert!(first.iter().any(|entry| entry.family == family), "{family:?}");
        }
    }
}
