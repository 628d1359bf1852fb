//! People and their sessions: what a role is called, which e-mail addresses there can be, and until
//! when a session lasts.
//!
//! What a role may do is left to the web crate, which knows the routes.

use crate::limits;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What a person is to a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Does everything of the merchant's, its users and keys included.
    Owner,
    /// Configures webhooks, posts events and resends deliveries.
    Developer,
    /// Looks.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Developer, Self::Viewer];

    /// The word of the API and of the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }

    /// The role of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// Reads an e-mail address: one `@` with something on both sides, no white space. Answers it in
/// lower case, as users are looked up by it. Whether it takes mail is nothing a form can tell.
pub fn read_email(text: &str) -> Result<String, Refusal> {
    let fits = text.len() <= limits::EMAIL_BYTES_MAX
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        });
    if fits {
        return Ok(text.to_lowercase());
    }
    let detail = "this is not an e-mail address; write name@domain";
    Err(Refusal::new("invalid_email", "email", detail))
}

/// When a session ends, having begun at `created_at` and been used last at `used_at`.
pub fn session_end(created_at: Timestamp, used_at: Timestamp) -> Timestamp {
    (created_at + limits::SESSION_LIFE).min(used_at + limits::SESSION_IDLE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_address_is_lower_cased_and_nonsense_refused() {
        assert_eq!(read_email("Ann@Example.COM").unwrap(), "ann@example.com");
        let long = format!("{}@example.com", "a".repeat(limits::EMAIL_BYTES_MAX));
        for text in ["", "ann", "@x", "ann@", "a b@x", "a@b@c", "a@\n", "a\0@b", &long] {
            assert_eq!(read_email(text).unwrap_err().code, "invalid_email", "{text:?}");
        }
    }

    #[test]
    fn roles_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("Owner"), None);
    }

    #[test]
    fn a_session_ends_when_idle_and_at_its_age_however_busy() {
        let began = Timestamp::from_unix_seconds(1_000);
        assert_eq!(session_end(began, began), began + Duration::from_mins(30));
        let busy = began + Duration::from_hours(11) + Duration::from_mins(50);
        assert_eq!(session_end(began, busy), began + Duration::from_hours(12));
    }
}
