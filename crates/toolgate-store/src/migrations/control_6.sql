-- How often an operator said that the latest time seen was wrong (S-38). A gateway that knows another
-- count takes the mark as it stands instead of the latest time it saw itself.
ALTER TABLE clock ADD COLUMN corrections INTEGER NOT NULL DEFAULT 0;
