//! Passwords: which are allowed, and the form they are kept in.
//!
//! Length is all that is asked of a password, beside not being one that everybody tries
//! (reliability.md U5). What is kept is an Argon2id hash in PHC form; making and checking one takes
//! some tens of milliseconds and 19 MiB on purpose, so callers bound how many run at once and keep
//! them off threads that others wait for. The salt is an argument.
//!
//! Invariants: a password is taken byte for byte as typed; nothing here prints one, or its hash.

mod common;

use std::fmt;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use crate::limits;
use crate::refusal::Refusal;

/// 16 bytes, as the Argon2 specification recommends for passwords.
pub const SALT_BYTES: usize = 16;
/// Argon2id at 19 MiB, two passes, one lane (reliability.md U5).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The hash could not be made: the machine has no memory for it.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash a password: {0}")]
pub struct Unhashable(String);

impl PasswordHash {
    /// Hashes a password with a random salt.
    pub fn of(password: &str, salt: [u8; SALT_BYTES]) -> Result<Self, Unhashable> {
        let failed = |error: &dyn fmt::Display| Unhashable(error.to_string());
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| failed(&e))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|hash| Self(hash.to_string())).map_err(|error| failed(&error))
    }

    /// A hash as a store kept it.
    pub fn restored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The PHC form, to store.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is the hash of `password`. A hash that cannot be read is of no password.
    pub fn is_of(&self, password: &str) -> bool {
        // The costs are those of the hash, so that older ones can still be checked.
        Argon2::default().verify_password(password.as_bytes(), self.0.as_str()).is_ok()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Refuses what is too long to be hashed: a check costs the same for any password.
pub fn check_size(password: &str, field: &'static str) -> Result<(), Refusal> {
    let max = limits::PASSWORD_CHARS_MAX;
    // Four bytes are the longest character, so the cheap test comes first.
    if password.len() > max * 4 || password.chars().count() > max {
        let detail = format!("a password has at most {max} characters");
        return Err(Refusal::new("password_too_long", field, detail));
    }
    Ok(())
}

/// Checks a password somebody wants to have.
pub fn check(password: &str, field: &'static str) -> Result<(), Refusal> {
    check_size(password, field)?;
    let min = limits::PASSWORD_CHARS_MIN;
    if password.chars().count() < min {
        let detail = format!(
            "a password has at least {min} characters; a few words that do not belong together \
             are easy to keep in mind"
        );
        return Err(Refusal::new("password_too_short", field, detail));
    }
    if common::is_common(password) {
        let detail = "this password is made of what everybody tries first; choose another";
        return Err(Refusal::new("password_common", field, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(password: &str) -> Option<&'static str> {
        check(password, "password").err().map(|refusal| refusal.code)
    }

    #[test]
    fn the_hash_is_argon2id_with_the_agreed_costs_and_verifies() {
        let hash = PasswordHash::of("correct horse", [7; SALT_BYTES]).unwrap();
        assert!(hash.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.reveal());
        assert!(hash.is_of("correct horse") && !hash.is_of("wrong horse"));
        assert_ne!(hash, PasswordHash::of("correct horse", [8; SALT_BYTES]).unwrap());
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
        assert!(!PasswordHash::restored("$argon2id$").is_of(""));
    }

    /// Row 113.
    #[test]
    fn length_is_counted_in_characters_and_bounded() {
        assert_eq!(code("tulip anchor 4"), Some("password_too_short"));
        assert_eq!(code("tulip anchor 42"), None);
        assert_eq!(code("🦊🐢🦉🐝🦀🐙🦔🐳🐫🦒🐘🦚🐿🦥🐓"), None);
        assert_eq!(code("tulip\0anchor\u{7f}basalt"), None);
        let long: String = ('a'..='z').cycle().step_by(5).take(1_024).collect();
        assert_eq!(code(&long), None);
        assert_eq!(code(&format!("{long}q")), Some("password_too_long"));
        assert_eq!(code(&"ß".repeat(1_000_000)), Some("password_too_long"));
    }

    #[test]
    fn nothing_is_asked_of_which_characters_there_are() {
        for password in ["velvet tractor moss", "sixteenlowercasewords", "ALLCAPSBUTUNUSUAL"] {
            assert_eq!(code(password), None, "{password}");
        }
    }
}
