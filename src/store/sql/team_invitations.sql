-- An invitation names a person by address only.
--! team_invitations_erase_email exec @system
--: email team_invitations.email
DELETE FROM team_invitations WHERE email = :email;
