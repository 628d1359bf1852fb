//! What happens to every request before routing and to every answer after it.
//!
//! Owns the request id, the checks of a request's head that HTTP asks for and hyper does not make,
//! the catching of panics, the rendering of problems, the security headers and the log line.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use axum::response::IntoResponse;
use postrider_core::ids::Id;
use postrider_core::limits;
use postrider_engine::Clock;
use postrider_engine::chance::Mint;
use tower::ServiceExt;

use crate::error::{ApiError, Problem};
use crate::legacy;
use crate::listener::REQUEST_HEADERS_MAX;
use crate::public_url::PublicUrl;
use crate::shared::Shared;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// An API answer is data: whatever shows it as a page may load and run nothing.
const CONTENT_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The id every answer carries and the audit log keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) Id<()>);

/// The address a request came from, as far as the listener told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(None)))
    }
}

/// Answers one request.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    router: Router,
    mut request: Request<Body>,
) -> Response<Body> {
    let clock = shared.engine.clock();
    let started = clock.reading();
    let id = shared.engine.mint().id::<()>(clock.now());
    request.extensions_mut().insert(RequestId(id));
    let method = request.method().clone();
    // The query may carry what belongs in no log; the path carries ids only, and is bounded.
    let path = request.uri().path().get(..256).unwrap_or(request.uri().path()).to_owned();
    let is_legacy = legacy::owns(request.uri().path());
    let response = match check_head(&request) {
        Ok(()) => route(shared, router, legacy::without_slash(request)).await,
        Err(error) => error.into_response(),
    };
    let mut response = finish(response, &id.to_string(), is_legacy);
    if let Some(value) = shared.public_url.as_ref().and_then(PublicUrl::strict_transport) {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value);
    }
    let (status, taken) = (response.status().as_u16(), clock.reading().saturating_sub(started));
    tracing::debug!(%method, path, status, request_id = %id, ?taken, "request answered");
    response
}

/// Routes the request in a task of its own. What was begun is finished although the client has
/// gone: between a change of the catalog and the refresh of the routing table, nobody may leave. A
/// panic of a handler ends only its task.
async fn route(shared: &Shared, router: Router, request: Request<Body>) -> Response<Body> {
    match shared.engine.tracker().spawn(router.oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        // The panic itself was printed by the panic hook; its payload could hold anything.
        Err(_) => ApiError::internal("a handler panicked").into_response(),
    }
}

/// Refuses heads that hyper lets through.
fn check_head(request: &Request<Body>) -> Result<(), ApiError> {
    let target = request.uri();
    let length = target.path_and_query().map_or(0, |target| target.as_str().len());
    if length > limits::REQUEST_TARGET_BYTES_MAX {
        let detail = format!(
            "The path and query have {length} bytes; at most {} are read.",
            limits::REQUEST_TARGET_BYTES_MAX
        );
        return Err(ApiError::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail));
    }
    // hyper's own bound is on what it has read without finding the end, and so only roughly this.
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if lines.sum::<usize>() > limits::REQUEST_HEAD_BYTES_MAX {
        return Err(headers_too_large());
    }
    if target.authority().is_some() {
        let detail = "This is no proxy: ask for a path, such as /api/v1/webhooks.";
        return Err(ApiError::bad_request("absolute_target", detail).closing());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        // HTTP/1.0 had no Host; HTTP/1.1 asks for exactly one (RFC 9112, 3.2).
        (None, _) if request.version() < Version::HTTP_11 => Ok(()),
        (Some(host), None) if is_host(host) => Ok(()),
        _ => {
            let detail = "Send exactly one valid Host header.";
            Err(ApiError::bad_request("invalid_host_header", detail).closing())
        }
    }
}

fn headers_too_large() -> ApiError {
    let detail = format!(
        "A request has at most {REQUEST_HEADERS_MAX} headers and {} bytes before its body.",
        limits::REQUEST_HEAD_BYTES_MAX
    );
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    ApiError::new(status, "headers_too_large", detail).closing()
}

fn is_host(value: &HeaderValue) -> bool {
    Authority::try_from(value.as_bytes()).is_ok_and(|host| !host.as_str().contains('@'))
}

/// Renders a problem, logs its cause once, and adds what every answer carries.
fn finish(mut response: Response<Body>, id: &str, is_legacy: bool) -> Response<Body> {
    let problem = response.extensions_mut().remove::<Arc<Problem>>();
    let status = response.status();
    // What axum refuses by itself has no type, or is plain text; pages say themselves what is wrong.
    let is_plain = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/plain");
    let is_bare = response.headers().get(CONTENT_TYPE).is_none_or(is_plain);
    let problem = problem.or_else(|| if is_bare { bare_refusal(status) } else { None });
    if let Some(problem) = problem {
        problem.log(id);
        let (kind, status, document) = if is_legacy {
            let (status, document) = legacy::render(&problem);
            (JSON, status, document)
        } else {
            (PROBLEM_JSON, status, problem.render(id))
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, kind);
        headers.remove(CONTENT_LENGTH);
        if problem.closes_connection() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        *response.body_mut() = Body::from(document);
    }
    decorate(response.headers_mut(), id);
    response
}

/// Refusals that axum makes by itself have no problem document yet.
fn bare_refusal(status: StatusCode) -> Option<Arc<Problem>> {
    let error = match status {
        StatusCode::NOT_FOUND => ApiError::unknown_path(),
        StatusCode::METHOD_NOT_ALLOWED => ApiError::method_not_allowed(),
        _ if status.is_client_error() || status.is_server_error() => {
            let reason = status.canonical_reason().unwrap_or("The request was refused");
            ApiError::new(status, "refused", format!("{reason}."))
        }
        _ => return None,
    };
    Some(error.into_problem())
}

fn decorate(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A page names what it shows itself with, and a file whose address changes with it may be kept.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    let policy = headers.entry(CONTENT_SECURITY_POLICY);
    policy.or_insert(HeaderValue::from_static(CONTENT_POLICY));
}

/// The bytes of a whole answer that replaces one hyper made by itself (see `stream`).
pub(crate) fn bare_problem(clock: &Clock, code: u16) -> Option<Vec<u8>> {
    let error = match code {
        400 => ApiError::bad_request(
            "invalid_request",
            "The request is not valid HTTP/1.1; nothing after it on this connection is read.",
        ),
        414 => ApiError::new(StatusCode::URI_TOO_LONG, "uri_too_long", "The path is too long."),
        431 => headers_too_large(),
        _ => return None,
    };
    let id = Mint::default().id::<()>(clock.now()).to_string();
    let problem = error.into_problem();
    let body = problem.render(&id);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    decorate(&mut headers, &id);
    let mut answer = format!("HTTP/1.1 {}\r\n", problem.status()).into_bytes();
    for (name, value) in &headers {
        answer.extend_from_slice(name.as_str().as_bytes());
        answer.extend_from_slice(b": ");
        answer.extend_from_slice(value.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(&body);
    Some(answer)
}
