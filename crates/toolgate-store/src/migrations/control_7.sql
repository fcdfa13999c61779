-- Who administers an installation over the management API and in a browser, and what a repeated write is known by.

-- People with a password (S-77). The password is an Argon2id string; NULL until an invitation was accepted.
CREATE TABLE operators (
    id           TEXT    NOT NULL PRIMARY KEY,
    email        TEXT    NOT NULL UNIQUE,
    password     TEXT,
    created_at   INTEGER NOT NULL,
    joined_at    INTEGER,
    last_used_at INTEGER
) STRICT;

-- Keys of programs, `ak_…`: digests only. `operator_id` NULL is one the command line made.
CREATE TABLE operator_keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    operator_id  TEXT    REFERENCES operators (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;

-- What was answered to a write that carried an Idempotency-Key, for a day. `request` is a digest of what was asked;
-- `answer` holds no secret: what is shown once is left out of it.
CREATE TABLE idempotency (
    actor   TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    request BLOB    NOT NULL CHECK (length(request) = 32),
    status  INTEGER NOT NULL,
    answer  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT;
CREATE INDEX idempotency_at ON idempotency (at);
