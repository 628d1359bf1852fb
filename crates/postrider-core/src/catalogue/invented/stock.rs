//! What worlds are made of: names, streets, shops and their goods. All invented, or too common to
//! mean anybody.

pub(super) const FIRST_NAMES: &[&str] = &[
    "Amara", "Bela", "Carmen", "Dario", "Edda", "Farid", "Greta", "Hana", "Idris", "Jonas",
    "Keiko", "Lars", "Mina", "Nadia", "Otis", "Paloma", "Quinn", "Rosa", "Sami", "Tilda", "Uma",
    "Viktor", "Wanda", "Yara",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Alderman",
    "Birchwood",
    "Castellan",
    "Dunmore",
    "Everly",
    "Fairweather",
    "Greenhill",
    "Hartwell",
    "Ivarson",
    "Juniper",
    "Kestrel",
    "Larkin",
    "Moreland",
    "Northway",
    "Okonjo",
    "Pemberly",
    "Quill",
    "Rivers",
    "Sandoval",
    "Thistle",
    "Underhill",
    "Vance",
    "Westerly",
];

pub(super) const MAIL_DOMAINS: &[&str] = &["example.com", "example.org"];

pub(super) const STREETS: &[&str] = &[
    "Harbour Lane",
    "Mill Road",
    "Orchard Street",
    "Slipway Road",
    "Foundry Court",
    "Elm Terrace",
    "Lighthouse Way",
    "Market Square",
    "Quarry Hill",
    "Ferry Street",
];

/// City, state, first three digits of its postal codes.
pub(super) const CITIES: &[(&str, &str, &str)] = &[
    ("Portland", "ME", "041"),
    ("Burlington", "VT", "054"),
    ("Madison", "WI", "537"),
    ("Boulder", "CO", "803"),
    ("Asheville", "NC", "288"),
    ("Eugene", "OR", "974"),
    ("Ithaca", "NY", "148"),
    ("Duluth", "MN", "558"),
];

/// A product on a shelf.
#[derive(Clone, Copy, Default)]
pub(super) struct Good {
    pub(super) sku: &'static str,
    pub(super) name: &'static str,
    pub(super) cents: i64,
    pub(super) group: &'static str,
}

const fn good(sku: &'static str, name: &'static str, cents: i64, group: &'static str) -> Good {
    Good { sku, name, cents, group }
}

/// A shop: what it is called in order numbers, and five goods. Two are bought again and again, one
/// now and then, one is a bundle, of the fourth and the fifth.
#[derive(Clone, Copy, Default)]
pub(super) struct Shop {
    pub(super) code: &'static str,
    pub(super) steady: Good,
    pub(super) instead: Good,
    pub(super) extra: Good,
    pub(super) bundle: Good,
    pub(super) parts: [&'static str; 2],
    /// What access to something digital is called here.
    pub(super) course: (&'static str, &'static str),
}

pub(super) const SHOPS: &[Shop] = &[
    Shop {
        code: "WB",
        steady: good("WB-ESPRESSO-1KG", "House Espresso, 1 kg", 2_400, "coffee"),
        instead: good("WB-DECAF-1KG", "Evening Decaf, 1 kg", 2_650, "coffee"),
        extra: good("WB-FILTERS-100", "Filter papers, pack of 100", 600, "accessories"),
        bundle: good("WB-TASTING-BOX", "Tasting Box", 3_800, "bundles"),
        parts: ["WB-ETHIOPIA-250G", "WB-SUMATRA-250G"],
        course: ("Brew Academy", "Video lessons for home baristas"),
    },
    Shop {
        code: "TB",
        steady: good("TB-CHICKEN-10LB", "Chicken & Rice Kibble, 10 lb", 3_199, "dog food"),
        instead: good("TB-SALMON-10LB", "Salmon & Oats Kibble, 10 lb", 3_549, "dog food"),
        extra: good("TB-CHEWS-12", "Dental chews, bag of 12", 1_150, "treats"),
        bundle: good("TB-SAMPLER", "Flavour Sampler", 2_275, "bundles"),
        parts: ["TB-BEEF-2LB", "TB-LAMB-2LB"],
        course: ("Puppy School", "Short lessons for the first six months"),
    },
    Shop {
        code: "FD",
        steady: good("FD-DAILY-60", "Daily Vitamins, 60 capsules", 1_895, "vitamins"),
        instead: good("FD-ACTIVE-60", "Active Vitamins, 60 capsules", 2_195, "vitamins"),
        extra: good("FD-PILLBOX", "Pill box, seven days", 725, "accessories"),
        bundle: good("FD-WINTER-SET", "Winter Set", 4_410, "bundles"),
        parts: ["FD-D3-30", "FD-ZINC-30"],
        course: ("Field Notes", "A weekly letter about plants and people"),
    },
    Shop {
        code: "LO",
        steady: good("LO-OOLONG-500G", "Mountain Oolong, 500 g", 2_990, "tea"),
        instead: good("LO-JASMINE-500G", "Jasmine Pearls, 500 g", 3_340, "tea"),
        extra: good("LO-INFUSER", "Steel infuser", 1_485, "accessories"),
        bundle: good("LO-TEA-TOUR", "Tour of Four Gardens", 3_615, "bundles"),
        parts: ["LO-ASSAM-100G", "LO-KEEMUN-100G"],
        course: ("Tea Table", "Recorded tastings with the growers"),
    },
];

/// How often a subscription comes: days, count, unit (1 days, 2 weeks, 3 months), unit's name.
pub(super) const RHYTHMS: &[(i64, i64, i64, &str)] = &[
    (14, 2, 2, "Weeks"),
    (20, 20, 1, "Days"),
    (28, 4, 2, "Weeks"),
    (30, 1, 3, "Months"),
    (42, 6, 2, "Weeks"),
    (60, 2, 3, "Months"),
];

/// Number and text of reasons to cancel.
pub(super) const CANCEL_REASONS: &[(i64, &str)] = &[
    (1, "Too expensive"),
    (2, "No longer needed"),
    (4, "Overstocked"),
    (7, "Delivered too often"),
    (9, "Switched to another product"),
];

/// What a shop says when it refuses an order for good.
pub(super) const REJECTIONS: &[(&str, &str)] = &[
    ("120", "Expiration Date is in the past"),
    ("110", "The card number is not valid"),
    ("130", "The billing address does not match"),
    ("160", "Payment declined, do not retry"),
];

/// What a shop says when it may take the order later.
pub(super) const RETRYABLE: &[(&str, &str)] = &[
    ("140", "Payment declined"),
    ("150", "The PayPal account could not be charged"),
    ("180", "Strong customer authentication was requested"),
];

/// Number and name of card brands.
pub(super) const CARD_BRANDS: &[(i64, &str)] =
    &[(1, "Visa"), (2, "Mastercard"), (3, "Amex"), (4, "Discover")];
