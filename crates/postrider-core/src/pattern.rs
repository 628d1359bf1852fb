//! Patterns over event types: an exact type, `family.*`, or `*`.
//!
//! The same three forms serve the webhook object's list and, joined with `|`, the older API's
//! filters (product.md, decisions). A pattern matches whole event types only.

use std::fmt;

use crate::event::{EventType, is_word};
use crate::refusal::Refusal;

/// Which event types are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// `*`: every type.
    All,
    /// `family.*`: every type of one family.
    Family(Box<str>),
    /// One exact type.
    Exact(EventType),
}

impl Pattern {
    /// Reads one pattern. Whether a family or type exists is the catalogue's business.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text == "*" {
            return Ok(Self::All);
        }
        if let Some(family) = text.strip_suffix(".*").filter(|family| is_word(family)) {
            return Ok(Self::Family(family.into()));
        }
        EventType::parse(text).map(Self::Exact).ok_or_else(|| {
            let detail =
                format!("{text:?} is not an event type; use `family.action`, `family.*` or `*`");
            Refusal::new("invalid_event_type", "event_types", detail)
        })
    }

    /// Whether `event_type` is wanted.
    pub fn matches(&self, event_type: &EventType) -> bool {
        match self {
            Self::All => true,
            Self::Family(family) => event_type.family() == &**family,
            Self::Exact(wanted) => wanted == event_type,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Family(family) => write!(f, "{family}.*"),
            Self::Exact(event_type) => write!(f, "{event_type}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_types_only() {
        let matches = |pattern: &str, event_type: &str| {
            Pattern::parse(pattern).unwrap().matches(&EventType::parse(event_type).unwrap())
        };
        assert!(matches("*", "order.create"));
        assert!(matches("order.*", "order.create"));
        assert!(matches("order.create", "order.create"));
        assert!(!matches("order.*", "orders.create"));
        assert!(!matches("order.create", "order.create_again"));
    }

    #[test]
    fn anything_else_is_refused_and_good_ones_print_as_read() {
        for bad in
            ["", "order", "order.*.x", "*.create", "order.cre*", ".*", "order|item", "Order.*"]
        {
            assert_eq!(Pattern::parse(bad).unwrap_err().code, "invalid_event_type", "{bad}");
        }
        for good in ["*", "order.*", "order.create"] {
            assert_eq!(Pattern::parse(good).unwrap().to_string(), good);
        }
    }
}
