-- Members of workspaces, and invitations that were not accepted yet (product.md section 13).

CREATE TABLE members (
    id           TEXT    NOT NULL PRIMARY KEY,
    workspace_id TEXT    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    email        TEXT    NOT NULL,
    joined_at    INTEGER NOT NULL,
    UNIQUE (workspace_id, email)
) STRICT;

-- The digest of a single-use code. `workspace_id` NULL invites to the team that administers the installation, which
-- is given no token; else `role` and `rules` are those of the token, and `token_ms` how long it lives, NULL for ever.
CREATE TABLE invitations (
    id           TEXT    NOT NULL PRIMARY KEY,
    workspace_id TEXT    REFERENCES workspaces (id) ON DELETE CASCADE,
    email        TEXT    NOT NULL,
    role         TEXT,
    rules        TEXT,
    token_ms     INTEGER,
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX invitations_address ON invitations (COALESCE(workspace_id, ''), email);
