//! Worlds invented from a seed, for test events: a shop, a customer with addresses and means of
//! payment, their subscriptions, an order of them and its lines.
//!
//! All events of one world speak of the same records, by the same ids. Each tells the state that
//! its own type implies: `order.success` and `order.reject` are two stories about one order, not
//! one after the other. Whatever is said twice is computed from one place, so that amounts add up,
//! dates follow each other, and every id leads to a record of the snapshot.
//!
//! `people`, `agreement`, `order` and `access` own the records in both of their forms: the object
//! of an event, with Unix seconds, and the record of a snapshot, with written dates (facts,
//! sections 3 and 4). `scene` owns what an event type does to the world. Nobody in a world exists.

mod access;
mod agreement;
mod dice;
mod order;
mod people;
mod scene;
mod stock;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use self::access::{Entitlement, Workflow};
use self::agreement::{Part, Product, Subscription};
use self::dice::Dice;
use self::order::{Item, Order, Terms};
use self::people::{Address, Customer, Payment};
use self::stock::Shop;
use super::dates::{SECONDS_PER_DAY, UNIX_SECONDS_MAX};
use super::{Entity, EventTypeEntry, EventTypeView, Family, posted};
use crate::event::PostedEvent;

/// Worlds are older than they look: a clock before this would put their past before 1970.
const NOW_MIN: i64 = 400_000_000;

/// One invented world.
#[derive(Clone)]
pub struct World {
    seed: u64,
    merchant: String,
    now: i64,
    shop: Shop,
    terms: Terms,
    customer: Customer,
    addresses: [Address; 2],
    payments: [Payment; 2],
    products: Vec<Product>,
    /// The subscription most events are about.
    steady: Subscription,
    bundle: Subscription,
    /// One that begins in the event itself.
    begun: Option<Subscription>,
    order: Order,
    /// The order that lines can move to.
    later: Order,
    /// The line of `steady`.
    line: Item,
    /// The other lines of the order.
    others: Vec<Item>,
    entitlements: Vec<Entitlement>,
    workflow: Workflow,
    staff: String,
    api_key: String,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl World {
    /// The world of this seed, as it is for that merchant at that time.
    pub fn invent(seed: u64, merchant_id: &str, now_unix_seconds: i64) -> Self {
        let now = now_unix_seconds.clamp(NOW_MIN, UNIX_SECONDS_MAX);
        let dice = &mut Dice::new(seed);
        let shop = dice.one_of(stock::SHOPS);

        // The order's day is after every reminder and before the shortest rhythm is over.
        let days_left = dice.between(8, 13);
        let mut steady = Subscription::invent(dice, shop.steady, now);
        let rhythm_days = steady.rhythm.0;
        let ordered = now - (rhythm_days - days_left) * SECONDS_PER_DAY;
        steady.created = ordered - dice.between(0, 6) * rhythm_days * SECONDS_PER_DAY;
        steady.updated = ordered;
        let known =
            steady.created - dice.between(1, 400) * SECONDS_PER_DAY - dice.between(0, 9_999);

        let bundled = dice.between(steady.created, ordered);
        let mut bundle = Subscription::invent(dice, shop.bundle, bundled);
        bundle.parts = shop.parts.map(|sku| Part { id: dice.id(), sku, quantity: 1 }).into();
        let customer = Customer::invent(dice, known, bundle.created, now);
        let addresses = [("Home", known + 60), ("Work", steady.created)]
            .map(|(label, created)| Address::invent(dice, label, created));
        let home = addresses[0].id.as_str();
        let payments = [
            Payment::card(dice, home, known + 120, now),
            Payment::paypal(dice, home, steady.created),
        ];
        let mut order = Order::invent(dice, ordered, now + days_left * SECONDS_PER_DAY);
        let afterwards = order.place + dice.between(5, 14) * SECONDS_PER_DAY;
        let mut later = Order::invent(dice, ordered, afterwards);
        for order in [&mut order, &mut later] {
            order.payment.clone_from(&payments[0].id);
            order.shipping_address.clone_from(&addresses[0].id);
        }
        for subscription in [&mut steady, &mut bundle] {
            subscription.payment.clone_from(&payments[0].id);
            subscription.shipping_address.clone_from(&addresses[0].id);
            subscription.merchant_order_id = Some(shop_order(dice, &shop));
        }
        let line = line_of(dice, &steady, &order);
        let others = other_lines(dice, &shop, &mut bundle, &order);
        let goods = [shop.steady, shop.instead, shop.extra, shop.bundle];
        Self {
            seed,
            merchant: merchant_id.to_owned(),
            now,
            terms: Terms {
                discount_percent: dice.one_of(&[0, 5, 10, 15]),
                tax_per_thousand: dice.one_of(&[0, 55, 60, 80, 88]),
                shipping_cents: dice.one_of(&[0, 495, 695]),
            },
            customer,
            addresses,
            payments,
            products: goods.map(|good| Product::of(dice, good, now)).into(),
            begun: None,
            order,
            later,
            entitlements: entitlements(dice, &shop, &line.id, now),
            line,
            others,
            workflow: Workflow::invent(dice),
            staff: dice.id(),
            api_key: dice.id(),
            steady,
            bundle,
            shop,
        }
    }

    /// An event of this type in this world, as its sender would post it. What an operator's own
    /// types mean is not known: they have one example each. `None`: it is incomplete.
    pub fn posted(&self, entry: EventTypeView<'_>) -> Option<PostedEvent> {
        let made = match entry {
            EventTypeView::BuiltIn(entry) => self.event(entry),
            EventTypeView::Own(_) => entry.example(&self.merchant, self.now),
        };
        posted(&made)
    }

    /// An event of this type in this world, with every record in its snapshot that the family may
    /// carry. It has no `id`, as whoever posts or sends it decides on that.
    pub fn event(&self, entry: &EventTypeEntry) -> Value {
        let dice = &mut Dice::new(self.seed ^ mark_of(entry.name));
        let mut world = self.clone();
        world.play(entry, dice);
        let data = world.data(entry, dice);
        let snapshot = world.snapshot(entry);
        serde_json::json!({
            "type": entry.name,
            "created": world.now,
            "data": data,
            "context": world.context(entry.name),
            "snapshot": snapshot,
        })
    }

    /// The lines that exist, in the order they came.
    fn items(&self) -> impl Iterator<Item = &Item> {
        std::iter::once(&self.line).chain(&self.others)
    }

    fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        [&self.steady, &self.bundle].into_iter().chain(&self.begun)
    }

