//! The audit log: who changed what and when, in a chain that shows tampering.
//!
//! Every change a person or program asks for carries a [`Stamp`]; the store writes the change and
//! its [`Entry`] in one transaction. Each entry's hash covers the entry and the hash before it, so
//! one that is altered, removed or slipped in later breaks the chain at that place
//! (reliability.md, U11).

use sha2::{Digest, Sha256};

use crate::ids::{Id, MerchantId};
use crate::time::Timestamp;

/// The hash the first entry follows.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// What kind of caller asked for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// Postrider itself, by a rule.
    System,
    /// A command given on the machine it runs on.
    Command,
    /// An operator's API key.
    Operator,
    /// A merchant's API key.
    ApiKey,
    /// A person who signed in.
    User,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::System, Self::Command, Self::Operator, Self::ApiKey, Self::User];

    /// The name people and the database see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Command => "command",
            Self::Operator => "operator",
            Self::ApiKey => "api_key",
            Self::User => "user",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Who asked for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The kind of caller.
    pub kind: ActorKind,
    /// The id of the key or user; `None` for the others.
    pub id: Option<String>,
    /// What people know it by: the name of a key, an e-mail address, a rule.
    pub name: String,
}

impl Actor {
    /// Postrider, by the rule `name`.
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, id: None, name: name.to_owned() }
    }

    /// The command `name`.
    pub fn command(name: &str) -> Self {
        Self { kind: ActorKind::Command, id: None, name: name.to_owned() }
    }
}

/// Who asked for a change, when, and in which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The request's id, if it came as one.
    pub request: Option<Id<()>>,
}

/// What was done, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place: 1, 2, 3 and so on, without gaps.
    pub position: u64,
    /// Whose rows it is about; `None`: the installation's.
    pub merchant: Option<MerchantId>,
    /// Who, when, in which request.
    pub stamp: Stamp,
    /// What, such as `webhook.paused`.
    pub action: String,
    /// The id of what it was done to.
    pub object: String,
    /// More in words, such as the names of the fields that changed; never their values, which may
    /// be secret.
    pub detail: String,
}

impl Entry {
    /// The hash of this entry after one with the hash `previous`.
    pub fn link(&self, previous: &[u8; 32]) -> [u8; 32] {
        let Self { position, merchant, stamp, action, object, detail } = self;
        let merchant = merchant.map(|id| id.to_string()).unwrap_or_default();
        let request = stamp.request.map(|id| id.to_string()).unwrap_or_default();
        let fields = [
            merchant.as_str(),
            stamp.by.kind.as_str(),
            stamp.by.id.as_deref().unwrap_or_default(),
            &stamp.by.name,
            &request,
            action,
            object,
            detail,
        ];
        let mut hash = Sha256::new();
        hash.update(previous);
        hash.update(position.to_be_bytes());
        hash.update(stamp.at.unix_millis().to_be_bytes());
        for field in fields {
            // With its length before it, no text can pass from one field to the next.
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let at = Timestamp::from_unix_millis(5);
        let stamp = Stamp { by: Actor::system("rule"), at, request: None };
        let (action, object) = ("webhook.paused".to_owned(), "w".to_owned());
        Entry { position: 1, merchant: None, stamp, action, object, detail: String::new() }
    }

    #[test]
    fn every_part_of_an_entry_is_in_its_hash() {
        let whole = entry().link(&CHAIN_START);
        let mut changed = vec![entry(); 8];
        changed[0].position = 2;
        changed[1].merchant = Some(MerchantId::from_bits(1));
        changed[2].stamp.at = Timestamp::from_unix_millis(6);
        changed[3].stamp.by.name.push('s');
        changed[4].stamp.by.id = Some("1".into());
        changed[5].stamp.request = Some(Id::from_bits(1));
        changed[6].object = "v".into();
        changed[7].detail = "d".into();
        for entry in &changed {
            assert_ne!(entry.link(&CHAIN_START), whole, "{entry:?}");
        }
        assert_ne!(entry().link(&[1; 32]), whole);
    }

    #[test]
    fn text_that_moves_between_fields_is_told_apart() {
        let (mut left, mut right) = (entry(), entry());
        (left.action, left.object) = ("ab".into(), "c".into());
        (right.action, right.object) = ("a".into(), "bc".into());
        assert_ne!(left.link(&CHAIN_START), right.link(&CHAIN_START));
    }
}
