//! Query parameters: each known, given once, and readable, or refused by name.

use axum::extract::Query as Pairs;
use axum::http::Uri;
use postrider_core::event::EventType;
use postrider_core::ids::WebhookId;
use postrider_core::limits;
use postrider_core::terms::Term;
use postrider_core::time::Timestamp;

use crate::error::ApiError;
use crate::openapi::field::{self, Field};
use crate::openapi::schema;

/// The words events and deliveries are found by.
pub(crate) const OBJECT: Field =
    Field::new("object", schema::word, "Only those about the object with this id.");
pub(crate) const CUSTOMER: Field =
    Field::new("customer", schema::word, "Only those of the customer with this id.");
pub(crate) const EMAIL: Field = Field::new(
    "email",
    schema::word,
    "Only those of the customer with this e-mail address, in upper or lower case.",
);

/// Every parameter of a URL in its order, repeated ones included. What is not valid UTF-8 is
/// replaced, so that reading never fails.
pub(crate) fn pairs(uri: &Uri) -> Vec<(String, String)> {
    Pairs::try_from_uri(uri).map(|Pairs(pairs)| pairs).unwrap_or_default()
}

/// The parameters of a request, all of them known.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the parameters; those not in `known`, and repeated ones, are refused.
    pub(crate) fn read(uri: &Uri, known: &[Field]) -> Result<Self, ApiError> {
        let pairs = pairs(uri);
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.iter().any(|field| field.name == name) {
                return Err(unknown(name, &field::names(known)));
            }
            if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
                let detail = format!("`{name}` is given more than once; give it once.");
                return Err(ApiError::refused("repeated_parameter", name.clone(), detail));
            }
        }
        Ok(Self { pairs })
    }

    /// No parameters at all.
    pub(crate) const fn empty() -> Self {
        Self { pairs: Vec::new() }
    }

    /// Refuses every parameter.
    pub(crate) fn none(uri: &Uri) -> Result<(), ApiError> {
        Self::read(uri, &[]).map(drop)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The parameters, ordered by name.
    pub(crate) fn sorted(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> = self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        pairs.sort_unstable();
        pairs
    }

    /// A parameter read by `read`; `allowed` says what may stand there.
    pub(crate) fn parsed<T>(
        &self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| {
            let detail = format!("`{name}` must be {allowed}.");
            ApiError::refused("invalid_parameter", name, detail)
        })
    }

    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, ApiError> {
        let allowed = "a time such as 2026-01-31T08:00:00Z (RFC 3339; write + as %2B)";
        self.parsed(name, allowed, Timestamp::parse_rfc3339)
    }

    /// A word to search for.
    fn word(&self, name: &'static str) -> Result<Option<&str>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let most = limits::TERM_BYTES_MAX;
        let fits = (1..=most).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits {
            return Ok(Some(text));
        }
        let detail =
            format!("`{name}` must be 1 to {most} bytes of text without control characters.");
        Err(ApiError::refused("invalid_parameter", name, detail))
    }

    /// The search terms of [`OBJECT`], [`CUSTOMER`] and [`EMAIL`].
    pub(crate) fn terms(&self) -> Result<Vec<Term>, ApiError> {
        let object = self.word(OBJECT.name)?.map(Term::object);
        let customer = self.word(CUSTOMER.name)?.map(Term::customer);
        let email = self.word(EMAIL.name)?.map(Term::email);
        Ok([object, customer, email].into_iter().flatten().collect())
    }

    pub(crate) fn event_type(&self) -> Result<Option<EventType>, ApiError> {
        self.parsed("event_type", "an event type, `family.action`", EventType::parse)
    }

    pub(crate) fn webhook(&self) -> Result<Option<WebhookId>, ApiError> {
        let allowed = "a webhook's id, 32 lower-case hex digits";
        self.parsed("webhook", allowed, |text| WebhookId::parse(text).ok())
    }

    pub(crate) fn truth(&self, name: &'static str) -> Result<Option<bool>, ApiError> {
        self.parsed(name, "true or false", |text| text.parse().ok())
    }
}

fn unknown(name: &str, known: &[&'static str]) -> ApiError {
    let shown: String = name.chars().take(64).collect();
    let detail = match nearest(name, known) {
        Some(near) => format!("There is no parameter `{shown}` here; did you mean `{near}`?"),
        None if known.is_empty() => {
            format!("There is no parameter `{shown}`, nor any other, here.")
        }
        None => format!("There is no parameter `{shown}` here; there are {}.", known.join(", ")),
    };
    ApiError::refused("unknown_parameter", shown, detail)
}

/// The known name somebody probably meant.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    /// Found by trying: `target` and `target_url`, `tpye` and `type` pass, unrelated words do not.
    const LIKENESS_MIN: f64 = 0.8;
    let likeness = |known: &&'k str| (strsim::jaro_winkler(name, known), *known);
    let best = known.iter().map(likeness).max_by(|(left, _), (right, _)| left.total_cmp(right))?;
    (best.0 >= LIKENESS_MIN).then_some(best.1)
}
