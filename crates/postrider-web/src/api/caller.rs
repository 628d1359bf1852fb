//! Who is calling: an API key, or somebody who is signed in.
//!
//! What a role may do is data: a set of scopes, and whether it administers its merchant. With the
//! access each route names in the route list, that is the whole matrix of roles and routes.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use postrider_core::account::Role;
use postrider_core::audit::{Actor, ActorKind};
use postrider_core::ids::MerchantId;
use postrider_store::accounts::Session;
use postrider_store::catalog::ApiKey;

use super::auth::Access;
use crate::api_key::{Scope, Scopes};
use crate::error::ApiError;

/// The credential a request came with.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A program.
    Key(Arc<ApiKey>),
    /// A person.
    Session(Arc<Session>),
}

/// What somebody of this role may do at their merchant.
pub(crate) const fn scopes_of(role: Role) -> Scopes {
    match role {
        Role::Owner | Role::Developer => Scopes::ALL,
        Role::Viewer => Scopes::NONE.with(Scope::WebhooksRead).with(Scope::DeliveriesRead),
    }
}

/// Whether somebody of this role looks after users, keys and links of their merchant.
pub(crate) const fn administers(role: Role) -> bool {
    matches!(role, Role::Owner)
}

impl Caller {
    /// The merchant this caller belongs to; an operator to none.
    pub(crate) fn merchant(&self) -> Option<MerchantId> {
        match self {
            Self::Key(key) => key.merchant,
            Self::Session(session) => Some(session.merchant),
        }
    }

    /// Who this is, for the audit log.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Key(key) => {
                let is_operator = key.merchant.is_none();
                let kind = if is_operator { ActorKind::Operator } else { ActorKind::ApiKey };
                Actor { kind, id: Some(key.id.to_string()), name: key.name.clone() }
            }
            Self::Session(session) => session.actor(),
        }
    }

    /// Refuses a caller who may not do what the route does.
    pub(super) fn demand(&self, access: Access) -> Result<(), ApiError> {
        match access {
            Access::Public | Access::AnyKey => Ok(()),
            Access::Operator => self.demand_operator(),
            Access::Administration => self.demand_administration(),
            Access::Session => self.demand_session(),
            Access::Merchant(scope) | Access::MerchantInBody(scope) => self.demand_scope(scope),
        }
    }

    fn demand_operator(&self) -> Result<(), ApiError> {
        if self.merchant().is_none() {
            return Ok(());
        }
        Err(forbidden("operator_required", "This needs an operator's key.".to_owned()))
    }

    fn demand_administration(&self) -> Result<(), ApiError> {
        let may = match self {
            Self::Key(key) => key.merchant.is_none(),
            Self::Session(session) => administers(session.role),
        };
        if may {
            return Ok(());
        }
        let detail = "This needs an owner who is signed in, or an operator's key.";
        Err(forbidden("administration_required", detail.to_owned()))
    }

    /// Refuses a caller who lacks a scope; also for what a route's own access does not cover.
    pub(super) fn demand_scope(&self, scope: Scope) -> Result<(), ApiError> {
        let (may, who) = match self {
            Self::Key(key) => (
                key.merchant.is_none() || Scopes::from_bits(key.scopes).has(scope),
                "a key with".to_owned(),
            ),
            Self::Session(session) => (
                scopes_of(session.role).has(scope),
                format!("more than the role `{}`:", session.role.as_str()),
            ),
        };
        if may {
            return Ok(());
        }
        let detail = format!("This needs {who} the scope `{}`.", scope.as_str());
        Err(forbidden("scope_missing", detail))
    }

    fn demand_session(&self) -> Result<(), ApiError> {
        if matches!(self, Self::Session(_)) {
            return Ok(());
        }
        let detail = "This is for people who are signed in, not for API keys.";
        Err(forbidden("session_required", detail.to_owned()))
    }
}

fn forbidden(code: &'static str, detail: String) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, code, detail)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| ApiError::internal("a route that asks who calls is public"))
    }
}

/// The session a request came with, on routes that ask for one.
pub(crate) struct SignedIn(pub(crate) Arc<Session>);

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Session(session)) => Ok(Self(Arc::clone(session))),
            _ => Err(ApiError::internal("a route of sessions has the wrong access")),
        }
    }
}
