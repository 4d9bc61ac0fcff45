-- A database as rows (kind, name, definition): what `migrate status`, `init --adopt` and the tests compare.
-- Statistics and automatic indexes have no definition of their own.
SELECT type, name, sql FROM sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY type, name;
