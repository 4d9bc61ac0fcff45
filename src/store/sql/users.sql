-- The owner of an embedded installation: the account made first.
--! users_local one @system
--> users.*
SELECT {columns users} FROM users ORDER BY id LIMIT 1;

--! users_by_email one @system
--: email users.email
--> users.*
SELECT {columns users} FROM users WHERE email = lower(:email);
