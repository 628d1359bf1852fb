//! The webhook object of the API: shown whole, and written in part.
//!
//! Invariant: the verification key is never part of it.

use std::time::Duration;

use postrider_core::catalogue::{Catalogue, Entity};
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::limits;
use postrider_core::pattern::Pattern;
use postrider_core::refusal::Refusal;
use postrider_core::retry::RetryPolicy;
use postrider_core::sign::Scheme;
use postrider_core::snapshot::{AdditionalData, Choice};
use postrider_core::target::{TargetRefusal, TargetUrl};
use postrider_core::time::Timestamp;
use postrider_core::webhook::{self, Header, Health, Webhook};
use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::object::Object;
use super::rehearsal::LastRehearsalOut;
use super::webhook_fields::{self, LADDER, NEW, WRITABLE};
use crate::error::ApiError;
use crate::openapi::schema;
use crate::shared::Shared;

/// What is shown beside it.
const READ_ONLY: [&str; 6] =
    ["id", "status", "health", "two_signatures_until", "created_at", "updated_at"];

/// A rate limit as written: `null` takes it away.
#[derive(Clone, Copy)]
enum RateLimit {
    None,
    PerSecond(u32),
}

/// What one request writes; `None` leaves a field as it is.
#[derive(Default)]
pub(crate) struct Draft {
    name: Option<String>,
    target: Option<TargetUrl>,
    event_types: Option<Vec<Pattern>>,
    additional_data: Option<AdditionalData>,
    signature: Option<Scheme>,
    retry_policy: Option<RetryPolicy>,
    timeout: Option<Duration>,
    headers: Option<Vec<Header>>,
    max_in_flight: Option<u32>,
    rate_limit: Option<RateLimit>,
    /// Only a new webhook takes one; it never stands in what is shown.
    verification_key: Option<String>,
}

impl Draft {
    /// Reads what a request writes of a new webhook, or else of one there is, and checks it by the
    /// rules of this installation.
    pub(crate) fn read(text: &str, is_new: bool, shared: &Shared) -> Result<Self, ApiError> {
        let given = Object::read_any(text, "")?;
        for (name, _) in given.members() {
            if READ_ONLY.contains(&name) {
                let detail =
                    format!("`{name}` cannot be written; actions such as `disable` move it.");
                return Err(ApiError::refused("read_only_field", name.to_owned(), detail));
            }
        }
        let fields = if is_new { &NEW[..] } else { &WRITABLE[..] };
        let given = Object::read(text, "", fields)?;
        let catalogue = shared.engine.catalogue();
        Ok(Self {
            name: read_name(&given)?,
            target: read_target(&given, shared)?,
            event_types: read_event_types(&given, catalogue)?,
            additional_data: read_additional_data(&given, catalogue)?,
            signature: read_signature(&given)?,
            retry_policy: read_retry_policy(&given)?,
            timeout: read_timeout(&given)?,
            headers: read_headers(&given, &shared.signature_header)?,
            max_in_flight: read_small(&given, "max_in_flight", limits::MAX_IN_FLIGHT_MAX)?,
            rate_limit: read_rate(&given)?,
            verification_key: given.any_text("verification_key")?,
        })
    }

    /// The key a new webhook brings along, fit for its signature scheme.
    pub(crate) fn verification_key(
        &self,
        scheme: Scheme,
    ) -> Result<Option<VerificationKey>, ApiError> {
        let imported = |text: &String| VerificationKey::imported(text, scheme);
        Ok(self.verification_key.as_ref().map(imported).transpose()?)
    }

    /// Whether the change asks for signatures that need a key of the standard form.
    pub(crate) fn needs_standard_key(&self) -> bool {
        self.signature.is_some_and(Scheme::needs_standard_key)
    }

    /// Refuses a new target whose name leads only to where nothing is sent. The same answer for
    /// every reason, so that names tell nothing of the network behind.
    pub(crate) async fn preview_target(
        &self,
        present: Option<&TargetUrl>,
        shared: &Shared,
    ) -> Result<(), ApiError> {
        let Some(target) = self.target.as_ref().filter(|target| Some(*target) != present) else {
            return Ok(());
        };
        preview_target(target, shared).await
    }

