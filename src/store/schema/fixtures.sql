-- Small fixed rows for tests of other programs: `migrate init` adds them when TEST_MODE=true. One text for both engines.
-- Two people of one team, each with a workspace; Ada's holds a repository and a conversation. Nobody has a password.
INSERT INTO teams (id, name) VALUES ('00000000-0000-7000-8000-000000000001', 'Fixture team');
INSERT INTO users (id, email, username, name, is_verified, team_id) VALUES
  ('00000000-0000-7000-8000-000000000011', 'ada@example.com', 'ada', 'Ada', TRUE, '00000000-0000-7000-8000-000000000001'),
  ('00000000-0000-7000-8000-000000000012', 'ben@example.com', 'ben', 'Ben', TRUE, '00000000-0000-7000-8000-000000000001');
INSERT INTO user_preferences (user_id, theme) VALUES ('00000000-0000-7000-8000-000000000011', 'dark');
INSERT INTO team_members (team_id, user_id, role) VALUES
  ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000011', 'owner'),
  ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000012', 'member');
INSERT INTO workspaces (id, owner_id, team_id, name, is_personal) VALUES
  ('00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000011', NULL, 'Ada''s', TRUE),
  ('00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000012', NULL, 'Ben''s', TRUE);
INSERT INTO workspace_members (workspace_id, user_id, role) VALUES
  ('00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000011', 'owner'),
  ('00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000012', 'owner');
INSERT INTO repositories (id, workspace_id, owner_id, name, source_type, primary_language, status) VALUES
  ('00000000-0000-7000-8000-000000000031', '00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000011',
   'fixture', 'local', 'python', 'created');
INSERT INTO conversations (id, user_id, workspace_id, title) VALUES
  ('00000000-0000-7000-8000-000000000041', '00000000-0000-7000-8000-000000000011', '00000000-0000-7000-8000-000000000021',
   'Fixture conversation');
INSERT INTO messages (id, conversation_id, user_id, role, content) VALUES
  ('00000000-0000-7000-8000-000000000051', '00000000-0000-7000-8000-000000000041', '00000000-0000-7000-8000-000000000011',
   'user', 'What does main do?');
INSERT INTO documents (id, owner_id, title, content) VALUES
  ('00000000-0000-7000-8000-000000000061', '00000000-0000-7000-8000-000000000011', 'Fixture document', 'Some text.');
