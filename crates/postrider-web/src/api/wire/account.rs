//! Users, sessions, portal links and a fresh installation as the API shows them.

use postrider_store::accounts::{Invitation, PortalLink, Session, User};
use postrider_store::catalog::Merchant;
use schemars::JsonSchema;
use serde::Serialize;

use super::key::MerchantOut;
use crate::api_key::Secret;
use crate::founding::Founded;
use crate::openapi::schema;

/// A user as shown: never the password.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub(crate) struct UserOut<'a> {
    #[schemars(schema_with = "schema::user_id")]
    id: String,
    email: &'a str,
    name: &'a str,
    #[schemars(schema_with = "schema::role")]
    role: &'static str,
    disabled: bool,
    /// Whether an invitation was ever redeemed, or a password given.
    has_password: bool,
    #[schemars(schema_with = "schema::time")]
    created_at: String,
    #[schemars(schema_with = "schema::time_or_null")]
    last_signed_in_at: Option<String>,
    /// Only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<InvitationOut<'a>>,
}

impl<'a> UserOut<'a> {
    pub(crate) fn new(user: &'a User) -> Self {
        Self {
            id: user.id.to_string(),
            email: &user.email,
            name: &user.name,
            role: user.role.as_str(),
            disabled: user.disabled_at.is_some(),
            has_password: user.password_hash.is_some(),
            created_at: super::time(user.created_at),
            last_signed_in_at: user.last_signed_in_at.map(super::time),
            invitation: None,
        }
    }

    /// With an invitation that was just made.
    pub(crate) fn inviting(self, invitation: Option<InvitationOut<'a>>) -> Self {
        Self { invitation, ..self }
    }
}

/// An invitation; its token is shown once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Invitation")]
pub(crate) struct InvitationOut<'a> {
    token: &'a str,
    #[schemars(schema_with = "schema::time")]
    expires_at: String,
}

impl<'a> InvitationOut<'a> {
    pub(crate) fn new(invitation: &Invitation, secret: &'a Secret) -> Self {
        Self { token: secret.reveal(), expires_at: super::time(invitation.expires_at) }
    }
}

/// Who is signed in, as what, where, and until when unless the session is used before.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub(crate) struct SessionOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[schemars(schema_with = "schema::time")]
    expires_at: String,
    #[schemars(schema_with = "schema::role")]
    role: &'static str,
    /// The user's, or what the portal link said.
    email: Option<&'a str>,
    /// Whoever came through a portal link is none.
    user: Option<UserOut<'a>>,
    merchant: MerchantOut<'a>,
}

impl<'a> SessionOut<'a> {
    pub(crate) fn new(
        session: &'a Session,
        user: Option<&'a User>,
        merchant: &'a Merchant,
        secret: Option<&'a Secret>,
    ) -> Self {
        Self {
            token: secret.map(Secret::reveal),
            expires_at: super::time(session.expires_at()),
            role: session.role.as_str(),
            email: session.email.as_deref(),
            user: user.map(UserOut::new),
            merchant: MerchantOut::new(merchant),
        }
    }
}

/// A portal link; its token is shown once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PortalLink")]
pub(crate) struct PortalLinkOut<'a> {
    #[schemars(schema_with = "schema::portal_link_id")]
    id: String,
    /// Relative to the address of this installation.
    url: String,
    token: &'a str,
    #[schemars(schema_with = "schema::role")]
    role: &'static str,
    email: Option<&'a str>,
    #[schemars(schema_with = "schema::time")]
    expires_at: String,
}

impl<'a> PortalLinkOut<'a> {
    pub(crate) fn new(link: &'a PortalLink, secret: &'a Secret) -> Self {
        Self {
            id: link.id.to_string(),
            url: format!("/portal?token={}", secret.reveal()),
            token: secret.reveal(),
            role: link.role.as_str(),
            email: link.email.as_deref(),
            expires_at: super::time(link.expires_at),
        }
    }
}

/// A fresh installation, as `init` prints one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Founded")]
pub(crate) struct FoundedOut<'a> {
    #[schemars(schema_with = "schema::merchant_id")]
    merchant_id: String,
    email: &'a str,
    operator_key: &'a str,
    api_key: &'a str,
}

impl<'a> FoundedOut<'a> {
    pub(crate) fn new(founded: &'a Founded) -> Self {
        Self {
            merchant_id: founded.merchant.to_string(),
            email: &founded.email,
            operator_key: founded.operator_key.reveal(),
            api_key: founded.api_key.reveal(),
        }
    }
}
