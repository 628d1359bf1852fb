//! The flat list of routes: every path, the access it needs, and its handler.
//!
//! Invariant: there is no other way to a handler, so a route that is not in the list does not
//! exist, and none can be added without saying who may use it and what it does. The one exception is
//! the address of metrics alone.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::api::auth::Access::{
    self, Administration, AnyKey, MerchantInBody, Operator, Public, Session,
};
use crate::api::auth::{self, Door};
use crate::api::{
    api_keys, audit_log, deliveries, description, docs, event_types, events, explain, feed, health,
    merchants, metrics, portal_links, preview, recoveries, rehearsals, sessions, setup,
    signature_checks, users, verification, webhook_actions, webhooks,
};
use crate::api_key::Scope::{
    self, DeliveriesRead, DeliveriesWrite, EventsWrite, WebhooksRead, WebhooksWrite,
};
use crate::legacy;
use crate::openapi::operation::Operation;
use crate::shared::Shared;

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) operation: Operation,
    handler: MethodRouter<Arc<Shared>>,
}

/// A route before its access is said.
struct Unguarded(Method, &'static str, MethodRouter<Arc<Shared>>);

impl Unguarded {
    fn needs(self, access: Access) -> Undescribed {
        Undescribed(self, access)
    }

    fn scope(self, scope: Scope) -> Undescribed {
        self.needs(Access::Merchant(scope))
    }
}

/// A route before it is said what it does.
struct Undescribed(Unguarded, Access);

impl Undescribed {
    fn doc(self, describe: fn() -> Operation) -> Route {
        let Self(Unguarded(method, path, handler), access) = self;
        Route { method, path, access, operation: describe(), handler }
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
    [service(), events(), webhooks(), deliveries(), administration(), people(), older()]
        .into_iter()
        .flatten()
        .collect()
}

fn service() -> Vec<Route> {
    vec![
        get("/healthz", health::alive).needs(Public).doc(docs::service::alive),
        get("/readyz", health::ready).needs(Public).doc(docs::service::ready),
        get("/metrics", health::metrics).needs(Operator).doc(docs::service::metrics),
        get("/api/v1/openapi.json", description::document)
            .needs(Public)
            .doc(docs::service::document),
        get("/api/v1/reference", description::page).needs(Public).doc(docs::service::reference),
    ]
}

fn events() -> Vec<Route> {
    vec![
        get("/api/v1/event-types", event_types::list).needs(AnyKey).doc(docs::events::types),
        post("/api/v1/events", events::post).scope(EventsWrite).doc(docs::events::post),
        get("/api/v1/events", events::list).scope(DeliveriesRead).doc(docs::events::list),
        get("/api/v1/events/{id}", events::show).scope(DeliveriesRead).doc(docs::events::show),
        get("/api/v1/explain", explain::show).scope(DeliveriesRead).doc(docs::events::explain),
        post("/api/v1/preview", preview::show).scope(WebhooksRead).doc(docs::events::preview),
    ]
}

fn webhooks() -> Vec<Route> {
    vec![
        get("/api/v1/webhooks", webhooks::list).scope(WebhooksRead).doc(docs::webhooks::list),
        post("/api/v1/webhooks", webhooks::create).scope(WebhooksWrite).doc(docs::webhooks::create),
        get("/api/v1/webhooks/{id}", webhooks::show).scope(WebhooksRead).doc(docs::webhooks::show),
        patch("/api/v1/webhooks/{id}", webhooks::update)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::update),
        delete("/api/v1/webhooks/{id}", webhooks::delete)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::delete),
        post("/api/v1/webhooks/{id}/enable", webhook_actions::enable)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::enable),
        post("/api/v1/webhooks/{id}/disable", webhook_actions::disable)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::disable),
        post("/api/v1/webhooks/{id}/pause", webhook_actions::pause)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::pause),
        post("/api/v1/webhooks/{id}/resume", webhook_actions::resume)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::resume),
        post("/api/v1/webhooks/{id}/test-events", webhook_actions::send_test_events)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::send_test_events),
        get("/api/v1/webhooks/{id}/metrics", metrics::show)
            .scope(WebhooksRead)
            .doc(docs::webhooks::metrics),
        get("/api/v1/webhooks/{id}/metrics/hours", metrics::hours)
            .scope(WebhooksRead)
            .doc(docs::webhooks::hours),
        get("/api/v1/webhooks/{id}/feed", feed::show)
            .scope(DeliveriesWrite)
            .doc(docs::deliveries::feed),
        get("/api/v1/webhooks/{id}/verification-key", verification::show)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::show_key),
        post("/api/v1/webhooks/{id}/verification-key/rotate", verification::rotate)
            .scope(WebhooksWrite)
            .doc(docs::webhooks::rotate_key),
        post("/api/v1/webhooks/{id}/signature-checks", signature_checks::create)
            .scope(WebhooksRead)
            .doc(docs::webhooks::check_signature),
        post("/api/v1/webhooks/{id}/rehearsals", rehearsals::create)
            .scope(WebhooksWrite)
            .doc(docs::rehearsals::create),
        get("/api/v1/webhooks/{id}/rehearsals", rehearsals::list)
            .scope(WebhooksRead)
            .doc(docs::rehearsals::list),
    ]
}

