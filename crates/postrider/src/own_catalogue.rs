//! The operator's own catalogue: from its file to schemas that were judged.
//!
//! Owns reading the file (TOML, or JSON by its ending) and how its problems are told: all of them,
//! one line each. What may stand in it is the core's business, what is a schema the engine's.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use postrider_core::catalogue::{self, Catalogue};
use postrider_core::limits;
use postrider_engine::schemas::Schemas;
use serde_json::Value;

use crate::config::Config;
use crate::failure::Failure;

/// The catalogue of these settings: the built-in one, with what the file adds.
pub(crate) fn load(config: &Config) -> Result<Schemas, Failure> {
    let Some(path) = &config.catalogue else { return Ok(Schemas::default()) };
    read(path).map_err(|problems| {
        let count = problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        let (path, problems) = (path.display(), problems.join("\n  "));
        Failure::usage(format!("{count} {noun} in the catalogue {path}\n  {problems}"))
    })
}

/// Reads and judges one file. `Err` holds every problem there is.
fn read(path: &Path) -> Result<Schemas, Vec<String>> {
    let text = text(path).map_err(|problem| vec![problem])?;
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let document = if is_json { from_json(&text) } else { from_toml(&text) };
    let (catalogue, mut problems) = catalogue::read(&document.map_err(|problem| vec![problem])?);
    let (schemas, misfits) = Schemas::compile(catalogue);
    problems.extend(misfits);
    if problems.is_empty() { Ok(schemas) } else { Err(problems) }
}

fn text(path: &Path) -> Result<String, String> {
    let most = limits::CATALOGUE_FILE_BYTES_MAX;
    let mut text = String::new();
    // One byte more than allowed tells a file that is too large, however large it is.
    let bounded = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)
        .and_then(|file| file.take(bounded).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read: {error}; correct --catalogue"))?;
    if text.len() > most {
        return Err(format!("has more than {most} bytes"));
    }
    Ok(text)
}

fn from_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))
}

fn from_toml(text: &str) -> Result<Value, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(before).filter(|byte| *byte == b'\n').count() + 1;
        format!("line {line}: is not TOML: {}", error.message())
    })?;
    as_json(toml::Value::Table(table))
}

/// TOML has dates and numbers that JSON has not.
fn as_json(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| format!("{number} is not a number in JSON"))?,
        toml::Value::Datetime(at) => return Err(format!("{at}: write dates in quotation marks")),
        toml::Value::Array(values) => {
            Value::Array(values.into_iter().map(as_json).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(members) => {
            let read = |(name, value)| Ok::<_, String>((name, as_json(value)?));
            Value::Object(members.into_iter().map(read).collect::<Result<_, _>>()?)
        }
    })
}

/// What the operator added, for people.
pub(crate) fn told(catalogue: &Catalogue) -> String {
    let types = catalogue.own_entries().count();
    let families = catalogue.own_families().count();
    format!("{types} own event types, {families} own families")
}

#[cfg(test)]
mod tests {
    use postrider_core::catalogue::EventTypeView;

    use super::*;

    /// The example in the documentation, as it stands there.
    const MANUAL: &str = include_str!("../../../docs/catalogue.md");

    fn in_file(name: &str, text: &str) -> Result<Schemas, Vec<String>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    fn fenced(language: &str) -> Vec<&'static str> {
        let open = format!("```{language}\n");
        let blocks = MANUAL.split(&open).skip(1);
        blocks.map(|block| block.split("\n```").next().unwrap()).collect()
    }

    #[test]
    fn the_documented_example_is_a_catalogue() {
        let blocks = fenced("toml");
        let schemas = in_file("c.toml", blocks[0]).unwrap();
        let catalogue = schemas.catalogue();
        let own: Vec<_> = catalogue.own_entries().map(EventTypeView::name).collect();
        assert_eq!(own, ["order.gift_wrapped", "parcel.returned", "parcel.shipped"]);
        for name in ["parcel.shipped", "subscriber.create"] {
            assert!(catalogue.marks(name).is_some(), "{name}");
        }
        let wrong = schemas.violations("parcel.shipped", br#"{"object":{"id":7}}"#);
        assert!(wrong.iter().any(|violation| violation.field == "data.object.id"), "{wrong:?}");
        assert_eq!(told(catalogue), "3 own event types, 1 own families");
    }

    #[test]
    fn the_documented_json_is_a_catalogue_too() {
        let schemas = in_file("c.JSON", fenced("json")[0]).unwrap();
        assert!(schemas.catalogue().find("parcel.shipped").is_some());
    }

    #[test]
    fn problems_of_rules_and_of_schemas_are_told_together() {
        let text = "[[families]]\nname = 'parcel'\nallow = []\n\
                    [[event_types]]\nname = 'parcel.shipped'\ndescription = 'x'\n\
                    schema = { type = 'text' }\nexample = { data = { object = {} } }\n";
        let problems = in_file("c.toml", text).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().all(|problem| !problem.contains('\n')), "{problems:?}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_why() {
        for (name, text, expected) in [
            ("c.toml", "a = 1\nb = ", "line 2: is not TOML"),
            ("c.json", "{", "is not JSON"),
            ("c.toml", "a = 2026-01-31", "write dates in quotation marks"),
            ("c.toml", "a = [nan]", "is not a number in JSON"),
        ] {
            let problems = in_file(name, text).unwrap_err();
            assert!(problems.len() == 1 && problems[0].contains(expected), "{problems:?}");
        }
        let large = format!("# {}", "x".repeat(limits::CATALOGUE_FILE_BYTES_MAX));
        assert!(in_file("c.toml", &large).unwrap_err()[0].contains("more than"));
        let config = Config { catalogue: Some("/nowhere/c.toml".into()), ..Config::default() };
        let Err(Failure::Usage(text)) = load(&config) else { unreachable!() };
        assert!(text.contains("/nowhere/c.toml") && text.contains("--catalogue"), "{text}");
    }
}
