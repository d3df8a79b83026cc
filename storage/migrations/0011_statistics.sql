-- No statistics of what status rows have. They are of the moment in which they were gathered: when nothing was under way, one
-- that is open seems next to unique, and the planner goes through all of them to find one. Without statistics it takes them to be
-- some. Setting the type again drops the statistics that there are.
ALTER TABLE tasks ALTER COLUMN status TYPE text;
ALTER TABLE tasks ALTER COLUMN status SET STATISTICS 0;
ALTER TABLE payloads ALTER COLUMN status TYPE text;
ALTER TABLE payloads ALTER COLUMN status SET STATISTICS 0;