    fn snapshot(&self, entry: &EventTypeEntry) -> Value {
        let involved = self.involved(entry);
        let mut snapshot = Map::new();
        for entity in entry.family.allowed_entities() {
            snapshot.insert(entity.as_str().to_owned(), self.records(entry, entity, &involved));
        }
        Value::Object(snapshot)
    }

    /// The records of one kind that what is involved leads to.
    fn records(&self, entry: &EventTypeEntry, entity: Entity, involved: &Involved<'_>) -> Value {
        let Involved { subscriptions, orders, items } = involved;
        let (merchant, customer) = (&*self.merchant, &*self.customer.id);
        let pays = |payment: &&Payment| {
            orders.iter().any(|order| order.payment == payment.id)
                || subscriptions.iter().any(|subscription| subscription.payment == payment.id)
        };
        let is_used = |address: &&Address| {
            orders.iter().any(|order| order.shipping_address == address.id)
                || subscriptions.iter().any(|s| s.shipping_address == address.id)
                || self.payments.iter().filter(pays).any(|p| p.billing_address == address.id)
        };
        let is_bought = |product: &&Product| {
            items.iter().any(|item| item.good.sku == product.good.sku)
                || subscriptions.iter().any(|s| s.good.sku == product.good.sku)
        };
        match entity {
            Entity::Customer => self.customer.record(merchant),
            Entity::Subscriptions => subscriptions
                .iter()
                .map(|s| s.record(customer, merchant, &self.customer.session(merchant, s.created)))
                .collect(),
            Entity::Orders => orders
                .iter()
                .map(|order| order.record(customer, merchant, self.terms, self.lines(entry)))
                .collect(),
            Entity::Items => items
                .iter()
                .flat_map(|item| orders.iter().map(|order| item.record(self.terms, order)))
                .collect(),
            Entity::Addresses => {
                let used = self.addresses.iter().filter(is_used);
                used.map(|address| address.record(&self.customer)).collect()
            }
            Entity::Payments => {
                let used = self.payments.iter().filter(pays);
                used.map(|payment| payment.record(&self.customer)).collect()
            }
            Entity::Products => {
                let bought = self.products.iter().filter(is_bought);
                bought.map(|product| product.record(merchant)).collect()
            }
        }
    }
}

/// The records an event is about; others follow from their ids.
struct Involved<'a> {
    subscriptions: Vec<&'a Subscription>,
    orders: Vec<&'a Order>,
    items: Vec<&'a Item>,
}

/// An order number of the shop.
fn shop_order(dice: &mut Dice, shop: &Shop) -> String {
    format!("{}-{}", shop.code, dice.between(1_000_000, 9_999_999))
}

fn line_of(dice: &mut Dice, subscription: &Subscription, order: &Order) -> Item {
    Item {
        id: dice.id(),
        order: order.id.clone(),
        subscription: Some(subscription.id.clone()),
        offer: subscription.offer.clone(),
        good: subscription.good,
        parts: subscription.parts.clone(),
        quantity: subscription.quantity,
        unit_cents: subscription.unit_cents(),
        first_placed: None,
    }
}

/// Something bought once; and the bundle, unless that is paid ahead and comes on its own.
fn other_lines(
    dice: &mut Dice,
    shop: &Shop,
    bundle: &mut Subscription,
    order: &Order,
) -> Vec<Item> {
    let mut lines = vec![Item {
        subscription: None,
        good: shop.extra,
        parts: Vec::new(),
        quantity: dice.between(1, 2),
        unit_cents: shop.extra.cents,
        ..line_of(dice, bundle, order)
    }];
    if dice.once_in(3) {
        bundle.prepaid = Some((dice.between(1, 6), 6));
    } else if dice.once_in(2) {
        lines.push(line_of(dice, bundle, order));
    }
    lines
}

/// Those of one customer that change together.
fn entitlements(dice: &mut Dice, shop: &Shop, item: &str, now: i64) -> Vec<Entitlement> {
    let count = dice.between(1, 2);
    let guest = format!("{} {}", dice.one_of(stock::FIRST_NAMES), dice.one_of(stock::LAST_NAMES));
    (0..count).map(|_| Entitlement::invent(dice, shop, item, &guest, now)).collect()
}

/// Tells event types apart, so that each draws for itself (FNV-1a).
fn mark_of(name: &str) -> u64 {
    let step = |mark: u64, byte: u8| (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
