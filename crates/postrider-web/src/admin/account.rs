//! Coming in for the first time: setting an empty database up, an invitation, a portal link.
//!
//! Each page shows a form with what the link has brought, and only sending it uses the link up: what
//! follows links by itself, such as a mail scanner, changes nothing.

use std::sync::Arc;

use askama::Template;
use axum::http::{Method, Uri};
use serde::Deserialize;
use serde_json::json;

use super::form::{SentByStranger, asked};
use super::page::{Answer, Failure, lead_with, render, render_as};
use super::sign_in::Begun;
use super::visitor::{Stranger, keep};
use crate::error::Problem;

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUpPage<'a> {
    code: &'a str,
    merchant_name: &'a str,
    email: &'a str,
    problem: Option<&'a Problem>,
}

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage<'a> {
    token: &'a str,
    problem: Option<&'a Problem>,
}

#[derive(Template)]
#[template(path = "portal.html")]
struct PortalPage<'a> {
    token: &'a str,
}

/// The user an invitation was for.
#[derive(Deserialize)]
struct Redeemed {
    email: String,
}

fn of_query(uri: &Uri, name: &str) -> String {
    let found = asked(uri).into_iter().find(|(given, _)| given == name);
    found.map(|(_, value)| value).unwrap_or_default()
}

pub(super) async fn set_up_page(uri: Uri) -> Answer {
    render(&SetUpPage {
        code: &of_query(&uri, "code"),
        merchant_name: "",
        email: "",
        problem: None,
    })
}

pub(super) async fn set_up(SentByStranger { stranger, fields }: SentByStranger) -> Answer {
    let (code, merchant_name) = (fields.text("code"), fields.text("merchant_name"));
    let (email, password) = (fields.text("email"), fields.secret("password"));
    let asked = json!({
        "code": code, "merchant_name": merchant_name, "email": email, "password": password,
    });
    if let Err(failure) = stranger.0.act(Method::POST, "/api/v1/setup", Some(&asked)).await {
        let problem = mendable(failure)?;
        let page = SetUpPage { code, merchant_name, email, problem: Some(&problem) };
        return render_as(problem.status(), &page);
    }
    // Keys are made under "API keys", by whoever needs one: those of set-up are not shown here.
    enter(&stranger, email, password).await
}

pub(super) async fn invitation_page(uri: Uri) -> Answer {
    let token = of_query(&uri, "token");
    render(&InvitationPage { token: &token, problem: None })
}

pub(super) async fn accept_invitation(
    SentByStranger { stranger, fields }: SentByStranger,
) -> Answer {
    let (token, password) = (fields.text("token"), fields.secret("password"));
    let asked = json!({ "token": token, "password": password });
    let path = "/api/v1/invitations/redeem";
    match stranger.0.send::<Redeemed>(Method::POST, path, &asked).await {
        Ok(user) => enter(&stranger, &user.email, password).await,
        Err(failure) => {
            let problem = mendable(failure)?;
            let page = InvitationPage { token, problem: Some(&problem) };
            render_as(problem.status(), &page)
        }
    }
}

/// Signs in with a password that was just set.
async fn enter(stranger: &Stranger, email: &str, password: &str) -> Answer {
    let asked = json!({ "email": email, "password": password });
    let begun: Begun = stranger.0.send(Method::POST, "/api/v1/sessions", &asked).await?;
    lead_with("/webhooks", &keep(&begun.token))
}

pub(super) async fn portal_page(uri: Uri) -> Answer {
    render(&PortalPage { token: &of_query(&uri, "token") })
}

pub(super) async fn enter_portal(SentByStranger { stranger, fields }: SentByStranger) -> Answer {
    let asked = json!({ "token": fields.text("token") });
    let path = "/api/v1/portal-links/redeem";
    let begun: Begun = stranger.0.send(Method::POST, path, &asked).await?;
    lead_with("/webhooks", &keep(&begun.token))
}

/// What the form is shown again with.
fn mendable(failure: Failure) -> Result<Arc<Problem>, Failure> {
    match failure {
        Failure::Refused(problem) if problem.status().is_client_error() => Ok(problem),
        other => Err(other),
    }
}
