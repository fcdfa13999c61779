-- Calls that were begun under strict records (R-12) and whose end is not recorded yet: status 12, sequence 0.
CREATE INDEX calls_begun ON calls (call_id) WHERE status = 12;

-- How many records each process run lost: gaps in its sequence, and, once its successor has settled it, what
-- was lost at its end (R-11).
CREATE TABLE losses (
    boot    INTEGER NOT NULL PRIMARY KEY REFERENCES names (id),
    records INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0 CHECK (settled IN (0, 1))
) STRICT;
