//! Why does a signature not match? Looks at a request as a receiver got it and says what happened to it.
//!
//! A receiver that refuses a request knows only that two numbers differ. Here are the keys, the body as
//! it was sent and the other webhooks, so that the usual causes can be tried one by one.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::ids::{DeliveryId, MerchantId, WebhookId, kind};
use postrider_core::json::compact;
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::limits;
use postrider_core::sign::{self, Scheme, Signer};
use postrider_core::snapshot;
use postrider_core::time::Timestamp;
use postrider_store::StoreError;
use postrider_store::catalog::PageAsk;

use super::auth::Tenant;
use super::body::Posted;
use super::query::Query;
use super::wire::signature_check::{CHECK, CheckOut, Reason};
use super::{PathId, json};
use crate::error::ApiError;
use crate::shared::{Held, Shared};

/// Receivers that look at the time usually allow five minutes (Standard Webhooks, "Verifying
/// timestamps").
const USUAL_TOLERANCE_SECONDS: i64 = 300;
const STANDARD_HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// What a request claims of itself, by one of the two schemes.
enum Claim<'a> {
    Ordergroove { header: &'a str },
    Standard { id: &'a str, timestamp: i64, signatures: &'a str },
}

impl<'a> Claim<'a> {
    /// The claim among header lines. A lone value of the signature header counts too.
    fn find(lines: &[(&str, &'a str)], whole: &'a str, own_header: &str) -> Result<Self, Reason> {
        let named = |name: &str| {
            let found = lines.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
            found.map(|(_, value)| *value)
        };
        let lone =
            Some(whole.trim()).filter(|text| text.starts_with("ts=") && !text.contains('\n'));
        if let Some(header) = named(own_header).or(lone) {
            return Ok(Self::Ordergroove { header });
        }
        let [id, timestamp, signatures] = STANDARD_HEADERS.map(named);
        let (Some(id), Some(timestamp), Some(signatures)) = (id, timestamp, signatures) else {
            return Err(Reason::NoSignature);
        };
        let timestamp = timestamp.parse().map_err(|_| Reason::Malformed)?;
        Ok(Self::Standard { id, timestamp, signatures })
    }

    /// When it was signed, by its own words.
    fn signed_at(&self) -> Result<Timestamp, Reason> {
        let seconds = match self {
            Self::Standard { timestamp, .. } => *timestamp,
            Self::Ordergroove { header } => sign::timestamp_of(header).ok_or(Reason::Malformed)?,
        };
        Ok(Timestamp::from_unix_seconds(seconds))
    }

    fn fits(&self, key: &VerificationKey, body: &[u8]) -> bool {
        match self {
            Self::Ordergroove { header } => sign::verify(header, body, key.reveal()).is_ok(),
            Self::Standard { id, timestamp, signatures } => {
                let signer = Signer::new(&VerificationKeys::of(key.clone()));
                let at = Timestamp::from_unix_seconds(*timestamp);
                let made = signer.sign(Scheme::Standard, id, at, body).standard;
                made.is_some_and(|made| signatures.split(' ').any(|given| given == made.signature))
            }
        }
    }
}

/// What is asked about: a request as it arrived somewhere.
struct Arrived<'a> {
    claim: Claim<'a>,
    body: String,
    /// The key the receiver verifies with, when it was said.
    key: Option<String>,
    /// The delivery its headers name.
    delivery: Option<DeliveryId>,
}

pub(crate) async fn create(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    PathId(id): PathId<kind::Webhook>,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let keys = shared.engine.store().verification_keys(merchant, id).await?;
    let given = posted.object(&CHECK)?;
    let headers = given.need("headers", given.any_text("headers")?)?;
    let body = given.need("body", given.any_text("body")?)?;
    let key = given.any_text("key")?;
    let lines: Vec<_> = headers.lines().filter_map(|line| line.split_once(':')).collect();
    let lines: Vec<_> = lines.iter().map(|(name, value)| (name.trim(), value.trim())).collect();
    let now = shared.now();
    let claim = match Claim::find(&lines, &headers, &shared.signature_header) {
        Ok(claim) => claim,
        Err(reason) => return json(StatusCode::OK, &CheckOut::of(reason)),
    };
    let signed_at = match claim.signed_at() {
        Ok(at) => at,
        Err(reason) => return json(StatusCode::OK, &CheckOut::of(reason)),
    };
    let delivery = lines.iter().find(|(name, _)| name.eq_ignore_ascii_case("postrider-delivery"));
    let delivery = delivery.and_then(|(_, value)| DeliveryId::parse(value).ok());
    let arrived = Arrived { claim, body, key, delivery };
    let age = now.unix_seconds() - signed_at.unix_seconds();
    let checked = check(&shared, merchant, id, &keys, &arrived, now).await?;
    let checked = checked.signed(signed_at, age).late(age.abs() > USUAL_TOLERANCE_SECONDS);
    json(StatusCode::OK, &checked)
}

/// Tries the causes, the likely first.
async fn check(
    shared: &Shared,
    merchant: MerchantId,
    id: WebhookId,
    keys: &VerificationKeys,
    arrived: &Arrived<'_>,
    now: Timestamp,
) -> Result<CheckOut, ApiError> {
    let (claim, body) = (&arrived.claim, arrived.body.as_bytes());
    let expiring = keys.expiring.as_ref().map(|expiring| &expiring.key);
    let own = || std::iter::once(&keys.new).chain(expiring);
    let fits = |body: &[u8]| own().any(|key| claim.fits(key, body));
    if fits(body) {
        let Some(key) = &arrived.key else {
            let is_old = !claim.fits(&keys.new, body) && keys.expiring_at(now).is_some();
            let reason = if is_old { Reason::ValidWithOldKey } else { Reason::Valid };
            return Ok(CheckOut::of(reason));
        };
        return of_key(shared, merchant, id, keys, key).await;
    }
    if let Some(reason) = of_body(&arrived.body, fits) {
        return Ok(CheckOut::of(reason));
    }
    if let Some(sent) = sent_body(shared, merchant, arrived.delivery).await?
        && fits(&sent)
    {
        return Ok(of_difference(&sent, body));
    }
    let other = other_webhook(shared, merchant, id, |key| claim.fits(key, body)).await?;
    Ok(match other {
        Some((other, name)) => CheckOut::of(Reason::OtherWebhook).about(other, &name),
        None => CheckOut::of(Reason::Mismatch),
    })
}

/// The signature is right, so it is the receiver's key that is not.
async fn of_key(
    shared: &Shared,
    merchant: MerchantId,
    id: WebhookId,
    keys: &VerificationKeys,
    given: &str,
) -> Result<CheckOut, ApiError> {
    let is = |key: &VerificationKey, text: &str| key.reveal() == text;
    if is(&keys.new, given) {
        return Ok(CheckOut::of(Reason::Valid));
    }
    if is(&keys.new, given.trim()) {
        return Ok(CheckOut::of(Reason::KeyHasSpace));
    }
    if keys.expiring.as_ref().is_some_and(|expiring| is(&expiring.key, given.trim())) {
        return Ok(CheckOut::of(Reason::OldKey));
    }
    let other = other_webhook(shared, merchant, id, |key| is(key, given.trim())).await?;
    Ok(match other {
        Some((other, name)) => CheckOut::of(Reason::OtherWebhook).about(other, &name),
        None => CheckOut::of(Reason::UnknownKey),
    })
}

/// What happened to a body, as far as it can be undone.
fn of_body(body: &str, fits: impl Fn(&[u8]) -> bool) -> Option<Reason> {
    let without = body.trim_end_matches(['\r', '\n']);
    if without != body && fits(without.as_bytes()) {
        return Some(Reason::LineBreak);
    }
    // Read as Latin-1 somewhere: each byte has become a character.
    let latin: Option<Vec<u8>> =
        body.chars().map(|glyph| u8::try_from(u32::from(glyph)).ok()).collect();
    if !body.is_ascii() && latin.is_some_and(|bytes| fits(&bytes)) {
        return Some(Reason::Encoding);
    }
    let compact = compact(body);
    (compact != body && fits(compact.as_bytes())).then_some(Reason::Reserialized)
}

/// The body of the delivery a request names, as it is sent.
async fn sent_body(
    shared: &Shared,
    merchant: MerchantId,
    delivery: Option<DeliveryId>,
) -> Result<Option<Vec<u8>>, ApiError> {
    let Some(delivery) = delivery else { return Ok(None) };
    match shared.engine.store().delivery(merchant, delivery).await {
        Ok(detail) => Ok(Some(snapshot::body(&detail.event, detail.choice).to_vec())),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The same JSON in other bytes, or another content.
fn of_difference(sent: &[u8], arrived: &[u8]) -> CheckOut {
    let parsed = |bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let is_same = parsed(sent).is_some_and(|sent| parsed(arrived) == Some(sent));
    let reason = if is_same { Reason::Reserialized } else { Reason::BodyChanged };
    let same = sent.iter().zip(arrived).take_while(|(sent, arrived)| sent == arrived).count();
    CheckOut::of(reason).differing_at(same)
}

/// The first of the merchant's other webhooks, of a page of them, one of whose keys `is_it`.
async fn other_webhook(
    shared: &Shared,
    merchant: MerchantId,
    id: WebhookId,
    is_it: impl Fn(&VerificationKey) -> bool,
) -> Result<Option<(WebhookId, String)>, ApiError> {
    let store = shared.engine.store();
    let ask = PageAsk { size: limits::PAGE_SIZE_MAX, cursor: None };
    for (webhook, _) in store.webhooks(merchant, ask).await?.rows {
        if webhook.id == id {
            continue;
        }
        let keys = match store.verification_keys(merchant, webhook.id).await {
            Ok(keys) => keys,
            Err(StoreError::NotFound) => continue,
            Err(error) => return Err(error.into()),
        };
        let expiring = keys.expiring.as_ref().map(|expiring| &expiring.key);
        if std::iter::once(&keys.new).chain(expiring).any(&is_it) {
            return Ok(Some((webhook.id, webhook.name)));
        }
    }
    Ok(None)
}
