-- A workspace can ask that a writing call is sent only once its intent is on the disk (R-12).
ALTER TABLE workspaces ADD COLUMN strict_records INTEGER NOT NULL DEFAULT 0
    CHECK (strict_records IN (0, 1));
