//! What an event type does to an invented world, and which of its records the event shows.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::super::dates::SECONDS_PER_DAY;
use super::agreement::Subscription;
use super::dice::Dice;
use super::order::{Item, Order, Standing};
use super::{EventTypeEntry, Family, Involved, World, access, shop_order, stock};

impl World {
    /// Lets happen what the event tells.
    pub(super) fn play(&mut self, entry: &EventTypeEntry, dice: &mut Dice) {
        let now = self.now;
        match entry.family {
            Family::Subscriber => self.play_subscriber(entry.action(), dice),
            Family::Subscription => {
                self.play_subscription(entry.action(), dice);
                for subscription in [&mut self.steady, &mut self.bundle] {
                    subscription.updated = now;
                }
            }
            Family::Order => {
                self.play_order(entry.action(), dice);
                self.order.updated = now;
            }
            Family::Item => {
                self.play_item(entry.action(), dice);
                (self.order.updated, self.later.updated) = (now, now);
            }
            Family::Entitlement => {
                let after = self.entitlements.drain(..);
                self.entitlements =
                    after.map(|each| each.after(entry.action(), dice, now)).collect();
            }
            Family::Workflow => {}
        }
    }

    fn play_subscriber(&mut self, action: &str, dice: &mut Dice) {
        let now = self.now;
        match action {
            "create" => {
                // Nothing of theirs is older than they are.
                self.customer.created = now;
                self.addresses.iter_mut().for_each(|address| address.created = now);
                for payment in &mut self.payments {
                    (payment.created, payment.updated) = (now, now);
                }
                self.subscribe_now();
            }
            "subscriptions_created" => {
                self.subscribe_now();
                self.bundle.merchant_order_id.clone_from(&self.steady.merchant_order_id);
                (self.bundle.created, self.bundle.updated) = (now, now);
            }
            "cancel" => {
                self.cancel(dice);
                self.customer.live = false;
            }
            _ => {}
        }
    }

    fn subscribe_now(&mut self) {
        (self.steady.created, self.steady.updated) = (self.now, self.now);
        self.customer.visited = self.now;
    }

    fn cancel(&mut self, dice: &mut Dice) {
        self.steady.canceled = Some((self.now, dice.one_of(stock::CANCEL_REASONS)));
        self.steady.updated = self.now;
    }

    fn play_subscription(&mut self, action: &str, dice: &mut Dice) {
        let steady = &mut self.steady;
        match action {
            "create" => self.subscribe_now(),
            "cancel" => self.cancel(dice),
            "sku_swap" => swap(steady, self.shop.instead),
            "change_frequency" => {
                let others = stock::RHYTHMS.iter().filter(|rhythm| **rhythm != steady.rhythm);
                steady.rhythm = dice.one_of(&others.copied().collect::<Vec<_>>());
            }
            "change_quantity" => steady.quantity += dice.between(1, 2),
            "change_components" => {
                if let Some(part) = self.bundle.parts.first_mut() {
                    part.quantity += dice.between(1, 2);
                }
            }
            "change_shipping_address" => {
                steady.shipping_address.clone_from(&self.addresses[1].id);
            }
            "change_payment" => steady.payment.clone_from(&self.payments[1].id),
            _ => {}
        }
    }

    fn play_order(&mut self, action: &str, dice: &mut Dice) {
        let now = self.now;
        match action {
            "create" => self.order_anew(),
            "change_shipping_address" => {
                self.order.shipping_address.clone_from(&self.addresses[1].id);
            }
            "change_payment" => self.order.payment.clone_from(&self.payments[1].id),
            "change_billing" => {
                self.payments[0].billing_address.clone_from(&self.addresses[1].id);
                self.payments[0].updated = now;
            }
            "change_next_order_date" => {
                self.order.place += dice.between(1, 21) * SECONDS_PER_DAY;
            }
            "reminder" => {
                self.order.place = now + self.steady.reminder_days * SECONDS_PER_DAY;
            }
            "skip_order" => {
                self.order.standing = Standing::Canceled;
                self.order.canceled = Some(now);
            }
            "send_now" => {
                self.order.standing = Standing::SendNow;
                self.order.place = now;
            }
            "success" => self.place_order(dice),
            "generic_error" => {
                self.try_order(dice, Standing::GenericError);
                self.order.generic_errors = self.order.tries;
            }
            "retryable_placement_failure" => {
                self.try_order(dice, Standing::CardRetry);
                self.order.refusal = Some(dice.one_of(stock::RETRYABLE));
            }
            "reject" => {
                self.try_order(dice, Standing::Rejected);
                self.order.refusal = Some(dice.one_of(stock::REJECTIONS));
            }
            "cancel" => {
                self.try_order(dice, Standing::Canceled);
                self.order.canceled = Some(now);
            }
            _ => {}
        }
    }

