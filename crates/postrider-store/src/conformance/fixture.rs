//! The things tests speak of: merchants, webhooks, events and deliveries by small numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use postrider_core::account::Role;
use postrider_core::attempt::{Attempt, Phases};
use postrider_core::audit::{Actor, Stamp};
use postrider_core::catalogue::Entity;
use postrider_core::event::{Event, EventType};
use postrider_core::ids::{ApiKeyId, DeliveryId, EventId, Id, MerchantId, WebhookId};
use postrider_core::key::VerificationKey;
use postrider_core::outcome::Outcome;
use postrider_core::password::PasswordHash;
use postrider_core::pattern::Pattern;
use postrider_core::retry::RetryPolicy;
use postrider_core::routing::{Decision, Verdict};
use postrider_core::seal::Sealer;
use postrider_core::sign::Scheme;
use postrider_core::snapshot::{AdditionalData, Choice};
use postrider_core::target::TargetUrl;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{Header, Status, Webhook};

use crate::accounts::User;
use crate::catalog::{ApiKey, PageAsk};
use crate::queue::{NewDelivery, NewEvent};

/// When tests begin, Unix seconds.
const BEGINNING: i64 = 1_700_000_000;

/// A moment some seconds after the beginning.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(BEGINNING + seconds)
}

/// A stamp of a test, `seconds` after the beginning.
pub fn stamp(seconds: i64) -> Stamp {
    Stamp { by: Actor::command("test"), at: at(seconds), request: None }
}

fn id<K>(n: u64) -> Id<K> {
    let millis = i64::try_from(n).unwrap_or(i64::MAX);
    Id::from_parts(Timestamp::from_unix_millis(BEGINNING * 1_000 + millis), 0, n)
}

/// A merchant's id.
pub fn merchant(n: u64) -> MerchantId {
    id(n)
}

/// A webhook's id.
pub fn webhook_id(n: u64) -> WebhookId {
    id(n)
}

/// A delivery's id; ids ascend with `n`.
pub fn delivery_id(n: u64) -> DeliveryId {
    id(n)
}

/// The number a delivery's id was made from.
pub fn delivery_number(id: DeliveryId) -> u64 {
    let random = id.to_bytes().last_chunk().copied().unwrap();
    u64::from_be_bytes(random) & ((1 << 62) - 1)
}

/// An event id of a sender's own.
pub fn event_id(text: &str) -> EventId {
    EventId::parse(text).unwrap()
}

/// A sealer that never uses a nonce twice.
pub fn sealer() -> Sealer {
    static NONCES: AtomicU64 = AtomicU64::new(0);
    Sealer::new(&[7; 32], |nonce| {
        let number = NONCES.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        nonce.iter_mut().zip(number).for_each(|(byte, part)| *byte = part);
    })
}

/// An owner of a merchant, with a password.
pub fn user(owner: u64, n: u64) -> User {
    User {
        id: id(n),
        merchant: merchant(owner),
        email: format!("user{n}@example.com"),
        name: format!("User {n}"),
        password_hash: Some(PasswordHash::restored(format!("hash {n}"))),
        role: Role::Owner,
        created_at: at(0),
        last_signed_in_at: None,
        disabled_at: None,
        credentials_version: 1,
    }
}

/// A verification key.
pub fn key(n: u64) -> VerificationKey {
    let mut random = [3; 32];
    random.iter_mut().zip(n.to_le_bytes()).for_each(|(byte, part)| *byte = part);
    VerificationKey::from_random(random)
}

/// A webhook that wants everything.
pub fn webhook(merchant_n: u64, n: u64) -> Webhook {
    Webhook {
        id: webhook_id(n),
        merchant: merchant(merchant_n),
        name: format!("webhook {n}"),
        target: TargetUrl::restored(&format!("https://receiver.example/{n}?a=b")).unwrap(),
        event_types: vec![Pattern::All],
        additional_data: AdditionalData::default(),
        status: Status::Enabled,
        signature: Scheme::Both,
        retry_policy: RetryPolicy::ladder(&[1, 60]).unwrap(),
        timeout: Duration::from_millis(5_500),
        headers: vec![Header { name: "X-A".into(), value: "b: c".into() }],
        max_in_flight: 32,
        rate_limit_per_second: Some(10),
        created_at: at(0),
        updated_at: at(0),
        configuration_version: 1,
    }
}

