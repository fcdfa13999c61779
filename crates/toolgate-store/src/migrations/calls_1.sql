-- What happened: one row a call. No column can hold arguments or results (S-23): numbers, enums,
-- and names that stand once in a dictionary.

-- kind: 1 workspace, 2 server, 3 server slug, 4 tool, 5 token, 6 revision, 7 boot.
CREATE TABLE names (
    id   INTEGER NOT NULL PRIMARY KEY,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 7),
    text TEXT    NOT NULL CHECK (length(text) <= 512),
    UNIQUE (kind, text)
) STRICT;

CREATE TABLE calls (
    number      INTEGER NOT NULL PRIMARY KEY,
    call_id     TEXT    NOT NULL CHECK (length(call_id) <= 64),
    time_ms     INTEGER NOT NULL,
    workspace   INTEGER NOT NULL REFERENCES names (id),
    server      INTEGER REFERENCES names (id),
    server_slug INTEGER REFERENCES names (id),
    tool        INTEGER REFERENCES names (id),
    token       INTEGER NOT NULL REFERENCES names (id),
    status      INTEGER NOT NULL,
    error_code  INTEGER,
    duration_ms INTEGER NOT NULL,
    bytes_in    INTEGER NOT NULL,
    bytes_out   INTEGER NOT NULL,
    revision    INTEGER NOT NULL REFERENCES names (id),
    source      INTEGER NOT NULL,
    boot        INTEGER NOT NULL REFERENCES names (id),
    sequence    INTEGER NOT NULL
) STRICT;
CREATE INDEX calls_workspace ON calls (workspace, time_ms);
CREATE INDEX calls_time ON calls (time_ms);
