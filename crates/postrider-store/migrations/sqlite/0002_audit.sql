-- The audit log: one row for each change someone asked for, chained by hashes. Rows are only ever
-- added.

CREATE TABLE audit_log (
    -- 1, 2, 3 and so on, without gaps.
    position   INTEGER PRIMARY KEY,
    -- NULL: about the installation.
    merchant   BLOB,
    at         INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id   TEXT,
    actor_name TEXT NOT NULL,
    request    BLOB,
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    detail     TEXT NOT NULL,
    hash       BLOB NOT NULL
) STRICT;

CREATE INDEX audit_log_merchant ON audit_log (merchant);
CREATE INDEX audit_log_object ON audit_log (object);

-- How many rows there should be and the last one's hash: rows cut off at the end are missed too.
ALTER TABLE meta ADD COLUMN audit_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN audit_head BLOB NOT NULL
    DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';