/// An API key of a merchant, or of an operator.
pub fn api_key(owner: Option<u64>, n: u64) -> ApiKey {
    let mut digest = [0; 32];
    digest.iter_mut().zip(n.to_le_bytes()).for_each(|(byte, part)| *byte = part);
    ApiKey {
        id: id::<postrider_core::ids::kind::ApiKey>(n) as ApiKeyId,
        merchant: owner.map(merchant),
        name: format!("key {n}"),
        digest,
        hint: "pr_…abcd".into(),
        scopes: 5,
        created_at: at(0),
        revoked_at: None,
    }
}

/// The additional data of every delivery in tests.
pub fn choice() -> Choice {
    Choice::NONE.with(Entity::Customer)
}

/// A page from a place.
pub fn ask(size: u32, cursor: Option<crate::catalog::Cursor>) -> PageAsk {
    PageAsk { size, cursor }
}

/// An event under construction.
#[derive(Debug, Clone)]
pub struct Draft(NewEvent);

/// An event of merchant 1 named by us.
pub fn minted(n: u64, seconds: i64) -> Draft {
    Draft::new(EventId::minted(at(0), 0, n), None, seconds)
}

/// An event of merchant 1 under the sender's own id, with a digest of what was posted.
pub fn named(text: &str, digest: u8, seconds: i64) -> Draft {
    Draft::new(event_id(text), Some([digest; 32]), seconds)
}

impl Draft {
    fn new(id: EventId, digest: Option<[u8; 32]>, seconds: i64) -> Self {
        let event = Event {
            id,
            merchant: merchant(1),
            event_type: EventType::parse("order.create").unwrap(),
            created: BEGINNING + seconds,
            accepted_at: at(seconds),
            data: Bytes::from_static(b"{\"object\" : {\"a\":1,\"a\":\"\\u0000\"}}"),
            context: Some(Bytes::from_static(b"{ }")),
            snapshot: Some(Bytes::from_static(b"{\"customer\":{}}")),
        };
        Self(NewEvent { event, digest, is_test: false, decisions: vec![], deliveries: vec![] })
    }

    /// The same with another delivery, due at once.
    #[must_use]
    pub fn to(mut self, delivery: u64, webhook: u64) -> Self {
        let (id, webhook, choice) = (delivery_id(delivery), webhook_id(webhook), choice());
        self.0.deliveries.push(NewDelivery { id, webhook, choice, leased_until: None });
        let verdict = Verdict::Deliver { delivery: id, choice };
        self.0.decisions.push(Decision { webhook, verdict });
        self
    }

    /// The same, its deliveries born leased until then.
    #[must_use]
    pub fn leased_until(mut self, until: Timestamp) -> Self {
        for delivery in &mut self.0.deliveries {
            delivery.leased_until = Some(until);
        }
        self
    }

    /// The same of another merchant.
    #[must_use]
    pub fn of(mut self, n: u64) -> Self {
        self.0.event.merchant = merchant(n);
        self
    }

    /// The same with another type.
    #[must_use]
    pub fn typed(mut self, text: &str) -> Self {
        self.0.event.event_type = EventType::parse(text).unwrap();
        self
    }

    /// The same as a test event.
    #[must_use]
    pub fn as_test(mut self) -> Self {
        self.0.is_test = true;
        self
    }
}

impl From<Draft> for NewEvent {
    fn from(draft: Draft) -> Self {
        draft.0
    }
}

/// The record of an attempt that was answered 500.
pub fn attempt(number: u32, seconds: i64) -> Attempt {
    Attempt {
        number,
        started_at: at(seconds),
        outcome: Outcome::of_response(500, None),
        phases: Phases { total: Duration::from_micros(1_234), ..Phases::default() },
        request_headers: "Host: receiver.example".into(),
        response_headers: "Content-Length: 2".into(),
        response_body: Bytes::from_static(b"no"),
        is_response_truncated: false,
        note: None,
        configuration_version: 1,
    }
}
