//! The flat list of routes: every path, the access it needs, and its handler.
//!
//! Invariant: there is no other way to a handler, so a route that is not in the list does not
//! exist, and none can be added without saying who may use it.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::api::auth::{self, Access, Door};
use crate::api::{
    api_keys, audit_log, deliveries, event_types, events, explain, health, merchants, metrics,
    verification, webhook_actions, webhooks,
};
use crate::api_key::Scope;
use crate::shared::Shared;

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    handler: MethodRouter<Arc<Shared>>,
}

/// A route before its access is said.
struct Unguarded(Method, &'static str, MethodRouter<Arc<Shared>>);

impl Unguarded {
    fn needs(self, access: Access) -> Route {
        let Self(method, path, handler) = self;
        Route { method, path, access, handler }
    }

    fn scope(self, scope: Scope) -> Route {
        self.needs(Access::Merchant(scope))
    }
}

fn get<H: Handler<T, Arc<Shared>>, T: 'static>(path: &'static str, handler: H) -> Unguarded {
    Unguarded(Method::GET, path, on(MethodFilter::GET, handler))
}

fn post<H: Handler<T, Arc<Shared>>, T: 'static>(path: &'static str, handler: H) -> Unguarded {
    Unguarded(Method::POST, path, on(MethodFilter::POST, handler))
}

fn patch<H: Handler<T, Arc<Shared>>, T: 'static>(path: &'static str, handler: H) -> Unguarded {
    Unguarded(Method::PATCH, path, on(MethodFilter::PATCH, handler))
}

fn delete<H: Handler<T, Arc<Shared>>, T: 'static>(path: &'static str, handler: H) -> Unguarded {
    Unguarded(Method::DELETE, path, on(MethodFilter::DELETE, handler))
}

/// Every route there is.
pub(crate) fn routes() -> Vec<Route> {
    use Access::{AnyKey, Operator, Public};
    use Scope::{DeliveriesRead, DeliveriesWrite, EventsWrite, WebhooksRead, WebhooksWrite};
    vec![
        get("/healthz", health::alive).needs(Public),
        get("/readyz", health::ready).needs(Public),
        get("/api/v1/event-types", event_types::list).needs(AnyKey),
        post("/api/v1/events", events::post).scope(EventsWrite),
        get("/api/v1/events", events::list).scope(DeliveriesRead),
        get("/api/v1/events/{id}", events::show).scope(DeliveriesRead),
        get("/api/v1/webhooks", webhooks::list).scope(WebhooksRead),
        post("/api/v1/webhooks", webhooks::create).scope(WebhooksWrite),
        get("/api/v1/webhooks/{id}", webhooks::show).scope(WebhooksRead),
        patch("/api/v1/webhooks/{id}", webhooks::update).scope(WebhooksWrite),
        delete("/api/v1/webhooks/{id}", webhooks::delete).scope(WebhooksWrite),
        post("/api/v1/webhooks/{id}/enable", webhook_actions::enable).scope(WebhooksWrite),
        post("/api/v1/webhooks/{id}/disable", webhook_actions::disable).scope(WebhooksWrite),
        post("/api/v1/webhooks/{id}/pause", webhook_actions::pause).scope(WebhooksWrite),
        post("/api/v1/webhooks/{id}/resume", webhook_actions::resume).scope(WebhooksWrite),
        post("/api/v1/webhooks/{id}/test-events", webhook_actions::send_test_events)
            .scope(WebhooksWrite),
        get("/api/v1/webhooks/{id}/metrics", metrics::show).scope(WebhooksRead),
        get("/api/v1/webhooks/{id}/verification-key", verification::show).scope(WebhooksWrite),
        post("/api/v1/webhooks/{id}/verification-key/rotate", verification::rotate)
            .scope(WebhooksWrite),
        get("/api/v1/deliveries", deliveries::list).scope(DeliveriesRead),
        get("/api/v1/deliveries/{id}", deliveries::show).scope(DeliveriesRead),
        post("/api/v1/deliveries/{id}/resend", deliveries::resend).scope(DeliveriesWrite),
        get("/api/v1/explain", explain::show).scope(DeliveriesRead),
        get("/api/v1/api-keys", api_keys::list).needs(Operator),
        post("/api/v1/api-keys", api_keys::create).needs(Operator),
        delete("/api/v1/api-keys/{id}", api_keys::revoke).needs(Operator),
        get("/api/v1/audit-log", audit_log::list).needs(Operator),
        get("/api/v1/audit-log/verification", audit_log::verify).needs(Operator),
        get("/api/v1/merchants", merchants::list).needs(Operator),
        post("/api/v1/merchants", merchants::create).needs(Operator),
    ]
}

/// The router over all routes, each behind its door.
pub(crate) fn build(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    for Route { method, path, access, handler } in routes() {
        let door = Door { shared: Arc::clone(shared), method, path, access };
        // Only the route itself is guarded: that a path does not take a method is no secret.
        router = router.route(path, handler.route_layer(from_fn_with_state(door, auth::admit)));
    }
    router.with_state(Arc::clone(shared))
}
