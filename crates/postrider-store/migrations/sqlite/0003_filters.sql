-- Filters of the older API: how it words a webhook's event types, which alone decide what is sent.
-- Kept in the order they were made; the pattern is alternatives joined by `|`.

CREATE TABLE webhook_filters (
    webhook    BLOB NOT NULL REFERENCES webhooks (id),
    position   INTEGER NOT NULL,
    id         BLOB NOT NULL,
    pattern    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (webhook, position)
) STRICT, WITHOUT ROWID;
