-- Records of calls stand packed in blocks: numbers only, names by their number in the dictionary (S-23). `calls`
-- keeps the rows of earlier versions, and has a row for each call that was begun under strict records (R-12).

-- The numbers of a block's calls are `first`, `first` + 1, ..., shared with `calls`; their sequences run along.
CREATE TABLE call_blocks (
    first     INTEGER NOT NULL PRIMARY KEY,
    count     INTEGER NOT NULL CHECK (count > 0),
    boot      INTEGER NOT NULL REFERENCES names (id),
    sequence  INTEGER NOT NULL,
    oldest_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL,
    parties   BLOB    NOT NULL,
    records   BLOB    NOT NULL
) STRICT;
CREATE INDEX call_blocks_oldest ON call_blocks (oldest_ms);
CREATE INDEX call_blocks_newest ON call_blocks (newest_ms);
