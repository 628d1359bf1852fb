//! Every bound of the system, with its reason. Nothing else in the code invents one.
//!
//! Relations between bounds that must hold are asserted at compile time at the end.

use std::time::Duration;

// --- What a sender may post -------------------------------------------------------------------

/// Largest request body, bytes. A subscription event is about 1–10 KB; a full batch fits.
pub const REQUEST_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Events in one request. Keeps one commit short and one answer small.
pub const EVENTS_PER_REQUEST_MAX: usize = 1_000;
/// Nesting of a payload: what common JSON parsers of receivers still read.
pub const JSON_DEPTH_MAX: usize = 128;
/// A sender's own event id (product.md).
pub const EVENT_ID_BYTES_MAX: usize = 64;
/// An event type, `family.action`.
pub const EVENT_TYPE_BYTES_MAX: usize = 128;
/// Latest `created` accepted, Unix seconds: the end of the year 9998, so every date prints.
pub const CREATED_SECONDS_MAX: i64 = 253_370_764_799;

// --- What an operator's own catalogue may hold --------------------------------------------------

/// Bytes of the file; hundreds of event types with schemas and examples fit.
pub const CATALOGUE_FILE_BYTES_MAX: usize = 1024 * 1024;
/// Own event types: with the built-in ones, test events of all of them fit in one request.
pub const OWN_EVENT_TYPES_MAX: usize = 900;
/// Own families; each costs a webhook that chooses additional data for it some bytes.
pub const OWN_FAMILIES_MAX: usize = 100;
/// Characters of a description: it is read in a list.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Private paths of one family; each is compared at every member on the way.
pub const PRIVATE_PATHS_PER_FAMILY_MAX: usize = 100;
/// Names in one private path: deeper than the records anybody documents.
pub const PRIVATE_PATH_NAMES_MAX: usize = 16;
/// Paths an answer names as masked; more are masked and not named.
pub const MASKED_PATHS_SHOWN_MAX: usize = 100;
/// Violations of a schema shown of one event: who sees twenty looks at the schema.
pub const SCHEMA_VIOLATIONS_SHOWN_MAX: usize = 20;
/// Characters of one violation's field, and of its reason; names of members have no bound.
pub const SCHEMA_VIOLATION_CHARS_MAX: usize = 300;

// --- What a merchant may configure ------------------------------------------------------------

/// Webhooks of one merchant.
pub const WEBHOOKS_PER_MERCHANT_MAX: usize = 1_000;
/// Event type patterns of one webhook; the built-in catalogue fits twice.
pub const PATTERNS_PER_WEBHOOK_MAX: usize = 128;
/// Filters the older API keeps for one webhook: each adds at least one pattern.
pub const FILTERS_PER_WEBHOOK_MAX: usize = PATTERNS_PER_WEBHOOK_MAX;
/// A webhook's name, characters.
pub const NAME_CHARS_MAX: usize = 256;
/// Own headers of a webhook.
pub const HEADERS_PER_WEBHOOK_MAX: usize = 16;
/// One own header's name, bytes.
pub const HEADER_NAME_BYTES_MAX: usize = 64;
/// One own header's value, bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 1_024;
/// Waits in an own retry ladder (product.md).
pub const LADDER_WAITS_MAX: usize = 100;
/// Longest wait of an own ladder, and the cap on a receiver's Retry-After (product.md).
pub const RETRY_WAIT_MAX: Duration = Duration::from_hours(24);
/// Shortest timeout of an attempt (product.md).
pub const TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// Timeout of an attempt unless the webhook says otherwise (product.md).
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// Longest timeout of an attempt (product.md).
pub const TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// Requests in flight to one webhook unless it says otherwise.
pub const MAX_IN_FLIGHT_DEFAULT: u32 = 32;
/// Most requests in flight a webhook may ask for: a quarter of the smallest pool's places beside
/// retries, so that four that hang do not yet fill it.
pub const MAX_IN_FLIGHT_MAX: u32 = 128;
/// Highest rate limit that can be set; above it a limit is no limit.
pub const RATE_LIMIT_PER_SECOND_MAX: u32 = 100_000;