    /// The three fields a new webhook cannot do without.
    pub(crate) fn essentials(&mut self) -> Result<(String, TargetUrl, Vec<Pattern>), ApiError> {
        let missing = |field: &'static str| {
            move || ApiError::refused("missing_field", field, format!("`{field}` is required."))
        };
        Ok((
            self.name.take().ok_or_else(missing("name"))?,
            self.target.take().ok_or_else(missing("target_url"))?,
            self.event_types.take().ok_or_else(missing("event_types"))?,
        ))
    }

    /// Writes what was given over `webhook`.
    pub(crate) fn apply(&self, webhook: &mut Webhook) {
        fn set<T: Clone>(to: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                to.clone_from(given);
            }
        }
        set(&mut webhook.name, self.name.as_ref());
        set(&mut webhook.target, self.target.as_ref());
        set(&mut webhook.event_types, self.event_types.as_ref());
        set(&mut webhook.additional_data, self.additional_data.as_ref());
        set(&mut webhook.signature, self.signature.as_ref());
        set(&mut webhook.retry_policy, self.retry_policy.as_ref());
        set(&mut webhook.timeout, self.timeout.as_ref());
        set(&mut webhook.headers, self.headers.as_ref());
        set(&mut webhook.max_in_flight, self.max_in_flight.as_ref());
        match self.rate_limit {
            Some(RateLimit::PerSecond(limit)) => webhook.rate_limit_per_second = Some(limit),
            Some(RateLimit::None) => webhook.rate_limit_per_second = None,
            None => {}
        }
    }
}

fn read_name(given: &Object) -> Result<Option<String>, ApiError> {
    let name = given.any_text("name")?;
    name.as_deref().map_or(Ok(()), webhook::check_name)?;
    Ok(name)
}

pub(crate) fn read_target(given: &Object, shared: &Shared) -> Result<Option<TargetUrl>, ApiError> {
    let Some(text) = given.any_text("target_url")? else { return Ok(None) };
    TargetUrl::parse(&text, &shared.rules).map(Some).map_err(|refusal| refused_target(&refusal))
}

/// The log has the operator's reason; a merchant learns nothing of the network.
fn refused_target(refusal: &TargetRefusal) -> ApiError {
    tracing::debug!(?refusal, "a target was refused");
    ApiError::refused(refusal.code(), "target_url", refusal.to_string())
}

