-- People beyond the first owner: names, invitations, disabling; sessions and portal links. Of tokens
-- only digests are here.

-- Made anew, because a user who was only invited has no password.
CREATE TABLE users_new (
    id                    BLOB PRIMARY KEY NOT NULL,
    merchant              BLOB NOT NULL REFERENCES merchants (id),
    email                 TEXT NOT NULL UNIQUE,
    name                  TEXT NOT NULL,
    password_hash         TEXT,
    role                  TEXT NOT NULL,
    created_at            INTEGER NOT NULL,
    last_signed_in_at     INTEGER,
    disabled_at           INTEGER,
    credentials_version   INTEGER NOT NULL DEFAULT 1,
    invitation_digest     BLOB UNIQUE,
    invitation_expires_at INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO users_new (id, merchant, email, name, password_hash, role, created_at)
    SELECT id, merchant, email, email, password_hash, role, created_at FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
CREATE INDEX users_merchant ON users (merchant, id);

CREATE TABLE sessions (
    id         BLOB PRIMARY KEY NOT NULL,
    merchant   BLOB NOT NULL REFERENCES merchants (id),
    -- NULL: whoever followed a portal link.
    user       BLOB REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    email      TEXT,
    digest     BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_user ON sessions (user, merchant, id);

CREATE TABLE portal_links (
    id         BLOB PRIMARY KEY NOT NULL,
    merchant   BLOB NOT NULL REFERENCES merchants (id),
    role       TEXT NOT NULL,
    email      TEXT,
    digest     BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX portal_links_merchant ON portal_links (merchant, expires_at);