fn deliveries() -> Vec<Route> {
    vec![
        get("/api/v1/deliveries", deliveries::list)
            .scope(DeliveriesRead)
            .doc(docs::deliveries::list),
        get("/api/v1/deliveries/{id}", deliveries::show)
            .scope(DeliveriesRead)
            .doc(docs::deliveries::show),
        post("/api/v1/deliveries/{id}/resend", deliveries::resend)
            .scope(DeliveriesWrite)
            .doc(docs::deliveries::resend),
        post("/api/v1/recoveries", recoveries::create)
            .scope(DeliveriesWrite)
            .doc(docs::recoveries::create),
        get("/api/v1/recoveries", recoveries::list)
            .scope(DeliveriesRead)
            .doc(docs::recoveries::list),
        get("/api/v1/recoveries/{id}", recoveries::show)
            .scope(DeliveriesRead)
            .doc(docs::recoveries::show),
        post("/api/v1/recoveries/{id}/cancel", recoveries::cancel)
            .scope(DeliveriesWrite)
            .doc(docs::recoveries::cancel),
        get("/api/v1/undelivered", deliveries::undelivered)
            .scope(DeliveriesRead)
            .doc(docs::deliveries::undelivered),
    ]
}

fn administration() -> Vec<Route> {
    vec![
        get("/api/v1/api-keys", api_keys::list)
            .needs(Administration)
            .doc(docs::administration::list_keys),
        post("/api/v1/api-keys", api_keys::create)
            .needs(Administration)
            .doc(docs::administration::create_key),
        delete("/api/v1/api-keys/{id}", api_keys::revoke)
            .needs(Administration)
            .doc(docs::administration::revoke_key),
        get("/api/v1/audit-log", audit_log::list)
            .needs(Administration)
            .doc(docs::administration::audit_log),
        get("/api/v1/audit-log/verification", audit_log::verify)
            .needs(Operator)
            .doc(docs::administration::verify_audit_log),
        get("/api/v1/merchants", merchants::list)
            .needs(Operator)
            .doc(docs::administration::list_merchants),
        post("/api/v1/merchants", merchants::create)
            .needs(Operator)
            .doc(docs::administration::create_merchant),
    ]
}

