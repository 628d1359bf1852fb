//! What a sender wrote arrives as the same bytes, in the documented envelope: equal keys, numbers of
//! forty digits, odd white space, escapes, `\u0000`. A property over texts that are generated, not
//! printed by a JSON library, so that nothing normalises them on the way in.
//!
//! The same deliveries go through the foreign verifiers, intact and with a flipped bit.

use std::cell::RefCell;
use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::json;

use crate::support::foreign::{Captured, Verifier};
use crate::support::{Client, Installation, Message, Receiver, create_webhook};
use crate::verifiers::{PARTS, flip};

const SEED: u64 = 0x0b17_e5ed;
/// Batches times events in a batch: 10,000.
const BATCHES: u32 = 20;
const BATCH: usize = 500;
/// A little under what one request may hold.
const REQUEST_BYTES_MAX: usize = 900 * 1024;

/// One event as raw JSON texts.
#[derive(Debug, Clone)]
struct Raw {
    created: u32,
    data: String,
    context: Option<String>,
    customer: String,
    items: String,
    payments: String,
    space: String,
}

impl Raw {
    /// What is posted, with odd white space between the members.
    fn posted(&self, id: &str) -> String {
        let Self { created, data, context, customer, items, payments, space: s } = self;
        let context = context.as_ref().map(|raw| format!("\"context\"{s}:{raw}{s},"));
        let context = context.unwrap_or_default();
        format!(
            "{s}{{{s}\"created\":{s}{created},\"data\"{s}:{s}{data}{s},{context}\"snapshot\":{{{s}\
             \"payments\":{payments},{s}\"items\"{s}:{items},\"customer\":{s}{customer}{s}}},\
             \"type\":\"order.create\",{s}\"id\":\"{id}\"{s}}}{s}"
        )
    }

    /// The body the documentation promises: the sender's bytes, and of the snapshot only what the
    /// webhook chose.
    fn expected(&self, id: &str) -> String {
        let Self { created, data, context, customer, items, .. } = self;
        let context = context.as_deref().unwrap_or("null");
        format!(
            "{{\"id\":\"{id}\",\"type\":\"order.create\",\"created\":{created},\"data\":{data},\
             \"context\":{context},\"snapshot\":{{\"items\":{items},\"customer\":{customer}}}}}"
        )
    }

    /// The same without line breaks, which are white space outside of strings.
    fn on_one_line(&self) -> Self {
        let flat = |text: &str| text.replace(['\n', '\r'], "\t");
        Self {
            created: self.created,
            data: flat(&self.data),
            context: self.context.as_deref().map(flat),
            customer: flat(&self.customer),
            items: flat(&self.items),
            payments: flat(&self.payments),
            space: flat(&self.space),
        }
    }
}

