//! Users: who may sign in, and as what.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;

use super::client::Listed;
use super::form::Sent;
use super::page::{Answer, Frame, lead_to, render_as};
use super::view::{Around, Moment, User};
use super::visitor::Visitor;
use super::webhooks::{checked, cursor_of};
use crate::error::Problem;

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage<'a> {
    frame: Frame<'a>,
    users: Vec<User>,
    around: Around,
    /// The invitation that was just made.
    invited: Option<Invited>,
    problem: Option<Arc<Problem>>,
}

#[derive(Deserialize)]
struct Invited {
    email: String,
    invitation: Option<Invitation>,
}

#[derive(Deserialize)]
struct Invitation {
    token: String,
    expires_at: Moment,
}

pub(super) async fn list(visitor: Visitor, uri: Uri) -> Answer {
    show(&visitor, &uri, None, None).await
}

async fn show(
    visitor: &Visitor,
    uri: &Uri,
    invited: Option<Invited>,
    problem: Option<Arc<Problem>>,
) -> Answer {
    let path = format!("/api/v1/users?{}", cursor_of(uri));
    let listed: Listed<User> = visitor.api.get(path.trim_end_matches('?')).await?;
    let around = Around::of(&listed, "/users", "");
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status());
    let frame = Frame { section: "users", visitor };
    render_as(status, &UsersPage { frame, users: listed.results, around, invited, problem })
}

pub(super) async fn invite(uri: Uri, Sent { visitor, fields }: Sent) -> Answer {
    let asked = json!({ "email": fields.text("email"), "role": fields.text("role") });
    match visitor.api.send(Method::POST, "/api/v1/users", &asked).await {
        Ok(invited) => show(&visitor, &uri, Some(invited), None).await,
        Err(failure) => show(&visitor, &uri, None, Some(failure.mendable()?)).await,
    }
}

/// Changes a role, shuts somebody out or lets them in again, invites anew, or removes.
pub(super) async fn change(
    Path(id): Path<String>,
    uri: Uri,
    Sent { visitor, fields }: Sent,
) -> Answer {
    let (api, path) = (&visitor.api, format!("/api/v1/users/{}", checked(&id)?));
    let done = match fields.text("do") {
        "invite" => {
            let asked = format!("{path}/invitation");
            let made = api.send(Method::POST, &asked, &json!({})).await;
            return match made {
                Ok(invited) => show(&visitor, &uri, Some(invited), None).await,
                Err(failure) => show(&visitor, &uri, None, Some(failure.mendable()?)).await,
            };
        }
        "remove" => api.act(Method::DELETE, &path, None).await,
        "disable" => api.act(Method::PATCH, &path, Some(&json!({ "disabled": true }))).await,
        "enable" => api.act(Method::PATCH, &path, Some(&json!({ "disabled": false }))).await,
        _ => {
            let role = json!({ "role": fields.text("role") });
            api.act(Method::PATCH, &path, Some(&role)).await
        }
    };
    match done {
        Ok(()) => lead_to("/users"),
        Err(failure) => show(&visitor, &uri, None, Some(failure.mendable()?)).await,
    }
}