fn read_event_types(
    given: &Object,
    catalogue: &Catalogue,
) -> Result<Option<Vec<Pattern>>, ApiError> {
    let Some(texts) = given.texts("event_types")? else { return Ok(None) };
    let mut patterns = Vec::new();
    for text in texts.iter().take(limits::PATTERNS_PER_WEBHOOK_MAX + 1) {
        let pattern = Pattern::parse(text)?;
        check_known(&pattern, catalogue)?;
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    if texts.len() > limits::PATTERNS_PER_WEBHOOK_MAX {
        patterns.clear();
    }
    webhook::check_event_types(&patterns)?;
    Ok(Some(patterns))
}

fn did_you_mean(near: &str) -> String {
    format!("did you mean `{near}`?")
}

/// Refuses a target that leads nowhere anything is sent to. A name that cannot be looked up now is
/// accepted.
pub(crate) async fn preview_target(target: &TargetUrl, shared: &Shared) -> Result<(), ApiError> {
    let verdict = shared.engine.preview_target(target).await;
    verdict.map_err(|denied| refused_target(&target.refused(denied)))
}

/// A pattern nothing can ever match is a mistake.
pub(crate) fn check_known(pattern: &Pattern, catalogue: &Catalogue) -> Result<(), Refusal> {
    let (is_known, name) = match pattern {
        Pattern::All => return Ok(()),
        Pattern::Family(family) => (catalogue.has_family(family), format!("{family}.*")),
        Pattern::Exact(event_type) => {
            (catalogue.find(event_type.as_str()).is_some(), event_type.to_string())
        }
    };
    if is_known {
        return Ok(());
    }
    let hint = catalogue
        .nearest(&name)
        .map_or_else(|| "GET /api/v1/event-types lists them.".to_owned(), did_you_mean);
    let detail = format!("There is no event type `{name}`; {hint}");
    Err(Refusal::new("unknown_event_type", "event_types", detail))
}

/// A choice of additional data, as it stands in a webhook.
pub(crate) fn read_additional_data(
    given: &Object,
    catalogue: &Catalogue,
) -> Result<Option<AdditionalData>, ApiError> {
    let Some(text) = given.raw("additional_data") else { return Ok(None) };
    let families: Vec<_> = catalogue.families().collect();
    let chosen = Object::read_any(text, "additional_data.")?;
    chosen.demand_known(&families)?;
    let mut additional_data = AdditionalData::default();
    for family in families {
        for name in chosen.texts(family)?.unwrap_or_default() {
            let Some(entity) = Entity::parse(&name) else {
                let known: Vec<_> = Entity::ALL.iter().map(|entity| entity.as_str()).collect();
                let detail = format!("Additional data is {}; {name:?} is not.", known.join(", "));
                let field = chosen.field(family);
                return Err(ApiError::refused("unknown_entity", field, detail));
            };
            catalogue.choose(&mut additional_data, family, entity)?;
        }
    }
    Ok(Some(additional_data))
}

fn read_signature(given: &Object) -> Result<Option<Scheme>, ApiError> {
    let Some(text) = given.any_text("signature")? else { return Ok(None) };
    Scheme::parse(&text).map(Some).ok_or_else(|| {
        let names = Scheme::ALL.map(Scheme::as_str).join(", ");
        ApiError::refused("invalid_signature", "signature", format!("`signature` is {names}."))
    })
}

fn read_retry_policy(given: &Object) -> Result<Option<RetryPolicy>, ApiError> {
    let Some(raw) = given.raw("retry_policy") else { return Ok(None) };
    let policy = if raw.starts_with('{') {
        let ladder = Object::read(raw, "retry_policy.", &LADDER)?;
        let waits = ladder.need("waits_seconds", ladder.counts("waits_seconds")?)?;
        RetryPolicy::ladder(&waits)?
    } else {
        let name = given.any_text("retry_policy")?;
        RetryPolicy::named(&given.need("retry_policy", name)?)?
    };
    Ok(Some(policy))
}

fn read_timeout(given: &Object) -> Result<Option<Duration>, ApiError> {
    let Some(seconds) = given.count("timeout_seconds")? else { return Ok(None) };
    let range = limits::TIMEOUT_MIN.as_secs()..=limits::TIMEOUT_MAX.as_secs();
    webhook::check_range("timeout_seconds", seconds, range)?;
    Ok(Some(Duration::from_secs(seconds)))
}

fn read_headers(given: &Object, signature_header: &str) -> Result<Option<Vec<Header>>, ApiError> {
    let Some(text) = given.raw("headers") else { return Ok(None) };
    let object = Object::read_any(text, "headers.")?;
    let mut headers: Vec<Header> = Vec::new();
    // One more than allowed is enough to be refused below.
    for (name, _) in object.members().take(limits::HEADERS_PER_WEBHOOK_MAX + 1) {
        if headers.iter().any(|header| header.name.eq_ignore_ascii_case(name)) {
            let detail = "A header is given twice: their names do not differ by case.";
            return Err(ApiError::refused("duplicate_key", object.field(name), detail));
        }
        let value = object.any_text(name)?;
        headers.push(Header { name: name.to_owned(), value: object.need(name, value)? });
    }
    webhook::check_headers(&headers, signature_header)?;
    Ok(Some(headers))
}

fn read_rate(given: &Object) -> Result<Option<RateLimit>, ApiError> {
    if given.is_null("rate_limit_per_second") {
        return Ok(Some(RateLimit::None));
    }
    let most = limits::RATE_LIMIT_PER_SECOND_MAX;
    Ok(read_small(given, "rate_limit_per_second", most)?.map(RateLimit::PerSecond))
}

fn read_small(given: &Object, name: &'static str, most: u32) -> Result<Option<u32>, ApiError> {
    let Some(value) = given.count(name)? else { return Ok(None) };
    webhook::check_range(name, value, 1..=u64::from(most))?;
    Ok(u32::try_from(value).ok())
}

/// A webhook as shown.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
pub(crate) struct WebhookOut<'a> {
    #[schemars(schema_with = "schema::webhook_id")]
    id: String,
    name: &'a str,
    target_url: &'a str,
    #[schemars(schema_with = "webhook_fields::wanted")]
    event_types: Vec<String>,
    #[schemars(schema_with = "webhook_fields::additional_data")]
    additional_data: Choices<'a>,
    #[schemars(schema_with = "webhook_fields::status")]
    status: &'static str,
    health: HealthOut,
    #[schemars(schema_with = "schema::scheme")]
    signature: &'static str,
    #[schemars(schema_with = "webhook_fields::retry_policy")]
    retry_policy: PolicyOut<'a>,
    timeout_seconds: u64,
    #[schemars(schema_with = "webhook_fields::headers")]
    headers: Headers<'a>,
    max_in_flight: u32,
    rate_limit_per_second: Option<u32>,
    #[schemars(schema_with = "schema::time")]
    created_at: String,
    #[schemars(schema_with = "schema::time")]
    updated_at: String,
    /// When the key before stops signing too; only during a rotation, and where one webhook is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    two_signatures_until: Option<String>,
    /// Deliveries an action has canceled.
    #[serde(skip_serializing_if = "Option::is_none")]
    canceled: Option<u64>,
    /// The newest rehearsal; only where one webhook is shown that had any.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_rehearsal: Option<LastRehearsalOut>,
}

