//! The routing table: which webhooks want an event, and what an attempt needs to know of one.
//!
//! An immutable picture of all webhooks at one catalog version, replaced whole when the catalog
//! changes. Intake matches against it and hands the version to the store, which refuses to append
//! against a picture that is no longer true; so "disabled" against "accepted" has a definite answer
//! and the hot path looks nothing up. Matching is a pure function and is tested here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::event::EventType;
use crate::ids::{DeliveryId, MerchantId, WebhookId};
use crate::key::VerificationKeys;
use crate::sign::Signer;
use crate::snapshot::Choice;
use crate::webhook::{Health, Status, Webhook};

/// One webhook as the hot path sees it.
#[derive(Debug)]
pub struct Route {
    /// Its configuration.
    pub webhook: Webhook,
    /// Its keys, prepared.
    pub signer: Signer,
    /// Its health when it was read; the engine keeps the living value.
    pub health: Health,
}

impl Route {
    /// Prepares a webhook for the hot path.
    pub fn new(webhook: Webhook, keys: &VerificationKeys, health: Health) -> Self {
        Self { webhook, signer: Signer::new(keys), health }
    }
}

/// What changed in the catalog since some version.
#[derive(Debug, Default)]
pub struct RouteChanges {
    /// The version this brings a table to.
    pub version: u64,
    /// New and changed webhooks.
    pub routes: Vec<Arc<Route>>,
    /// Deleted webhooks.
    pub deleted: Vec<WebhookId>,
    /// New merchants.
    pub merchants: Vec<MerchantId>,
}

/// All webhooks at one catalog version.
#[derive(Debug, Default, Clone)]
pub struct RoutingTable {
    version: u64,
    merchants: HashSet<MerchantId>,
    by_merchant: HashMap<MerchantId, Vec<Arc<Route>>>,
    by_id: HashMap<WebhookId, Arc<Route>>,
}

impl RoutingTable {
    /// The catalog version this picture was taken at.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// One webhook.
    pub fn route(&self, webhook: WebhookId) -> Option<&Arc<Route>> {
        self.by_id.get(&webhook)
    }

    /// Every webhook.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.by_id.values()
    }

    /// Whether a merchant of this id exists.
    pub fn knows_merchant(&self, merchant: MerchantId) -> bool {
        self.merchants.contains(&merchant)
    }

    /// The picture after `changes`.
    #[must_use]
    pub fn with(&self, changes: RouteChanges) -> Self {
        let mut next = self.clone();
        next.version = changes.version;
        next.merchants.extend(changes.merchants);
        for webhook in changes.deleted {
            next.remove(webhook);
        }
        for route in changes.routes {
            next.remove(route.webhook.id);
            let routes = next.by_merchant.entry(route.webhook.merchant).or_default();
            routes.push(Arc::clone(&route));
            routes.sort_by_key(|route| route.webhook.id);
            next.by_id.insert(route.webhook.id, route);
        }
        next
    }

    fn remove(&mut self, webhook: WebhookId) {
        if let Some(old) = self.by_id.remove(&webhook)
            && let Some(routes) = self.by_merchant.get_mut(&old.webhook.merchant)
        {
            routes.retain(|route| route.webhook.id != webhook);
        }
    }

    /// What every webhook of `merchant` makes of an event, in the order of their ids. `mint` names
    /// the deliveries that result.
    pub fn decide(
        &self,
        merchant: MerchantId,
        event_type: &EventType,
        mut mint: impl FnMut() -> DeliveryId,
    ) -> Vec<Decision> {
        let routes = self.by_merchant.get(&merchant).map_or(&[][..], Vec::as_slice);
        let decide = |route: &Arc<Route>| {
            let webhook = &route.webhook;
            let verdict = match (webhook.status, webhook.wants(event_type)) {
                (_, None) => Verdict::NotSelected,
                (Status::Disabled(_), Some(_)) => Verdict::Disabled,
                (Status::Enabled | Status::Paused, Some(_)) => Verdict::Deliver {
                    delivery: mint(),
                    choice: webhook.additional_data.for_family(event_type.family()),
                },
            };
            Decision { webhook: webhook.id, verdict }
        };
        routes.iter().map(decide).collect()
    }
}

/// What one webhook made of one event, kept with the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The webhook.
    pub webhook: WebhookId,
    /// What it made of the event.
    pub verdict: Verdict,
}

/// Why an event was or was not sent to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It became this delivery, with this additional data.
    Deliver {
        /// The delivery.
        delivery: DeliveryId,
        /// The additional data in its body.
        choice: Choice,
    },
    /// No pattern of the webhook matches the event's type.
    NotSelected,
    /// A pattern matches, but the webhook was disabled.
    Disabled,
}

const DECISION_BYTES: usize = 34;

impl Decision {
    /// The delivery, if the event became one.
    pub fn delivery(&self) -> Option<DeliveryId> {
        match self.verdict {
            Verdict::Deliver { delivery, .. } => Some(delivery),
            Verdict::NotSelected | Verdict::Disabled => None,
        }
    }

    /// The stored form of all decisions of one event: 34 bytes each.
    pub fn encode(decisions: &[Self]) -> Vec<u8> {
        let mut out = Vec::with_capacity(decisions.len() * DECISION_BYTES);
        for decision in decisions {
            let (code, choice, delivery) = match decision.verdict {
                Verdict::Deliver { delivery, choice } => (1, choice.bits(), delivery.to_bytes()),
                Verdict::NotSelected => (2, 0, [0; 16]),
                Verdict::Disabled => (3, 0, [0; 16]),
            };
            out.extend_from_slice(&decision.webhook.to_bytes());
            out.extend_from_slice(&[code, choice]);
            out.extend_from_slice(&delivery);
        }
        out
    }

    /// Reads the stored form; `None` when it was damaged.
    pub fn decode(bytes: &[u8]) -> Option<Vec<Self>> {
        let (records, rest) = bytes.as_chunks::<DECISION_BYTES>();
        let read = |record: &[u8; DECISION_BYTES]| {
            let (webhook, rest) = record.split_first_chunk::<16>()?;
            let (&[code, choice], delivery) = rest.split_first_chunk::<2>()?;
            let verdict = match code {
                1 => Verdict::Deliver {
                    delivery: DeliveryId::from_bytes(delivery.try_into().ok()?),
                    choice: Choice::from_bits(choice),
                },
                2 => Verdict::NotSelected,
                3 => Verdict::Disabled,
                _ => return None,
            };
            Some(Self { webhook: WebhookId::from_bytes(*webhook), verdict })
        };
        if rest.is_empty() { records.iter().map(read).collect() } else { None }
    }
}

#[cfg(test)]
mod tests;
