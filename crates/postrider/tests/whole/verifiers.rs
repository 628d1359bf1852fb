//! Independent verifiers agree with the signer: deliveries of every event type of the catalogue
//! verify in every one of them, and each refuses a delivery with one flipped bit.

use crate::support::foreign::{Captured, Verifier};
use crate::support::{Client, Installation, Receiver, create_webhook};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

/// Where a bit is flipped.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Body,
    Id,
    Timestamp,
    Signature,
}

pub const PARTS: [Part; 4] = [Part::Body, Part::Id, Part::Timestamp, Part::Signature];

/// Spreads the flipped bits over a body; any odd number that shares no factor with usual lengths.
const STRIDE: usize = 7_919;

#[test]
fn independent_verifiers_accept_every_event_type_and_refuse_one_flipped_bit() {
    let installation = Installation::fresh();
    let server = installation.serve();
    let receiver = Receiver::start();
    let mut client = installation.client(&server);
    // Additional data of every kind, so that bodies differ as much as they can.
    let all = json!({
        "subscriber": ["subscriptions", "addresses", "payments", "products"],
        "subscription": ["customer", "addresses", "payments", "products"],
        "order": ["customer", "subscriptions", "items", "addresses", "payments", "products"],
        "item": ["customer", "subscriptions", "orders", "addresses", "payments", "products"],
    });
    let more = json!({"signature": "both", "additional_data": all});
    let key = create_webhook(&mut client, &receiver, &more);
    let types = post_examples(&mut client, &installation.merchant);

    let messages = receiver.take(types.len());
    let captured: Vec<_> = messages.iter().map(|m| Captured::new(m, &key)).collect();
    let mut arrived: Vec<_> = captured.iter().map(event_type).collect();
    arrived.sort();
    assert_eq!(arrived, types, "every event type arrives once");

    for verifier in Verifier::ALL {
        assert!(verifier.judge(&captured).iter().all(|valid| *valid), "{verifier:?}");
        for part in PARTS {
            let flipped = captured.iter().enumerate().map(|(n, d)| flip(d, verifier, part, n));
            let flipped: Vec<_> = flipped.collect();
            let accepted = verifier.judge(&flipped).into_iter().filter(|valid| *valid).count();
            assert_eq!(accepted, 0, "{verifier:?} accepted flipped bits in {part:?}");
        }
    }
    let count = captured.len();
    println!("{count} event types; {} verifiers x {} flips", Verifier::ALL.len(), 4 * count);
}

/// Posts the example of every event type, one per line; answers their names, sorted.
fn post_examples(client: &mut Client, merchant: &str) -> Vec<String> {
    let catalogue = client.get("/api/v1/event-types").expect(200).json();
    let entries = catalogue["results"].as_array().or(catalogue.as_array()).unwrap().clone();
    // Examples are about a merchant that is nobody; events must be about the one who posts them.
    let lines = entries.iter().map(|entry| {
        let nobody = entry["example"]["data"]["object"]["merchant"].as_str().unwrap();
        entry["example"].to_string().replace(nobody, merchant) + "\n"
    });
    let lines: Vec<_> = lines.collect();
    let answer = client.post_lines(lines.concat().as_bytes()).unwrap().expect(202).json();
    assert_eq!(answer["results"].as_array().unwrap().len(), entries.len());
    let names = entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn event_type(delivery: &Captured) -> String {
    let body: Value = serde_json::from_slice(&delivery.body).unwrap();
    body["type"].as_str().unwrap().to_owned()
}

/// The delivery with one bit flipped. Flips keep ASCII text ASCII and digits digits, so that it is
/// the signature that gives them away and not a parser or the clock.
pub fn flip(delivery: &Captured, verifier: Verifier, part: Part, number: usize) -> Captured {
    let mut flipped = delivery.clone();
    let is_standard = verifier != Verifier::Documented;
    match (part, is_standard) {
        (Part::Body, _) => flip_text(&mut flipped.body, number),
        (Part::Id, true) => flip_last(flipped.header("webhook-id")),
        // This scheme signs no id beside the body's own.
        (Part::Id, false) => {
            // Cut out, not parsed: the body may hold numbers that no parser here reads.
            let body = String::from_utf8(flipped.body).unwrap();
            let id = body.split('"').nth(3).unwrap().to_owned();
            let mut other = id.clone();
            flip_last(&mut other);
            flipped.body = body.replacen(&id, &other, 1).into_bytes();
        }
        (Part::Timestamp, true) => flip_last(flipped.header("webhook-timestamp")),
        (Part::Timestamp, false) => {
            let header = flipped.header("ordergroove-signature");
            let (timestamp, rest) = header.split_once(",sig=").unwrap();
            let mut timestamp = timestamp.to_owned();
            flip_last(&mut timestamp);
            *header = format!("{timestamp},sig={rest}");
        }
        (Part::Signature, true) => {
            let header = flipped.header("webhook-signature");
            let mut signature = BASE64.decode(header.strip_prefix("v1,").unwrap()).unwrap();
            signature[number % 32] ^= 1 << (number % 8);
            *header = format!("v1,{}", BASE64.encode(signature));
        }
        (Part::Signature, false) => flip_hex(flipped.header("ordergroove-signature"), number),
    }
    let is_same = flipped.body == delivery.body && flipped.headers == delivery.headers;
    assert!(!is_same, "something was flipped");
    flipped
}

/// Flips one of the seven lower bits of an ASCII byte.
fn flip_text(body: &mut [u8], number: usize) {
    let start = number * STRIDE % body.len();
    let place = (start..body.len()).chain(0..start).find(|place| body[*place].is_ascii()).unwrap();
    body[place] ^= 1 << (number % 7);
}

/// Flips the lowest bit of the last character: a digit stays a digit.
fn flip_last(text: &mut String) {
    let last = char::from(u8::try_from(text.pop().unwrap()).unwrap() ^ 1);
    text.push(last);
}

/// Flips one bit of the value of a hex digit of the signature at the end of a header.
fn flip_hex(header: &mut String, number: usize) {
    let place = header.len() - 64 + number % 64;
    let digit = u8::from_str_radix(&header[place..=place], 16).unwrap() ^ 1 << (number % 4);
    header.replace_range(place..=place, &format!("{digit:x}"));
}