impl<'a> WebhookOut<'a> {
    pub(crate) fn new(webhook: &'a Webhook, health: &Health) -> Self {
        Self {
            id: webhook.id.to_string(),
            name: &webhook.name,
            target_url: webhook.target.as_str(),
            event_types: webhook.event_types.iter().map(ToString::to_string).collect(),
            additional_data: Choices(&webhook.additional_data),
            status: webhook.status.as_str(),
            health: HealthOut::new(health),
            signature: webhook.signature.as_str(),
            retry_policy: PolicyOut(&webhook.retry_policy),
            timeout_seconds: webhook.timeout.as_secs(),
            headers: Headers(&webhook.headers),
            max_in_flight: webhook.max_in_flight,
            rate_limit_per_second: webhook.rate_limit_per_second,
            created_at: super::time(webhook.created_at),
            updated_at: super::time(webhook.updated_at),
            two_signatures_until: None,
            canceled: None,
            last_rehearsal: None,
        }
    }

    /// With the number of deliveries an action has canceled.
    pub(crate) fn with_canceled(self, canceled: Option<u64>) -> Self {
        Self { canceled, ..self }
    }

    /// With the end of the rotation that is under way at `now`.
    pub(crate) fn with_rotation(self, keys: &VerificationKeys, now: Timestamp) -> Self {
        let ends_at = keys.expiring_at(now).map(|expiring| super::time(expiring.expires_at));
        Self { two_signatures_until: ends_at, ..self }
    }

    /// With what its newest rehearsal has shown.
    pub(crate) fn with_rehearsal(self, last: Option<LastRehearsalOut>) -> Self {
        Self { last_rehearsal: last, ..self }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookHealth")]
struct HealthOut {
    #[schemars(schema_with = "webhook_fields::health")]
    status: &'static str,
    #[schemars(schema_with = "schema::time_or_null")]
    since: Option<String>,
}

impl HealthOut {
    fn new(health: &Health) -> Self {
        let status = if health.probing_since.is_some() { "probing" } else { "ok" };
        Self { status, since: health.probing_since.map(super::time) }
    }
}

/// Families without a choice are left out.
struct Choices<'a>(&'a AdditionalData);

impl Serialize for Choices<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words = |choice: Choice| choice.entities().map(Entity::as_str).collect::<Vec<_>>();
        serializer.collect_map(self.0.chosen().map(|(family, choice)| (family, words(choice))))
    }
}

struct PolicyOut<'a>(&'a RetryPolicy);

impl Serialize for PolicyOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let RetryPolicy::Ladder(waits) = self.0 {
            let waits: Vec<_> = waits.iter().map(Duration::as_secs).collect();
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry("waits_seconds", &waits)?;
            return map.end();
        }
        serializer.serialize_str(self.0.name().unwrap_or_default())
    }
}

struct Headers<'a>(&'a [Header]);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|header| (&header.name, &header.value)))
    }
}
