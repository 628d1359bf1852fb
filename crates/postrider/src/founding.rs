//! What an empty database is given first: a merchant, its owner, an operator key and an API key.
//!
//! Shared by `init` and the demo, so that the demo's keys are made as real ones are. Secrets exist
//! in clear only in the answer: the database keeps an Argon2id hash and digests.

use std::fmt;

use anyhow::{Context as _, anyhow};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use postrider_core::audit::{Actor, Stamp};
use postrider_core::ids::MerchantId;
use postrider_core::time::Timestamp;
use postrider_engine::chance::{self, Mint};
use postrider_store::Store;
use postrider_store::catalog::{ApiKey, Merchant, PageAsk, User};
use postrider_web::api_key::{KeyKind, Scopes, Secret};

/// Argon2id at 19 MiB, two passes, one lane (reliability.md U5).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// 16 bytes, as the Argon2 specification recommends for passwords.
const SALT_BYTES: usize = 16;

/// Crockford's digits: none that is taken for another. 32 of them, so a random byte picks one
/// without bias.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 24 digits are 120 random bits.
const PASSWORD_DIGITS: usize = 24;
/// Digits between dashes, for whoever has to type it.
const PASSWORD_GROUP: usize = 6;

/// What was made. Shown once.
pub(crate) struct Founded {
    pub(crate) merchant: MerchantId,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) operator_key: Secret,
    pub(crate) api_key: Secret,
}

impl fmt::Debug for Founded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Founded").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

/// Whether nothing was founded yet.
pub(crate) async fn is_empty(store: &dyn Store) -> anyhow::Result<bool> {
    let merchants = store.merchants(PageAsk { size: 1, cursor: None }).await;
    Ok(merchants.context("cannot read the merchants")?.rows.is_empty())
}

/// Makes the first merchant, its owner and the first keys.
pub(crate) async fn found(
    store: &dyn Store,
    mint: &Mint,
    now: Timestamp,
    name: &str,
    email: &str,
) -> anyhow::Result<Founded> {
    let stamp = Stamp { by: Actor::command("founding"), at: now, request: None };
    let password = password();
    let password_hash = hash(&password)?;
    let merchant = mint.id(now);
    let new = Merchant { id: merchant, name: name.to_owned(), created_at: now };
    store.create_merchant(new, stamp.clone()).await.context("cannot add the merchant")?;
    let owner = User {
        id: mint.id(now),
        merchant,
        email: email.to_owned(),
        password_hash,
        role: "owner".to_owned(),
        created_at: now,
    };
    store.create_user(owner, stamp.clone()).await.context("cannot add the owner")?;
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
        store.create_api_key(key, stamp.clone()).await.context("cannot add a key")?;
    }
    Ok(Founded { merchant, email: email.to_owned(), password, operator_key, api_key })
}

/// A fresh password.
fn password() -> String {
    let mut random = [0; PASSWORD_DIGITS];
    chance::fill_secret(&mut random);
    let digits: Vec<u8> =
        random.iter().map(|byte| DIGITS[usize::from(*byte) % DIGITS.len()]).collect();
    let groups: Vec<_> = digits.chunks(PASSWORD_GROUP).map(String::from_utf8_lossy).collect();
    groups.join("-")
}

/// The hash to keep, in PHC form. Takes some tens of milliseconds, on purpose.
fn hash(password: &str) -> anyhow::Result<String> {
    let failed = |what: &dyn fmt::Display| anyhow!("cannot hash the password: {what}");
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(&error))?;
    let mut salt = [0; SALT_BYTES];
    chance::fill_secret(&mut salt);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| failed(&error))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHash, PasswordVerifier as _};

    #[test]
    fn passwords_are_long_and_differ() {
        let (first, second) = (password(), password());
        assert_ne!(first, second);
        assert_eq!(first.len(), 27);
        assert_eq!(first.bytes().filter(|byte| DIGITS.contains(byte)).count(), PASSWORD_DIGITS);
    }

    #[test]
    fn the_hash_is_argon2id_with_the_agreed_costs_and_verifies() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let parsed = PasswordHash::new(&hash).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"wrong horse", &parsed).is_err());
    }
}
