//! The settings file: from TOML text to keys, raw values and the lines they stand on.
//!
//! Tables become dotted keys (`[log] level` is `log.level`). Whether a key exists and a value fits
//! is left to the table of settings.

use std::path::Path;

use toml::de::{DeArray, DeTable, DeValue};

use super::{Given, Raw, Source};

/// Reads the text of `path`. The error names the line.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Given>, String> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        format!("{}:{line}: is not TOML: {}", path.display(), error.message())
    })?;
    let mut given = Vec::new();
    collect(path, text, "", table.get_ref(), &mut given);
    // The parser hands keys out in alphabetical order; problems read better from top to bottom.
    given.sort_by_key(|value| match value.source {
        Source::File { line, .. } => line,
        _ => 0,
    });
    Ok(given)
}

fn collect(path: &Path, text: &str, prefix: &str, table: &DeTable<'_>, given: &mut Vec<Given>) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            collect(path, text, &format!("{key}."), inner, given);
            continue;
        }
        let line = line_of(text, name.span().start);
        let source = Source::File { path: path.to_owned(), line };
        given.push(Given { key, raw: raw(value.get_ref()), source });
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(is_set) => Raw::Bool(*is_set),
        DeValue::Array(values) => {
            texts(values).map_or(Raw::Other("a list of other things"), Raw::List)
        }
        DeValue::Integer(_) | DeValue::Float(_) => Raw::Other("a number"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other("a table"),
    }
}

fn texts(values: &DeArray<'_>) -> Option<Vec<String>> {
    values.iter().map(|value| Some(value.get_ref().as_str()?.to_owned())).collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