// --- Keys --------------------------------------------------------------------------------------

/// Both signatures are sent for this long after a rotation (facts.md 6).
pub const ROTATION_WINDOW: Duration = Duration::from_hours(24);
/// Random bytes in a verification key we make (Standard Webhooks allows 24 to 64).
pub const VERIFICATION_KEY_BYTES: usize = 32;
/// Time for all probes of a rehearsal together: somebody waits for its answer.
pub const REHEARSAL_SPAN: Duration = Duration::from_mins(1);
/// Time from the end of a rehearsal to the start of the webhook's next: its receiver gets requests
/// that it should refuse, and may take many of them for an attack.
pub const REHEARSAL_GAP: Duration = Duration::from_secs(10);
/// Rehearsals running at once in one process; each sends one request at a time.
pub const REHEARSALS_RUNNING_MAX: usize = 64;
/// Rehearsals kept per webhook, as evidence; the oldest go first.
pub const REHEARSALS_KEPT_MAX: u32 = 100;

// --- Delivery ----------------------------------------------------------------------------------

/// Total time a delivery is retried under the policies that end after days (product.md).
pub const RETRY_SPAN: Duration = Duration::from_hours(72);
/// A webhook without any success for this long, while attempts were made, is disabled (product.md).
pub const FAILING_SPAN_MAX: Duration = Duration::from_hours(72);
/// Consecutive failures after which a webhook is probed instead of tried (product.md).
pub const FAILURES_BEFORE_PROBING: u32 = 5;
/// Leases of one delivery that may run out without an attempt on record. Beyond it the delivery
/// itself is taken for what kills the node. Restarts also cost leases, so the bound is generous.
pub const LOST_LEASES_MAX: u32 = 50;
/// How long a leased delivery may wait for its turn before the attempt starts.
pub const LEASE_WAIT: Duration = Duration::from_secs(15);
/// How long a result waits for others to share a commit with. Nobody waits for results, and a commit
/// for each is most of what a quiet hour costs.
pub const SETTLE_LINGER: Duration = Duration::from_millis(10);
/// Time after an attempt in which its settlement must be on disk.
pub const SETTLE_MARGIN: Duration = Duration::from_secs(10);
/// First attempts running at once to receivers that are known to answer soon: at 50 ms each, twenty
/// thousand a second.
pub const IN_FLIGHT_QUICK_MAX: usize = 1_024;
/// Retries running at once, a fifth of these with them (reliability.md O7).
pub const IN_FLIGHT_RETRY_MAX: usize = IN_FLIGHT_QUICK_MAX / 4;
/// Attempts running at once to receivers that are slow, hang, or are not known yet.
pub const IN_FLIGHT_SLOW_MAX: usize = 512;
/// Attempts running at once in one process: about 36 KB each, and well under a usual limit of
/// open files.
pub const IN_FLIGHT_MAX: usize = IN_FLIGHT_QUICK_MAX + IN_FLIGHT_RETRY_MAX + IN_FLIGHT_SLOW_MAX;
/// Deliveries one webhook may have in memory, waiting or running; the rest waits in the store.
pub const LANE_WINDOW: usize = 1_024;
/// Body bytes all lanes together may hold in memory; beyond it deliveries wait in the store.
pub const LANES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Deliveries taken from the store for one webhook in one lease.
pub const LEASE_MAX: usize = 256;
/// Webhooks named in one lease.
pub const LEASE_LANES_MAX: usize = 256;
/// Items in one batch handed to the store.
pub const BATCH_MAX: usize = 512;
/// Items waiting to be batched; when full, intake answers 503 and settling waits.
pub const BATCH_QUEUE_MAX: usize = 4_096;
/// Body bytes of requests waiting to be stored; beyond it intake answers 503.
pub const INTAKE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// One merchant's share of it, so that there is always room for another; beyond it intake answers
/// 429 to that merchant alone.
pub const INTAKE_BYTES_PER_MERCHANT_MAX: usize = INTAKE_BYTES_MAX / 2;
/// Times a request is matched again because the catalog moved; more means it never stands still.
pub const ROUTING_RETRIES_MAX: u32 = 16;
/// Old events looked at in one step of removing them: some milliseconds of the writer's time.
pub const PRUNE_EVENTS_MAX: usize = 256;
/// Rows removed in one step; with large bodies some milliseconds too.
pub const PRUNE_ROWS_MAX: usize = 512;
/// Between two steps the writer is left alone for this many times as long as a step took.
pub const PRUNE_PAUSE_RATIO: u32 = 4;
/// Shortest pause between two steps.
pub const PRUNE_PAUSE_MIN: Duration = Duration::from_millis(10);
/// From the end of one walk over what is old to the next.
pub const PRUNE_INTERVAL: Duration = Duration::from_hours(1);
/// Wait before the store is asked again after it could not be used.
pub const STORE_RETRY_WAIT: Duration = Duration::from_millis(500);
/// Jobs waiting for the store's writer; batches, not rows.
pub const WRITER_QUEUE_MAX: usize = 64;
/// Longest time between two looks at the store for work nobody hinted at.
pub const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Deliveries a recovery makes due in a second unless it says otherwise and its webhook has no rate
/// limit: a hundred thousand in half an hour, and nothing next to the events of a busy day.
pub const RECOVERY_RATE_DEFAULT: u32 = 50;
/// Deliveries a recovery makes due in a second at most. They are one transaction, some tens of
/// milliseconds in which nobody else writes.
pub const RECOVERY_RATE_MAX: u32 = 1_000;
/// Deliveries looked at to say how many a recovery will take, or how many a resume will send: about
/// a second of reading. Beyond it the answer says "at least".
pub const COUNT_AHEAD_MAX: usize = 200_000;
/// Recoveries of one merchant under way at once.
pub const RECOVERIES_RUNNING_MAX: usize = 16;
/// Recoveries of one merchant that are kept to be looked at; then the oldest finished one goes.
pub const RECOVERIES_KEPT_MAX: usize = 1_000;