    /// The order comes to be now, with its first line alone.
    fn order_anew(&mut self) {
        self.order.created = self.now;
        self.order.place = self.now + self.steady.rhythm.0 * SECONDS_PER_DAY;
        self.others.clear();
    }

    fn try_order(&mut self, dice: &mut Dice, standing: Standing) {
        self.order.standing = standing;
        self.order.place = self.now;
        self.order.tries = dice.between(1, 3);
    }

    fn place_order(&mut self, dice: &mut Dice) {
        self.try_order(dice, Standing::Success);
        self.order.merchant_order_id = Some(shop_order(dice, &self.shop));
    }

    fn play_item(&mut self, action: &str, dice: &mut Dice) {
        let now = self.now;
        match action {
            "create" => self.order_anew(),
            "change_order" => self.line.order.clone_from(&self.later.id),
            "change_quantity" => self.line.quantity += dice.between(1, 2),
            "update_price" => self.line.unit_cents -= dice.between(50, 150),
            "sku_swap" => {
                swap(&mut self.steady, self.shop.instead);
                self.steady.updated = now;
                self.line.good = self.shop.instead;
                self.line.unit_cents = self.shop.instead.cents;
            }
            "item_subscribe" => self.subscribe_to_extra(dice),
            "out_of_stock" => {
                self.line.order.clone_from(&self.later.id);
                self.line.first_placed = Some(now - dice.between(0, 2) * SECONDS_PER_DAY);
                (self.later.created, self.later.place) = (now, now + SECONDS_PER_DAY);
            }
            "successfully_placed" => self.place_order(dice),
            _ => {}
        }
    }

    /// Turns what was bought once into a subscription. The line the event is about is that one.
    fn subscribe_to_extra(&mut self, dice: &mut Dice) {
        let Some(extra) = self.others.first_mut() else { return };
        let begun = Subscription {
            quantity: extra.quantity,
            locked_cents: None,
            payment: self.order.payment.clone(),
            shipping_address: self.order.shipping_address.clone(),
            ..Subscription::invent(dice, extra.good, self.now)
        };
        extra.subscription = Some(begun.id.clone());
        extra.offer.clone_from(&begun.offer);
        std::mem::swap(&mut self.line, extra);
        self.customer.visited = self.now;
        self.begun = Some(begun);
    }

