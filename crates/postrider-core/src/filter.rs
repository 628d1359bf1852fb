//! Filters: how the older API says which events a webhook wants (facts.md 5, 9).
//!
//! A filter is a pattern such as `order.create|item.*`: alternatives, each of which matches whole
//! event types (product.md). What a webhook wants is said once, by its `event_types`; filters are a
//! view of that list with ids of their own. They are kept so that ids and texts survive, and
//! [`reconciled`] with the list whenever they are read, because the newer API writes the list alone.
//!
//! Invariant: the alternatives of reconciled filters are exactly the webhook's event types.

use sha2::{Digest, Sha256};

use crate::ids::{ShortId, WebhookId};
use crate::limits;
use crate::pattern::Pattern;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::webhook::Webhook;

/// One filter of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its id, unique within its webhook.
    pub id: ShortId,
    /// What it adds to the event types of its webhook; never empty.
    pub alternatives: Vec<Pattern>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Filter {
    /// The pattern, as it was written.
    pub fn pattern(&self) -> String {
        self.alternatives.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
    }
}

/// Reads a filter's pattern. Whether its families and types exist is the catalogue's business.
pub fn parse(text: &str) -> Result<Vec<Pattern>, Refusal> {
    let most = limits::PATTERNS_PER_WEBHOOK_MAX;
    if text.split('|').count() > most {
        let detail = format!("a pattern has at most {most} alternatives");
        return Err(Refusal::new("invalid_event_type", "pattern", detail));
    }
    let refused = |refusal| Refusal { field: "pattern".into(), ..refusal };
    text.split('|').map(|each| Pattern::parse(each).map_err(refused)).collect()
}

/// The filters of `webhook`, given those kept for it. One whose alternatives are all still wanted
/// stays; a wanted pattern that is then in none appears as a filter of its own, under an id that
/// is the same at every reading.
pub fn reconciled(webhook: &Webhook, kept: &[Filter]) -> Vec<Filter> {
    let is_wanted = |filter: &&Filter| {
        filter.alternatives.iter().all(|pattern| webhook.event_types.contains(pattern))
    };
    let mut filters: Vec<Filter> = kept.iter().filter(is_wanted).cloned().collect();
    for pattern in &webhook.event_types {
        if !filters.iter().any(|filter| filter.alternatives.contains(pattern)) {
            let id = derived_id(webhook.id, pattern, kept);
            let alternatives = vec![pattern.clone()];
            filters.push(Filter { id, alternatives, created_at: webhook.created_at });
        }
    }
    filters
}

/// The event types that `filters` say, those known `before` in their old order.
pub fn event_types(filters: &[Filter], before: &[Pattern]) -> Result<Vec<Pattern>, Refusal> {
    let said = || filters.iter().flat_map(|filter| &filter.alternatives);
    let stays = |pattern: &&Pattern| said().any(|said| said == *pattern);
    let mut event_types: Vec<Pattern> = before.iter().filter(stays).cloned().collect();
    for pattern in said() {
        if !event_types.contains(pattern) {
            event_types.push(pattern.clone());
        }
    }
    if event_types.len() > limits::PATTERNS_PER_WEBHOOK_MAX {
        let most = limits::PATTERNS_PER_WEBHOOK_MAX;
        let detail = format!("all filters of a target together have at most {most} event types");
        return Err(Refusal::new("invalid_event_types", "pattern", detail));
    }
    Ok(event_types)
}

/// An id that follows from the pattern. A filter kept since it was changed to another pattern may
/// have it already; then the next one is taken.
fn derived_id(webhook: WebhookId, pattern: &Pattern, kept: &[Filter]) -> ShortId {
    let nth = |n: usize| {
        let mut hash = Sha256::new_with_prefix(b"postrider filter 1\0");
        hash.update(webhook.to_bytes());
        hash.update((n as u64).to_be_bytes());
        hash.update(pattern.to_string());
        let digest: [u8; 32] = hash.finalize().into();
        let (front, _) = digest.split_at(digest.len() / 2);
        WebhookId::from_bytes(front.try_into().unwrap_or_default()).shortened()
    };
    // One more than are kept: that many cannot all be taken.
    let free = (0..=kept.len()).map(nth).find(|id| kept.iter().all(|filter| filter.id != *id));
    free.unwrap_or_else(|| nth(0))
}

#[cfg(test)]
mod tests;