// --- The request we send and the answer we keep --------------------------------------------------

/// Answer bytes read at most (reliability.md 6.4).
pub const RESPONSE_BODY_READ_MAX: usize = 64 * 1024;
/// Answer bytes kept at most (reliability.md 6.4).
pub const RESPONSE_BODY_KEPT_MAX: usize = 8 * 1024;
/// Bytes of answer headers kept at most.
pub const RESPONSE_HEADERS_KEPT_MAX: usize = 4 * 1024;
/// Bytes of an answer's head read at most; hyper's read buffer.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines of an answer read at most.
pub const RESPONSE_HEADERS_MAX: usize = 128;
/// Time to look up a name (reliability.md E11).
pub const DNS_TIMEOUT: Duration = Duration::from_secs(4);
/// Time to look up the name of a target that is being configured: somebody waits for the answer,
/// and a name that is not found in time is accepted, since every attempt judges it again.
pub const TARGET_LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// Name look-ups running at once.
pub const DNS_IN_FLIGHT_MAX: usize = 256;
/// Addresses of one name that are considered (reliability.md E11).
pub const DNS_ADDRESSES_MAX: usize = 16;
/// Time to open one connection; separate from the whole attempt (limits.md, dead endpoints).
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections kept in all; about 35 KB each.
pub const IDLE_CONNECTIONS_MAX: usize = 2_048;
/// Idle connections are closed after this time, so that a changed address is noticed.
pub const IDLE_CONNECTION_LIFE: Duration = Duration::from_secs(55);

// --- The API -------------------------------------------------------------------------------------

