//! The customer of an invented world, where they live, and how they pay.

use serde_json::{Value, json};

use super::super::dates::{self, moment};
use super::dice::Dice;
use super::stock;

/// A customer.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) id: String,
    session_number: i64,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) email: String,
    pub(super) phone: String,
    phone_type: i64,
    pub(super) live: bool,
    pub(super) created: i64,
    /// The visit in which they last subscribed.
    pub(super) visited: i64,
    pub(super) updated: i64,
    note: Option<&'static str>,
}

impl Customer {
    pub(super) fn invent(dice: &mut Dice, created: i64, visited: i64, now: i64) -> Self {
        let (first_name, last_name) =
            (dice.one_of(stock::FIRST_NAMES), dice.one_of(stock::LAST_NAMES));
        let number = dice.between(1, 999);
        let domain = dice.one_of(stock::MAIL_DOMAINS);
        let email = format!("{first_name}.{last_name}{number}@{domain}").to_lowercase();
        Self {
            id: format!("cust-{}", dice.between(10_000, 999_999)),
            session_number: dice.between(100_000, 999_999),
            first_name,
            last_name,
            email,
            phone: phone(dice),
            phone_type: dice.between(1, 3),
            live: true,
            created,
            visited,
            updated: now,
            note: dice.once_in(3).then(|| dice.one_of(&["newsletter", "referral", "trade fair"])),
        }
    }

    /// The full name.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    /// The visit to the shop of `merchant` at that time.
    pub(super) fn session(&self, merchant: &str, at: i64) -> String {
        format!("{merchant}.{}.{at}", self.session_number)
    }

    fn extra_data(&self) -> Value {
        self.note.map_or_else(|| json!({}), |note| json!({ "came_from": note }))
    }

    /// `data.object` of a subscriber event about these subscriptions.
    pub(super) fn object(&self, merchant: &str, one: Option<&str>, several: &[&str]) -> Value {
        json!({
            "type": "subscriber",
            "merchant": merchant,
            "merchant_user_id": self.id,
            "subscription": one,
            "subscriptions": several,
            "session_id": self.session(merchant, self.visited),
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "phone_number": self.phone,
            "phone_type": self.phone_type,
            "phone_type_display": match self.phone_type {
                1 => "landline",
                2 => "mobile",
                3 => "voip",
                _ => "invalid",
            },
            "live": self.live,
            "created": self.created,
            "last_updated": self.updated,
            "extra_data": self.extra_data(),
            "locale": 1,
            "locale_display": "en-us",
        })
    }

    /// The record in a snapshot.
    pub(super) fn record(&self, merchant: &str) -> Value {
        json!({
            "merchant": merchant,
            "merchant_user_id": self.id,
            "session_id": self.session(merchant, self.visited),
            "user_token_id": null,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "phone_number": self.phone,
            "phone_type": self.phone_type,
            "live": self.live,
            "created": moment(self.created),
            "last_updated": moment(self.updated),
            "last_login": moment(self.updated),
            "extra_data": self.extra_data(),
            "locale": 1,
            "price_code": null,
        })
    }
}

/// Numbers 555-0100 to 555-0199 are kept free for stories.
fn phone(dice: &mut Dice) -> String {
    format!("555-01{:02}", dice.between(0, 99))
}

/// Where somebody gets parcels or bills.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) id: String,
    label: &'static str,
    street: String,
    street2: Option<String>,
    place: (&'static str, &'static str, &'static str),
    postal_code_end: i64,
    phone: String,
    pub(super) created: i64,
}

impl Address {
    pub(super) fn invent(dice: &mut Dice, label: &'static str, created: i64) -> Self {
        Self {
            id: dice.id(),
            label,
            street: format!("{} {}", dice.between(1, 199), dice.one_of(stock::STREETS)),
            street2: dice.once_in(3).then(|| format!("Flat {}", dice.between(1, 40))),
            place: dice.one_of(stock::CITIES),
            postal_code_end: dice.between(1, 29),
            phone: phone(dice),
            created,
        }
    }

    /// The record in a snapshot.
    pub(super) fn record(&self, customer: &Customer) -> Value {
        let (city, state, postal_area) = self.place;
        json!({
            "customer": customer.id,
            "public_id": self.id,
            "label": self.label,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "company_name": null,
            "address": self.street,
            "address2": self.street2,
            "city": city,
            "state_province_code": state,
            "zip_postal_code": format!("{postal_area}{:02}", self.postal_code_end),
            "phone": self.phone,
            "fax": null,
            "country_code": "US",
            "live": true,
            "created": moment(self.created),
            "updated": moment(self.created),
            "token_id": null,
            "store_public_id": null,
        })
    }
}

/// A means of payment. Of a card only the last four digits exist.
#[derive(Clone)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) billing_address: String,
    card: Option<Card>,
    token: String,
    pub(super) created: i64,
    pub(super) updated: i64,
}

#[derive(Clone)]
struct Card {
    brand: (i64, &'static str),
    ending: i64,
    expires: String,
}

impl Payment {
    pub(super) fn card(dice: &mut Dice, billing_address: &str, created: i64, now: i64) -> Self {
        let expires = format!(
            "{:02}/{}",
            dice.between(1, 12),
            i64::from(dates::year(now)) + dice.between(1, 5)
        );
        let card = Card {
            brand: dice.one_of(stock::CARD_BRANDS),
            ending: dice.between(0, 9_999),
            expires,
        };
        Self { card: Some(card), ..Self::paypal(dice, billing_address, created) }
    }

    pub(super) fn paypal(dice: &mut Dice, billing_address: &str, created: i64) -> Self {
        Self {
            id: dice.id(),
            billing_address: billing_address.to_owned(),
            card: None,
            token: format!("tok_example_{}", dice.between(100_000, 999_999)),
            created,
            updated: created,
        }
    }

    /// The record in a snapshot.
    pub(super) fn record(&self, customer: &Customer) -> Value {
        let card = self.card.as_ref();
        let method = if card.is_some() { "credit card" } else { "paypal" };
        json!({
            "customer": customer.id,
            "billing_address": self.billing_address,
            "cc_number_ending": card.map(|card| format!("{:04}", card.ending)),
            "payment_method": method,
            "public_id": self.id,
            "label": card.map_or("PayPal", |card| card.brand.1),
            "token_id": self.token,
            "cc_holder": card.map(|_| customer.name()),
            "cc_type": card.map(|card| card.brand.0),
            "cc_exp_date": card.map(|card| card.expires.as_str()),
            "live": true,
            "created": moment(self.created),
            "last_updated": moment(self.updated),
        })
    }
}
