//! What an empty database is given first: a merchant, its owner, an operator key and an API key.
//!
//! Shared by set-up over the API, `init` and the demo, so that all of them make what is made
//! later. Secrets exist in clear only in the answer: the database keeps an Argon2id hash and
//! digests.

use std::fmt;

use postrider_core::account::Role;
use postrider_core::audit::Stamp;
use postrider_core::ids::MerchantId;
use postrider_core::limits;
use postrider_core::password::{PasswordHash, SALT_BYTES, Unhashable};
use postrider_core::time::Timestamp;
use postrider_engine::chance::{self, Mint};
use postrider_store::accounts::User;
use postrider_store::catalog::{ApiKey, Merchant, PageAsk};
use postrider_store::{Store, StoreError};

use crate::api_key::{KeyKind, Scopes, Secret};

/// Crockford's digits: none that is taken for another. 32 of them, so a random byte picks one
/// without bias.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 24 digits are 120 random bits.
const PASSWORD_DIGITS: usize = 24;
/// Digits between dashes, for whoever has to type it.
const PASSWORD_GROUP: usize = 6;

/// Whom an empty database is for.
#[derive(Debug, Clone)]
pub struct Founder {
    /// The merchant's name.
    pub merchant_name: String,
    /// The owner's e-mail address, as `core::account::read_email` answers it.
    pub email: String,
    /// The owner's password.
    pub password_hash: PasswordHash,
}

/// What was made. Shown once.
pub struct Founded {
    /// The merchant.
    pub merchant: MerchantId,
    /// Its owner's e-mail address.
    pub email: String,
    /// A key that administers the installation.
    pub operator_key: Secret,
    /// A key of the merchant with every scope.
    pub api_key: Secret,
}

impl fmt::Debug for Founded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Founded").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

/// What opens an empty database to whoever reads the terminal it was started at.
pub struct SetupCode {
    digest: [u8; 32],
    expires_at: Timestamp,
}

impl SetupCode {
    /// A code, and its text to print.
    pub fn fresh(now: Timestamp) -> (Self, Secret) {
        let secret = Secret::fresh(KeyKind::Setup);
        let expires_at = now + limits::SETUP_CODE_LIFE;
        (Self { digest: secret.digest(), expires_at }, secret)
    }

    /// Whether `secret` is this code and comes in time.
    pub(crate) fn admits(&self, secret: &Secret, now: Timestamp) -> bool {
        // Digests: how far two of them are alike tells nothing about the code.
        self.digest == secret.digest() && now < self.expires_at
    }
}

impl fmt::Debug for SetupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupCode").finish_non_exhaustive()
    }
}

/// Whether nothing was founded yet.
pub async fn is_empty(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.merchants(PageAsk { size: 1, cursor: None }).await?.rows.is_empty())
}

/// Makes the first merchant, its owner and the first keys.
pub async fn found(
    store: &dyn Store,
    mint: &Mint,
    stamp: Stamp,
    founder: Founder,
) -> Result<Founded, StoreError> {
    let Founder { merchant_name, email, password_hash } = founder;
    let now = stamp.at;
    let merchant = mint.id(now);
    let new = Merchant { id: merchant, name: merchant_name, created_at: now };
    store.create_merchant(new, stamp.clone()).await?;
    let owner = User {
        id: mint.id(now),
        merchant,
        email: email.clone(),
        name: email.clone(),
        password_hash: Some(password_hash),
        role: Role::Owner,
        created_at: now,
        last_signed_in_at: None,
        disabled_at: None,
        credentials_version: 1,
    };
    store.create_user(owner, None, stamp.clone()).await?;
    let api_key = Secret::fresh(KeyKind::Merchant);
    let operator_key = Secret::fresh(KeyKind::Operator);
    // An operator's key is not limited by scopes, so it has none.
    for (secret, merchant, name, scopes) in [
        (&api_key, Some(merchant), "First API key", Scopes::ALL),
        (&operator_key, None, "First operator key", Scopes::NONE),
    ] {
        let key = ApiKey {
            id: mint.id(now),
            merchant,
            name: name.to_owned(),
            digest: secret.digest(),
            hint: secret.hint(),
            scopes: scopes.bits(),
            created_at: now,
            revoked_at: None,
        };
        store.create_api_key(key, stamp.clone()).await?;
    }
    Ok(Founded { merchant, email, operator_key, api_key })
}

/// A fresh password.
pub fn password() -> String {
    let mut random = [0; PASSWORD_DIGITS];
    chance::fill_secret(&mut random);
    let digits: Vec<u8> =
        random.iter().map(|byte| DIGITS[usize::from(*byte) % DIGITS.len()]).collect();
    let groups: Vec<_> = digits.chunks(PASSWORD_GROUP).map(String::from_utf8_lossy).collect();
    groups.join("-")
}

/// The hash of a password, with a salt of its own. Takes some tens of milliseconds, on purpose, of
/// the thread that calls it.
pub fn hash(password: &str) -> Result<PasswordHash, Unhashable> {
    let mut salt = [0; SALT_BYTES];
    chance::fill_secret(&mut salt);
    PasswordHash::of(password, salt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::password;
    use std::time::Duration;

    #[test]
    fn passwords_are_long_and_differ() {
        let (first, second) = (super::password(), super::password());
        assert_ne!(first, second);
        assert_eq!(first.len(), 27);
        assert_eq!(first.bytes().filter(|byte| DIGITS.contains(byte)).count(), PASSWORD_DIGITS);
        assert_eq!(password::check(&first, "password"), Ok(()));
    }

    #[test]
    fn a_setup_code_admits_itself_for_an_hour() {
        let now = Timestamp::from_unix_seconds(1_000);
        let (code, secret) = SetupCode::fresh(now);
        let end = now + Duration::from_hours(1);
        assert!(code.admits(&secret, now) && !code.admits(&secret, end));
        assert!(!code.admits(&Secret::fresh(KeyKind::Setup), now));
    }
}
