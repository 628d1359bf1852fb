//! The head lines of a request: what product.md promises a receiver, in the case it arrives in.

use super::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, Shared, Timestamp, USER_AGENT};
use crate::client::push_title_case;
use postrider_core::ids::DeliveryId;
use postrider_core::sign::Signer;
use postrider_core::target::TargetUrl;
use postrider_core::webhook::Webhook;

const DELIVERY: HeaderName = HeaderName::from_static("postrider-delivery");
const ATTEMPT: HeaderName = HeaderName::from_static("postrider-attempt");
const TEST: HeaderName = HeaderName::from_static("postrider-test");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What head lines are made for.
pub(crate) struct Letter<'a> {
    pub(crate) webhook: &'a Webhook,
    pub(crate) signer: &'a Signer,
    pub(crate) delivery: DeliveryId,
    /// Which attempt of the delivery it is.
    pub(crate) number: u32,
    pub(crate) is_test: bool,
    pub(crate) body: &'a [u8],
}

/// All head lines but `Host` and `Content-Length`, signed with the attempt's own time.
pub(crate) fn build(shared: &Shared, letter: &Letter<'_>, now: Timestamp) -> HeaderMap {
    let Letter { webhook, signer, delivery, number, is_test, body } = *letter;
    let delivery = delivery.to_string();
    let signatures = signer.sign(webhook.signature, &delivery, now, body);
    let mut headers = HeaderMap::with_capacity(12 + webhook.headers.len());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, shared.user_agent.clone());
    if let Some(value) = signatures.ordergroove {
        insert(&mut headers, shared.signature_header.clone(), value);
    }
    if let Some(standard) = signatures.standard {
        insert(&mut headers, WEBHOOK_ID, delivery.clone());
        insert(&mut headers, WEBHOOK_TIMESTAMP, standard.timestamp);
        insert(&mut headers, WEBHOOK_SIGNATURE, standard.signature);
    }
    insert(&mut headers, DELIVERY, delivery);
    headers.insert(ATTEMPT, HeaderValue::from(number));
    if is_test {
        headers.insert(TEST, HeaderValue::from_static("true"));
    }
    for own in &webhook.headers {
        // Own headers were checked when the webhook was saved; what is no header is left out.
        if let Ok(name) = HeaderName::from_bytes(own.name.as_bytes())
            && let Ok(value) = HeaderValue::from_str(&own.value)
        {
            headers.append(name, value);
        }
    }
    headers
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    // Ids, digits, hex and base64 are always header values.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// The head lines as they arrive, `Name: value` each, joined by `\n`.
pub(crate) fn as_sent(target: &TargetUrl, headers: &HeaderMap, body_bytes: usize) -> String {
    let mut text = String::with_capacity(512);
    text.push_str("Host: ");
    text.push_str(target.authority());
    for (name, value) in headers {
        text.push('\n');
        push_title_case(&mut text, name.as_str());
        text.push_str(": ");
        text.push_str(value.to_str().unwrap_or_default());
    }
    text.push_str("\nContent-Length: ");
    text.push_str(&body_bytes.to_string());
    text
}
