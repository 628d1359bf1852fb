//! The admin: pages for the people who look after webhooks.
//!
//! Owns pages, forms and what browsers need around them. Every page is made of answers of the API,
//! asked in the same process with the session of whoever looks (`client`): what somebody may see and
//! do is decided in one place, and nothing here can do what the API cannot.
//!
//! Invariants:
//! - a page exists only in the list of [`pages`]; pages that GET change nothing;
//! - whatever changes something arrives from our own page and carries a token bound to the session
//!   (`form`);
//! - pages run no inline script and no inline style, and show every text escaped (`page`).

mod account;
mod api_keys;
mod assets;
mod audit_log;
mod chart;
mod client;
mod deliveries;
mod event_types;
mod events;
mod export;
mod form;
mod live;
mod overview;
mod page;
mod preview;
mod receive;
mod sign_in;
mod undelivered;
mod users;
mod view;
mod visitor;
mod webhook_form;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use postrider_engine::Clock;

use crate::public_url::PublicUrl;

/// What pages need: the API, and the time.
pub(crate) struct Admin {
    api: Router,
    clock: Clock,
    /// The name requests carry their signature under.
    signature_header: Arc<str>,
}

/// Every page there is, and every form that is sent to one.
#[rustfmt::skip]
pub(crate) fn pages() -> Vec<(&'static str, MethodRouter<Arc<Admin>>)> {
    vec![
        ("/", get(overview::home)),
        ("/assets/{version}/{name}", get(assets::serve)),
        ("/set-up", get(account::set_up_page).post(account::set_up)),
        ("/sign-in", get(sign_in::page).post(sign_in::sign_in)),
        ("/sign-out", post(sign_in::sign_out)),
        ("/invitation", get(account::invitation_page).post(account::accept_invitation)),
        ("/portal", get(account::portal_page).post(account::enter_portal)),
        ("/overview", get(overview::show)),
        ("/webhooks", get(webhooks::list)),
        ("/webhooks/new", get(webhook_form::new).post(webhook_form::create)),
        ("/webhooks/preview", post(preview::show)),
        ("/webhooks/{id}", get(webhooks::details)),
        ("/webhooks/{id}/edit", get(webhook_form::edit).post(webhook_form::save)),
        ("/webhooks/{id}/{action}", get(webhooks::confirm).post(webhooks::act)),
        ("/deliveries", get(deliveries::log)),
        ("/deliveries/export", get(export::deliveries)),
        ("/deliveries/live", get(live::deliveries)),
        ("/deliveries/{id}", get(deliveries::card)),
        ("/deliveries/{id}/resend", post(deliveries::resend)),
        ("/events/{id}", get(events::show)),
        ("/undelivered", get(undelivered::list)),
        ("/undelivered/recover", get(undelivered::confirm).post(undelivered::recover)),
        ("/recoveries/{id}/cancel", post(undelivered::cancel)),
        ("/receive", get(receive::page).post(receive::check)),
        ("/event-types", get(event_types::list)),
        ("/api-keys", get(api_keys::list).post(api_keys::create)),
        ("/api-keys/{id}/revoke", post(api_keys::revoke)),
        ("/users", get(users::list).post(users::invite)),
        ("/users/{id}", post(users::change)),
        ("/audit-log", get(audit_log::list)),
    ]
}

/// Whether a path is one of a page.
#[cfg(test)]
pub(crate) fn owns(path: &str) -> bool {
    let is_page = |page: &str| {
        let (page, path) = (page.split('/'), path.split('/'));
        page.clone().count() == path.clone().count()
            && page.zip(path).all(|(page, path)| page.starts_with('{') || page == path)
    };
    pages().iter().any(|(page, _)| is_page(page))
}

/// The router of the pages, over the API they are made of.
pub(crate) fn build(
    api: Router,
    clock: Clock,
    signature_header: &str,
    public_url: Option<PublicUrl>,
) -> Router {
    let signature_header = Arc::from(signature_header);
    let admin = Arc::new(Admin { api, clock, signature_header });
    let paged =
        pages().into_iter().fold(Router::new(), |router, (path, page)| router.route(path, page));
    let paged = paged.fallback(page::unknown).with_state(admin);
    match public_url {
        Some(url) => paged.layer(from_fn_with_state(Arc::new(url), page::demand_host)),
        None => paged,
    }
}
