-- The truth about an installation. Times are unix milliseconds, ids are prefixed random text.
-- STRICT makes SQLite check column types as other engines do.

CREATE TABLE workspaces (
    id            TEXT    NOT NULL PRIMARY KEY,
    slug          TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    description   TEXT    NOT NULL,
    read_only_all INTEGER NOT NULL CHECK (read_only_all IN (0, 1)),
    created_at    INTEGER NOT NULL
) STRICT;

-- Data keys, wrapped under the master key (S-06). Deleting one shreds what it sealed (S-13).
CREATE TABLE keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    workspace_id TEXT    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    master_id    TEXT    NOT NULL,
    sealed       BLOB    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX keys_workspace ON keys (workspace_id);

-- `options` is one JSON object with everything that no query asks for.
CREATE TABLE servers (
    id            TEXT    NOT NULL PRIMARY KEY,
    workspace_id  TEXT    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    slug          TEXT    NOT NULL,
    enabled       INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    display_order INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    options       TEXT    NOT NULL,
    UNIQUE (workspace_id, slug)
) STRICT;

-- What a server said of itself when it was last reached.
CREATE TABLE server_snapshots (
    server_id    TEXT    NOT NULL PRIMARY KEY REFERENCES servers (id) ON DELETE CASCADE,
    revision     TEXT    NOT NULL,
    http_kind    TEXT    NOT NULL,
    capabilities BLOB    NOT NULL,
    server_info  BLOB    NOT NULL,
    instructions TEXT,
    fingerprint  TEXT    NOT NULL,
    at           INTEGER NOT NULL
) STRICT;

-- Pinned definitions (S-50). `classification` is an admin's word (S-54).
CREATE TABLE tools (
    server_id      TEXT    NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    position       INTEGER NOT NULL,
    definition     BLOB    NOT NULL,
    hash           BLOB    NOT NULL CHECK (length(hash) = 32),
    classification TEXT,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    state          TEXT    NOT NULL CHECK (state IN ('approved', 'held')),
    PRIMARY KEY (server_id, name)
) STRICT;

-- Digests only (S-35). `rate_limit` is per minute, NULL is off; `rules` is a JSON array of patterns.
CREATE TABLE tokens (
    id           TEXT    NOT NULL PRIMARY KEY,
    workspace_id TEXT    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    rules        TEXT    NOT NULL,
    rate_limit   INTEGER,
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    member_id    TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX tokens_workspace ON tokens (workspace_id, created_at);

-- The current version of each secret, sealed (S-09). `server_id` NULL is any server that names it.
CREATE TABLE secrets (
    workspace_id TEXT    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    server_id    TEXT    REFERENCES servers (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    key_id       TEXT    NOT NULL,
    sealed       BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;
CREATE UNIQUE INDEX secrets_name ON secrets (workspace_id, name, COALESCE(server_id, ''));
CREATE INDEX secrets_server ON secrets (server_id);

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Which master key this store belongs to (S-08).
CREATE TABLE key_check (
    only   INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    key_id TEXT    NOT NULL,
    mac    BLOB    NOT NULL
) STRICT;

-- The chain of changes (S-83, S-84). No reference to workspaces: the row outlives what it tells of.
CREATE TABLE audit (
    sequence     INTEGER NOT NULL PRIMARY KEY,
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    workspace_id TEXT,
    object       TEXT    NOT NULL,
    detail       TEXT    NOT NULL,
    before       BLOB,
    after        BLOB,
    previous     BLOB    NOT NULL CHECK (length(previous) = 32),
    mac          BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;
CREATE INDEX audit_workspace ON audit (workspace_id, sequence);

-- Counts changes, so that a watcher can tell them from bookkeeping such as last-used stamps.
CREATE TABLE changes (
    only       INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO changes (only, generation) VALUES (1, 0);

-- The latest time this installation has seen; never lowered (S-38).
CREATE TABLE clock (
    only          INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    high_water_ms INTEGER NOT NULL
) STRICT;
INSERT INTO clock (only, high_water_ms) VALUES (1, 0);
