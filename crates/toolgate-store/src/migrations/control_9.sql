-- Alerts: what is watched, and where a webhook goes when it happens. `workspace_id` NULL watches all of them; `rule` is
-- JSON; `secret` names a secret of the workspace that signs the webhook; `allowed_origin` is the host and port that the
-- operator allowed although it is private or plain http (S-65).
CREATE TABLE alerts (
    id             TEXT    NOT NULL PRIMARY KEY,
    workspace_id   TEXT    REFERENCES workspaces (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    rule           TEXT    NOT NULL,
    url            TEXT    NOT NULL,
    allowed_origin TEXT,
    secret         TEXT,
    enabled        INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX alerts_workspace ON alerts (workspace_id);

-- What whoever watches the alerts remembers of each: since when it fires, about what that was told, which webhooks are
-- not delivered yet, and what became of the last one. JSON of the gateway's; nobody decided it, so it leaves no audit row.
CREATE TABLE alert_memories (
    alert_id TEXT NOT NULL PRIMARY KEY REFERENCES alerts (id) ON DELETE CASCADE,
    memory   TEXT NOT NULL
) STRICT;
