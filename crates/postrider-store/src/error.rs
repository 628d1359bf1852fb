//! What a store can answer besides success. Small and closed; no string is ever matched.

/// A store's result.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such row, or not of this merchant: the two cannot be told apart.
    #[error("not found")]
    NotFound,
    /// Someone else changed the row since it was read, or the name is taken.
    #[error("changed meanwhile")]
    Conflict,
    /// One more would pass a bound.
    #[error("at most {limit} {what}")]
    LimitReached {
        /// What there are too many of, in the plural.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The merchant would be left without an owner who can sign in.
    #[error("the last owner stays")]
    LastOwner,
    /// The disk is full. Nothing was written; later calls may succeed.
    #[error("the disk is full")]
    StorageFull,
    /// The database cannot be used now. The outcome of this call is unknown or nothing.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A stored value cannot be read back.
    #[error("a stored value cannot be read: {0}")]
    Corrupt(&'static str),
    /// Another process has the database open.
    #[error("the database {path} is in use by {holder}")]
    InUse {
        /// Its file.
        path: String,
        /// Who holds it, as far as is known.
        holder: String,
    },
    /// The database is known to lose data or is not ours to use; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
}
