//! What callers may write: the members of a body and the parameters of a query.
//!
//! Invariant: a [`Field`] is declared once. Readers ([`Object`](crate::api::wire::object::Object),
//! [`Query`](crate::api::query::Query)) take the names they know from it and the document its
//! description, so neither can accept or describe what the other does not.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// How a shape is described; a generator is handed in for those made from structs.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// One member or parameter.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    meaning: &'static str,
    is_required: bool,
}

impl Field {
    pub(crate) const fn new(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self { name, shape, meaning, is_required: false }
    }

    /// The same, which must be given.
    pub(crate) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// As a parameter of the document; `place` is `path`, `query` or `header`.
    pub(crate) fn parameter(&self, place: &str, generator: &mut SchemaGenerator) -> Value {
        json!({
            "name": self.name,
            "in": place,
            "required": self.is_required,
            "description": self.meaning,
            "schema": (self.shape)(generator),
        })
    }
}

/// The names of `fields`.
pub(crate) fn names(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().map(|field| field.name).collect()
}

/// A JSON object of these members and no others.
pub(crate) fn object(generator: &mut SchemaGenerator, fields: &[Field]) -> Schema {
    let mut properties = Map::new();
    for field in fields {
        let mut shape = (field.shape)(generator);
        shape.insert("description".to_owned(), field.meaning.into());
        properties.insert(field.name.to_owned(), shape.into());
    }
    let mut object = schemars::json_schema!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    let required = fields.iter().filter(|field| field.is_required);
    let required: Vec<_> = required.map(|field| field.name).collect();
    if !required.is_empty() {
        object.insert("required".to_owned(), required.into());
    }
    object
}
