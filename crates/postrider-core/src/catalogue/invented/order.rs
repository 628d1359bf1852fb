//! The orders of an invented world and their lines. Amounts are hundredths until they are written,
//! and an order's are always summed up from its lines.

use serde_json::{Value, json};

use super::super::dates::{day, moment};
use super::agreement::{Part, components, money};
use super::dice::Dice;
use super::stock::Good;

/// What the shop charges beside the goods.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Taken off what comes by subscription, in hundredths of its price.
    pub(super) discount_percent: i64,
    pub(super) tax_per_thousand: i64,
    pub(super) shipping_cents: i64,
}

/// A line item.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) order: String,
    pub(super) subscription: Option<String>,
    pub(super) offer: String,
    pub(super) good: Good,
    pub(super) parts: Vec<Part>,
    pub(super) quantity: i64,
    pub(super) unit_cents: i64,
    /// The first day it could not be placed for want of stock.
    pub(super) first_placed: Option<i64>,
}

impl Item {
    fn full_cents(&self) -> i64 {
        self.unit_cents * self.quantity
    }

    fn discount_cents(&self, terms: Terms) -> i64 {
        let percent = if self.subscription.is_some() { terms.discount_percent } else { 0 };
        self.full_cents() * percent / 100
    }

    fn shared(&self, terms: Terms) -> Value {
        json!({
            "public_id": self.id,
            "order": self.order,
            "subscription": self.subscription,
            "offer": self.offer,
            "product": self.good.sku,
            "components": components(&self.parts),
            "quantity": self.quantity,
            "price": money(self.unit_cents),
            "total_price": money(self.full_cents() - self.discount_cents(terms)),
        })
    }

    /// `data.object` of an item event.
    pub(super) fn object(&self, customer: &str, merchant: &str, terms: Terms) -> Value {
        let mut object = self.shared(terms);
        object["type"] = "item".into();
        object["merchant"] = merchant.into();
        object["customer"] = customer.into();
        object["first_placed"] = self.first_placed.into();
        object
    }

    /// The record in a snapshot.
    pub(super) fn record(&self, terms: Terms, order: &Order) -> Value {
        let mut record = self.shared(terms);
        record["extra_cost"] = "0.00".into();
        record["one_time"] = self.subscription.is_none().into();
        record["frozen"] = false.into();
        record["first_placed"] = self.first_placed.map(moment).into();
        record["product_attribute"] = Value::Null;
        record["subscription_component"] = Value::Null;
        record["order_updated"] = moment(order.updated).into();
        record
    }
}

/// Where an order stands (facts, section 10).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Unsent,
    Rejected,
    Canceled,
    Success,
    SendNow,
    GenericError,
    CardRetry,
}

impl Standing {
    const fn code_and_words(self) -> (i64, &'static str) {
        match self {
            Self::Unsent => (1, "Unsent"),
            Self::Rejected => (3, "Rejected"),
            Self::Canceled => (4, "Cancelled"),
            Self::Success => (5, "Success"),
            Self::SendNow => (6, "Send Now"),
            Self::GenericError => (15, "Generic Error Response"),
            Self::CardRetry => (18, "Credit Card Retry"),
        }
    }
}

/// An order.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) payment: String,
    pub(super) shipping_address: String,
    pub(super) created: i64,
    pub(super) updated: i64,
    /// A moment of the day it is placed.
    pub(super) place: i64,
    pub(super) canceled: Option<i64>,
    pub(super) tries: i64,
    pub(super) generic_errors: i64,
    pub(super) standing: Standing,
    pub(super) merchant_order_id: Option<String>,
    /// Code and text of the shop's refusal.
    pub(super) refusal: Option<(&'static str, &'static str)>,
}

impl Order {
    pub(super) fn invent(dice: &mut Dice, created: i64, place: i64) -> Self {
        Self {
            id: dice.id(),
            payment: String::new(),
            shipping_address: String::new(),
            created,
            updated: created,
            place,
            canceled: None,
            tries: 0,
            generic_errors: 0,
            standing: Standing::Unsent,
            merchant_order_id: None,
            refusal: None,
        }
    }

    /// What object and record have in common, summed up from the lines.
    fn shared<'a>(
        &self,
        customer: &str,
        merchant: &str,
        terms: Terms,
        items: impl Iterator<Item = &'a Item>,
    ) -> Value {
        let items: Vec<_> = items.filter(|item| item.order == self.id).collect();
        let sub_total: i64 = items.iter().map(|item| item.full_cents()).sum();
        let discount: i64 = items.iter().map(|item| item.discount_cents(terms)).sum();
        let tax = ((sub_total - discount) * terms.tax_per_thousand + 500) / 1_000;
        let shipping = if items.is_empty() { 0 } else { terms.shipping_cents };
        json!({
            "merchant": merchant,
            "public_id": self.id,
            "customer": customer,
            "payment": self.payment,
            "shipping_address": self.shipping_address,
            "sub_total": money(sub_total),
            "tax_total": money(tax),
            "shipping_total": money(shipping),
            "discount_total": money(discount),
            "total": money(sub_total - discount + tax + shipping),
            "tries": self.tries,
            "generic_error_count": self.generic_errors,
            "status": self.standing.code_and_words().0,
            "order_merchant_id": self.merchant_order_id,
            "rejected_message": self.refusal.map(|(_, text)| text),
            "extra_data": {},
        })
    }

    /// `data.object` of an order event.
    pub(super) fn object<'a>(
        &self,
        customer: &str,
        merchant: &str,
        terms: Terms,
        items: impl Iterator<Item = &'a Item>,
    ) -> Value {
        let mut object = self.shared(customer, merchant, terms, items);
        object["type"] = "order".into();
        object["created"] = self.created.into();
        object["place"] = day(self.place).into();
        object["cancelled"] = self.canceled.into();
        object["status_display"] = self.standing.code_and_words().1.into();
        object
    }

    /// The record in a snapshot.
    pub(super) fn record<'a>(
        &self,
        customer: &str,
        merchant: &str,
        terms: Terms,
        items: impl Iterator<Item = &'a Item>,
    ) -> Value {
        let mut record = self.shared(customer, merchant, terms, items);
        record["created"] = moment(self.created).into();
        record["updated"] = moment(self.updated).into();
        record["place"] = format!("{} 00:00:00", day(self.place)).into();
        record["cancelled"] = self.canceled.map(moment).into();
        record["type"] = 1.into();
        record["rejected_error_code"] = self.refusal.map(|(code, _)| code).into();
        record["locked"] = false.into();
        record["oos_free_shipping"] = false.into();
        record["currency_code"] = "USD".into();
        record
    }
}