#[test]
fn bodies_arrive_byte_for_byte_and_every_verifier_agrees() {
    let installation = Installation::fresh();
    let server = installation.serve();
    let receiver = Receiver::start();
    let mut client = installation.client(&server);
    let choice = json!({"order": ["customer", "items"]});
    let more = json!({"signature": "both", "additional_data": choice});
    let key = create_webhook(&mut client, &receiver, &more);

    let bench = RefCell::new(Bench { client, receiver, posted: 0, arrived: Vec::new() });
    let config = Config {
        cases: BATCHES,
        rng_seed: RngSeed::Fixed(SEED),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let batches = (any::<bool>(), vec(event(), BATCH));
    let property =
        |(as_lines, events): (bool, Vec<Raw>)| bench.borrow_mut().check(as_lines, &events);
    TestRunner::new(config).run(&batches, property).unwrap_or_else(|error| panic!("{error}"));

    let arrived = bench.into_inner().arrived;
    let captured: Vec<_> = arrived.iter().map(|m| Captured::new(m, &key)).collect();
    for verifier in Verifier::ALL {
        let valid = verifier.judge(&captured).into_iter().filter(|valid| *valid).count();
        let flipped = captured.iter().enumerate().map(|(n, d)| flip(d, verifier, PARTS[n % 4], n));
        let flipped: Vec<_> = flipped.collect();
        let forged = verifier.judge(&flipped).into_iter().filter(|valid| *valid).count();
        println!(
            "{verifier:?}: {valid} of {} valid, {forged} forged; seed {SEED:#x}",
            captured.len()
        );
        assert_eq!((valid, forged), (captured.len(), 0), "{verifier:?}");
    }
}

struct Bench {
    client: Client,
    receiver: Receiver,
    posted: usize,
    arrived: Vec<Message>,
}

impl Bench {
    fn check(&mut self, as_lines: bool, events: &[Raw]) -> Result<(), TestCaseError> {
        let mut expected = HashMap::new();
        let mut requests = vec![Vec::new()];
        let mut length = 0;
        for event in events {
            let event = if as_lines { event.on_one_line() } else { event.clone() };
            self.posted += 1;
            let id = format!("bytes-{}", self.posted);
            expected.insert(id.clone(), event.expected(&id));
            let text = event.posted(&id);
            length += text.len() + 1;
            if length > REQUEST_BYTES_MAX {
                requests.push(Vec::new());
                length = text.len();
            }
            requests.last_mut().into_iter().for_each(|request| request.push(text.clone()));
        }
        for request in requests {
            self.post(as_lines, &request);
        }
        for message in self.receiver.take(expected.len()) {
            let body = String::from_utf8(message.body.clone()).unwrap();
            let id = body.split('"').nth(3).unwrap();
            let wanted = expected.remove(id);
            prop_assert_eq!(Some(&body), wanted.as_ref());
            self.arrived.push(message);
        }
        prop_assert!(expected.is_empty(), "not delivered: {:?}", expected.keys());
        Ok(())
    }

    fn post(&mut self, as_lines: bool, events: &[String]) {
        let answer = if as_lines {
            self.client.post_lines(events.join("\n").as_bytes())
        } else {
            let body = format!("{{\"events\":[{}]}}", events.join(","));
            self.client.call("POST", "/api/v1/events", ("application/json", body.as_bytes()))
        };
        let answer = answer.unwrap().expect(202).json();
        assert_eq!(answer["results"].as_array().unwrap().len(), events.len());
    }
}

fn event() -> impl Strategy<Value = Raw> {
    let objects = (members(), members(), members());
    let data = (objects, 0..3_u8, space()).prop_map(|((object, other, more), shape, s)| {
        let object = format!("\"object\"{s}:{object}");
        match shape {
            0 => format!("{{{s}{object}{s}}}"),
            // Equal keys, also the one that matters: all of them stay.
            1 => format!("{{{object}{s},\"x\":{other},\"x\":{more}}}"),
            _ => format!("{{\"x\":{s}{other},{object},\"object\":{more}{s}}}"),
        }
    });
    let list = || vec(members(), 0..3).prop_map(|records| format!("[{}]", records.join(",")));
    let created = 0..=u32::MAX;
    let context = proptest::option::of(members());
    (created, data, context, members(), list(), list(), space()).prop_map(
        |(created, data, context, customer, items, payments, space)| Raw {
            created,
            data,
            context,
            customer,
            items,
            payments,
            space,
        },
    )
}

/// An object.
fn members() -> impl Strategy<Value = String> {
    object(value())
}

fn value() -> impl Strategy<Value = String> {
    let word = prop_oneof![Just("null"), Just("true"), Just("false")].prop_map(str::to_owned);
    let leaf = prop_oneof![1 => word, 3 => number(), 4 => string()];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let array = (vec(inner.clone(), 0..4), space())
            .prop_map(|(values, s)| format!("[{s}{}{s}]", values.join(&format!("{s},"))));
        prop_oneof![array, object(inner)]
    })
}

/// Few different keys, so that equal ones are common.
fn object(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let known = prop_oneof![Just("\"a\""), Just("\"\""), Just("\"__proto__\"")];
    let key = prop_oneof![3 => known.prop_map(str::to_owned), 1 => string()];
    (vec((key, inner), 0..4), space()).prop_map(|(members, s)| {
        let members = members.into_iter().map(|(key, value)| format!("{key}{s}:{value}"));
        format!("{{{s}{}{s}}}", members.collect::<Vec<_>>().join(&format!("{s},{s}")))
    })
}

/// Any number the grammar knows, most of them too long or too large for a machine's.
fn number() -> impl Strategy<Value = String> {
    let plain = "-?(0|[1-9][0-9]{0,5})";
    let long = "-?[1-9][0-9]{39}";
    let odd = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?";
    prop_oneof![plain, long, odd].prop_map(|number: String| number)
}

/// Escapes as written; one is a pair of surrogates.
const ESCAPES: &[&str] =
    &["\\u0000", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\uD83D\\ude00", "\\u2028"];

/// A string as written: raw characters and escapes of every kind.
fn string() -> impl Strategy<Value = String> {
    let is_raw = |c: &char| *c >= ' ' && !matches!(c, '"' | '\\');
    let raw = any::<char>().prop_filter("needs no escape", is_raw).prop_map(String::from);
    let escape = proptest::sample::select(ESCAPES).prop_map(str::to_owned);
    let piece = prop_oneof![3 => "[a-z ]{1,6}", 1 => raw, 2 => escape];
    vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn space() -> impl Strategy<Value = String> {
    string_regex("[ \t\r\n]{0,3}").unwrap()
}
