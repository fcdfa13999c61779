-- Several data keys a workspace: one active, others retired until nothing is sealed under them (S-10, S-12).
-- `encryptions` counts what a key has sealed: it may not seal more than 2^30 times.
ALTER TABLE keys ADD COLUMN state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired'));
ALTER TABLE keys ADD COLUMN encryptions INTEGER NOT NULL DEFAULT 0;
UPDATE keys SET encryptions =
    (SELECT COALESCE(SUM(version), 0) FROM secrets WHERE secrets.key_id = keys.id);
CREATE UNIQUE INDEX keys_active ON keys (workspace_id) WHERE state = 'active';

-- Which secret versions are live (S-17): `entries` is a JSON array, `mac` authenticates it.
CREATE TABLE manifests (
    workspace_id TEXT NOT NULL PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    entries      TEXT NOT NULL,
    mac          BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT;

-- Since when the present master key is in force, and while its rotation is not complete the file it lies in.
ALTER TABLE key_check ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_check ADD COLUMN pending_file TEXT;
UPDATE key_check SET since = COALESCE((SELECT MIN(at) FROM audit), 0);

-- What is left of the master keys before, sealed under the present one (S-12).
CREATE TABLE retired_masters (
    id          TEXT    NOT NULL PRIMARY KEY,
    master_id   TEXT    NOT NULL,
    audit_until INTEGER NOT NULL,
    sealed      BLOB    NOT NULL,
    retired_at  INTEGER NOT NULL
) STRICT;
