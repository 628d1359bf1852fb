-- Recoveries: many resends someone asked for, and how far each has come.

CREATE TABLE recoveries (
    id              BLOB PRIMARY KEY NOT NULL,
    merchant        BLOB NOT NULL,
    webhook         BLOB NOT NULL,
    since           INTEGER NOT NULL,
    until           INTEGER NOT NULL,
    -- 1: failed deliveries, 2: canceled ones, 3: both.
    ended           INTEGER NOT NULL,
    rate_per_second INTEGER NOT NULL,
    status          INTEGER NOT NULL,
    -- When the next deliveries are taken.
    due_at          INTEGER NOT NULL,
    -- The id of the delivery that was looked at last; moved with what it leads to.
    position        BLOB NOT NULL,
    total           INTEGER NOT NULL,
    is_total_exact  INTEGER NOT NULL,
    resent          INTEGER NOT NULL,
    skipped         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    finished_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX recoveries_merchant ON recoveries (merchant, id);
-- One under way for a webhook.
CREATE UNIQUE INDEX recoveries_open ON recoveries (webhook) WHERE finished_at IS NULL;
-- Those that run (status 0), by when they go on.
CREATE INDEX recoveries_due ON recoveries (due_at) WHERE status = 0;
