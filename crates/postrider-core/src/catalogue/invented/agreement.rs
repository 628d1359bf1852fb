//! The goods of an invented world and the subscriptions to them.

use serde_json::{Value, json};

use super::super::dates::{SECONDS_PER_DAY, day, moment};
use super::dice::Dice;
use super::stock::{self, Good};

/// Hundredths as the decimal text of payloads.
pub(super) fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A product as the platform knows it.
#[derive(Clone)]
pub(super) struct Product {
    pub(super) good: Good,
    created: i64,
    updated: i64,
}

impl Product {
    pub(super) fn of(dice: &mut Dice, good: Good, now: i64) -> Self {
        let created = now - dice.between(900, 1_500) * SECONDS_PER_DAY;
        Self { good, created, updated: created + dice.between(1, 800) * SECONDS_PER_DAY }
    }

    /// The record in a snapshot.
    pub(super) fn record(&self, merchant: &str) -> Value {
        let Good { sku, name, cents, group } = self.good;
        let page = sku.to_lowercase();
        json!({
            "merchant": merchant,
            "groups": [{ "group_type": "subscription_eligible", "name": group }],
            "name": name,
            "price": money(cents),
            "image_url": format!("https://shop.example.com/images/{page}.jpg"),
            "detail_url": format!("https://shop.example.com/products/{page}"),
            "external_product_id": sku,
            "sku": sku,
            "autoship_enabled": true,
            "premier_enabled": 0,
            "created": moment(self.created),
            "last_update": moment(self.updated),
            "live": true,
            "discontinued": false,
            "extra_data": {},
            "product_type": "standard",
            "autoship_by_default": false,
            "every": 1,
            "every_period": 3,
            "incentive_group": null,
            "prepaid_eligible": false,
            "offer_profile": null,
        })
    }
}

/// A part of a bundle.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) sku: &'static str,
    pub(super) quantity: i64,
}

pub(super) fn components(parts: &[Part]) -> Value {
    let shown = parts.iter().map(|Part { id, sku, quantity }| {
        json!({ "product": sku, "public_id": id, "quantity": quantity })
    });
    shown.collect()
}

/// A subscription.
#[derive(Clone)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) good: Good,
    pub(super) parts: Vec<Part>,
    pub(super) quantity: i64,
    /// The price it was promised for good.
    pub(super) locked_cents: Option<i64>,
    pub(super) rhythm: (i64, i64, i64, &'static str),
    pub(super) reminder_days: i64,
    pub(super) canceled: Option<(i64, (i64, &'static str))>,
    pub(super) merchant_order_id: Option<String>,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) offer: String,
    pub(super) payment: String,
    pub(super) shipping_address: String,
    /// Deliveries left and deliveries per payment, when it is paid ahead.
    pub(super) prepaid: Option<(i64, i64)>,
}

impl Subscription {
    pub(super) fn invent(dice: &mut Dice, good: Good, created: i64) -> Self {
        let rhythm = dice.one_of(stock::RHYTHMS);
        Self {
            id: dice.id(),
            good,
            parts: Vec::new(),
            quantity: dice.between(1, 3),
            locked_cents: dice.once_in(4).then_some(good.cents - 100),
            rhythm,
            reminder_days: dice.between(5, 7),
            canceled: None,
            merchant_order_id: None,
            created,
            updated: created,
            offer: dice.id(),
            payment: String::new(),
            shipping_address: String::new(),
            prepaid: None,
        }
    }

    /// The price of one unit now.
    pub(super) fn unit_cents(&self) -> i64 {
        self.locked_cents.unwrap_or(self.good.cents)
    }

    /// What object and record have in common.
    fn shared(&self, customer: &str, merchant: &str, session: &str) -> Value {
        let (days, every, every_period, _) = self.rhythm;
        let prepaid = self.prepaid.map(|(remaining, per_billing)| {
            // A float in the documented sample, so one here.
            let cents = i32::try_from(self.unit_cents() * self.quantity * per_billing);
            json!({
                "prepaid_orders_remaining": remaining,
                "prepaid_orders_per_billing": per_billing,
                "renewal_behavior": "autorenew",
                "last_renewal_revenue": f64::from(cents.unwrap_or_default()) / 100.0,
                "prepaid_origin_merchant_order_id": self.merchant_order_id,
            })
        });
        json!({
            "merchant": merchant,
            "public_id": self.id,
            "customer": customer,
            "product": self.good.sku,
            "components": components(&self.parts),
            "prepaid_subscription_context": prepaid,
            "extra_data": {},
            "quantity": self.quantity,
            "price": self.locked_cents.map(money),
            "frequency_days": days,
            "reminder_days": self.reminder_days,
            "every": every,
            "every_period": every_period,
            "cancel_reason": self.canceled.map(|(_, (code, text))| format!("{code}|{text}")),
            "cancel_reason_code": self.canceled.map(|(_, (code, _))| code),
            "session_id": session,
            "merchant_order_id": self.merchant_order_id,
            "live": self.canceled.is_none(),
            "external_id": null,
            "start_date": day(self.created),
            "offer": self.offer,
            "payment": self.payment,
            "shipping_address": self.shipping_address,
        })
    }

    /// `data.object` of a subscription event.
    pub(super) fn object(&self, customer: &str, merchant: &str, session: &str) -> Value {
        let mut object = self.shared(customer, merchant, session);
        object["type"] = "subscription".into();
        object["every_period_display"] = self.rhythm.3.into();
        object["cancelled"] = self.canceled.map(|(at, _)| at).into();
        object["created"] = self.created.into();
        object["updated"] = self.updated.into();
        object
    }

    /// The record in a snapshot.
    pub(super) fn record(&self, customer: &str, merchant: &str, session: &str) -> Value {
        let mut record = self.shared(customer, merchant, session);
        record["cancelled"] = self.canceled.map(|(at, _)| moment(at)).into();
        record["created"] = moment(self.created).into();
        record["updated"] = moment(self.updated).into();
        record["currency_code"] = "USD".into();
        for word in ["subscription_type", "raw_subscription_type"] {
            record[word] = "replenishment".into();
        }
        for unused in ["iteration", "sequence", "product_attribute", "customer_rep", "club"] {
            record[unused] = Value::Null;
        }
        record
    }
}
