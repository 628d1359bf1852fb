//! The catalogue: every event type, its schema and an example.

use askama::Template;

use super::client::Listed;
use super::page::{Answer, Frame, render};
use super::view::{EventType, FamilyGroup, by_family};
use super::visitor::Visitor;

#[derive(Template)]
#[template(path = "event_types.html")]
struct CataloguePage<'a> {
    frame: Frame<'a>,
    families: Vec<FamilyGroup<'a>>,
}

pub(super) async fn list(visitor: Visitor) -> Answer {
    let types: Listed<EventType> = visitor.api.get("/api/v1/event-types").await?;
    let frame = Frame { section: "event-types", visitor: &visitor };
    render(&CataloguePage { frame, families: by_family(&types.results) })
}
