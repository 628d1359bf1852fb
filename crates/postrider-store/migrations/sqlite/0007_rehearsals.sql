-- Rehearsals of rotations: how a receiver answered probes signed in different ways. A bounded number
-- per webhook; no keys, no signatures, no bodies.

CREATE TABLE rehearsals (
    id                    BLOB PRIMARY KEY NOT NULL,
    webhook               BLOB NOT NULL REFERENCES webhooks (id),
    event_type            TEXT NOT NULL,
    configuration_version INTEGER NOT NULL,
    is_rotating           INTEGER NOT NULL,
    started_at            INTEGER NOT NULL,
    ended_at              INTEGER NOT NULL,
    -- A line each: probe, outcome, status code or "-", milliseconds.
    probes                TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX rehearsals_webhook ON rehearsals (webhook, id);
