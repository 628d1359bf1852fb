//! Time of access to something digital, and the run of a workflow, in an invented world. Their
//! events carry no additional data, so each is told whole here.

use serde_json::{Value, json};

use super::super::dates::SECONDS_PER_DAY;
use super::dice::Dice;
use super::people::Customer;
use super::stock::Shop;

/// An entitlement with its latest booking of time.
#[derive(Clone)]
pub(super) struct Entitlement {
    id: String,
    created: i64,
    updated: i64,
    expires: i64,
    grace_days: i64,
    is_live: bool,
    booking: String,
    is_first: bool,
    booked: i64,
    booked_days: i64,
    booked_grace_days: i64,
    source_item: String,
    grantee: Option<(String, String)>,
    resource: (String, &'static str, &'static str),
}

impl Entitlement {
    /// One that was granted just now: anew, or on top of time that runs.
    pub(super) fn invent(dice: &mut Dice, shop: &Shop, item: &str, guest: &str, now: i64) -> Self {
        let (is_first, booked_days) = (dice.once_in(2), dice.between(14, 90));
        let age = if is_first { 0 } else { dice.between(booked_days, 400) };
        // What was left of the time before is not lost.
        let left = if is_first { 0 } else { dice.between(0, 5) };
        let grace_days = dice.between(2, 5);
        Self {
            id: dice.id(),
            created: now - age * SECONDS_PER_DAY,
            updated: now,
            expires: now + (booked_days + left) * SECONDS_PER_DAY,
            grace_days,
            booked_grace_days: grace_days,
            is_live: true,
            booking: dice.id(),
            is_first,
            booked: now,
            booked_days,
            source_item: item.to_owned(),
            grantee: dice.once_in(3).then(|| (dice.id(), guest.to_owned())),
            resource: (dice.id(), shop.course.0, shop.course.1),
        }
    }

    /// Moves the whole past so that it expires `seconds` after `now`.
    fn expiring_in(&mut self, seconds: i64, now: i64) {
        let shift = self.expires - (now + seconds);
        for at in [&mut self.created, &mut self.booked, &mut self.updated, &mut self.expires] {
            *at -= shift;
        }
    }

    /// What the action of an event type made of it.
    pub(super) fn after(mut self, action: &str, dice: &mut Dice, now: i64) -> Self {
        match action {
            "entitlements_expiring" => {
                self.expiring_in(dice.between(1, 6) * SECONDS_PER_DAY, now);
            }
            "entitlements_expired" => {
                self.expiring_in(0, now);
                self.updated = now;
            }
            "entitlements_grace_period_expired" => {
                self.expiring_in(-self.grace_days * SECONDS_PER_DAY, now);
                (self.is_live, self.updated) = (false, now);
            }
            "entitlements_expiration_modified" => {
                self.expiring_in(dice.between(8, 12) * SECONDS_PER_DAY, now);
                self.expires = now + dice.between(13, 60) * SECONDS_PER_DAY;
                self.updated = now;
            }
            "entitlements_voided" => {
                self.expiring_in(dice.between(2, 12) * SECONDS_PER_DAY, now);
                (self.expires, self.grace_days) = (now, 0);
                (self.is_live, self.updated) = (false, now);
            }
            _ => {}
        }
        self
    }

    fn written(&self) -> Value {
        let kind = if self.is_first { "initialize_credit" } else { "grant_credit" };
        let grantees = self.grantee.as_ref().map(|(id, name)| {
            json!([{
                "external_id": id, "name": name, "created": self.created, "updated": self.created,
            }])
        });
        let (resource, name, description) = &self.resource;
        json!({
            "public_id": self.id,
            "access_type": "time_based",
            "created": self.created,
            "last_updated": self.updated,
            "expiration": self.expires,
            "grace_period": self.grace_days * SECONDS_PER_DAY,
            "live": self.is_live,
            "entitlement_transaction": {
                "public_id": self.booking,
                "transaction_type": kind,
                "source_action": "order-placement",
                "source_object": "item",
                "source_object_id": self.source_item,
                "transaction_initiation_time": self.booked,
                "transaction_execution_time": self.booked,
                "time_amount": self.booked_days * SECONDS_PER_DAY,
                "grace_period": self.booked_grace_days * SECONDS_PER_DAY,
            },
            "grantees": grantees,
            "resource": {
                "public_id": resource,
                "name": name,
                "description": description,
                "external_id": name.to_lowercase().replace(' ', "-"),
                "image_url": null,
            },
        })
    }
}

/// `data` of an entitlement event.
pub(super) fn data(customer: &Customer, merchant: &str, entitlements: &[Entitlement]) -> Value {
    let written: Vec<_> = entitlements.iter().map(Entitlement::written).collect();
    json!({
        "object": {
            "type": "entitlement",
            "merchant": merchant,
            "customer": customer.id,
            "entitlements": written,
        },
    })
}

/// The run of a workflow.
#[derive(Clone)]
pub(super) struct Workflow {
    id: String,
    run: String,
    story: (&'static str, &'static str),
    count: i64,
}

impl Workflow {
    pub(super) fn invent(dice: &mut Dice) -> Self {
        let stories = [
            ("free_gift", "A gift for loyal customers"),
            ("win_back", "Ask those who left"),
            ("anniversary", "A year together"),
        ];
        let (id, run) = (dice.id(), dice.id());
        Self { id, run, story: dice.one_of(&stories), count: dice.between(2, 12) }
    }

    /// `data` of a workflow event: `key`, `subscriber` and `execution_context` beside the object.
    pub(super) fn data(&self, customer: &Customer, merchant: &str, gift: &str) -> Value {
        json!({
            "key": self.story.0,
            "object": {
                "type": "workflow",
                "merchant": merchant,
                "workflow_id": self.id,
                "workflow_name": self.story.1,
                "execution_id": self.run,
            },
            "subscriber": {
                "email": customer.email,
                "phone_number": customer.phone,
                "first_name": customer.first_name,
                "last_name": customer.last_name,
            },
            "execution_context": { "orders_placed": self.count, "product": gift },
        })
    }
}
