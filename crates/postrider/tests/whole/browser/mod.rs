//! The admin in a real browser.
//!
//! - `journeys`: what people come for, from the first webhook to a recovery;
//! - `pages`: every page for assistive technology, in both themes, and with hostile text in it.

mod journeys;
mod pages;
