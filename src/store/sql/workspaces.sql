-- Sign-up makes one per person, so that content always has a place.
--! workspaces_personal one
--> workspaces.*
SELECT {columns workspaces w} FROM workspaces w WHERE {read workspaces w} AND w.owner_id = :me AND w.is_personal;

-- The one a person owns, for the system.
--! workspaces_personal_of one @system
--: owner_id workspaces.owner_id
--> workspaces.*
SELECT {columns workspaces} FROM workspaces WHERE owner_id = :owner_id AND is_personal;