/// The older API; its paths may end with a slash too (`legacy`).
fn older() -> Vec<Route> {
    use legacy::{docs, filters, metrics, signing_key, targets};
    vec![
        get("/webhook_targets", targets::list).scope(WebhooksRead).doc(docs::list_targets),
        post("/webhook_targets", targets::create)
            .needs(MerchantInBody(WebhooksWrite))
            .doc(docs::create_target),
        get("/webhook_targets/{target}", targets::show).scope(WebhooksRead).doc(docs::show_target),
        patch("/webhook_targets/{target}", targets::update)
            .scope(WebhooksWrite)
            .doc(docs::update_target),
        get("/webhook_targets/{target}/metrics", metrics::show)
            .scope(WebhooksRead)
            .doc(docs::metrics),
        get("/webhook_targets/{target}/filters", filters::list)
            .scope(WebhooksRead)
            .doc(docs::list_filters),
        post("/webhook_targets/{target}/filters", filters::create)
            .scope(WebhooksWrite)
            .doc(docs::create_filter),
        get("/webhook_targets/{target}/filters/{filter}", filters::show)
            .scope(WebhooksRead)
            .doc(docs::show_filter),
        patch("/webhook_targets/{target}/filters/{filter}", filters::update)
            .scope(WebhooksWrite)
            .doc(docs::update_filter),
        delete("/webhook_targets/{target}/filters/{filter}", filters::delete)
            .scope(WebhooksWrite)
            .doc(docs::delete_filter),
        get("/webhook_targets/{target}/signing_key", signing_key::show)
            .scope(WebhooksWrite)
            .doc(docs::show_key),
        patch("/webhook_targets/{target}/signing_key/rotate", signing_key::rotate)
            .scope(WebhooksWrite)
            .doc(docs::rotate_key),
    ]
}

fn people() -> Vec<Route> {
    vec![
        get("/api/v1/users", users::list).needs(Administration).doc(docs::people::list_users),
        post("/api/v1/users", users::create).needs(Administration).doc(docs::people::create_user),
        get("/api/v1/users/{id}", users::show).needs(Administration).doc(docs::people::show_user),
        patch("/api/v1/users/{id}", users::update)
            .needs(Administration)
            .doc(docs::people::update_user),
        delete("/api/v1/users/{id}", users::delete)
            .needs(Administration)
            .doc(docs::people::delete_user),
        post("/api/v1/users/{id}/invitation", users::invite_again)
            .needs(Administration)
            .doc(docs::people::invite_user),
        post("/api/v1/users/me/password", users::change_password)
            .needs(Session)
            .doc(docs::people::change_password),
        post("/api/v1/invitations/redeem", users::redeem_invitation)
            .needs(Public)
            .doc(docs::people::redeem_invitation),
        post("/api/v1/sessions", sessions::sign_in).needs(Public).doc(docs::people::sign_in),
        get("/api/v1/sessions/current", sessions::current)
            .needs(Session)
            .doc(docs::people::show_session),
        delete("/api/v1/sessions/current", sessions::sign_out)
            .needs(Session)
            .doc(docs::people::sign_out),
        post("/api/v1/portal-links", portal_links::create)
            .needs(Administration)
            .doc(docs::people::create_link),
        post("/api/v1/portal-links/redeem", portal_links::redeem)
            .needs(Public)
            .doc(docs::people::redeem_link),
        post("/api/v1/setup", setup::redeem).needs(Public).doc(docs::people::set_up),
    ]
}

/// The router over all routes, each behind its door.
pub(crate) fn build(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    for Route { method, path, access, handler, .. } in routes() {
        let door = Door { shared: Arc::clone(shared), method, path, access };
        // Only the route itself is guarded: that a path does not take a method is no secret.
        router = router.route(path, handler.route_layer(from_fn_with_state(door, auth::admit)));
    }
    router.with_state(Arc::clone(shared))
}

/// What an address of its own serves to monitoring: one route without a door, because the operator
/// says who reaches that address.
pub(crate) fn metrics_alone(shared: &Arc<Shared>) -> Router {
    let route = on(MethodFilter::GET, health::metrics);
    Router::new().route("/metrics", route).with_state(Arc::clone(shared))
}
