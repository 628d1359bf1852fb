//! Keys and merchants as the API shows them.

use postrider_core::key::VerificationKeys;
use postrider_core::time::Timestamp;
use postrider_store::catalog::{ApiKey, Merchant};
use serde::Serialize;

use crate::api_key::{KeyKind, Scopes, Secret};

/// An API key as shown: never the key itself, except once.
#[derive(Serialize)]
pub(crate) struct ApiKeyOut<'a> {
    id: String,
    name: &'a str,
    kind: &'static str,
    merchant: Option<String>,
    hint: &'a str,
    /// An operator's key needs none.
    scopes: Vec<&'static str>,
    created_at: String,
    revoked_at: Option<String>,
    /// The key; only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl<'a> ApiKeyOut<'a> {
    pub(crate) fn new(key: &'a ApiKey) -> Self {
        let kind = if key.merchant.is_some() { KeyKind::Merchant } else { KeyKind::Operator };
        Self {
            id: key.id.to_string(),
            name: &key.name,
            kind: kind.as_str(),
            merchant: key.merchant.map(|id| id.to_string()),
            hint: &key.hint,
            scopes: Scopes::from_bits(key.scopes).names(),
            created_at: super::time(key.created_at),
            revoked_at: key.revoked_at.map(super::time),
            key: None,
        }
    }

    /// With the key itself: for the one answer that creates it.
    pub(crate) fn revealing(self, secret: &'a Secret) -> Self {
        Self { key: Some(secret.reveal()), ..self }
    }
}

/// The verification keys of a webhook.
#[derive(Serialize)]
pub(crate) struct VerificationOut<'a> {
    verification_key: &'a str,
    expiring_verification_key: Option<&'a str>,
    expires_at: Option<String>,
}

impl<'a> VerificationOut<'a> {
    pub(crate) fn new(keys: &'a VerificationKeys, now: Timestamp) -> Self {
        let expiring = keys.expiring_at(now);
        Self {
            verification_key: keys.new.reveal(),
            expiring_verification_key: expiring.map(|expiring| expiring.key.reveal()),
            expires_at: expiring.map(|expiring| super::time(expiring.expires_at)),
        }
    }
}

/// A merchant as shown.
#[derive(Serialize)]
pub(crate) struct MerchantOut<'a> {
    id: String,
    name: &'a str,
    created_at: String,
}

impl<'a> MerchantOut<'a> {
    pub(crate) fn new(merchant: &'a Merchant) -> Self {
        Self {
            id: merchant.id.to_string(),
            name: &merchant.name,
            created_at: super::time(merchant.created_at),
        }
    }
}
