//! API keys: whoever administers makes and revokes them; one is shown once.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;

use super::client::Listed;
use super::form::Sent;
use super::page::{Answer, Frame, lead_to, render_as};
use super::view::{ApiKey, Around};
use super::visitor::Visitor;
use super::webhooks::{checked, cursor_of};
use crate::api_key::Scopes;
use crate::error::Problem;

#[derive(Template)]
#[template(path = "api_keys.html")]
struct KeysPage<'a> {
    frame: Frame<'a>,
    keys: Vec<ApiKey>,
    around: Around,
    scopes: Vec<&'static str>,
    /// The key that was just made.
    fresh: Option<&'a str>,
    problem: Option<Arc<Problem>>,
}

#[derive(Deserialize)]
struct Fresh {
    key: String,
}

pub(super) async fn list(visitor: Visitor, uri: Uri) -> Answer {
    show(&visitor, &uri, None, None).await
}

async fn show(
    visitor: &Visitor,
    uri: &Uri,
    fresh: Option<&str>,
    problem: Option<Arc<Problem>>,
) -> Answer {
    let path = format!("/api/v1/api-keys?{}", cursor_of(uri));
    let listed: Listed<ApiKey> = visitor.api.get(path.trim_end_matches('?')).await?;
    let around = Around::of(&listed, "/api-keys", "");
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status());
    let (keys, scopes) = (listed.results, Scopes::ALL.names());
    let frame = Frame { section: "api-keys", visitor };
    render_as(status, &KeysPage { frame, keys, around, scopes, fresh, problem })
}

pub(super) async fn create(uri: Uri, Sent { visitor, fields }: Sent) -> Answer {
    let scopes: Vec<_> = fields.all("scopes").collect();
    let asked = json!({ "name": fields.text("name"), "scopes": scopes });
    match visitor.api.send::<Fresh>(Method::POST, "/api/v1/api-keys", &asked).await {
        Ok(fresh) => show(&visitor, &uri, Some(&fresh.key), None).await,
        Err(failure) => show(&visitor, &uri, None, Some(failure.mendable()?)).await,
    }
}

pub(super) async fn revoke(Path(id): Path<String>, Sent { visitor, .. }: Sent) -> Answer {
    let path = format!("/api/v1/api-keys/{}", checked(&id)?);
    visitor.api.act(Method::DELETE, &path, None).await?;
    lead_to("/api-keys")
}
