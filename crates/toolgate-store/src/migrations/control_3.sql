-- What a server offers in place of the pinned definition, until somebody approves it (S-50).
ALTER TABLE tools ADD COLUMN offered BLOB;
ALTER TABLE tools ADD COLUMN offered_hash BLOB CHECK (offered_hash IS NULL OR length(offered_hash) = 32);
-- Why it is held, or what is offered is not taken; for people.
ALTER TABLE tools ADD COLUMN reason TEXT;
-- Whether its server lists it.
ALTER TABLE tools ADD COLUMN present INTEGER NOT NULL DEFAULT 1 CHECK (present IN (0, 1));

-- By what a server is known again (S-52): JSON objects. `seen` is another identity than the pinned one that was
-- seen since; it quarantines the server until somebody approves it. `baseline_at` is when its first list was pinned.
CREATE TABLE server_pins (
    server_id   TEXT    NOT NULL PRIMARY KEY REFERENCES servers (id) ON DELETE CASCADE,
    identity    TEXT    NOT NULL,
    seen        TEXT,
    baseline_at INTEGER
) STRICT;
-- What is known already counts as approved.
INSERT INTO server_pins (server_id, identity, seen, baseline_at)
    SELECT id, '{}', NULL, 0 FROM servers WHERE id IN (SELECT server_id FROM tools);