/// Rows in a page unless asked otherwise (product.md).
pub const PAGE_SIZE_DEFAULT: u32 = 25;
/// Rows in a page of the older API unless asked otherwise (facts.md 10).
pub const LEGACY_PAGE_SIZE_DEFAULT: u32 = 10;
/// Rows in a page at most (product.md).
pub const PAGE_SIZE_MAX: u32 = 100;
/// Rows a page of a list may read in vain before it answers with what it has, whatever the filters
/// are: some ten milliseconds. An event counts as several, since it stands on a page of its own.
pub const PAGE_EFFORT_MAX: usize = 2_000;
/// Search terms of one event. Real ones have four to eight; a subscriber's list of subscriptions is
/// cut here.
pub const TERMS_PER_EVENT_MAX: usize = 32;
/// Bytes of one search term: longer than any id or e-mail address (RFC 5321 allows 254).
pub const TERM_BYTES_MAX: usize = 256;
/// Failed deliveries looked at for one list of undelivered ones; each is two searches.
pub const UNDELIVERED_MAX: usize = 2_000;
/// The same of one webhook.
pub const UNDELIVERED_PER_WEBHOOK_MAX: usize = 1_000;
/// Deliveries in one answer of a feed.
pub const FEED_ROWS_MAX: usize = 100;
/// Payload bytes after which an answer of a feed ends.
pub const FEED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest time a feed waits for something new.
pub const FEED_WAIT_MAX: Duration = Duration::from_secs(30);
/// Feeds that may wait at once.
pub const FEED_WAITERS_MAX: usize = 256;
/// The same of one merchant, so that one leaves room for others.
pub const FEED_WAITERS_PER_MERCHANT_MAX: usize = 64;
/// How far the time in a minted id, or the order of events, may run ahead of their times: requests
/// overtake each other, and clocks are set. Beyond it a search by time may miss a row.
pub const CLOCK_SLACK: Duration = Duration::from_secs(10);
/// How far back the figures of a webhook go (facts.md 9).
pub const METRICS_SPAN: Duration = Duration::from_hours(30 * 24);
/// Successful attempts behind a webhook's latency percentiles: enough for the 99th to mean
/// something, and each is a search of its own.
pub const LATENCY_SAMPLES_MAX: usize = 1_000;
/// Newest deliveries of a webhook among which these are looked for.
pub const LATENCY_EFFORT_MAX: usize = 4_000;
/// Client connections served at once.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Time to send a request's head, also the idle time between requests (reliability.md row 6).
pub const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Time to send a request's body (reliability.md row 4).
pub const REQUEST_BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head (reliability.md row 7).
pub const REQUEST_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a request's path and query (reliability.md row 14).
pub const REQUEST_TARGET_BYTES_MAX: usize = 8 * 1024;
/// Authenticated keys remembered between requests; each is a few hundred bytes.
pub const KEY_CACHE_MAX: usize = 10_000;
/// API keys of one merchant.
pub const API_KEYS_PER_MERCHANT_MAX: usize = 100;

/// Of the refusals of one key at one route, one is noted in the audit log in this time: a program
/// that goes on asking must not fill the disk.
pub const REFUSALS_NOTED_EVERY: Duration = Duration::from_mins(1);

/// Merchants whose request rate is remembered, if there is a limit; 50 bytes each.
pub const RATES_REMEMBERED_MAX: usize = 100_000;

/// Keys and routes whose last noted refusal is remembered; 100 bytes each.
pub const REFUSALS_REMEMBERED_MAX: usize = 10_000;

// --- People --------------------------------------------------------------------------------------

