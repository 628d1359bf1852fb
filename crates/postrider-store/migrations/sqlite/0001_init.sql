-- The first layout. Times are Unix milliseconds, ids 16 bytes in the order of time, states small
-- integers (src/sqlite/rows). Rows that both planes touch are written by one connection only.

CREATE TABLE meta (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    -- Moved by every change of webhooks, in the same transaction.
    catalog_version INTEGER NOT NULL,
    -- A known text sealed with the secret key, to tell a wrong key at the start.
    canary          BLOB NOT NULL
) STRICT;

CREATE TABLE merchants (
    id         BLOB PRIMARY KEY NOT NULL,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_in INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX merchants_changed ON merchants (changed_in);

CREATE TABLE users (
    id            BLOB PRIMARY KEY NOT NULL,
    merchant      BLOB NOT NULL REFERENCES merchants (id),
    email         TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    id         BLOB PRIMARY KEY NOT NULL,
    -- NULL: an operator's.
    merchant   BLOB REFERENCES merchants (id),
    name       TEXT NOT NULL,
    digest     BLOB NOT NULL UNIQUE,
    hint       TEXT NOT NULL,
    scopes     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_merchant ON api_keys (merchant, id);

-- Deleted webhooks stay, because the log of their deliveries does; their keys do not.
CREATE TABLE webhooks (
    id                    BLOB PRIMARY KEY NOT NULL,
    merchant              BLOB NOT NULL REFERENCES merchants (id),
    name                  TEXT NOT NULL,
    target                TEXT NOT NULL,
    event_types           TEXT NOT NULL,
    additional_data       BLOB NOT NULL,
    status                INTEGER NOT NULL,
    signature             TEXT NOT NULL,
    retry_policy          TEXT NOT NULL,
    timeout_ms            INTEGER NOT NULL,
    headers               TEXT NOT NULL,
    max_in_flight         INTEGER NOT NULL,
    rate_limit_per_second INTEGER,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    configuration_version INTEGER NOT NULL,
    consecutive_failures  INTEGER NOT NULL DEFAULT 0,
    failing_since         INTEGER,
    probing_since         INTEGER,
    next_probe_at         INTEGER,
    key_new               BLOB,
    key_expiring          BLOB,
    key_expires_at        INTEGER,
    changed_in            INTEGER NOT NULL,
    deleted_at            INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_merchant ON webhooks (merchant, id);
CREATE INDEX webhooks_changed ON webhooks (changed_in);

CREATE TABLE events (
    seq         INTEGER PRIMARY KEY,
    merchant    BLOB NOT NULL,
    id          TEXT NOT NULL,
    type        TEXT NOT NULL,
    created     INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    is_test     INTEGER NOT NULL,
    digest      BLOB,
    decisions   BLOB NOT NULL,
    data        BLOB NOT NULL,
    context     BLOB,
    snapshot    BLOB,
    -- Ids first: those we mint ascend, so that this index grows at its end.
    UNIQUE (id, merchant)
) STRICT;

-- Holds the seq as well: a merchant's events in the order they came.
CREATE INDEX events_merchant ON events (merchant);

-- No foreign keys: routing_version proves the webhook, the transaction proves the event.
CREATE TABLE deliveries (
    id                  BLOB PRIMARY KEY NOT NULL,
    event               INTEGER NOT NULL,
    webhook             BLOB NOT NULL,
    choice              INTEGER NOT NULL,
    state               INTEGER NOT NULL,
    is_test             INTEGER NOT NULL,
    is_leased           INTEGER NOT NULL,
    epoch               INTEGER NOT NULL,
    due_at              INTEGER NOT NULL,
    attempts            INTEGER NOT NULL,
    attempts_before     INTEGER NOT NULL,
    returned            INTEGER NOT NULL,
    schedule_started_at INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    settled_at          INTEGER
) STRICT, WITHOUT ROWID;

-- The queue (Q8): SQLite itself keeps one entry for each pending delivery and none for others.
-- is_leased rides along so that leases of a dead process are found without touching the table.
CREATE INDEX deliveries_queue ON deliveries (webhook, due_at, is_leased) WHERE state = 0;
-- The log of a webhook, newest last.
CREATE INDEX deliveries_webhook ON deliveries (webhook, id);
-- Failed and canceled ones are few and are what people look for.
CREATE INDEX deliveries_ended ON deliveries (webhook, state, id) WHERE state >= 2;

CREATE TABLE attempts (
    delivery              BLOB NOT NULL,
    number                INTEGER NOT NULL,
    started_at            INTEGER NOT NULL,
    outcome               TEXT NOT NULL,
    status_code           INTEGER,
    retry_after_ms        INTEGER,
    queue_us              INTEGER NOT NULL,
    dns_us                INTEGER,
    connect_us            INTEGER,
    tls_us                INTEGER,
    first_byte_us         INTEGER,
    total_us              INTEGER NOT NULL,
    configuration_version INTEGER NOT NULL,
    is_response_truncated INTEGER NOT NULL,
    note                  TEXT,
    request_headers       TEXT NOT NULL,
    response_headers      TEXT NOT NULL,
    response_body         BLOB NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
