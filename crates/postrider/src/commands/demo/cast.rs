//! Who takes part in the demo: three webhooks and what stands behind their targets.
//!
//! - *healthy* wants everything and always answers 200;
//! - *flaky* wants orders and subscriptions, answers 503 to its first requests and then recovers;
//! - *dead* wants entitlements, and nothing listens at its target.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use parking_lot::Mutex;
use postrider_core::catalogue::Family;
use postrider_core::key::VerificationKey;
use postrider_core::sign;
use postrider_engine::Clock;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::commands::receiver::{Form, line};
use crate::output::say;
use crate::receiver::{Answers, Plan, Received, Receiver};

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
/// Few enough that even one delivery that met all of them would be tried once more.
const FIRST_ANSWERS: [u16; 3] = [503, 503, 503];

/// What a webhook is in the play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Healthy,
    Flaky,
    Dead,
}

impl Role {
    const ALL: [Self; 3] = [Self::Healthy, Self::Flaky, Self::Dead];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Flaky => "flaky",
            Self::Dead => "dead",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Healthy => "wants everything; always answers 200",
            Self::Flaky => "wants orders and subscriptions; answers 503 three times, then 200",
            Self::Dead => "wants entitlements; nothing listens there",
        }
    }

    /// Whether it wants the events of this family; says the same as `event_types` below.
    pub(super) const fn wants(self, family: Family) -> bool {
        match self {
            Self::Healthy => true,
            Self::Flaky => matches!(family, Family::Order | Family::Subscription),
            Self::Dead => matches!(family, Family::Entitlement),
        }
    }

    /// Attempts after which a delivery that never succeeds is given up: one more than it has waits.
    pub(super) const DEAD_ATTEMPTS: u64 = 2;

    fn webhook(self, target_url: &str) -> Value {
        let name = format!("Demo: {}", self.name());
        match self {
            Self::Healthy => json!({
                "name": name,
                "target_url": target_url,
                "event_types": ["*"],
                "signature": "both",
                "additional_data": {
                    "subscription": ["customer"],
                    "order": ["customer", "items"],
                },
            }),
            Self::Flaky => json!({
                "name": name,
                "target_url": target_url,
                "event_types": ["order.*", "subscription.*"],
                "retry_policy": {"waits_seconds": [1, 1, 2]},
            }),
            Self::Dead => json!({
                "name": name,
                "target_url": target_url,
                "event_types": ["entitlement.*"],
                "retry_policy": {"waits_seconds": [1]},
            }),
        }
    }
}

/// One request, as the judgement needs it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) delivery: String,
    pub(super) is_verified: bool,
    pub(super) status: u16,
}

/// What a receiver has seen.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    seen: Mutex<Vec<Seen>>,
    /// Whether the play is over: then requests are printed and kept no more.
    is_closed: AtomicBool,
}

impl Ledger {
    fn note(&self, received: &Received) {
        if self.is_closed.load(Ordering::Relaxed) {
            say(&line(received, Form { is_json: false, with_body: false }));
            return;
        }
        self.seen.lock().push(Seen {
            delivery: received.delivery.clone().unwrap_or_default(),
            is_verified: received.verdict.is_verified() == Some(true),
            status: received.status,
        });
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

/// One webhook with its target.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) role: Role,
    /// The webhook's id.
    pub(super) webhook: String,
    target_url: String,
    pub(super) ledger: Arc<Ledger>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) parts: Vec<Part>,
    /// Holds the dead webhook's port without listening on it, so that nobody else does either.
    _dead: TcpSocket,
    receivers: TaskTracker,
    stop: CancellationToken,
}

/// What stands at a target before its key is known.
enum Place {
    Open(Receiver),
    Closed(TcpSocket),
}

impl Place {
    async fn take(role: Role, clock: &Clock) -> std::io::Result<Self> {
        let free = SocketAddr::from((LOOPBACK, 0));
        if role != Role::Dead {
            return Ok(Self::Open(Receiver::bind(free, clock.clone()).await?));
        }
        let socket = TcpSocket::new_v4()?;
        socket.bind(free)?;
        Ok(Self::Closed(socket))
    }

    fn address(&self) -> std::io::Result<SocketAddr> {
        match self {
            Self::Open(receiver) => receiver.address(),
            Self::Closed(socket) => socket.local_addr(),
        }
    }
}

/// Creates the webhooks over the API and starts their receivers.
pub(super) async fn assemble(api: &Api, clock: &Clock) -> anyhow::Result<Cast> {
    let (receivers, stop) = (TaskTracker::new(), CancellationToken::new());
    let (mut parts, mut dead) = (Vec::new(), None);
    for role in Role::ALL {
        let place = Place::take(role, clock).await.context("cannot take a port for a receiver")?;
        let address = place.address().context("cannot tell the port of a receiver")?;
        let target_url = format!("http://{address}/webhooks");
        let created = api.post("/api/v1/webhooks", &role.webhook(&target_url)).await?;
        let webhook = text(&created, "id")?;
        let ledger = Arc::new(Ledger::default());
        match place {
            Place::Closed(socket) => dead = Some(socket),
            Place::Open(receiver) => {
                let keys = api.get(&format!("/api/v1/webhooks/{webhook}/verification-key")).await?;
                let plan = plan(role, &text(&keys, "verification_key")?);
                let noted = Arc::clone(&ledger);
                let note = move |received: &Received| noted.note(received);
                receivers.spawn(receiver.run(plan, note, stop.clone()));
            }
        }
        parts.push(Part { role, webhook, target_url, ledger });
    }
    receivers.close();
    Ok(Cast { parts, _dead: dead.context("one part is dead")?, receivers, stop })
}

fn plan(role: Role, key: &str) -> Plan {
    let answers = match role {
        Role::Flaky => Answers::then(FIRST_ANSWERS, 200),
        Role::Healthy | Role::Dead => Answers::always(200),
    };
    Plan {
        key: Some(VerificationKey::restored(key)),
        signature_header: sign::SIGNATURE_HEADER.to_owned(),
        answers,
        delay: std::time::Duration::ZERO,
    }
}

/// A text field of an answer of the API.
pub(super) fn text(answer: &Value, field: &str) -> anyhow::Result<String> {
    let text =
        answer[field].as_str().with_context(|| format!("the API's answer has no {field}"))?;
    Ok(text.to_owned())
}

impl Cast {
    /// Says who is who.
    pub(super) fn introduce(&self, api: SocketAddr) {
        say(&format!("the API answers on http://{api}"));
        for part in &self.parts {
            let (role, target_url) = (part.role, &part.target_url);
            say(&format!("webhook {:<7}  {target_url}  {}", role.name(), role.about()));
        }
    }

    /// From now on requests are printed instead of kept.
    pub(super) fn show_from_now_on(&self) {
        for part in &self.parts {
            part.ledger.is_closed.store(true, Ordering::Relaxed);
        }
    }

    /// Stops the receivers.
    pub(super) async fn leave(self) {
        self.stop.cancel();
        self.receivers.wait().await;
    }
}