/// Users of one merchant: a large company's developers.
pub const USERS_PER_MERCHANT_MAX: usize = 200;
/// An e-mail address, bytes (RFC 5321: a path of 256 octets, brackets included).
pub const EMAIL_BYTES_MAX: usize = 254;
/// A password at least, characters (reliability.md U5).
pub const PASSWORD_CHARS_MIN: usize = 15;
/// A password at most, characters (reliability.md U5).
pub const PASSWORD_CHARS_MAX: usize = 1_024;
/// Passwords hashed at once: 19 MiB each, so a flood of sign-ins costs no more than 80 MiB.
pub const HASHES_AT_ONCE_MAX: usize = 4;
/// Passwords waiting to be hashed: a second or two of work; beyond it sign-in answers 503.
pub const HASHES_WAITING_MAX: usize = 64;
/// A session ends when it was not used for this long (reliability.md U3).
pub const SESSION_IDLE_MAX: Duration = Duration::from_mins(30);
/// A session ends at this age (reliability.md U3).
pub const SESSION_LIFE: Duration = Duration::from_hours(12);
/// Uses of a session within this time of each other are written down once.
pub const SESSION_USE_INTERVAL: Duration = Duration::from_mins(1);
/// Sessions of one user; a further one ends the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 20;
/// Sessions that portal links of one merchant led to; a further one ends the oldest.
pub const PORTAL_SESSIONS_PER_MERCHANT_MAX: usize = 1_000;
/// An invitation can be redeemed for this long: over a weekend.
pub const INVITATION_LIFE: Duration = Duration::from_hours(72);
/// Shortest life of a portal link.
pub const PORTAL_LINK_LIFE_MIN: Duration = Duration::from_mins(1);
/// Life of a portal link unless asked otherwise: it is followed at once.
pub const PORTAL_LINK_LIFE_DEFAULT: Duration = Duration::from_mins(5);
/// Longest life of a portal link.
pub const PORTAL_LINK_LIFE_MAX: Duration = Duration::from_hours(1);
/// Portal links of one merchant that were not followed yet.
pub const PORTAL_LINKS_PER_MERCHANT_MAX: usize = 1_000;
/// The code that sets an empty database up works for this long (reliability.md U7).
pub const SETUP_CODE_LIFE: Duration = Duration::from_hours(1);
/// Failed sign-ins before each further one has to wait (reliability.md U6).
pub const SIGN_IN_FAILURES_FREE: u32 = 4;
/// Longest wait after failures with one account: at worst a hundred guesses a day, and whoever
/// knows the password is never locked out for longer.
pub const SIGN_IN_ACCOUNT_WAIT_MAX: Duration = Duration::from_mins(15);
/// Longest wait after failures from one address, which may be that of a whole office.
pub const SIGN_IN_ADDRESS_WAIT_MAX: Duration = Duration::from_mins(1);
/// Failures are forgotten when none was added for this long.
pub const SIGN_IN_MEMORY: Duration = Duration::from_hours(24);
/// Accounts and addresses whose failures are remembered; about a hundred bytes each.
pub const SIGN_IN_TABLE_MAX: usize = 20_000;

const _: () = {
    assert!(SESSION_USE_INTERVAL.as_secs() * 10 <= SESSION_IDLE_MAX.as_secs());
    assert!(PORTAL_LINK_LIFE_MIN.as_secs() <= PORTAL_LINK_LIFE_DEFAULT.as_secs());
    assert!(PORTAL_LINK_LIFE_DEFAULT.as_secs() <= PORTAL_LINK_LIFE_MAX.as_secs());
    assert!(TIMEOUT_MIN.as_millis() <= TIMEOUT_DEFAULT.as_millis());
    assert!(TIMEOUT_DEFAULT.as_millis() <= TIMEOUT_MAX.as_millis());
    assert!(DNS_TIMEOUT.as_millis() < TIMEOUT_DEFAULT.as_millis());
    assert!(RESPONSE_BODY_KEPT_MAX <= RESPONSE_BODY_READ_MAX);
    assert!(EVENTS_PER_REQUEST_MAX <= BATCH_QUEUE_MAX);
    assert!(OWN_EVENT_TYPES_MAX + 2 * 45 <= EVENTS_PER_REQUEST_MAX);
    assert!(CATALOGUE_FILE_BYTES_MAX <= INTAKE_BYTES_MAX);
    assert!(MAX_IN_FLIGHT_MAX as usize * 4 <= IN_FLIGHT_SLOW_MAX);
    assert!(LEASE_MAX <= LANE_WINDOW);
    assert!(INTAKE_BYTES_MAX >= 2 * REQUEST_BODY_BYTES_MAX);
    assert!(JSON_DEPTH_MAX <= 128);
    assert!(RECOVERY_RATE_DEFAULT <= RECOVERY_RATE_MAX);
    assert!(RECOVERIES_RUNNING_MAX < RECOVERIES_KEPT_MAX);
};

/// How long a lease lasts for a webhook with this attempt timeout: derived, never configured, so
/// that an attempt which started in time is always settled in time.
pub const fn lease_length(timeout: Duration) -> Duration {
    LEASE_WAIT.saturating_add(attempt_margin(timeout))
}

/// What must be left of a lease for an attempt to start.
pub const fn attempt_margin(timeout: Duration) -> Duration {
    timeout.saturating_add(SETTLE_MARGIN)
}
