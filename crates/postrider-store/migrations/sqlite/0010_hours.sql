-- The figures of the last two days by the UTC hour (since 1970) deliveries were created in. What is
-- older is added to its day, so that there are never many rows; a figure is the sum of both tables,
-- and one that moves after that may stand below zero here until it is added too.
CREATE TABLE webhook_hours (
    hour               INTEGER NOT NULL,
    webhook            BLOB NOT NULL,
    decided            INTEGER NOT NULL,
    pending            INTEGER NOT NULL,
    successful         INTEGER NOT NULL,
    successful_retries INTEGER NOT NULL,
    failed             INTEGER NOT NULL,
    canceled           INTEGER NOT NULL,
    PRIMARY KEY (hour, webhook)
) STRICT, WITHOUT ROWID;
