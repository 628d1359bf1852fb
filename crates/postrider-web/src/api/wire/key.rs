//! Keys and merchants as the API shows them.

use postrider_core::key::VerificationKeys;
use postrider_core::time::Timestamp;
use postrider_store::catalog::{ApiKey, Merchant};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::api_key::{KeyKind, Scope, Scopes, Secret};
use crate::openapi::schema;

/// An API key as shown: never the key itself, except once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
pub(crate) struct ApiKeyOut<'a> {
    #[schemars(schema_with = "schema::api_key_id")]
    id: String,
    name: &'a str,
    #[schemars(schema_with = "kind")]
    kind: &'static str,
    #[schemars(schema_with = "schema::merchant_id_or_null")]
    merchant: Option<String>,
    hint: &'a str,
    /// An operator's key needs none.
    #[schemars(schema_with = "scopes")]
    scopes: Vec<&'static str>,
    #[schemars(schema_with = "schema::time")]
    created_at: String,
    #[schemars(schema_with = "schema::time_or_null")]
    revoked_at: Option<String>,
    /// The key; only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

/// Whose a key is.
pub(crate) fn kind(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&[KeyKind::Operator, KeyKind::Merchant].map(KeyKind::as_str))
}

/// What a key may do.
pub(crate) fn scopes(_: &mut SchemaGenerator) -> Schema {
    let scope = schema::one_of(&Scope::ALL.map(Scope::as_str));
    json_schema!({ "type": "array", "items": scope })
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
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VerificationKeys")]
pub(crate) struct VerificationOut<'a> {
    verification_key: &'a str,
    expiring_verification_key: Option<&'a str>,
    #[schemars(schema_with = "schema::time_or_null")]
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
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Merchant")]
pub(crate) struct MerchantOut<'a> {
    #[schemars(schema_with = "schema::merchant_id")]
    id: String,
    name: &'a str,
    #[schemars(schema_with = "schema::time")]
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
