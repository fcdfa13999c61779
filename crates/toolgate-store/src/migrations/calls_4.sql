-- Calls an hour, so that a year of history stays cheap when the calls themselves are gone (product.md section 12).
-- `latency` is a packed histogram of milliseconds, from which any percentile is read.
CREATE TABLE rollups (
    hour         INTEGER NOT NULL,
    workspace_id TEXT    NOT NULL,
    server       TEXT    NOT NULL,
    tool         TEXT    NOT NULL,
    token_id     TEXT    NOT NULL,
    calls        INTEGER NOT NULL,
    errors       INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    duration_ms  INTEGER NOT NULL,
    bytes_in     INTEGER NOT NULL,
    bytes_out    INTEGER NOT NULL,
    latency      BLOB    NOT NULL,
    PRIMARY KEY (hour, workspace_id, server, tool, token_id)
) STRICT, WITHOUT ROWID;
