//! Where everything accepted is kept: three traits, one numbered contract, one suite that proves it.
//!
//! [`Queue`] is the hot path: every verb is plural and every call is one transaction. [`Catalog`] is
//! the cold one: merchants, webhooks, keys, lists; [`Accounts`] are its people. The dispatcher gets only a `Queue`, so it cannot
//! look anything up per delivery. Only this crate contains SQL, and only [`open()`] names a backend.
//!
//! # The contract
//!
//! - Q1 Append is all or nothing: event, deliveries, queue entries; a request's events together.
//! - Q2 The same idempotency key gives the same answer and no second delivery.
//! - Q3 A lease is exclusive until it runs out.
//! - Q4 Nothing is leased before it is due; earliest due first within a webhook.
//! - Q5 A lease that ran out makes the delivery due again, with a higher epoch.
//! - Q6 A settle with an old epoch changes nothing and says `Stale`.
//! - Q7 An attempt record and the delivery's move are one transaction.
//! - Q8 Pending deliveries have exactly one queue entry; others have none.
//! - Q9 Answers come in the order of the questions; one bad item spoils only itself.
//! - Q10 What was answered survives a killed process.
//! - Q11 `lease` names each webhook's next due time, or says there is none.
//! - Q12 Pages are stable while rows are added.
//! - Q13 A change someone asked for and its entry in the audit log are one transaction.
//! - Q14 Pruning removes an event only whole, and only when everything of it is over and old.
//!
//! Each number has at least one test in `conformance` whose name begins with it; the tidy test
//! fails if one has none.

pub mod accounts;
pub mod catalog;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod open;
pub mod queue;
pub mod recovery;
pub mod retention;
mod sqlite;

pub use accounts::Accounts;
pub use catalog::Catalog;
pub use error::{Result, StoreError};
pub use open::{OpenOptions, open};
pub use queue::Queue;

/// All of one database.
pub trait Store: Queue + Catalog + Accounts + std::fmt::Debug {}

impl<T: Queue + Catalog + Accounts + std::fmt::Debug> Store for T {}
