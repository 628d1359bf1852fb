//! Bodies with places to fill in: `{{event}}` (the mark, which is of the form of an id),
//! `{{time}}` (Unix seconds) and `{{sequence}}`.
//!
//! `{{` cannot begin anything else in JSON, so a name that is not known is a slip and refused.

use std::fmt::Write as _;

use super::mark::Mark;

/// The largest body read from a file: what Postrider itself takes.
pub(super) const TEMPLATE_BYTES_MAX: usize = postrider_core::limits::REQUEST_BODY_BYTES_MAX;

/// Text with places to fill in.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Piece {
    Text(String),
    Event,
    Time,
    Sequence,
}

impl Template {
    /// Reads a template; says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or("a {{ is never closed by }}")?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name.trim() {
                "event" => Piece::Event,
                "time" => Piece::Time,
                "sequence" => Piece::Sequence,
                other => {
                    return Err(format!(
                        "{{{{{other}}}}} is unknown; there are {{{{event}}}}, {{{{time}}}} and {{{{sequence}}}}"
                    ));
                }
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Whether the event can be told from what it writes.
    pub(super) fn names_the_event(&self) -> bool {
        self.0.contains(&Piece::Event)
    }

    /// Appends the text for one event.
    pub(super) fn fill(&self, mark: Mark, unix_seconds: i64, into: &mut String) {
        for piece in &self.0 {
            // Writing to a string cannot fail.
            let _ = match piece {
                Piece::Text(text) => into.write_str(text),
                Piece::Event => write!(into, "{mark}"),
                Piece::Time => write!(into, "{unix_seconds}"),
                Piece::Sequence => write!(into, "{}", mark.sequence),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::mark::Run;
    use proptest::prelude::*;

    const MARK: Mark = Mark { run: Run(1), sequence: 42, due: 5 };

    fn filled(text: &str) -> Result<String, String> {
        let mut filled = String::new();
        Template::parse(text)?.fill(MARK, 1_700_000_000, &mut filled);
        Ok(filled)
    }

    #[test]
    fn every_place_is_filled() {
        let text = r#"{"id":"{{event}}","n":{{ sequence }},"at":{{time}},"again":"{{event}}"}"#;
        let expected = format!(r#"{{"id":"{MARK}","n":42,"at":1700000000,"again":"{MARK}"}}"#);
        assert_eq!(filled(text), Ok(expected));
        assert!(Template::parse(text).unwrap().names_the_event());
        assert!(!Template::parse("{{time}}").unwrap().names_the_event());
    }

    #[test]
    fn a_slip_is_refused_with_what_there_is() {
        assert!(filled("{{events}}").unwrap_err().contains("{{event}}"));
        assert!(filled("{{event").unwrap_err().contains("}}"));
    }

    proptest! {
        #[test]
        fn text_without_places_stays_as_it_is(text in "[^{]{0,200}") {
            prop_assert_eq!(filled(&text), Ok(text));
        }
    }
}
