//! Why input was not accepted, in a form a caller can act on.
//!
//! Owns the value only. Turning it into a status and a problem document is left to the web crate.

use std::borrow::Cow;

/// Input that was read and is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// Stable machine-readable name, such as `unknown_event_type`.
    pub code: &'static str,
    /// The field at fault, as a path such as `data.object.merchant`.
    pub field: Cow<'static, str>,
    /// One or two sentences for the person who sent it: what is wrong and what is allowed.
    pub detail: String,
}

impl Refusal {
    /// A refusal of `field`.
    pub fn new(
        code: &'static str,
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self { code, field: field.into(), detail: detail.into() }
    }
}
