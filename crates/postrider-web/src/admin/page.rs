//! Pages as answers: rendering, their security headers, redirects, and what is shown when something
//! cannot be done.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::IntoResponse;

use super::visitor::Visitor;
use crate::error::{ApiError, Problem};
use crate::public_url::PublicUrl;

/// Everything a page loads comes from here, nothing is inline, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
                      frame-ancestors 'none'";

/// What handlers answer.
pub(super) type Answer = Result<Response<Body>, Failure>;

/// Why there is no page.
pub(super) enum Failure {
    /// Nobody is signed in.
    SignIn,
    /// The API refused.
    Refused(Arc<Problem>),
}

impl Failure {
    /// Something that should not be.
    pub(super) fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Refused(ApiError::internal(cause).into_problem())
    }

    /// What a form is shown again with: only what whoever filled it in can mend.
    pub(super) fn mendable(self) -> Result<Arc<Problem>, Self> {
        match self {
            Self::Refused(problem) if problem.status().is_client_error() => {
                if problem.status() == StatusCode::NOT_FOUND {
                    return Err(Self::Refused(problem));
                }
                Ok(problem)
            }
            other => Err(other),
        }
    }
}

/// What surrounds every page of somebody who is signed in.
pub(super) struct Frame<'a> {
    /// The part of the navigation that is open.
    pub(super) section: &'static str,
    pub(super) visitor: &'a Visitor,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    status: u16,
    detail: &'a str,
    field: Option<&'a str>,
}

/// A page.
pub(super) fn render(page: &impl Template) -> Answer {
    render_as(StatusCode::OK, page)
}

/// A page with another status.
pub(super) fn render_as(status: StatusCode, page: &impl Template) -> Answer {
    let text = page.render().map_err(|error| Failure::broken(error.to_string()))?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // With none at all, browsers would not say of our own forms where they come from.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// Leads to another page, which is asked for with GET.
pub(super) fn lead_to(path: &str) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let place = HeaderValue::try_from(path).map_err(|error| Failure::broken(error.to_string()))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// The same, and the browser keeps this cookie.
pub(super) fn lead_with(path: &str, cookie: &str) -> Answer {
    let mut response = lead_to(path)?;
    let cookie = HeaderValue::try_from(cookie);
    let mut cookie = cookie.map_err(|error| Failure::broken(error.to_string()))?;
    cookie.set_sensitive(true);
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// Pages are for the address people were told; another name that leads here is a mistake or a trick
/// (DNS rebinding).
pub(super) async fn demand_host(
    State(url): State<Arc<PublicUrl>>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    if url.is_host_of(request.headers()) {
        return next.run(request).await;
    }
    let detail = format!("The admin is at {url}, not at the address this was sent to.");
    let error = ApiError::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", detail);
    Failure::Refused(error.into_problem()).into_response()
}

/// Whoever follows a wrong link in a browser gets a page, a program its problem document.
pub(super) async fn unknown(uri: Uri, headers: HeaderMap) -> Response<Body> {
    let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let is_browser = accepted.is_some_and(|kinds| kinds.contains("text/html"));
    if is_browser && !uri.path().starts_with("/api/") {
        return Failure::Refused(ApiError::unknown_path().into_problem()).into_response();
    }
    ApiError::unknown_path().into_response()
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response<Body> {
        let problem = match self {
            Self::SignIn => {
                let led = lead_to("/sign-in");
                return led.unwrap_or_else(|_| StatusCode::UNAUTHORIZED.into_response());
            }
            Self::Refused(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
                return Self::SignIn.into_response();
            }
            Self::Refused(problem) => problem,
        };
        let page = ProblemPage {
            status: problem.status().as_u16(),
            detail: problem.detail(),
            field: problem.field(),
        };
        match render_as(problem.status(), &page) {
            Ok(response) => {
                if problem.status().is_server_error() {
                    problem.log("of a page");
                }
                response
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}
