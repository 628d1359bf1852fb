//! Descriptions of what operators do: API keys, merchants and the audit log.

use serde_json::json;

use crate::api::api_keys::KEY;
use crate::api::audit_log::{AuditVerificationOut, FILTERS};
use crate::api::merchants::MERCHANT;
use crate::api::wire::audit::EntryOut;
use crate::api::wire::key::{ApiKeyOut, MerchantOut};
use crate::openapi::field::Field;
use crate::openapi::operation::{Operation, Tag};
use crate::openapi::schema;

pub(crate) fn list_keys() -> Operation {
    Operation::new(
        "listApiKeys",
        Tag::Administration,
        "List API keys",
        "The keys of the merchant named in `Postrider-Merchant`, or the operators' own without it; \
         revoked ones too. A key itself is shown only once, when it is made.",
    )
    .lists::<ApiKeyOut<'static>>(&[], "A page of keys.")
}

pub(crate) fn create_key() -> Operation {
    Operation::new(
        "createApiKey",
        Tag::Administration,
        "Make an API key",
        "Makes a key for the merchant named in `Postrider-Merchant`, with some scopes; or without \
         that header, and asked for as `\"kind\": \"operator\"`, another operator's key. The \
         answer is the only one that shows the key.",
    )
    .body(&KEY)
    .example(json!({ "name": "Checkout", "scopes": ["events:write"] }))
    .answers::<ApiKeyOut<'static>>(201, "The key, in `key`; keep it.")
}

pub(crate) fn revoke_key() -> Operation {
    Operation::new(
        "revokeApiKey",
        Tag::Administration,
        "Revoke an API key",
        "The key stops working at once. Revoking it again is no error.",
    )
    .path(Field::new("id", schema::api_key_id, "The key's id."))
    .answers_nothing("It is revoked.")
}

pub(crate) fn list_merchants() -> Operation {
    Operation::new(
        "listMerchants",
        Tag::Administration,
        "List merchants",
        "All merchants, newest first.",
    )
    .lists::<MerchantOut<'static>>(&[], "A page of merchants.")
}

pub(crate) fn create_merchant() -> Operation {
    Operation::new(
        "createMerchant",
        Tag::Administration,
        "Add a merchant",
        "A merchant has webhooks, events and deliveries of its own, which no other merchant sees.",
    )
    .body(&MERCHANT)
    .example(json!({ "name": "Shop" }))
    .answers::<MerchantOut<'static>>(201, "The merchant.")
}

pub(crate) fn audit_log() -> Operation {
    Operation::new(
        "listAuditLog",
        Tag::Administration,
        "Read the audit log",
        "Who changed what and when, newest first: of the merchant named in `Postrider-Merchant`, \
         or of the whole installation without it.",
    )
    .lists::<EntryOut<'static>>(&FILTERS, "A page of entries.")
}

pub(crate) fn verify_audit_log() -> Operation {
    Operation::new(
        "verifyAuditLog",
        Tag::Administration,
        "Verify the audit log",
        "Follows the chain of hashes from the first entry and names the first that was altered, \
         removed or slipped in later.",
    )
    .answers::<AuditVerificationOut>(200, "What was found.")
}
