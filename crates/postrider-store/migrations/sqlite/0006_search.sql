-- Finding events again, figures that need no counting, and what a feed follows.

-- Search terms of events, as sorted runs. A run covers a fixed number of consecutive events and is
-- written in the order of its key, so that it only ever adds pages at the end of the table. A term
-- is a hash and therefore a hint.
CREATE TABLE search_terms (
    run   INTEGER NOT NULL,
    term  INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (run, term, event)
) STRICT, WITHOUT ROWID;

-- The runs that are complete.
CREATE TABLE search_runs (
    run       INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL
) STRICT;

-- How the deliveries of a webhook stand, by the UTC day (since 1970) they were created on. Days
-- first: what moves now stands together. `decided` counts the decisions to deliver.
CREATE TABLE webhook_days (
    day                INTEGER NOT NULL,
    webhook            BLOB NOT NULL,
    decided            INTEGER NOT NULL,
    pending            INTEGER NOT NULL,
    successful         INTEGER NOT NULL,
    successful_retries INTEGER NOT NULL,
    failed             INTEGER NOT NULL,
    canceled           INTEGER NOT NULL,
    PRIMARY KEY (day, webhook)
) STRICT, WITHOUT ROWID;

INSERT INTO webhook_days
SELECT created_at / 86400000, webhook, count(*),
       count(*) FILTER (WHERE state = 0),
       count(*) FILTER (WHERE state = 1),
       count(*) FILTER (WHERE state = 1 AND attempts > 1),
       count(*) FILTER (WHERE state = 2),
       count(*) FILTER (WHERE state = 3)
FROM deliveries GROUP BY 1, 2;

-- Each resend, in the order they were asked for.
CREATE TABLE resends (
    seq      INTEGER PRIMARY KEY,
    webhook  BLOB NOT NULL,
    delivery BLOB NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE INDEX resends_webhook ON resends (webhook);
