//! Signing in and out, at the browser.

use askama::Template;
use axum::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::form::{Sent, SentByStranger};
use super::page::{Answer, Failure, lead_with, render, render_as};
use super::visitor::{Visitor, forget, keep};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    email: &'a str,
    wrong: Option<&'a str>,
}

/// A session that has just begun.
#[derive(Deserialize)]
pub(super) struct Begun {
    pub(super) token: String,
}

pub(super) async fn page(visitor: Result<Visitor, Failure>) -> Answer {
    if visitor.is_ok() {
        return super::page::lead_to("/webhooks");
    }
    render(&SignInPage { email: "", wrong: None })
}

pub(super) async fn sign_in(SentByStranger { stranger, fields }: SentByStranger) -> Answer {
    let (email, password) = (fields.text("email"), fields.secret("password"));
    let asked = json!({ "email": email, "password": password });
    let begun = stranger.0.send::<Begun>(Method::POST, "/api/v1/sessions", &asked).await;
    match begun {
        Ok(Begun { token }) => lead_with("/webhooks", &keep(&token)),
        Err(failure) => {
            let problem = match failure {
                Failure::Refused(problem) if problem.status().is_client_error() => problem,
                other => return Err(other),
            };
            let wrong = Some(problem.detail());
            let page = SignInPage { email, wrong };
            render_as(problem.status(), &page)
        }
    }
}

pub(super) async fn sign_out(Sent { visitor, .. }: Sent) -> Answer {
    visitor.api.act(Method::DELETE, "/api/v1/sessions/current", None).await?;
    lead_with("/sign-in", &forget())
}
