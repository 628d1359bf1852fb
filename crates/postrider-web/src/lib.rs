//! The HTTP surface of Postrider: the API, version 1, the older API beside it, the admin for people,
//! and the listener they are served by.
//!
//! Owns everything between a socket and the engine: connections and their deadlines, the route
//! list, authentication, and the JSON shapes of the API. Leaves every decision about events,
//! webhooks and deliveries to the engine, the store and the core.
//!
//! Invariants:
//! - the admin is a client of the API, in the same process: it has no other way to data;
//! - only this crate knows JSON shapes: domain types are turned into counterparts in `api::wire` and
//!   `legacy::shapes`;
//! - a route exists only in the list of `router.rs`, with the access it needs, and a handler of a
//!   merchant's rows gets the merchant from the credential, never from the request's content;
//! - every answer, also one made before routing, carries a request id and the security headers,
//!   and every refusal is a problem document, or what the older API has instead.

mod admin;
mod api;
pub mod api_key;
mod error;
pub mod founding;
mod framing;
mod front;
mod legacy;
mod listener;
mod openapi;
mod passwords;
mod public_url;
mod reference;
mod router;
mod shared;
mod stream;
#[cfg(test)]
mod tests;
mod throttle;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use axum::{BoxError, Router};
use postrider_core::address::AddressPolicy;
use postrider_engine::Engine;

use founding::SetupCode;
pub use listener::{ListenerLimits, serve};
pub use public_url::PublicUrl;
use shared::Shared;

/// What an [`App`] is made of.
pub struct AppOptions {
    /// The running engine.
    pub engine: Engine,
    /// Which addresses webhooks may point to.
    pub addresses: Arc<AddressPolicy>,
    /// Whether webhooks may point to `http:` targets.
    pub allow_http_targets: bool,
    /// The configured name of the signature header, which webhooks may not set themselves.
    pub signature_header: String,
    /// Where people reach it, if that was said.
    pub public_url: Option<PublicUrl>,
    /// Requests a second all keys and people of a merchant may make together; `None`: as many as they like.
    pub requests_per_second: Option<NonZeroU32>,
    /// What opens the database, when it is empty.
    pub setup: Option<SetupCode>,
}

/// The API, ready to answer requests. Clones are cheap and share everything.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
    router: Router,
}

impl App {
    /// An app with the bounds of `limits`.
    pub fn new(options: AppOptions) -> Self {
        Self::with_limits(options, ListenerLimits::default())
    }

    /// An app with other bounds on its connections; for tests that want short ones.
    pub fn with_limits(options: AppOptions, limits: ListenerLimits) -> Self {
        let shared = Arc::new(Shared::new(options, limits));
        let api = router::build(&shared);
        let clock = shared.engine.clock().clone();
        let public_url = shared.public_url.clone();
        let pages = admin::build(api.clone(), clock, &shared.signature_header, public_url);
        let router = api.merge(pages);
        Self { shared, router }
    }

    /// The same app with nothing but `GET /metrics`, for whoever reaches it.
    #[must_use]
    pub fn only_metrics(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), router: router::metrics_alone(&self.shared) }
    }

    /// Answers one request, however it came in. Never fails: a panic becomes a 500.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        front::answer(&self.shared, self.router.clone(), request.map(Body::new)).await
    }
}

/// The OpenAPI 3.1 document of the API, as indented JSON.
pub fn openapi() -> String {
    format!("{:#}", openapi::document())
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl fmt::Debug for AppOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppOptions").finish_non_exhaustive()
    }
}
