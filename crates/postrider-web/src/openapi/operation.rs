//! What one route does, in the words of the document.
//!
//! A description tells only what is particular to its route. What follows from the access it needs,
//! from having a body and from what every answer has in common is added by `document`.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::field::{self, Field, Shape};
use crate::api::page::{Document, PAGE};

/// A group of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Events,
    Webhooks,
    Keys,
    Deliveries,
    Administration,
    People,
    Service,
    Older,
}

impl Tag {
    /// In the order of the document.
    pub(crate) const ALL: [Self; 8] = [
        Self::Events,
        Self::Webhooks,
        Self::Keys,
        Self::Deliveries,
        Self::Administration,
        Self::People,
        Self::Service,
        Self::Older,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Events => "Events",
            Self::Webhooks => "Webhooks",
            Self::Keys => "Verification keys",
            Self::Deliveries => "Deliveries",
            Self::Administration => "Administration",
            Self::People => "People",
            Self::Service => "Service",
            Self::Older => "Older API",
        }
    }

    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Events => "What happened in a program: posted by senders, kept, and looked at.",
            Self::Webhooks => "Where events go: targets, what they select, and their status.",
            Self::Keys => "The keys a receiver verifies signatures with.",
            Self::Deliveries => "What was sent, what came back, and why.",
            Self::Administration => "Merchants and API keys; for operators.",
            Self::People => "Users, signing in, and links that let others in.",
            Self::Service => "Whether the service is well, and this description.",
            Self::Older => {
                "Webhooks as targets with filters, as callers of the older API know them."
            }
        }
    }
}

/// A shape that may need more than a function: the fields it is made of.
type BodyShape = Box<dyn Fn(&mut SchemaGenerator) -> Value>;

/// What a request may carry.
pub(crate) struct RequestBody {
    pub(crate) is_required: bool,
    pub(crate) kinds: Vec<(&'static str, BodyShape)>,
    pub(crate) example: Option<Value>,
}

/// One good answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) meaning: &'static str,
    /// Its media type and shape; `None` when it has no body.
    pub(crate) content: Option<(&'static str, Shape)>,
    /// Headers beside those of every answer, with their meanings.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

/// The description of one route.
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) tag: Tag,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) path: Vec<Field>,
    pub(crate) query: Vec<Field>,
    pub(crate) headers: Vec<Field>,
    pub(crate) body: Option<RequestBody>,
    pub(crate) answers: Vec<Answer>,
    /// Refusals particular to it: status and meaning.
    pub(crate) problems: Vec<(u16, &'static str)>,
}

impl Operation {
    /// `id` is what generated clients call it: a verb and what it is done to.
    pub(crate) fn new(
        id: &'static str,
        tag: Tag,
        summary: &'static str,
        description: &'static str,
    ) -> Self {
        let (path, query, headers, body) = (Vec::new(), Vec::new(), Vec::new(), None);
        let (answers, problems) = (Vec::new(), Vec::new());
        Self { id, tag, summary, description, path, query, headers, body, answers, problems }
    }

    /// A parameter of the path.
    pub(crate) fn path(mut self, field: Field) -> Self {
        self.path.push(field.required());
        self
    }

    /// What the query may hold: the constant its reader is given.
    pub(crate) fn query(mut self, fields: &[Field]) -> Self {
        self.query.extend_from_slice(fields);
        self
    }

    /// A header that is read.
    pub(crate) fn header(mut self, field: Field) -> Self {
        self.headers.push(field);
        self
    }

    /// A JSON object with these members: the constant its reader is given.
    pub(crate) fn body(self, fields: &'static [Field]) -> Self {
        self.body_of(move |generator| field::object(generator, fields).into())
    }

    /// A JSON body of another shape.
    pub(crate) fn body_of(
        mut self,
        shape: impl Fn(&mut SchemaGenerator) -> Value + 'static,
    ) -> Self {
        let kinds: Vec<(_, BodyShape)> = vec![("application/json", Box::new(shape))];
        self.body = Some(RequestBody { is_required: true, kinds, example: None });
        self
    }

    /// The same body, written in another media type too.
    pub(crate) fn or_as(mut self, kind: &'static str, shape: Shape) -> Self {
        if let Some(body) = &mut self.body {
            body.kinds.push((kind, Box::new(move |generator| shape(generator).into())));
        }
        self
    }

    /// A JSON object that may be left out altogether.
    pub(crate) fn optional_body(self, fields: &'static [Field]) -> Self {
        let mut described = self.body(fields);
        if let Some(body) = &mut described.body {
            body.is_required = false;
        }
        described
    }

    /// A body that does something sensible.
    pub(crate) fn example(mut self, example: Value) -> Self {
        if let Some(body) = &mut self.body {
            body.example = Some(example);
        }
        self
    }

    /// A good answer with a `T` as JSON.
    pub(crate) fn answers<T: JsonSchema>(self, status: u16, meaning: &'static str) -> Self {
        let content = ("application/json", SchemaGenerator::subschema_for::<T> as Shape);
        self.answer(status, meaning, Some(content))
    }

    /// A good answer of another media type.
    pub(crate) fn answers_as(
        self,
        status: u16,
        meaning: &'static str,
        kind: &'static str,
        shape: Shape,
    ) -> Self {
        self.answer(status, meaning, Some((kind, shape)))
    }

    /// A good answer without a body.
    pub(crate) fn answers_nothing(self, meaning: &'static str) -> Self {
        self.answer(204, meaning, None)
    }

    fn answer(
        mut self,
        status: u16,
        meaning: &'static str,
        content: Option<(&'static str, Shape)>,
    ) -> Self {
        self.answers.push(Answer { status, meaning, content, headers: Vec::new() });
        self
    }

    /// A header of the answer named last.
    pub(crate) fn with_header(mut self, name: &'static str, meaning: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, meaning));
        }
        self
    }

    /// A page of `T`s, narrowed by `filters`.
    pub(crate) fn lists<T: JsonSchema>(self, filters: &[Field], meaning: &'static str) -> Self {
        self.query(filters).query(&PAGE).answers::<Document<T>>(200, meaning)
    }

    /// A refusal of its own; `meaning` names the codes.
    pub(crate) fn problem(mut self, status: u16, meaning: &'static str) -> Self {
        self.problems.push((status, meaning));
        self
    }
}

impl RequestBody {
    pub(crate) fn render(&self, generator: &mut SchemaGenerator) -> Value {
        let mut content = Map::new();
        for (kind, shape) in &self.kinds {
            let mut entry = json!({ "schema": shape(generator) });
            if let (Some(example), "application/json", Some(entry)) =
                (&self.example, *kind, entry.as_object_mut())
            {
                entry.insert("example".to_owned(), example.clone());
            }
            content.insert((*kind).to_owned(), entry);
        }
        json!({ "required": self.is_required, "content": content })
    }
}
