//! The built-in event types: the union of all documented generations, with triggers in our words.
//!
//! Source: facts, section 2. Where that source names a type without explaining it, the description
//! says so instead of guessing, and `Repeats::Unknown` stands for an empty or doubtful "repeat".
//!
//! Invariant: entries of one family stand together, families in the order of `Family::ALL`; within
//! a family, in the order of an object's life as far as there is one.

use super::Family::{Entitlement, Item, Order, Subscriber, Subscription, Workflow};
use super::Repeats::{Once, Repeatedly, Unknown};
use super::{EventTypeEntry, Family, Repeats};

const fn entry(
    family: Family,
    name: &'static str,
    repeats: Repeats,
    description: &'static str,
) -> EventTypeEntry {
    EventTypeEntry { name, family, description, repeats }
}

pub(super) static ENTRIES: &[EventTypeEntry] = &[
    entry(
        Subscriber,
        "subscriber.create",
        Once,
        "Somebody subscribed for the first time: this customer had no subscription before. \
         `subscription` names the one that made them a subscriber.",
    ),
    entry(
        Subscriber,
        "subscriber.cancel",
        Repeatedly,
        "A customer has no active subscription left, because they canceled the last one, which is \
         named in `subscription`. A customer who comes back and leaves again causes it again.",
    ),
    entry(
        Subscriber,
        "subscriber.subscriptions_created",
        Repeatedly,
        "A customer added one or several subscriptions in one go; `subscriptions` lists them all, \
         so you need not gather single `subscription.create` events.",
    ),
    entry(
        Subscription,
        "subscription.create",
        Once,
        "A customer took out a new subscription. Staff who add one in the admin do not cause this \
         event.",
    ),
    entry(
        Subscription,
        "subscription.cancel",
        Repeatedly,
        "A subscription was ended and makes no further orders. It can be reactivated and canceled \
         again later.",
    ),
    entry(
        Subscription,
        "subscription.change_live",
        Repeatedly,
        "A subscription that had been canceled is running again.",
    ),
    entry(
        Subscription,
        "subscription.reactivate",
        Unknown,
        "A canceled subscription was taken up again. It accompanies `subscription.change_live`; \
         choose one of the two to act on.",
    ),
    entry(
        Subscription,
        "subscription.sku_swap",
        Repeatedly,
        "The subscription now delivers another product; `product` is the new one.",
    ),
    entry(
        Subscription,
        "subscription.change_frequency",
        Repeatedly,
        "The interval between the deliveries of a subscription was changed.",
    ),
    entry(
        Subscription,
        "subscription.change_quantity",
        Repeatedly,
        "A subscription now delivers more or fewer units each time.",
    ),
    entry(
        Subscription,
        "subscription.change_components",
        Repeatedly,
        "The contents of a subscribed bundle changed: a part came in, went out, or was altered. \
         `components` holds the contents after the change.",
    ),
    entry(
        Subscription,
        "subscription.change_shipping_address",
        Repeatedly,
        "A subscription was pointed to a shipping address, its first or a different one.",
    ),
    entry(
        Subscription,
        "subscription.change_payment",
        Repeatedly,
        "A subscription was given a means of payment, its first or a different one.",
    ),
    entry(
        Subscription,
        "subscription.refresh_one_click_token",
        Repeatedly,
        "The customer used the one-click link made with the last token of this subscription, so \
         that token is spent; use the one in this event from now on.",
    ),
    entry(
        Order,
        "order.create",
        Once,
        "A new upcoming order exists. It is announced when it receives its first item, so it is \
         never empty.",
    ),
    entry(
        Order,
        "order.change_shipping_address",
        Repeatedly,
        "An order was given a shipping address, its first or a different one.",
    ),
    entry(
        Order,
        "order.change_payment",
        Repeatedly,
        "An order was given a means of payment, its first or a different one.",
    ),
    entry(
        Order,
        "order.change_billing",
        Unknown,
        "The billing details of an order were changed. The original documentation lists this type \
         without saying more, so compare the order with what you know of it.",
    ),
    entry(
        Order,
        "order.change_next_order_date",
        Repeatedly,
        "An order is to be placed on another day, found in `place`. Staff who move it in the \
         admin do not cause this event.",
    ),
    entry(
        Order,
        "order.reminder",
        Repeatedly,
        "The customer was told that an order is coming up, normally once and a few days before \
         it is placed.",
    ),
    entry(
        Order,
        "order.refresh_one_click_token",
        Repeatedly,
        "The customer used the one-click link made with the last token of this order, so that \
         token is spent; use the one in this event from now on.",
    ),
    entry(
        Order,
        "order.skip_order",
        Once,
        "A person, the customer or your staff, decided against an upcoming order: it will not be \
         placed. Not to be confused with `order.cancel`, which your shop's system decides.",
    ),
    entry(
        Order,
        "order.send_now",
        Unknown,
        "An order was brought forward to today and goes out with the next placement.",
    ),
    entry(
        Order,
        "order.success",
        Once,
        "Your shop accepted the order and it counts as revenue. Each of its items sends \
         `item.successfully_placed` as well.",
    ),
    entry(
        Order,
        "order.generic_error",
        Repeatedly,
        "Your shop answered the placement with an error it could not name (code 999). The order \
         is tried again, up to a limit.",
    ),
    entry(
        Order,
        "order.retryable_placement_failure",
        Repeatedly,
        "Your shop could not take the order for a reason that your retry settings cover, such as \
         a declined card; it will be tried again. Sent only where that retry feature is on.",
    ),
    entry(
        Order,
        "order.reject",
        Once,
        "Your shop refused the order for good: no revenue and no further try. `rejected_message` \
         holds the reason your shop gave.",
    ),
    entry(
        Order,
        "order.cancel",
        Once,
        "Your shop answered the placement by calling the order off (code 030), so nobody tries it \
         again. When a person drops an order, `order.skip_order` is sent instead.",
    ),
    entry(
        Order,
        "order.delete",
        Once,
        "An order was removed altogether. Mark your copy as deleted and ignore the amounts: they \
         are those of the moment of deletion and are not set to zero.",
    ),
    entry(
        Item,
        "item.create",
        Once,
        "A line item was added to an order. A subscription makes a new one for each of its \
         deliveries.",
    ),
    entry(
        Item,
        "item.change_order",
        Unknown,
        "A line item went from one order to another, mostly because it alone was moved to a \
         different day. `order` is its new order.",
    ),
    entry(
        Item,
        "item.change_quantity",
        Repeatedly,
        "The number of units of a line item was changed.",
    ),
    entry(
        Item,
        "item.update_price",
        Repeatedly,
        "The price of a line item was changed, which only the REST call for changing prices does.",
    ),
    entry(
        Item,
        "item.sku_swap",
        Unknown,
        "A line item now stands for another product, found in `product`. The original \
         documentation lists this type without saying more.",
    ),
    entry(
        Item,
        "item.item_subscribe",
        Once,
        "A product ordered once was turned into a subscription, which `subscription` names.",
    ),
    entry(
        Item,
        "item.out_of_stock",
        Repeatedly,
        "Stock did not suffice for a line item, so it waits for the next day in the order that \
         `order` names. After the last try the item is dropped without another of these events.",
    ),
    entry(
        Item,
        "item.remove",
        Once,
        "A line item was taken out of its order. If its subscription goes on, an `item.create` \
         for the next delivery follows.",
    ),
    entry(
        Item,
        "item.successfully_placed",
        Once,
        "The order around this line item was accepted by your shop; the same moment as \
         `order.success`, seen from the item.",
    ),
    entry(
        Entitlement,
        "entitlement.entitlements_granted",
        Repeatedly,
        "A customer received time of access, by subscribing at checkout, by a recurring order or \
         by a migration. `transaction_type` tells a first grant from an extension.",
    ),
    entry(
        Entitlement,
        "entitlement.entitlements_expiring",
        Repeatedly,
        "Access of a customer ends within a week; where the access is shorter than a week, this \
         is sent at once. A new grant or a changed expiration makes another one possible.",
    ),
    entry(
        Entitlement,
        "entitlement.entitlements_expired",
        Unknown,
        "The time of access is over. Where a grace period is set, the customer keeps access \
         until that has passed too.",
    ),
    entry(
        Entitlement,
        "entitlement.entitlements_grace_period_expired",
        Unknown,
        "The grace period after an expiration has passed: access ends now.",
    ),
    entry(
        Entitlement,
        "entitlement.entitlements_expiration_modified",
        Unknown,
        "The end of a customer's access was moved over the API, to an earlier or a later day.",
    ),
    entry(
        Entitlement,
        "entitlement.entitlements_voided",
        Unknown,
        "Access was withdrawn and ends at once, without a grace period.",
    ),
    entry(
        Workflow,
        "workflow.send_communication",
        Unknown,
        "A workflow reached a step that is set up to send a message through a webhook. `key` is \
         the name its author gave that step; `execution_context` holds what came before it.",
    ),
];
