//! The domain of Postrider: types and rules of webhook delivery.
//!
//! A platform posts an [`event::Event`]. The [`routing::RoutingTable`] decides which webhooks want
//! it; each decision to deliver becomes a delivery with a [`snapshot::body`], signed by
//! [`sign::Signer`], whose attempts end in an [`outcome::Outcome`]; [`delivery::after`] decides
//! what becomes of it.
//!
//! Invariant: this crate does no I/O, reads no clock, draws no random number, and knows no SQL and
//! no HTTP library. It can fail only on bad input.

pub mod account;
pub mod address;
pub mod attempt;
pub mod audit;
pub mod catalogue;
pub mod delivery;
pub mod event;
pub mod filter;
pub mod ids;
pub mod json;
pub mod key;
pub mod limits;
pub mod outcome;
pub mod password;
pub mod pattern;
pub mod privacy;
pub mod recovery;
pub mod refusal;
pub mod rehearsal;
pub mod retry;
pub mod routing;
pub mod seal;
pub mod sign;
pub mod snapshot;
pub mod subject;
pub mod target;
pub mod terms;
pub mod time;
pub mod webhook;