    /// What the event shows of the world after it.
    pub(super) fn involved(&self, entry: &EventTypeEntry) -> Involved<'_> {
        let of_items = |items: &[&Item]| {
            let owns = |s: &&Subscription| {
                items.iter().any(|item| item.subscription.as_ref() == Some(&s.id))
            };
            self.subscriptions().filter(owns).collect()
        };
        match (entry.family, entry.action()) {
            (Family::Subscriber, "subscriptions_created") => {
                Involved::subscriptions(vec![&self.steady, &self.bundle])
            }
            (Family::Subscription, "change_components") => {
                Involved::subscriptions(vec![&self.bundle])
            }
            (Family::Subscriber | Family::Subscription, _) => {
                Involved::subscriptions(vec![&self.steady])
            }
            (Family::Order, _) => {
                let items: Vec<_> = self.items().collect();
                Involved { subscriptions: of_items(&items), orders: vec![&self.order], items }
            }
            (Family::Item, _) => {
                let items = vec![&self.line];
                let order =
                    if self.line.order == self.later.id { &self.later } else { &self.order };
                Involved { subscriptions: of_items(&items), orders: vec![order], items }
            }
            (Family::Entitlement | Family::Workflow, _) => Involved::subscriptions(Vec::new()),
        }
    }

    /// The lines an order's amounts are summed up from, after the event.
    pub(super) fn lines(&self, entry: &EventTypeEntry) -> impl Iterator<Item = &Item> {
        let removed = (entry.name == "item.remove").then_some(&self.line.id);
        self.items().filter(move |item| Some(&item.id) != removed)
    }

    /// `data` of the event.
    pub(super) fn data(&self, entry: &EventTypeEntry, dice: &mut Dice) -> Value {
        let (merchant, customer) = (&*self.merchant, &*self.customer.id);
        let involved = self.involved(entry);
        let mut object = match entry.family {
            Family::Subscriber => {
                let ids: Vec<_> = involved.subscriptions.iter().map(|s| s.id.as_str()).collect();
                match (entry.action(), &*ids) {
                    ("create" | "cancel", [one]) => self.customer.object(merchant, Some(one), &[]),
                    _ => self.customer.object(merchant, None, &ids),
                }
            }
            Family::Subscription => involved.subscriptions.first().map_or(Value::Null, |s| {
                s.object(customer, merchant, &self.customer.session(merchant, s.created))
            }),
            Family::Order => self.order.object(customer, merchant, self.terms, self.lines(entry)),
            Family::Item => self.line.object(customer, merchant, self.terms),
            Family::Entitlement => {
                return access::data(&self.customer, merchant, &self.entitlements);
            }
            Family::Workflow => {
                return self.workflow.data(&self.customer, merchant, self.shop.extra.sku);
            }
        };
        if carries_token(entry.name) {
            object["one_click_token"] = one_click_token(dice).into();
        }
        json!({ "object": object })
    }

    /// Who did it, and for a new subscription where it came from.
    pub(super) fn context(&self, name: &str) -> Value {
        let mut actor = json!({ "type": actor_of(name) });
        match actor_of(name) {
            "customer" => actor["customer"] = json!({ "merchant_user_id": self.customer.id }),
            "user" => actor["user"] = json!({ "public_id": self.staff }),
            "apikey" => {
                actor["api_key"] = json!({ "public_id": self.api_key, "name": "Shop backend" });
            }
            _ => {}
        }
        if name == "subscription.create" {
            return json!({ "actor": actor, "source": "PurchasePOST" });
        }
        json!({ "actor": actor })
    }
}

impl<'a> Involved<'a> {
    fn subscriptions(subscriptions: Vec<&'a Subscription>) -> Self {
        Self { subscriptions, orders: Vec::<&'a Order>::new(), items: Vec::new() }
    }
}

/// A promised price holds for the product it was promised for.
fn swap(subscription: &mut Subscription, good: stock::Good) {
    subscription.good = good;
    subscription.locked_cents = None;
}

/// The types that carry a token (facts, sections 3.2 and 3.3).
fn carries_token(name: &str) -> bool {
    matches!(
        name,
        "subscription.create"
            | "subscription.cancel"
            | "subscription.refresh_one_click_token"
            | "order.reminder"
            | "order.refresh_one_click_token"
    )
}

/// Has the form of a token and opens nothing.
fn one_click_token(dice: &mut Dice) -> String {
    let part = |text: &str| BASE64.encode(text);
    let head = part(r#"{"alg":"ES512","typ":"JWT"}"#);
    let body = part(&format!(r#"{{"jti":"{}","sub":"invented"}}"#, dice.id()));
    format!("{head}.{body}.{}", part("not a real signature"))
}

fn actor_of(name: &str) -> &'static str {
    match name {
        "order.delete" => "user",
        "item.update_price"
        | "entitlement.entitlements_expiration_modified"
        | "entitlement.entitlements_voided" => "apikey",
        "subscription.refresh_one_click_token"
        | "order.create"
        | "order.reminder"
        | "order.refresh_one_click_token"
        | "order.success"
        | "order.generic_error"
        | "order.retryable_placement_failure"
        | "order.reject"
        | "order.cancel"
        | "item.create"
        | "item.out_of_stock"
        | "item.successfully_placed" => "og-system-process",
        _ if name.starts_with("entitlement.") || name.starts_with("workflow.") => {
            "og-system-process"
        }
        _ => "customer",
    }
}
