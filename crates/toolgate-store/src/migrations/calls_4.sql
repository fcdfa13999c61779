-- Calls an hour, so that a year of history stays cheap when the calls themselves are gone (product.md section 12).
-- A row is one hour of one workspace. `cells` has, packed, for each combination of server, tool, token, door and
-- status that occurred: sums, and a histogram of durations. Names by their number in the dictionary (S-23).
CREATE TABLE rollups (
    workspace INTEGER NOT NULL REFERENCES names (id),
    hour      INTEGER NOT NULL,
    cells     BLOB    NOT NULL,
    PRIMARY KEY (workspace, hour)
) STRICT;
CREATE INDEX rollups_hour ON rollups (hour);

-- How far the calls are rolled up: those at the places up to `rolled` are in `rollups`, the others are not, and both
-- change in one transaction, so that a call is counted once whatever is killed when. Calls that arrived before
-- `kept_ms` may have been deleted.
CREATE TABLE history (
    only    INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    rolled  INTEGER NOT NULL,
    kept_ms INTEGER NOT NULL
) STRICT;
INSERT INTO history (only, rolled, kept_ms) VALUES (1, 0, 0);

-- A call is found by its id: the process run, and about where it is in that run.
CREATE INDEX call_blocks_run ON call_blocks (boot, sequence);

-- The hours at the ends of a span of time are read from the calls themselves: which blocks those are, the index tells.
DROP INDEX call_blocks_newest;
CREATE INDEX call_blocks_newest ON call_blocks (newest_ms, oldest_ms);
