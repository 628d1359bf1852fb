//! Looking into JSON without changing a byte of it.
//!
//! Payloads are bytes: they are checked and sliced here, never parsed into a tree and written
//! again (a tree drops equal keys and rounds long numbers). Syntax is serde_json's business; this
//! module adds what it does not check on raw text, depth and surrogates, and splits an object into
//! its members.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::limits;

/// What is wrong with syntactically valid JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// More than [`limits::JSON_DEPTH_MAX`] levels.
    #[error("nested deeper than {} levels", limits::JSON_DEPTH_MAX)]
    TooDeep,
    /// A `\ud800`–`\udfff` escape without its other half.
    #[error("a surrogate escape (\\ud800 to \\udfff) without its other half")]
    LoneSurrogate,
}

/// Checks depth and surrogate escapes of `text`, which must be valid JSON already.
pub fn check(text: &[u8]) -> Result<(), JsonFault> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (in_string, byte) {
            (true, b'\\') => {
                at += escape_length(text.get(at..).unwrap_or_default())?;
                continue;
            }
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > limits::JSON_DEPTH_MAX {
                    return Err(JsonFault::TooDeep);
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The same JSON without space between its parts. Text that is no JSON comes back shorter, too.
pub fn compact(text: &str) -> String {
    let (mut out, mut in_string, mut is_escaped) =
        (String::with_capacity(text.len()), false, false);
    for glyph in text.chars() {
        if in_string {
            in_string = is_escaped || glyph != '"';
            is_escaped = !is_escaped && glyph == '\\';
        } else if matches!(glyph, ' ' | '\t' | '\n' | '\r') {
            continue;
        } else {
            in_string = glyph == '"';
        }
        out.push(glyph);
    }
    out
}

/// Length in bytes of the escape `text` begins with; a surrogate pair counts as one.
fn escape_length(text: &[u8]) -> Result<usize, JsonFault> {
    let unit = |from: usize| -> Option<u16> {
        if text.get(from..from + 2)? != b"\\u" {
            return None;
        }
        let hex = std::str::from_utf8(text.get(from + 2..from + 6)?).ok()?;
        u16::from_str_radix(hex, 16).ok()
    };
    match unit(0) {
        None => Ok(2),
        Some(0xd800..=0xdbff) if matches!(unit(6), Some(0xdc00..=0xdfff)) => Ok(12),
        Some(0xd800..=0xdfff) => Err(JsonFault::LoneSurrogate),
        Some(_) => Ok(6),
    }
}

/// The members of a JSON object in their order, equal keys included, values as raw text.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Members<'a> {
    /// Splits `text`; `None` when it is not an object.
    pub fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The values of every member called `key`.
    pub fn all(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Split;
        impl<'de> Visitor<'de> for Split {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value::<&'de RawValue>()?.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Split)
    }
}

/// A key borrowed from the text where it has no escapes. (`Cow` alone would always be copied.)
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Appends `text` to `out` as a JSON string, quotes included.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing a str to a Vec cannot fail: no I/O and no map keys are involved.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_bounded_and_brackets_in_strings_do_not_count() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert_eq!(check(nested(128).as_bytes()), Ok(()));
        assert_eq!(check(nested(129).as_bytes()), Err(JsonFault::TooDeep));
        assert_eq!(check(format!("{{\"a\":{}}}", nested(128)).as_bytes()), Err(JsonFault::TooDeep));
        let text = format!("\"{}\\\"{}\"", "[".repeat(500), "{".repeat(500));
        assert_eq!(check(text.as_bytes()), Ok(()));
    }

    #[test]
    fn only_paired_surrogates_pass() {
        for good in [r#""\ud83d\ude00""#, r#""\u0000""#, r#""\\ud800""#, r#""\n\u00e9""#] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [r#""\ud800""#, r#""\ude00\ud83d""#, r#""\ud800\u0041""#, r#""\ud800x""#] {
            assert_eq!(check(bad.as_bytes()), Err(JsonFault::LoneSurrogate), "{bad}");
        }
    }

    #[test]
    fn compacting_touches_nothing_inside_strings() {
        let shown = "{ \"a\" : \"x  y\\\" \\\\\" ,\n\t\"b\": [ 1.50 , null ] }\r\n";
        assert_eq!(compact(shown), "{\"a\":\"x  y\\\" \\\\\",\"b\":[1.50,null]}");
    }

    #[test]
    fn members_keep_order_equal_keys_and_raw_bytes() {
        let members = Members::of(r#"{ "a" : 1e400, "b\u0041":[ 1 ,2], "a":0 }"#)
            .map(|m| m.0.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>());
        assert_eq!(members.unwrap(), ["a=1e400", "bA=[ 1 ,2]", "a=0"]);
        assert!(Members::of("[]").is_none());
    }
}
