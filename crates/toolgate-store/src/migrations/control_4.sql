-- Which key a row's MAC was made with, so that rows outlive a change of the master key (S-84). NULL in
-- rows from before this column.
ALTER TABLE audit ADD COLUMN key_id TEXT;

-- What the tables held when nothing had changed for a while (R-08): a damaged byte in a plain column
-- breaks no rule of SQLite's, so only a digest can tell. Of use while `generation` is the current one,
-- to programs that know the same key and the same schema.
CREATE TABLE content_seal (
    only       INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL,
    sealed_by  TEXT    NOT NULL,
    mac        BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;
