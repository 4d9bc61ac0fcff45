-- Sign-up makes one per person, so that content always has a place.
--! workspaces_personal one
--> workspaces.*
SELECT {columns workspaces w} FROM workspaces w WHERE {read workspaces w} AND w.owner_id = :me AND w.is_personal;

-- The one a person owns, for the system.
--! workspaces_personal_of one @system
--: owner_id workspaces.owner_id
--> workspaces.*
SELECT {columns workspaces} FROM workspaces WHERE owner_id = :owner_id AND is_personal;

-- Before an owner is erased: a team's workspaces go to an admin of the team.
--! workspaces_hand_over exec @system
--: owner_id workspaces.owner_id
UPDATE workspaces SET owner_id = (SELECT m.user_id FROM team_members m WHERE m.team_id = workspaces.team_id
AND m.user_id <> :owner_id AND m.role IN ('owner', 'admin') ORDER BY m.joined_at, m.user_id LIMIT 1), updated_at = :now
WHERE owner_id = :owner_id AND NOT is_personal AND EXISTS (SELECT 1 FROM team_members m
WHERE m.team_id = workspaces.team_id AND m.user_id <> :owner_id AND m.role IN ('owner', 'admin'));
