-- Doc.
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
CREATE VIEW v AS SELECT id FROM users;
CREATE INDEX i ON users (name);
CREATE FUNCTION f(a int) RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql;
CREATE TYPE mood AS ENUM ('a', 'b');
SELECT f(id) FROM users;
