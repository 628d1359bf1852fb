//! Checks of signatures as the API shows them, and what callers may write.

use postrider_core::ids::WebhookId;
use postrider_core::time::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::time;
use crate::openapi::field::Field;
use crate::openapi::schema;

/// A request as a receiver got it.
pub(crate) const CHECK: [Field; 3] = [
    Field::new(
        "headers",
        text,
        "The headers it came with, one a line, or the value of the signature header alone. With \
         `Postrider-Delivery` among them, the body is compared with what was sent.",
    )
    .required(),
    Field::new("body", text, "The body it came with.").required(),
    Field::new("key", text, "The key the receiver verifies with; it is kept nowhere."),
];

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

/// What is wrong, as a closed set of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Valid,
    ValidWithOldKey,
    NoSignature,
    Malformed,
    LineBreak,
    Encoding,
    Reserialized,
    BodyChanged,
    KeyHasSpace,
    OldKey,
    OtherWebhook,
    UnknownKey,
    Mismatch,
}

impl Reason {
    const ALL: [Self; 13] = [
        Self::Valid,
        Self::ValidWithOldKey,
        Self::NoSignature,
        Self::Malformed,
        Self::LineBreak,
        Self::Encoding,
        Self::Reserialized,
        Self::BodyChanged,
        Self::KeyHasSpace,
        Self::OldKey,
        Self::OtherWebhook,
        Self::UnknownKey,
        Self::Mismatch,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::ValidWithOldKey => "valid_with_old_key",
            Self::NoSignature => "no_signature",
            Self::Malformed => "malformed",
            Self::LineBreak => "line_break",
            Self::Encoding => "encoding",
            Self::Reserialized => "reserialized",
            Self::BodyChanged => "body_changed",
            Self::KeyHasSpace => "key_has_space",
            Self::OldKey => "old_key",
            Self::OtherWebhook => "other_webhook",
            Self::UnknownKey => "unknown_key",
            Self::Mismatch => "mismatch",
        }
    }

    const fn is_valid(self) -> bool {
        matches!(self, Self::Valid | Self::ValidWithOldKey)
    }

    /// The same for people, with what to do.
    const fn words(self) -> &'static str {
        match self {
            Self::Valid => "The signature fits this body and the key of this webhook.",
            Self::ValidWithOldKey => {
                "The signature fits this body and the key that expires; the new key made none of \
                 its signatures, so it was sent before the rotation."
            }
            Self::NoSignature => {
                "There is no signature header among these headers. Something between may have \
                 removed it, or the receiver looks for another name."
            }
            Self::Malformed => {
                "The signature header is not of the documented form; something has changed it on \
                 the way."
            }
            Self::LineBreak => {
                "It fits without the line break at the end of the body: the receiver has added one."
            }
            Self::Encoding => {
                "It fits when the body is taken as UTF-8: the receiver has read it as Latin-1. \
                 Verify the bytes before they become text."
            }
            Self::Reserialized => {
                "The body holds the same JSON in other bytes: it was parsed and written again \
                 before it was verified. Verify the raw body."
            }
            Self::BodyChanged => "The body is not the one that was sent.",
            Self::KeyHasSpace => {
                "The signature fits; the receiver's key has white space around it. Remove that."
            }
            Self::OldKey => {
                "The signature fits; the receiver still has the key from before the rotation. \
                 Give it the new one."
            }
            Self::OtherWebhook => "It belongs to another webhook, which has a key of its own.",
            Self::UnknownKey => {
                "The signature fits, but the receiver's key is that of no webhook of yours. Copy \
                 it from the webhook, whole."
            }
            Self::Mismatch => {
                "No key of this merchant's webhooks fits this body. The body was changed on the \
                 way, or the key has been rotated away since. Paste all headers too: with \
                 `Postrider-Delivery` among them the body is compared with what was sent."
            }
        }
    }
}

fn reason(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&Reason::ALL.map(Reason::as_str))
}

/// What a check has found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignatureCheck")]
pub(crate) struct CheckOut {
    valid: bool,
    #[schemars(schema_with = "reason")]
    reason: &'static str,
    /// The reason for people, with what to do.
    words: String,
    /// When the request was signed, by its own words.
    #[schemars(schema_with = "schema::time_or_null")]
    signed_at: Option<String>,
    /// How long ago that was; negative when the signer's clock is ahead.
    age_seconds: Option<i64>,
    /// The first byte of the body that is not as it was sent, counted from 0.
    differs_at_byte: Option<usize>,
    /// The webhook it belongs to, when that is another.
    #[schemars(schema_with = "webhook_or_null")]
    other_webhook: Option<String>,
}

fn webhook_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"] })
}

impl CheckOut {
    pub(crate) fn of(reason: Reason) -> Self {
        Self {
            valid: reason.is_valid(),
            reason: reason.as_str(),
            words: reason.words().to_owned(),
            signed_at: None,
            age_seconds: None,
            differs_at_byte: None,
            other_webhook: None,
        }
    }

    pub(crate) fn signed(self, at: Timestamp, age_seconds: i64) -> Self {
        Self { signed_at: Some(time(at)), age_seconds: Some(age_seconds), ..self }
    }

    /// Receivers that look at the time would refuse it by now.
    pub(crate) fn late(mut self, is_late: bool) -> Self {
        if is_late && let Some(age) = self.age_seconds {
            let side = if age < 0 { "in the future" } else { "ago" };
            let seconds = age.unsigned_abs();
            self.words = format!(
                "{} It was signed {seconds} s {side}: a receiver that allows five minutes refuses \
                 it now. If it did when the request came, its clock is wrong.",
                self.words
            );
        }
        self
    }

    pub(crate) fn differing_at(mut self, byte: usize) -> Self {
        self.differs_at_byte = Some(byte);
        self.words = format!("{} The first difference is at byte {byte}.", self.words);
        self
    }

    pub(crate) fn about(mut self, webhook: WebhookId, name: &str) -> Self {
        self.other_webhook = Some(webhook.to_string());
        self.words = format!("{} That is \u{201c}{name}\u{201d}.", self.words);
        self
    }
}
