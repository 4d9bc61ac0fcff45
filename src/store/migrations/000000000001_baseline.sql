-- revision: 000000000001
-- revises:
-- message: baseline
-- date: 2026-11-22

-- @up
-- @sqlite
CREATE TABLE configs (
  id INTEGER PRIMARY KEY,
  scope TEXT NOT NULL DEFAULT 'profile' CHECK (scope IN ('system','profile')),
  name TEXT NOT NULL,
  config_data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(config_data)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (scope, name)
) STRICT;
CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  email TEXT NOT NULL UNIQUE,
  username TEXT UNIQUE,
  name TEXT NOT NULL DEFAULT '',
  password_hash TEXT,
  is_oauth_signup INTEGER NOT NULL DEFAULT 0 CHECK (is_oauth_signup IN (0,1)),
  is_verified INTEGER NOT NULL DEFAULT 0 CHECK (is_verified IN (0,1)),
  role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user','admin')),
  subscription_tier TEXT NOT NULL DEFAULT 'free' CHECK (subscription_tier IN ('free','pro','team','enterprise')),
  subscription_expires_at INTEGER,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0,1)),
  failed_login_attempts INTEGER NOT NULL DEFAULT 0,
  locked_until INTEGER,
  last_login_at INTEGER,
  otp_enabled INTEGER NOT NULL DEFAULT 0 CHECK (otp_enabled IN (0,1)),
  otp_ciphertext BLOB,
  otp_nonce BLOB,
  otp_key_version INTEGER,
  team_id TEXT CHECK (length(team_id) = 36),
  config_id INTEGER,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  CHECK (email = lower(email)),
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE SET NULL,
  FOREIGN KEY (config_id) REFERENCES configs(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_users_team_id ON users (team_id);
CREATE INDEX idx_users_config_id ON users (config_id);
CREATE INDEX idx_users_is_verified ON users (is_verified);
CREATE TABLE user_preferences (
  user_id TEXT NOT NULL PRIMARY KEY CHECK (length(user_id) = 36),
  language TEXT NOT NULL DEFAULT 'en',
  theme TEXT NOT NULL DEFAULT 'auto' CHECK (theme IN ('light','dark','auto')),
  default_explanation_depth TEXT NOT NULL DEFAULT 'intermediate' CHECK (default_explanation_depth IN ('eli5','intermediate','expert')),
  enable_socratic_mode INTEGER NOT NULL DEFAULT 0 CHECK (enable_socratic_mode IN (0,1)),
  enable_offline_mode INTEGER NOT NULL DEFAULT 0 CHECK (enable_offline_mode IN (0,1)),
  preferred_model_id INTEGER,
  model_preference TEXT NOT NULL DEFAULT 'balanced' CHECK (model_preference IN ('fast','balanced','quality')),
  conversation_retention_days INTEGER,
  completion_retention_days INTEGER,
  analytics_retention_days INTEGER,
  document_retention_days INTEGER,
  extra TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (preferred_model_id) REFERENCES ai_models(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_user_preferences_preferred_model_id ON user_preferences (preferred_model_id);
CREATE TABLE consents (
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  purpose TEXT NOT NULL CHECK (purpose IN ('telemetry','analytics','context_storage','training','marketing')),
  granted INTEGER NOT NULL DEFAULT 0 CHECK (granted IN (0,1)),
  policy_version TEXT NOT NULL DEFAULT '',
  changed_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (user_id, purpose),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE user_identities (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  provider TEXT NOT NULL,
  subject TEXT NOT NULL,
  email TEXT,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  last_used_at INTEGER,
  UNIQUE (provider, subject),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_user_identities_user_id ON user_identities (user_id);
CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  token_hash TEXT NOT NULL UNIQUE,
  refresh_token_hash TEXT NOT NULL UNIQUE,
  previous_refresh_hash TEXT,
  expires_at INTEGER NOT NULL,
  refresh_expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  last_used_at INTEGER,
  revoked_at INTEGER,
  ip_address TEXT CHECK (length(ip_address) <= 45),
  user_agent TEXT,
  client TEXT NOT NULL DEFAULT 'api' CHECK (client IN ('web','ide','mobile','cli','api')),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_sessions_user_id ON sessions (user_id);
CREATE INDEX idx_sessions_refresh_expires_at ON sessions (refresh_expires_at);
CREATE INDEX idx_sessions_previous_refresh_hash ON sessions (previous_refresh_hash);
CREATE TABLE one_time_tokens (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  email TEXT,
  purpose TEXT NOT NULL CHECK (purpose IN ('verify_email','reset_password','oauth_state','oauth_exchange','device_login','ws_ticket','otp_recovery','registration_invite')),
  token_hash TEXT NOT NULL UNIQUE,
  payload TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(payload)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_one_time_tokens_user_id ON one_time_tokens (user_id);
CREATE INDEX idx_one_time_tokens_expires_at ON one_time_tokens (expires_at);
CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  key_hash TEXT NOT NULL UNIQUE,
  key_prefix TEXT NOT NULL DEFAULT '',
  last4 TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL,
  scopes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(scopes) AND json_type(scopes) = 'array'),
  allowed_ips TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(allowed_ips) AND json_type(allowed_ips) = 'array'),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  expires_at INTEGER,
  last_used_at INTEGER,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0,1)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_api_keys_user_id ON api_keys (user_id);
CREATE TABLE teams (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  name TEXT NOT NULL,
  subscription_tier TEXT NOT NULL DEFAULT 'team' CHECK (subscription_tier IN ('free','pro','team','enterprise')),
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER))
) STRICT;
CREATE TABLE team_members (
  team_id TEXT NOT NULL CHECK (length(team_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('owner','admin','member','viewer')),
  joined_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (team_id, user_id),
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_team_members_user_id ON team_members (user_id);
CREATE TABLE team_invitations (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  team_id TEXT NOT NULL CHECK (length(team_id) = 36),
  email TEXT NOT NULL,
  role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('admin','member','viewer')),
  token_hash TEXT NOT NULL UNIQUE,
  invited_by TEXT CHECK (length(invited_by) = 36),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  expires_at INTEGER NOT NULL,
  accepted_at INTEGER,
  UNIQUE (team_id, email),
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE,
  FOREIGN KEY (invited_by) REFERENCES users(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_team_invitations_invited_by ON team_invitations (invited_by);
CREATE INDEX idx_team_invitations_email ON team_invitations (email);
CREATE TABLE feature_flags (
  flag_key TEXT NOT NULL PRIMARY KEY,
  description TEXT NOT NULL DEFAULT '',
  is_enabled INTEGER NOT NULL DEFAULT 0 CHECK (is_enabled IN (0,1)),
  tiers TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tiers) AND json_type(tiers) = 'array'),
  rollout_percent INTEGER NOT NULL DEFAULT 100 CHECK (rollout_percent BETWEEN 0 AND 100),
  rules TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(rules)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER))
) STRICT, WITHOUT ROWID;
CREATE TABLE workspaces (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  owner_id TEXT NOT NULL CHECK (length(owner_id) = 36),
  team_id TEXT CHECK (length(team_id) = 36),
  name TEXT NOT NULL,
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  multi_file_contexts TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(multi_file_contexts)),
  multi_file_context_changes TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(multi_file_context_changes)),
  is_personal INTEGER NOT NULL DEFAULT 0 CHECK (is_personal IN (0,1)),
  is_archived INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0,1)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE SET NULL
) STRICT;
CREATE UNIQUE INDEX idx_workspaces_owner_id_is_personal ON workspaces (owner_id) WHERE is_personal;
CREATE INDEX idx_workspaces_owner_id ON workspaces (owner_id);
CREATE INDEX idx_workspaces_team_id ON workspaces (team_id);
CREATE TABLE workspace_members (
  workspace_id TEXT NOT NULL CHECK (length(workspace_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('owner','admin','member','viewer')),
  joined_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (workspace_id, user_id),
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_workspace_members_user_id ON workspace_members (user_id);
CREATE TABLE workspace_rules (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  workspace_id TEXT NOT NULL CHECK (length(workspace_id) = 36),
  name TEXT NOT NULL,
  kind TEXT NOT NULL DEFAULT 'instruction' CHECK (kind IN ('instruction','style','exclude','privacy')),
  content TEXT NOT NULL,
  file_globs TEXT NOT NULL DEFAULT '["**/*"]' CHECK (json_valid(file_globs) AND json_type(file_globs) = 'array'),
  languages TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(languages) AND json_type(languages) = 'array'),
  applies_to TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(applies_to) AND json_type(applies_to) = 'array'),
  priority INTEGER NOT NULL DEFAULT 100,
  is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0,1)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (workspace_id, name),
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE
) STRICT;
CREATE TABLE repositories (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  workspace_id TEXT NOT NULL CHECK (length(workspace_id) = 36),
  owner_id TEXT NOT NULL CHECK (length(owner_id) = 36),
  name TEXT NOT NULL,
  description TEXT,
  root_path TEXT NOT NULL DEFAULT '',
  remote_url TEXT,
  source_type TEXT NOT NULL DEFAULT 'local' CHECK (source_type IN ('local','git','github','gitlab','upload','repomix')),
  primary_language TEXT NOT NULL DEFAULT 'unknown',
  languages TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(languages) AND json_type(languages) = 'array'),
  frameworks TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(frameworks) AND json_type(frameworks) = 'array'),
  style_guide TEXT CHECK (style_guide IS NULL OR json_valid(style_guide)),
  config TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(config)),
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  is_archived INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0,1)),
  current_revision TEXT,
  status TEXT NOT NULL DEFAULT 'created' CHECK (status IN ('created','pending','indexing','ready','error')),
  index_error TEXT,
  index_progress REAL NOT NULL DEFAULT 0 CHECK (index_progress BETWEEN 0 AND 1),
  index_version INTEGER NOT NULL DEFAULT 0,
  index_generation INTEGER NOT NULL DEFAULT 0,
  file_count INTEGER NOT NULL DEFAULT 0,
  symbol_count INTEGER NOT NULL DEFAULT 0,
  chunk_count INTEGER NOT NULL DEFAULT 0,
  line_count INTEGER NOT NULL DEFAULT 0,
  index_size_bytes INTEGER NOT NULL DEFAULT 0,
  language_stats TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(language_stats)),
  indexed_at INTEGER,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (workspace_id, name),
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE,
  FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_repositories_owner_id ON repositories (owner_id);
CREATE INDEX idx_repositories_status ON repositories (status);
CREATE TABLE repository_dependencies (
  repository_id TEXT NOT NULL CHECK (length(repository_id) = 36),
  package_manager TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL DEFAULT '',
  dependency_type TEXT NOT NULL DEFAULT 'production' CHECK (dependency_type IN ('production','development')),
  manifest_path TEXT NOT NULL DEFAULT '',
  indexed_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (repository_id, package_manager, name, dependency_type, manifest_path),
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_repository_dependencies_name ON repository_dependencies (name);
CREATE TABLE blobs (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  workspace_id TEXT NOT NULL CHECK (length(workspace_id) = 36),
  content_hash TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  storage TEXT NOT NULL DEFAULT 'file' CHECK (storage IN ('inline','file','s3')),
  location TEXT,
  data BLOB,
  compression TEXT NOT NULL DEFAULT 'none' CHECK (compression IN ('none','zstd')),
  media_type TEXT,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (workspace_id, content_hash),
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE
) STRICT;
CREATE TABLE files (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  repository_id TEXT NOT NULL CHECK (length(repository_id) = 36),
  file_path TEXT NOT NULL,
  language TEXT,
  content_hash TEXT,
  blob_id TEXT CHECK (length(blob_id) = 36),
  size_bytes INTEGER NOT NULL DEFAULT 0,
  line_count INTEGER,
  token_count INTEGER,
  keywords TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(keywords) AND json_type(keywords) = 'array'),
  imports TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(imports) AND json_type(imports) = 'array'),
  parse_status TEXT NOT NULL DEFAULT 'ok' CHECK (parse_status IN ('ok','partial','failed','skipped')),
  last_modified_at INTEGER,
  indexed_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (repository_id, file_path),
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE,
  FOREIGN KEY (blob_id) REFERENCES blobs(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_files_repository_id_language ON files (repository_id, language);
CREATE INDEX idx_files_blob_id ON files (blob_id);
CREATE TABLE file_dependencies (
  file_id TEXT NOT NULL CHECK (length(file_id) = 36),
  import_name TEXT NOT NULL,
  kind TEXT NOT NULL DEFAULT 'import' CHECK (kind IN ('import','include','require','inherit')),
  repository_id TEXT NOT NULL CHECK (length(repository_id) = 36),
  target_file_id TEXT CHECK (length(target_file_id) = 36),
  line INTEGER,
  PRIMARY KEY (file_id, import_name, kind),
  FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE,
  FOREIGN KEY (target_file_id) REFERENCES files(id) ON DELETE SET NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_file_dependencies_repository_id ON file_dependencies (repository_id);
CREATE INDEX idx_file_dependencies_target_file_id ON file_dependencies (target_file_id);
CREATE TABLE symbols (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  file_id TEXT NOT NULL CHECK (length(file_id) = 36),
  repository_id TEXT NOT NULL CHECK (length(repository_id) = 36),
  name TEXT NOT NULL,
  qualified_name TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('function','method','class','interface','struct','enum','type','module','variable','constant','field','macro','import','other')),
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  start_column INTEGER,
  end_column INTEGER,
  signature TEXT,
  docstring TEXT,
  parent_symbol_id TEXT CHECK (length(parent_symbol_id) = 36),
  reference_count INTEGER NOT NULL DEFAULT 0,
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE,
  FOREIGN KEY (parent_symbol_id) REFERENCES symbols(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_symbols_name ON symbols (name);
CREATE INDEX idx_symbols_repository_id_name ON symbols (repository_id, name);
CREATE INDEX idx_symbols_file_id ON symbols (file_id);
CREATE INDEX idx_symbols_parent_symbol_id ON symbols (parent_symbol_id);
CREATE TABLE symbol_references (
  file_id TEXT NOT NULL CHECK (length(file_id) = 36),
  line INTEGER NOT NULL,
  column_no INTEGER NOT NULL,
  name TEXT NOT NULL,
  repository_id TEXT NOT NULL CHECK (length(repository_id) = 36),
  symbol_id TEXT CHECK (length(symbol_id) = 36),
  kind TEXT NOT NULL DEFAULT 'read' CHECK (kind IN ('call','read','write','import','type','inherit')),
  PRIMARY KEY (file_id, line, column_no, name),
  FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE,
  FOREIGN KEY (symbol_id) REFERENCES symbols(id) ON DELETE SET NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_symbol_references_symbol_id ON symbol_references (symbol_id);
CREATE INDEX idx_symbol_references_repository_id_name ON symbol_references (repository_id, name);
CREATE TABLE code_chunks (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  file_id TEXT NOT NULL CHECK (length(file_id) = 36),
  repository_id TEXT NOT NULL CHECK (length(repository_id) = 36),
  chunk_index INTEGER NOT NULL DEFAULT 0,
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  chunk_type TEXT NOT NULL DEFAULT 'block' CHECK (chunk_type IN ('function','method','class','block','comment','lines')),
  symbol_name TEXT,
  class_name TEXT,
  language TEXT,
  content_preview TEXT NOT NULL DEFAULT '',
  token_count INTEGER,
  importance_score REAL NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (file_id, chunk_index),
  FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_code_chunks_repository_id_language ON code_chunks (repository_id, language);
CREATE INDEX idx_code_chunks_content_hash ON code_chunks (content_hash);
CREATE TABLE documents (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  owner_id TEXT CHECK (length(owner_id) = 36),
  workspace_id TEXT CHECK (length(workspace_id) = 36),
  title TEXT NOT NULL,
  content TEXT,
  blob_id TEXT CHECK (length(blob_id) = 36),
  content_type TEXT NOT NULL DEFAULT 'text',
  language TEXT,
  source_url TEXT,
  content_hash TEXT,
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  is_archived INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0,1)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE,
  FOREIGN KEY (blob_id) REFERENCES blobs(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_documents_owner_id ON documents (owner_id);
CREATE INDEX idx_documents_workspace_id ON documents (workspace_id);
CREATE INDEX idx_documents_blob_id ON documents (blob_id);
CREATE INDEX idx_documents_language ON documents (language);
CREATE TABLE document_chunks (
  rid INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
  document_id TEXT NOT NULL CHECK (length(document_id) = 36),
  owner_id TEXT CHECK (length(owner_id) = 36),
  workspace_id TEXT CHECK (length(workspace_id) = 36),
  chunk_index INTEGER NOT NULL DEFAULT 0,
  chunk_text TEXT NOT NULL,
  token_count INTEGER,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (document_id, chunk_index),
  FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE
) STRICT;
CREATE TABLE repository_documents (
  repository_id TEXT NOT NULL CHECK (length(repository_id) = 36),
  document_id TEXT NOT NULL CHECK (length(document_id) = 36),
  file_path TEXT,
  added_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (repository_id, document_id),
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE,
  FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_repository_documents_document_id ON repository_documents (document_id);
CREATE TABLE embedding_models (
  id INTEGER PRIMARY KEY,
  provider_name TEXT NOT NULL,
  name TEXT NOT NULL,
  dimensions INTEGER NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
  metric TEXT NOT NULL DEFAULT 'cosine' CHECK (metric IN ('cosine','l2','ip')),
  is_normalized INTEGER NOT NULL DEFAULT 1 CHECK (is_normalized IN (0,1)),
  max_input_tokens INTEGER,
  is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0,1)),
  state TEXT NOT NULL DEFAULT 'building' CHECK (state IN ('building','active','retired')),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (provider_name, name, dimensions),
  UNIQUE (id, dimensions),
  FOREIGN KEY (provider_name) REFERENCES ai_providers(name) ON DELETE RESTRICT
) STRICT;
CREATE TABLE embeddings (
  subject_type TEXT NOT NULL CHECK (subject_type IN ('code_chunk','file','document_chunk','message','memory_item','knowledge_entry','cached_response')),
  subject_id TEXT NOT NULL CHECK (length(subject_id) = 36),
  embedding_model_id INTEGER NOT NULL,
  dims INTEGER NOT NULL,
  embedding BLOB NOT NULL,
  user_id TEXT CHECK (length(user_id) = 36),
  repository_id TEXT CHECK (length(repository_id) = 36),
  team_id TEXT CHECK (length(team_id) = 36),
  language TEXT,
  subject_kind TEXT,
  content_hash TEXT,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (subject_type, subject_id, embedding_model_id),
  CHECK (length(embedding) = dims * 4),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE,
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE,
  FOREIGN KEY (embedding_model_id, dims) REFERENCES embedding_models(id, dimensions) ON DELETE RESTRICT
) STRICT;
CREATE INDEX idx_embeddings_repository_id_embedding_model_id ON embeddings (repository_id, embedding_model_id);
CREATE INDEX idx_embeddings_user_id_subject_type ON embeddings (user_id, subject_type);
CREATE INDEX idx_embeddings_team_id ON embeddings (team_id);
CREATE TABLE languages (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  extensions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(extensions) AND json_type(extensions) = 'array'),
  grammar TEXT,
  line_comment TEXT
) STRICT;
CREATE TABLE trigger_types (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE software_versions (
  id INTEGER PRIMARY KEY,
  component TEXT NOT NULL DEFAULT 'other' CHECK (component IN ('server','vscode','jetbrains','visualstudio','lsp','cli','web','other')),
  name TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (component, name)
) STRICT;
CREATE TABLE coding_sessions (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  start_time INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  end_time INTEGER,
  software_version_id INTEGER,
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL,
  FOREIGN KEY (software_version_id) REFERENCES software_versions(id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX idx_coding_sessions_user_id_start_time ON coding_sessions (user_id, start_time);
CREATE INDEX idx_coding_sessions_software_version_id ON coding_sessions (software_version_id);
CREATE TABLE coding_session_workspaces (
  coding_session_id TEXT NOT NULL CHECK (length(coding_session_id) = 36),
  workspace_id TEXT NOT NULL CHECK (length(workspace_id) = 36),
  PRIMARY KEY (coding_session_id, workspace_id),
  FOREIGN KEY (coding_session_id) REFERENCES coding_sessions(id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_coding_session_workspaces_workspace_id ON coding_session_workspaces (workspace_id);
CREATE TABLE completion_requests (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  client_request_id TEXT,
  user_id TEXT CHECK (length(user_id) = 36),
  workspace_id TEXT CHECK (length(workspace_id) = 36),
  repository_id TEXT CHECK (length(repository_id) = 36),
  coding_session_id TEXT CHECK (length(coding_session_id) = 36),
  conversation_id TEXT CHECK (length(conversation_id) = 36),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  completion_type TEXT NOT NULL CHECK (completion_type IN ('inline','fim','chat','next_edit','agent','generate','explain','refactor','debug')),
  language TEXT,
  model_id INTEGER,
  model_used TEXT,
  routing_reason TEXT,
  prompt_template_id TEXT CHECK (length(prompt_template_id) = 36),
  prefix_tokens INTEGER,
  suffix_tokens INTEGER,
  context_tokens INTEGER,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  latency_ms INTEGER,
  total_serving_time_ms INTEGER,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','success','error','timeout','cancelled')),
  state TEXT NOT NULL DEFAULT 'received' CHECK (state IN ('received','debounced','cancelled','queued','rate_limited','cache_check','cache_hit','context_assembly','inference','success','timeout','error','post_process','delivered','accepted','rejected','retained','modified')),
  state_timings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(state_timings)),
  cache_hit INTEGER NOT NULL DEFAULT 0 CHECK (cache_hit IN (0,1)),
  web_enabled INTEGER NOT NULL DEFAULT 0 CHECK (web_enabled IN (0,1)),
  options TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(options)),
  multi_file_context_changes_indexes TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(multi_file_context_changes_indexes)),
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  server_version_id INTEGER,
  error_code TEXT,
  finished_at INTEGER,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL,
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE SET NULL,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE SET NULL,
  FOREIGN KEY (coding_session_id) REFERENCES coding_sessions(id) ON DELETE SET NULL,
  FOREIGN KEY (conversation_id) REFERENCES conversations(id) ON DELETE SET NULL,
  FOREIGN KEY (model_id) REFERENCES ai_models(id) ON DELETE RESTRICT,
  FOREIGN KEY (prompt_template_id) REFERENCES prompt_templates(id) ON DELETE SET NULL,
  FOREIGN KEY (server_version_id) REFERENCES software_versions(id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX idx_completion_requests_user_id_created_at ON completion_requests (user_id, created_at);
CREATE INDEX idx_completion_requests_workspace_id_created_at ON completion_requests (workspace_id, created_at);
CREATE INDEX idx_completion_requests_repository_id ON completion_requests (repository_id);
CREATE INDEX idx_completion_requests_coding_session_id ON completion_requests (coding_session_id);
CREATE INDEX idx_completion_requests_conversation_id ON completion_requests (conversation_id);
CREATE INDEX idx_completion_requests_created_at ON completion_requests (created_at);
CREATE INDEX idx_completion_requests_model_id ON completion_requests (model_id);
CREATE INDEX idx_completion_requests_client_request_id_client_request_id ON completion_requests (client_request_id) WHERE client_request_id IS NOT NULL;
CREATE INDEX idx_completion_requests_prompt_template_id ON completion_requests (prompt_template_id);
CREATE INDEX idx_completion_requests_server_version_id ON completion_requests (server_version_id);
CREATE TABLE completion_results (
  request_id TEXT NOT NULL CHECK (length(request_id) = 36),
  id TEXT NOT NULL CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  rank INTEGER NOT NULL,
  model_id INTEGER,
  completion_text TEXT NOT NULL,
  display_text TEXT,
  insert_range TEXT CHECK (insert_range IS NULL OR json_valid(insert_range)),
  original_text TEXT,
  source TEXT NOT NULL DEFAULT 'model' CHECK (source IN ('model','cache','fallback')),
  confidence_score REAL CHECK (confidence_score BETWEEN 0 AND 1),
  generation_time_ms INTEGER,
  logprobs TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(logprobs) AND json_type(logprobs) = 'array'),
  shown_at TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(shown_at) AND json_type(shown_at) = 'array'),
  accepted INTEGER CHECK (accepted IN (0,1)),
  accepted_at INTEGER,
  accepted_length INTEGER,
  accept_kind TEXT CHECK (accept_kind IN ('all','word','line')),
  is_ignored INTEGER NOT NULL DEFAULT 0 CHECK (is_ignored IN (0,1)),
  retained INTEGER CHECK (retained IN (0,1)),
  retained_10s INTEGER CHECK (retained_10s IN (0,1)),
  retained_2m INTEGER CHECK (retained_2m IN (0,1)),
  retained_10m INTEGER CHECK (retained_10m IN (0,1)),
  modified_chars INTEGER,
  modified_text TEXT,
  feedback_at INTEGER,
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (request_id, id),
  UNIQUE (request_id, rank),
  FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE,
  FOREIGN KEY (model_id) REFERENCES ai_models(id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX idx_completion_results_model_id_created_at ON completion_results (model_id, created_at);
CREATE INDEX idx_completion_results_accepted_accepted ON completion_results (accepted) WHERE accepted IS NOT NULL;
CREATE INDEX idx_completion_results_user_id ON completion_results (user_id);
CREATE TABLE completion_contexts (
  request_id TEXT NOT NULL PRIMARY KEY CHECK (length(request_id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  file_name TEXT,
  document_uri TEXT,
  document_version INTEGER,
  position_line INTEGER,
  position_character INTEGER,
  prefix TEXT,
  suffix TEXT,
  selected_text TEXT,
  open_files TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(open_files)),
  recent_edits TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(recent_edits)),
  FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_completion_contexts_user_id ON completion_contexts (user_id);
CREATE TABLE completion_context_sources (
  request_id TEXT NOT NULL CHECK (length(request_id) = 36),
  position INTEGER NOT NULL,
  user_id TEXT CHECK (length(user_id) = 36),
  source_type TEXT NOT NULL CHECK (source_type IN ('prefix','suffix','import','symbol','repository','open_file','recent_edit','clipboard','diagnostic','declaration','documentation','document','knowledge','memory','rule','style')),
  retriever TEXT,
  kept INTEGER NOT NULL DEFAULT 1 CHECK (kept IN (0,1)),
  reason TEXT,
  file_path TEXT,
  code_chunk_id TEXT CHECK (length(code_chunk_id) = 36),
  symbol_id TEXT CHECK (length(symbol_id) = 36),
  document_chunk_id TEXT CHECK (length(document_chunk_id) = 36),
  start_line INTEGER,
  end_line INTEGER,
  relevance REAL,
  tokens INTEGER,
  PRIMARY KEY (request_id, position),
  FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_completion_context_sources_user_id ON completion_context_sources (user_id);
CREATE TABLE completion_telemetry (
  request_id TEXT NOT NULL PRIMARY KEY CHECK (length(request_id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  plugin_version_id INTEGER NOT NULL,
  trigger_type_id INTEGER NOT NULL,
  file_path TEXT,
  caret_line INTEGER,
  document_char_length INTEGER,
  relative_document_position REAL CHECK (relative_document_position BETWEEN 0 AND 1),
  time_since_last_shown_ms INTEGER,
  time_since_last_accepted_ms INTEGER,
  typing_speed REAL,
  FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE,
  FOREIGN KEY (plugin_version_id) REFERENCES software_versions(id) ON DELETE RESTRICT,
  FOREIGN KEY (trigger_type_id) REFERENCES trigger_types(id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX idx_completion_telemetry_user_id ON completion_telemetry (user_id);
CREATE INDEX idx_completion_telemetry_plugin_version_id ON completion_telemetry (plugin_version_id);
CREATE INDEX idx_completion_telemetry_trigger_type_id ON completion_telemetry (trigger_type_id);
CREATE TABLE ground_truths (
  request_id TEXT NOT NULL CHECK (length(request_id) = 36),
  truth_timestamp INTEGER NOT NULL,
  id TEXT NOT NULL CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  ground_truth TEXT NOT NULL,
  PRIMARY KEY (request_id, truth_timestamp),
  FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_ground_truths_user_id ON ground_truths (user_id);
CREATE TABLE conversations (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  workspace_id TEXT CHECK (length(workspace_id) = 36),
  coding_session_id TEXT CHECK (length(coding_session_id) = 36),
  title TEXT NOT NULL DEFAULT '',
  mode TEXT NOT NULL DEFAULT 'chat' CHECK (mode IN ('chat','agent','debug','explain','review','learn')),
  shared_team_id TEXT CHECK (length(shared_team_id) = 36),
  retention_days INTEGER,
  is_archived INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0,1)),
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  last_message_at INTEGER,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE,
  FOREIGN KEY (coding_session_id) REFERENCES coding_sessions(id) ON DELETE SET NULL,
  FOREIGN KEY (shared_team_id) REFERENCES teams(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_conversations_user_id_updated_at ON conversations (user_id, updated_at);
CREATE INDEX idx_conversations_workspace_id ON conversations (workspace_id);
CREATE INDEX idx_conversations_coding_session_id ON conversations (coding_session_id);
CREATE INDEX idx_conversations_shared_team_id ON conversations (shared_team_id);
CREATE TABLE messages (
  rid INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
  conversation_id TEXT NOT NULL CHECK (length(conversation_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  parent_message_id TEXT CHECK (length(parent_message_id) = 36),
  role TEXT NOT NULL CHECK (role IN ('user','assistant','system','tool')),
  content TEXT NOT NULL,
  context_snapshot TEXT,
  code_snapshot TEXT,
  tool_calls TEXT CHECK (tool_calls IS NULL OR json_valid(tool_calls)),
  request_id TEXT CHECK (length(request_id) = 36),
  model_used TEXT,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (conversation_id) REFERENCES conversations(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (parent_message_id) REFERENCES messages(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_messages_conversation_id_id ON messages (conversation_id, id);
CREATE INDEX idx_messages_user_id ON messages (user_id);
CREATE INDEX idx_messages_parent_message_id ON messages (parent_message_id);
CREATE TABLE debug_sessions (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  mode TEXT NOT NULL CHECK (mode IN ('socratic','direct')),
  problem TEXT NOT NULL,
  solution TEXT,
  learning_points TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(learning_points)),
  progress REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  summary TEXT,
  started_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  ended_at INTEGER,
  FOREIGN KEY (id) REFERENCES conversations(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_debug_sessions_user_id ON debug_sessions (user_id);
CREATE INDEX idx_debug_sessions_started_at ON debug_sessions (started_at);
CREATE TABLE error_translations (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  repository_id TEXT CHECK (length(repository_id) = 36),
  language TEXT,
  original_error TEXT NOT NULL,
  stack_trace TEXT,
  fingerprint TEXT NOT NULL,
  plain_english TEXT NOT NULL,
  possible_causes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(possible_causes)),
  solutions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(solutions)),
  diagnostic_steps TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(diagnostic_steps) AND json_type(diagnostic_steps) = 'array'),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_error_translations_user_id_created_at ON error_translations (user_id, created_at);
CREATE INDEX idx_error_translations_repository_id ON error_translations (repository_id);
CREATE INDEX idx_error_translations_fingerprint ON error_translations (fingerprint);
CREATE TABLE collab_rooms (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  team_id TEXT NOT NULL CHECK (length(team_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  title TEXT NOT NULL DEFAULT '',
  visibility TEXT NOT NULL DEFAULT 'team' CHECK (visibility IN ('team','link')),
  last_code TEXT,
  last_language TEXT,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  closed_at INTEGER,
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_collab_rooms_team_id ON collab_rooms (team_id);
CREATE INDEX idx_collab_rooms_user_id ON collab_rooms (user_id);
CREATE TABLE collab_room_members (
  room_id TEXT NOT NULL CHECK (length(room_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  joined_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  left_at INTEGER,
  PRIMARY KEY (room_id, user_id),
  FOREIGN KEY (room_id) REFERENCES collab_rooms(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_collab_room_members_user_id ON collab_room_members (user_id);
CREATE TABLE memory_items (
  rid INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  workspace_id TEXT CHECK (length(workspace_id) = 36),
  content TEXT NOT NULL,
  source_type TEXT NOT NULL CHECK (source_type IN ('chat','document','manual','code','learning')),
  source_id TEXT CHECK (length(source_id) = 36),
  importance REAL,
  is_pinned INTEGER NOT NULL DEFAULT 0 CHECK (is_pinned IN (0,1)),
  access_count INTEGER NOT NULL DEFAULT 0,
  last_accessed_at INTEGER,
  expires_at INTEGER,
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_memory_items_user_id ON memory_items (user_id);
CREATE INDEX idx_memory_items_workspace_id ON memory_items (workspace_id);
CREATE INDEX idx_memory_items_expires_at_expires_at ON memory_items (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE tags (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  name TEXT NOT NULL,
  owner_id TEXT CHECK (length(owner_id) = 36),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (owner_id, name),
  FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX idx_tags_name_owner_id ON tags (name) WHERE owner_id IS NULL;
CREATE TABLE entity_tags (
  tag_id TEXT NOT NULL CHECK (length(tag_id) = 36),
  entity_type TEXT NOT NULL CHECK (entity_type IN ('document','repository','conversation','memory','knowledge_entry','workspace')),
  entity_id TEXT NOT NULL CHECK (length(entity_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (tag_id, entity_type, entity_id),
  FOREIGN KEY (tag_id) REFERENCES tags(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_entity_tags_entity_type_entity_id ON entity_tags (entity_type, entity_id);
CREATE INDEX idx_entity_tags_user_id ON entity_tags (user_id);
CREATE TABLE knowledge_bases (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  team_id TEXT NOT NULL UNIQUE CHECK (length(team_id) = 36),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE
) STRICT;
CREATE TABLE knowledge_entries (
  rid INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
  knowledge_base_id TEXT NOT NULL CHECK (length(knowledge_base_id) = 36),
  title TEXT NOT NULL,
  content TEXT NOT NULL,
  category TEXT,
  tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags) AND json_type(tags) = 'array'),
  author_id TEXT CHECK (length(author_id) = 36),
  upvotes INTEGER NOT NULL DEFAULT 0,
  related_code_paths TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(related_code_paths) AND json_type(related_code_paths) = 'array'),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (knowledge_base_id) REFERENCES knowledge_bases(id) ON DELETE CASCADE,
  FOREIGN KEY (author_id) REFERENCES users(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_knowledge_entries_knowledge_base_id ON knowledge_entries (knowledge_base_id);
CREATE INDEX idx_knowledge_entries_category ON knowledge_entries (category);
CREATE INDEX idx_knowledge_entries_author_id ON knowledge_entries (author_id);
CREATE TABLE knowledge_votes (
  entry_id TEXT NOT NULL CHECK (length(entry_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (entry_id, user_id),
  FOREIGN KEY (entry_id) REFERENCES knowledge_entries(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_knowledge_votes_user_id ON knowledge_votes (user_id);
CREATE TABLE team_patterns (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  knowledge_base_id TEXT NOT NULL CHECK (length(knowledge_base_id) = 36),
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  code_example TEXT NOT NULL DEFAULT '',
  usage_count INTEGER NOT NULL DEFAULT 0,
  category TEXT NOT NULL CHECK (category IN ('architecture','style','convention','antipattern')),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (knowledge_base_id, name),
  FOREIGN KEY (knowledge_base_id) REFERENCES knowledge_bases(id) ON DELETE CASCADE
) STRICT;
CREATE TABLE team_expertise (
  team_id TEXT NOT NULL CHECK (length(team_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  skill_area TEXT NOT NULL,
  score REAL NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 1),
  evidence_count INTEGER NOT NULL DEFAULT 0,
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (team_id, user_id, skill_area),
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_team_expertise_user_id ON team_expertise (user_id);
CREATE INDEX idx_team_expertise_team_id_skill_area ON team_expertise (team_id, skill_area);
CREATE TABLE ai_providers (
  name TEXT NOT NULL PRIMARY KEY,
  display_name TEXT NOT NULL,
  base_url TEXT,
  api_style TEXT NOT NULL DEFAULT 'openai' CHECK (api_style IN ('openai','anthropic','ollama','llama','custom')),
  is_local INTEGER NOT NULL DEFAULT 0 CHECK (is_local IN (0,1)),
  is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0,1)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER))
) STRICT, WITHOUT ROWID;
CREATE TABLE ai_models (
  id INTEGER PRIMARY KEY,
  provider_name TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  tier TEXT NOT NULL DEFAULT 'standard' CHECK (tier IN ('fast','standard','premium')),
  fim_format TEXT NOT NULL DEFAULT 'none' CHECK (fim_format IN ('none','psm','spm')),
  fim_tokens TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(fim_tokens)),
  context_window INTEGER,
  max_output_tokens INTEGER,
  input_price_micros INTEGER NOT NULL DEFAULT 0,
  output_price_micros INTEGER NOT NULL DEFAULT 0,
  is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0,1)),
  is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0,1)),
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (provider_name, name),
  FOREIGN KEY (provider_name) REFERENCES ai_providers(name) ON DELETE RESTRICT
) STRICT;
CREATE TABLE provider_configs (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  provider_name TEXT NOT NULL,
  api_key_ciphertext BLOB,
  api_key_nonce BLOB,
  key_version INTEGER NOT NULL DEFAULT 1,
  api_key_last4 TEXT,
  endpoint TEXT,
  model TEXT,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (user_id, provider_name),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (provider_name) REFERENCES ai_providers(name) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_provider_configs_provider_name ON provider_configs (provider_name);
CREATE TABLE prompt_templates (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('completion','generate','explain','socratic','debug','refactor','document','review','summary')),
  template TEXT NOT NULL,
  variables TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(variables) AND json_type(variables) = 'array'),
  is_active INTEGER NOT NULL DEFAULT 0 CHECK (is_active IN (0,1)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  UNIQUE (name, version)
) STRICT;
CREATE TABLE llm_calls (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  team_id TEXT CHECK (length(team_id) = 36),
  request_id TEXT CHECK (length(request_id) = 36),
  provider_name TEXT NOT NULL,
  model_name TEXT NOT NULL,
  purpose TEXT NOT NULL DEFAULT 'completion',
  status TEXT NOT NULL CHECK (status IN ('ok','error','timeout','cancelled')),
  prompt_tokens INTEGER NOT NULL DEFAULT 0,
  completion_tokens INTEGER NOT NULL DEFAULT 0,
  cost_micros INTEGER NOT NULL DEFAULT 0,
  latency_ms INTEGER,
  first_token_ms INTEGER,
  attempt INTEGER NOT NULL DEFAULT 1,
  fallback_from TEXT,
  error_code TEXT,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_llm_calls_user_id_created_at ON llm_calls (user_id, created_at);
CREATE INDEX idx_llm_calls_request_id ON llm_calls (request_id);
CREATE INDEX idx_llm_calls_model_name_created_at ON llm_calls (model_name, created_at);
CREATE TABLE response_cache (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  cache_key TEXT NOT NULL UNIQUE,
  user_id TEXT CHECK (length(user_id) = 36),
  repository_id TEXT CHECK (length(repository_id) = 36),
  model_name TEXT NOT NULL,
  prompt_hash TEXT NOT NULL,
  context_fingerprint TEXT NOT NULL DEFAULT '',
  response_data TEXT NOT NULL CHECK (json_valid(response_data)),
  hit_count INTEGER NOT NULL DEFAULT 0,
  last_hit_at INTEGER,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  expires_at INTEGER NOT NULL,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_response_cache_expires_at ON response_cache (expires_at);
CREATE INDEX idx_response_cache_user_id_model_name ON response_cache (user_id, model_name);
CREATE INDEX idx_response_cache_repository_id ON response_cache (repository_id);
CREATE TABLE analysis_results (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  repository_id TEXT CHECK (length(repository_id) = 36),
  file_path TEXT NOT NULL,
  language TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  analyzer_version TEXT NOT NULL DEFAULT '',
  lines_of_code INTEGER NOT NULL DEFAULT 0,
  cyclomatic_complexity REAL NOT NULL DEFAULT 0,
  cognitive_complexity REAL NOT NULL DEFAULT 0,
  maintainability_index REAL,
  test_coverage REAL,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_analysis_results_user_id ON analysis_results (user_id);
CREATE INDEX idx_analysis_results_repository_id_file_path ON analysis_results (repository_id, file_path);
CREATE INDEX idx_analysis_results_content_hash ON analysis_results (content_hash);
CREATE TABLE analysis_findings (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  result_id TEXT NOT NULL CHECK (length(result_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  kind TEXT NOT NULL CHECK (kind IN ('issue','security','smell','dependency')),
  rule TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('critical','high','medium','low','error','warning','info')),
  line INTEGER NOT NULL,
  column_no INTEGER,
  message TEXT NOT NULL,
  suggestion TEXT,
  cwe_id TEXT,
  CHECK ((kind = 'issue' AND severity IN ('error','warning','info')) OR (kind = 'security' AND severity IN ('critical','high','medium','low')) OR kind IN ('smell','dependency')),
  FOREIGN KEY (result_id) REFERENCES analysis_results(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_analysis_findings_result_id ON analysis_findings (result_id);
CREATE INDEX idx_analysis_findings_user_id_kind ON analysis_findings (user_id, kind);
CREATE TABLE refactorings (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  repository_id TEXT CHECK (length(repository_id) = 36),
  refactoring_type TEXT NOT NULL,
  target_pattern TEXT,
  file_paths TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(file_paths) AND json_type(file_paths) = 'array'),
  changes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(changes)),
  affected_files TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(affected_files) AND json_type(affected_files) = 'array'),
  breaking_changes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(breaking_changes)),
  test_suggestions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(test_suggestions) AND json_type(test_suggestions) = 'array'),
  estimated_risk TEXT NOT NULL DEFAULT 'low' CHECK (estimated_risk IN ('low','medium','high')),
  status TEXT NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed','applied','reverted','rejected','failed')),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  applied_at INTEGER,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_refactorings_user_id_created_at ON refactorings (user_id, created_at);
CREATE INDEX idx_refactorings_repository_id ON refactorings (repository_id);
CREATE TABLE skills (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  skill_area TEXT NOT NULL,
  language TEXT,
  description TEXT NOT NULL DEFAULT '',
  p_init REAL NOT NULL DEFAULT 0.2 CHECK (p_init BETWEEN 0 AND 1),
  p_learn REAL NOT NULL DEFAULT 0.15 CHECK (p_learn BETWEEN 0 AND 1),
  p_slip REAL NOT NULL DEFAULT 0.1 CHECK (p_slip BETWEEN 0 AND 1),
  p_guess REAL NOT NULL DEFAULT 0.2 CHECK (p_guess BETWEEN 0 AND 1)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_skills_skill_area ON skills (skill_area);
CREATE TABLE skill_dependencies (
  skill_id TEXT NOT NULL,
  depends_on_id TEXT NOT NULL,
  weight REAL NOT NULL DEFAULT 1,
  PRIMARY KEY (skill_id, depends_on_id),
  FOREIGN KEY (skill_id) REFERENCES skills(id) ON DELETE CASCADE,
  FOREIGN KEY (depends_on_id) REFERENCES skills(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_skill_dependencies_depends_on_id ON skill_dependencies (depends_on_id);
CREATE TABLE skill_profiles (
  user_id TEXT NOT NULL PRIMARY KEY CHECK (length(user_id) = 36),
  last_updated INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE TABLE skill_scores (
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  skill_id TEXT NOT NULL,
  mastery_level REAL NOT NULL DEFAULT 0 CHECK (mastery_level BETWEEN 0 AND 1),
  confidence REAL NOT NULL DEFAULT 0 CHECK (confidence BETWEEN 0 AND 1),
  last_practiced INTEGER,
  practice_count INTEGER NOT NULL DEFAULT 0,
  success_rate REAL NOT NULL DEFAULT 0 CHECK (success_rate BETWEEN 0 AND 1),
  fsrs_stability REAL,
  fsrs_difficulty REAL,
  due_at INTEGER,
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (user_id, skill_id),
  FOREIGN KEY (user_id) REFERENCES skill_profiles(user_id) ON DELETE CASCADE,
  FOREIGN KEY (skill_id) REFERENCES skills(id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_skill_scores_skill_id ON skill_scores (skill_id);
CREATE TABLE skill_observations (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  skill_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('practice','assessment','path_step','usage')),
  correct INTEGER NOT NULL CHECK (correct IN (0,1)),
  hints_used INTEGER NOT NULL DEFAULT 0,
  time_spent_s INTEGER,
  mastery_before REAL,
  mastery_after REAL,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (skill_id) REFERENCES skills(id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX idx_skill_observations_user_id_skill_id_created_at ON skill_observations (user_id, skill_id, created_at);
CREATE INDEX idx_skill_observations_skill_id ON skill_observations (skill_id);
CREATE TABLE confusion_signals (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  concept_id TEXT NOT NULL,
  signal_type TEXT NOT NULL CHECK (signal_type IN ('time_spent','reread','simpler_depth','practice_failed','explicit')),
  weight REAL NOT NULL DEFAULT 1,
  details TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_confusion_signals_user_id_concept_id_created_at ON confusion_signals (user_id, concept_id, created_at);
CREATE TABLE learning_debt_items (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  concept_id TEXT NOT NULL,
  usage_count INTEGER NOT NULL DEFAULT 0,
  severity TEXT NOT NULL DEFAULT 'low' CHECK (severity IN ('low','medium','high')),
  detected_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  resolved_at INTEGER,
  UNIQUE (user_id, concept_id),
  FOREIGN KEY (user_id) REFERENCES skill_profiles(user_id) ON DELETE CASCADE
) STRICT;
CREATE TABLE skill_assessments (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  skill_area TEXT NOT NULL,
  questions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(questions)),
  responses TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(responses)),
  answered_at INTEGER,
  updated_skills TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(updated_skills)),
  recommendations TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(recommendations) AND json_type(recommendations) = 'array'),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_skill_assessments_user_id_created_at ON skill_assessments (user_id, created_at);
CREATE TABLE learning_paths (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  goal TEXT NOT NULL,
  current_step INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active','completed','abandoned')),
  time_commitment_hours REAL,
  estimated_duration INTEGER,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  completed_at INTEGER,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_learning_paths_user_id ON learning_paths (user_id);
CREATE INDEX idx_learning_paths_status ON learning_paths (status);
CREATE TABLE learning_steps (
  path_id TEXT NOT NULL CHECK (length(path_id) = 36),
  step_number INTEGER NOT NULL,
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  concept_id TEXT NOT NULL,
  content_type TEXT NOT NULL CHECK (content_type IN ('explanation','practice','project')),
  title TEXT NOT NULL DEFAULT '',
  estimated_duration INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0 CHECK (completed IN (0,1)),
  performance REAL CHECK (performance BETWEEN 0 AND 1),
  time_spent_s INTEGER NOT NULL DEFAULT 0,
  completed_at INTEGER,
  PRIMARY KEY (path_id, step_number),
  FOREIGN KEY (path_id) REFERENCES learning_paths(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_learning_steps_user_id ON learning_steps (user_id);
CREATE TABLE practice_problems (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  skill_area TEXT NOT NULL,
  difficulty INTEGER NOT NULL CHECK (difficulty BETWEEN 1 AND 10),
  type TEXT NOT NULL CHECK (type IN ('coding','multiple-choice','debugging')),
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  starter_code TEXT,
  language TEXT,
  test_cases TEXT NOT NULL CHECK (json_valid(test_cases)),
  hints TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(hints)),
  solution TEXT NOT NULL,
  explanation TEXT NOT NULL,
  generated_for TEXT CHECK (length(generated_for) = 36),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (generated_for) REFERENCES users(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_practice_problems_skill_area ON practice_problems (skill_area);
CREATE INDEX idx_practice_problems_difficulty ON practice_problems (difficulty);
CREATE INDEX idx_practice_problems_generated_for ON practice_problems (generated_for);
CREATE TABLE practice_submissions (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  problem_id TEXT NOT NULL CHECK (length(problem_id) = 36),
  solution TEXT NOT NULL,
  language TEXT NOT NULL,
  correct INTEGER NOT NULL CHECK (correct IN (0,1)),
  test_results TEXT CHECK (test_results IS NULL OR json_valid(test_results)),
  feedback TEXT,
  hints_used INTEGER NOT NULL DEFAULT 0,
  time_spent_s INTEGER,
  submitted_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (problem_id) REFERENCES practice_problems(id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX idx_practice_submissions_user_id ON practice_submissions (user_id);
CREATE INDEX idx_practice_submissions_problem_id ON practice_submissions (problem_id);
CREATE TABLE usage_metrics (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  workspace_id TEXT CHECK (length(workspace_id) = 36),
  recorded_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  metric_type TEXT NOT NULL,
  value REAL NOT NULL,
  dimensions TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(dimensions))
) STRICT;
CREATE INDEX idx_usage_metrics_metric_type_recorded_at ON usage_metrics (metric_type, recorded_at);
CREATE INDEX idx_usage_metrics_user_id_recorded_at ON usage_metrics (user_id, recorded_at);
CREATE INDEX idx_usage_metrics_workspace_id_recorded_at ON usage_metrics (workspace_id, recorded_at);
CREATE TABLE analytics_events (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  coding_session_id TEXT CHECK (length(coding_session_id) = 36),
  anonymous_id TEXT,
  event_type TEXT NOT NULL,
  event_data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(event_data)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_analytics_events_user_id_created_at ON analytics_events (user_id, created_at);
CREATE INDEX idx_analytics_events_event_type_created_at ON analytics_events (event_type, created_at);
CREATE INDEX idx_analytics_events_created_at ON analytics_events (created_at);
CREATE TABLE experiments (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  experiment_key TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft','running','stopped')),
  variants TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(variants)),
  allocation_percent INTEGER NOT NULL DEFAULT 100 CHECK (allocation_percent BETWEEN 0 AND 100),
  started_at INTEGER,
  ended_at INTEGER,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER))
) STRICT;
CREATE TABLE experiment_assignments (
  experiment_id TEXT NOT NULL CHECK (length(experiment_id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  variant TEXT NOT NULL,
  assigned_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (experiment_id, user_id),
  FOREIGN KEY (experiment_id) REFERENCES experiments(id) ON DELETE CASCADE,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_experiment_assignments_user_id ON experiment_assignments (user_id);
CREATE TABLE audit_logs (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  actor_type TEXT NOT NULL DEFAULT 'user' CHECK (actor_type IN ('user','api_key','system','admin')),
  action TEXT NOT NULL,
  entity_type TEXT,
  entity_id TEXT,
  ip_address TEXT CHECK (length(ip_address) <= 45),
  details TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
  seq INTEGER NOT NULL,
  personal_mac BLOB NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_audit_logs_seq ON audit_logs (seq);
CREATE INDEX idx_audit_logs_user_id_created_at ON audit_logs (user_id, created_at);
CREATE INDEX idx_audit_logs_action_created_at ON audit_logs (action, created_at);
CREATE INDEX idx_audit_logs_entity_type_entity_id ON audit_logs (entity_type, entity_id);
CREATE TABLE notifications (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL DEFAULT '',
  action TEXT CHECK (action IS NULL OR json_valid(action)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  read_at INTEGER,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
) STRICT;
CREATE INDEX idx_notifications_user_id_created_at ON notifications (user_id, created_at);
CREATE TABLE data_requests (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT NOT NULL CHECK (length(user_id) = 36),
  kind TEXT NOT NULL CHECK (kind IN ('export','erase','restrict')),
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','running','done','failed','cancelled')),
  result_blob_id TEXT CHECK (length(result_blob_id) = 36),
  report TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(report)),
  requested_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  due_at INTEGER NOT NULL,
  completed_at INTEGER,
  FOREIGN KEY (result_blob_id) REFERENCES blobs(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_data_requests_user_id ON data_requests (user_id);
CREATE INDEX idx_data_requests_status_due_at ON data_requests (status, due_at);
CREATE INDEX idx_data_requests_result_blob_id ON data_requests (result_blob_id);
CREATE TABLE subscriptions (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  team_id TEXT CHECK (length(team_id) = 36),
  tier TEXT NOT NULL CHECK (tier IN ('free','pro','team','enterprise')),
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('trialing','active','past_due','canceled','incomplete','paused')),
  seats INTEGER NOT NULL DEFAULT 1,
  external_customer_id TEXT,
  external_subscription_id TEXT UNIQUE,
  current_period_start INTEGER,
  current_period_end INTEGER,
  cancel_at_period_end INTEGER NOT NULL DEFAULT 0 CHECK (cancel_at_period_end IN (0,1)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL,
  FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_subscriptions_user_id ON subscriptions (user_id);
CREATE INDEX idx_subscriptions_team_id ON subscriptions (team_id);
CREATE TABLE invoices (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  subscription_id TEXT NOT NULL CHECK (length(subscription_id) = 36),
  user_id TEXT CHECK (length(user_id) = 36),
  number TEXT NOT NULL UNIQUE,
  currency TEXT NOT NULL DEFAULT 'USD',
  amount_cents INTEGER NOT NULL,
  line_items TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(line_items)),
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft','open','paid','void','uncollectible')),
  period_start INTEGER NOT NULL,
  period_end INTEGER NOT NULL,
  external_invoice_id TEXT UNIQUE,
  issued_at INTEGER,
  paid_at INTEGER,
  FOREIGN KEY (subscription_id) REFERENCES subscriptions(id) ON DELETE RESTRICT,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX idx_invoices_subscription_id ON invoices (subscription_id);
CREATE INDEX idx_invoices_user_id ON invoices (user_id);
CREATE TABLE billing_events (
  external_event_id TEXT NOT NULL PRIMARY KEY,
  event_type TEXT NOT NULL,
  payload TEXT NOT NULL CHECK (json_valid(payload)),
  received_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  processed_at INTEGER,
  error TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_usage (
  subject_type TEXT NOT NULL CHECK (subject_type IN ('user','team')),
  subject_id TEXT NOT NULL CHECK (length(subject_id) = 36),
  metric TEXT NOT NULL,
  period_start INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0,
  quota_limit INTEGER,
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  PRIMARY KEY (subject_type, subject_id, metric, period_start)
) STRICT, WITHOUT ROWID;
CREATE TABLE rate_limit_buckets (
  bucket_key TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  request_count INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket_key, window_start)
) STRICT, WITHOUT ROWID;
CREATE TABLE jobs (
  id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
  job_type TEXT NOT NULL,
  payload TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(payload)),
  status TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued','running','succeeded','failed','cancelled')),
  priority INTEGER NOT NULL DEFAULT 100,
  dedupe_key TEXT,
  user_id TEXT CHECK (length(user_id) = 36),
  repository_id TEXT CHECK (length(repository_id) = 36),
  run_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  attempts INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 5,
  locked_by TEXT,
  locked_until INTEGER,
  progress TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(progress)),
  result TEXT CHECK (result IS NULL OR json_valid(result)),
  last_error TEXT,
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  started_at INTEGER,
  finished_at INTEGER,
  FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX idx_jobs_job_type_dedupe_key_status ON jobs (job_type, dedupe_key) WHERE status IN ('queued','running');
CREATE INDEX idx_jobs_priority_run_at_status ON jobs (priority, run_at) WHERE status = 'queued';
CREATE INDEX idx_jobs_locked_until_status ON jobs (locked_until) WHERE status = 'running';
CREATE INDEX idx_jobs_repository_id ON jobs (repository_id);
CREATE INDEX idx_jobs_user_id ON jobs (user_id);
CREATE TABLE job_schedules (
  name TEXT NOT NULL PRIMARY KEY,
  cron TEXT NOT NULL,
  job_type TEXT NOT NULL,
  payload TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(payload)),
  is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0,1)),
  next_run_at INTEGER NOT NULL,
  last_run_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_job_schedules_next_run_at_is_enabled ON job_schedules (next_run_at) WHERE is_enabled;
CREATE TABLE outbox_events (
  seq INTEGER PRIMARY KEY,
  topic TEXT NOT NULL,
  partition_key TEXT NOT NULL DEFAULT '',
  payload TEXT NOT NULL CHECK (json_valid(payload)),
  headers TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(headers)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  published_at INTEGER,
  last_error TEXT
) STRICT;
CREATE INDEX idx_outbox_events_next_attempt_at_seq_published_at ON outbox_events (next_attempt_at, seq) WHERE published_at IS NULL;
CREATE TABLE idempotency_keys (
  scope TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'in_progress' CHECK (status IN ('in_progress','completed')),
  response_status INTEGER,
  response_body TEXT CHECK (response_body IS NULL OR json_valid(response_body)),
  created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (scope, endpoint, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_idempotency_keys_expires_at ON idempotency_keys (expires_at);
CREATE TABLE retention_policies (
  class TEXT NOT NULL PRIMARY KEY,
  keep_days INTEGER,
  updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER))
) STRICT, WITHOUT ROWID;
CREATE TABLE schema_migrations (
  revision TEXT NOT NULL PRIMARY KEY,
  revises TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(revises) AND json_type(revises) = 'array'),
  message TEXT NOT NULL,
  checksum TEXT NOT NULL,
  is_baseline INTEGER NOT NULL DEFAULT 0 CHECK (is_baseline IN (0,1)),
  server_version TEXT NOT NULL,
  applied_at INTEGER NOT NULL DEFAULT (CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)),
  execution_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE document_chunks_fts USING fts5(chunk_text, content='document_chunks', content_rowid='rid', tokenize='unicode61');
CREATE TRIGGER document_chunks_fts_insert AFTER INSERT ON document_chunks BEGIN INSERT INTO document_chunks_fts(rowid, chunk_text) VALUES (new.rid, new.chunk_text); END;
CREATE TRIGGER document_chunks_fts_delete AFTER DELETE ON document_chunks BEGIN INSERT INTO document_chunks_fts(document_chunks_fts, rowid, chunk_text) VALUES ('delete', old.rid, old.chunk_text); END;
CREATE TRIGGER document_chunks_fts_update AFTER UPDATE OF chunk_text ON document_chunks BEGIN INSERT INTO document_chunks_fts(document_chunks_fts, rowid, chunk_text) VALUES ('delete', old.rid, old.chunk_text); INSERT INTO document_chunks_fts(rowid, chunk_text) VALUES (new.rid, new.chunk_text); END;
CREATE VIRTUAL TABLE messages_fts USING fts5(content, content='messages', content_rowid='rid', tokenize='unicode61');
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN INSERT INTO messages_fts(rowid, content) VALUES (new.rid, new.content); END;
CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN INSERT INTO messages_fts(messages_fts, rowid, content) VALUES ('delete', old.rid, old.content); END;
CREATE TRIGGER messages_fts_update AFTER UPDATE OF content ON messages BEGIN INSERT INTO messages_fts(messages_fts, rowid, content) VALUES ('delete', old.rid, old.content); INSERT INTO messages_fts(rowid, content) VALUES (new.rid, new.content); END;
CREATE VIRTUAL TABLE memory_items_fts USING fts5(content, content='memory_items', content_rowid='rid', tokenize='unicode61');
CREATE TRIGGER memory_items_fts_insert AFTER INSERT ON memory_items BEGIN INSERT INTO memory_items_fts(rowid, content) VALUES (new.rid, new.content); END;
CREATE TRIGGER memory_items_fts_delete AFTER DELETE ON memory_items BEGIN INSERT INTO memory_items_fts(memory_items_fts, rowid, content) VALUES ('delete', old.rid, old.content); END;
CREATE TRIGGER memory_items_fts_update AFTER UPDATE OF content ON memory_items BEGIN INSERT INTO memory_items_fts(memory_items_fts, rowid, content) VALUES ('delete', old.rid, old.content); INSERT INTO memory_items_fts(rowid, content) VALUES (new.rid, new.content); END;
CREATE VIRTUAL TABLE knowledge_entries_fts USING fts5(title, category, content, content='knowledge_entries', content_rowid='rid', tokenize='unicode61');
CREATE TRIGGER knowledge_entries_fts_insert AFTER INSERT ON knowledge_entries BEGIN INSERT INTO knowledge_entries_fts(rowid, title, category, content) VALUES (new.rid, new.title, new.category, new.content); END;
CREATE TRIGGER knowledge_entries_fts_delete AFTER DELETE ON knowledge_entries BEGIN INSERT INTO knowledge_entries_fts(knowledge_entries_fts, rowid, title, category, content) VALUES ('delete', old.rid, old.title, old.category, old.content); END;
CREATE TRIGGER knowledge_entries_fts_update AFTER UPDATE OF title, category, content ON knowledge_entries BEGIN INSERT INTO knowledge_entries_fts(knowledge_entries_fts, rowid, title, category, content) VALUES ('delete', old.rid, old.title, old.category, old.content); INSERT INTO knowledge_entries_fts(rowid, title, category, content) VALUES (new.rid, new.title, new.category, new.content); END;
-- What a declaration cannot say, SQLite's side. Appended to the declared tables.
PRAGMA application_id = 0x434d5354;

-- Labels and vectors point at rows of several tables: no foreign key can hold them, these do.
CREATE TRIGGER documents_labels AFTER DELETE ON documents BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'document' AND entity_id = old.id; END;
CREATE TRIGGER repositories_labels AFTER DELETE ON repositories BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'repository' AND entity_id = old.id; END;
CREATE TRIGGER conversations_labels AFTER DELETE ON conversations BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'conversation' AND entity_id = old.id; END;
CREATE TRIGGER workspaces_labels AFTER DELETE ON workspaces BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'workspace' AND entity_id = old.id; END;
CREATE TRIGGER memory_items_links AFTER DELETE ON memory_items BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'memory' AND entity_id = old.id;
  DELETE FROM embeddings WHERE subject_type = 'memory_item' AND subject_id = old.id; END;
CREATE TRIGGER knowledge_entries_links AFTER DELETE ON knowledge_entries BEGIN
  DELETE FROM entity_tags WHERE entity_type = 'knowledge_entry' AND entity_id = old.id;
  DELETE FROM embeddings WHERE subject_type = 'knowledge_entry' AND subject_id = old.id; END;
CREATE TRIGGER code_chunks_links AFTER DELETE ON code_chunks BEGIN
  DELETE FROM embeddings WHERE subject_type = 'code_chunk' AND subject_id = old.id; END;
CREATE TRIGGER files_links AFTER DELETE ON files BEGIN
  DELETE FROM embeddings WHERE subject_type = 'file' AND subject_id = old.id; END;
CREATE TRIGGER document_chunks_links AFTER DELETE ON document_chunks BEGIN
  DELETE FROM embeddings WHERE subject_type = 'document_chunk' AND subject_id = old.id; END;
CREATE TRIGGER messages_links AFTER DELETE ON messages BEGIN
  DELETE FROM embeddings WHERE subject_type = 'message' AND subject_id = old.id; END;
CREATE TRIGGER response_cache_links AFTER DELETE ON response_cache BEGIN
  DELETE FROM embeddings WHERE subject_type = 'cached_response' AND subject_id = old.id; END;

-- The audit log is append-only; the one update allowed is the one that forgets a person.
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE ON audit_logs
WHEN NOT (new.user_id IS NULL AND new.ip_address IS NULL AND new.details = '{}' AND new.id IS old.id
  AND new.seq IS old.seq AND new.actor_type IS old.actor_type AND new.action IS old.action
  AND new.entity_type IS old.entity_type AND new.entity_id IS old.entity_id
  AND new.personal_mac IS old.personal_mac AND new.prev_hash IS old.prev_hash
  AND new.hash IS old.hash AND new.created_at IS old.created_at)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

INSERT INTO retention_policies (class, keep_days) VALUES
  ('account', NULL), ('content', NULL), ('raw', 30), ('telemetry', 396), ('metrics', 761),
  ('audit', 731), ('billing', 3653), ('cache', NULL), ('ops', 7), ('derived', NULL), ('ref', NULL);
INSERT INTO trigger_types (id, name) VALUES (1, 'unknown'), (2, 'automatic'), (3, 'manual'), (4, 'idle');
INSERT INTO software_versions (id, component, name) VALUES (1, 'other', 'unknown');
INSERT INTO ai_providers (name, display_name, api_style, is_local) VALUES ('local', 'This server', 'llama', 1);

-- @pg
-- What the tables below need, PostgreSQL's side: pgvector and the roles that transactions take on.
-- One login (the URL's) is a member of all; each transaction says which it is (set_config('role', ...)).
CREATE EXTENSION IF NOT EXISTS vector;
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['codementor_app', 'codementor_worker', 'codementor_ro'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this cluster
    END;
    IF NOT pg_has_role(current_user, name, 'MEMBER') OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      EXECUTE format('GRANT %I TO %I', name, current_user);
    END IF;
  END LOOP;
END $$;
CREATE FUNCTION app_uid() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
-- The smallest UUIDv7 of a moment: bounds of partitions and of time ranges over ids.
CREATE FUNCTION uuid7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;
CREATE TABLE configs (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  scope TEXT NOT NULL DEFAULT 'profile' CHECK (scope IN ('system','profile')),
  name TEXT NOT NULL,
  config_data JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (scope, name)
);
CREATE TABLE users (
  id UUID NOT NULL PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  username TEXT UNIQUE,
  name TEXT NOT NULL DEFAULT '',
  password_hash TEXT,
  is_oauth_signup BOOLEAN NOT NULL DEFAULT false,
  is_verified BOOLEAN NOT NULL DEFAULT false,
  role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user','admin')),
  subscription_tier TEXT NOT NULL DEFAULT 'free' CHECK (subscription_tier IN ('free','pro','team','enterprise')),
  subscription_expires_at TIMESTAMPTZ,
  is_active BOOLEAN NOT NULL DEFAULT true,
  failed_login_attempts BIGINT NOT NULL DEFAULT 0,
  locked_until TIMESTAMPTZ,
  last_login_at TIMESTAMPTZ,
  otp_enabled BOOLEAN NOT NULL DEFAULT false,
  otp_ciphertext BYTEA,
  otp_nonce BYTEA,
  otp_key_version BIGINT,
  team_id UUID,
  config_id BIGINT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CHECK (email = lower(email))
);
CREATE INDEX idx_users_team_id ON users (team_id);
CREATE INDEX idx_users_config_id ON users (config_id);
CREATE INDEX idx_users_is_verified ON users (is_verified);
CREATE TABLE user_preferences (
  user_id UUID NOT NULL PRIMARY KEY,
  language TEXT NOT NULL DEFAULT 'en',
  theme TEXT NOT NULL DEFAULT 'auto' CHECK (theme IN ('light','dark','auto')),
  default_explanation_depth TEXT NOT NULL DEFAULT 'intermediate' CHECK (default_explanation_depth IN ('eli5','intermediate','expert')),
  enable_socratic_mode BOOLEAN NOT NULL DEFAULT false,
  enable_offline_mode BOOLEAN NOT NULL DEFAULT false,
  preferred_model_id BIGINT,
  model_preference TEXT NOT NULL DEFAULT 'balanced' CHECK (model_preference IN ('fast','balanced','quality')),
  conversation_retention_days BIGINT,
  completion_retention_days BIGINT,
  analytics_retention_days BIGINT,
  document_retention_days BIGINT,
  extra JSONB NOT NULL DEFAULT '{}',
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_user_preferences_preferred_model_id ON user_preferences (preferred_model_id);
CREATE TABLE consents (
  user_id UUID NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('telemetry','analytics','context_storage','training','marketing')),
  granted BOOLEAN NOT NULL DEFAULT false,
  policy_version TEXT NOT NULL DEFAULT '',
  changed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, purpose)
);
CREATE TABLE user_identities (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  provider TEXT NOT NULL,
  subject TEXT NOT NULL,
  email TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  last_used_at TIMESTAMPTZ,
  UNIQUE (provider, subject)
);
CREATE INDEX idx_user_identities_user_id ON user_identities (user_id);
CREATE TABLE sessions (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  refresh_token_hash TEXT NOT NULL UNIQUE,
  previous_refresh_hash TEXT,
  expires_at TIMESTAMPTZ NOT NULL,
  refresh_expires_at TIMESTAMPTZ NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  last_used_at TIMESTAMPTZ,
  revoked_at TIMESTAMPTZ,
  ip_address INET,
  user_agent TEXT,
  client TEXT NOT NULL DEFAULT 'api' CHECK (client IN ('web','ide','mobile','cli','api'))
);
CREATE INDEX idx_sessions_user_id ON sessions (user_id);
CREATE INDEX idx_sessions_refresh_expires_at ON sessions (refresh_expires_at);
CREATE INDEX idx_sessions_previous_refresh_hash ON sessions (previous_refresh_hash);
CREATE TABLE one_time_tokens (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID,
  email TEXT,
  purpose TEXT NOT NULL CHECK (purpose IN ('verify_email','reset_password','oauth_state','oauth_exchange','device_login','ws_ticket','otp_recovery','registration_invite')),
  token_hash TEXT NOT NULL UNIQUE,
  payload JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  expires_at TIMESTAMPTZ NOT NULL,
  used_at TIMESTAMPTZ
);
CREATE INDEX idx_one_time_tokens_user_id ON one_time_tokens (user_id);
CREATE INDEX idx_one_time_tokens_expires_at ON one_time_tokens (expires_at);
CREATE TABLE api_keys (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  key_hash TEXT NOT NULL UNIQUE,
  key_prefix TEXT NOT NULL DEFAULT '',
  last4 TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL,
  scopes TEXT[] NOT NULL DEFAULT '{}',
  allowed_ips TEXT[] NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  expires_at TIMESTAMPTZ,
  last_used_at TIMESTAMPTZ,
  is_active BOOLEAN NOT NULL DEFAULT true
);
CREATE INDEX idx_api_keys_user_id ON api_keys (user_id);
CREATE TABLE teams (
  id UUID NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  subscription_tier TEXT NOT NULL DEFAULT 'team' CHECK (subscription_tier IN ('free','pro','team','enterprise')),
  settings JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE team_members (
  team_id UUID NOT NULL,
  user_id UUID NOT NULL,
  role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('owner','admin','member','viewer')),
  joined_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (team_id, user_id)
);
CREATE INDEX idx_team_members_user_id ON team_members (user_id);
CREATE TABLE team_invitations (
  id UUID NOT NULL PRIMARY KEY,
  team_id UUID NOT NULL,
  email TEXT NOT NULL,
  role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('admin','member','viewer')),
  token_hash TEXT NOT NULL UNIQUE,
  invited_by UUID,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  expires_at TIMESTAMPTZ NOT NULL,
  accepted_at TIMESTAMPTZ,
  UNIQUE (team_id, email)
);
CREATE INDEX idx_team_invitations_invited_by ON team_invitations (invited_by);
CREATE INDEX idx_team_invitations_email ON team_invitations (email);
CREATE TABLE feature_flags (
  flag_key TEXT NOT NULL PRIMARY KEY,
  description TEXT NOT NULL DEFAULT '',
  is_enabled BOOLEAN NOT NULL DEFAULT false,
  tiers TEXT[] NOT NULL DEFAULT '{}',
  rollout_percent BIGINT NOT NULL DEFAULT 100 CHECK (rollout_percent BETWEEN 0 AND 100),
  rules JSONB NOT NULL DEFAULT '{}',
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE workspaces (
  id UUID NOT NULL PRIMARY KEY,
  owner_id UUID NOT NULL,
  team_id UUID,
  name TEXT NOT NULL,
  settings JSONB NOT NULL DEFAULT '{}',
  multi_file_contexts JSONB NOT NULL DEFAULT '{}',
  multi_file_context_changes JSONB NOT NULL DEFAULT '{}',
  is_personal BOOLEAN NOT NULL DEFAULT false,
  is_archived BOOLEAN NOT NULL DEFAULT false,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX idx_workspaces_owner_id_is_personal ON workspaces (owner_id) WHERE is_personal;
CREATE INDEX idx_workspaces_owner_id ON workspaces (owner_id);
CREATE INDEX idx_workspaces_team_id ON workspaces (team_id);
CREATE TABLE workspace_members (
  workspace_id UUID NOT NULL,
  user_id UUID NOT NULL,
  role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('owner','admin','member','viewer')),
  joined_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX idx_workspace_members_user_id ON workspace_members (user_id);
CREATE TABLE workspace_rules (
  id UUID NOT NULL PRIMARY KEY,
  workspace_id UUID NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL DEFAULT 'instruction' CHECK (kind IN ('instruction','style','exclude','privacy')),
  content TEXT NOT NULL,
  file_globs TEXT[] NOT NULL DEFAULT '{"**/*"}',
  languages TEXT[] NOT NULL DEFAULT '{}',
  applies_to TEXT[] NOT NULL DEFAULT '{}',
  priority BIGINT NOT NULL DEFAULT 100,
  is_enabled BOOLEAN NOT NULL DEFAULT true,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, name)
);
CREATE TABLE repositories (
  id UUID NOT NULL PRIMARY KEY,
  workspace_id UUID NOT NULL,
  owner_id UUID NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  root_path TEXT NOT NULL DEFAULT '',
  remote_url TEXT,
  source_type TEXT NOT NULL DEFAULT 'local' CHECK (source_type IN ('local','git','github','gitlab','upload','repomix')),
  primary_language TEXT NOT NULL DEFAULT 'unknown',
  languages TEXT[] NOT NULL DEFAULT '{}',
  frameworks TEXT[] NOT NULL DEFAULT '{}',
  style_guide JSONB,
  config JSONB NOT NULL DEFAULT '{}',
  metadata JSONB NOT NULL DEFAULT '{}',
  is_archived BOOLEAN NOT NULL DEFAULT false,
  current_revision TEXT,
  status TEXT NOT NULL DEFAULT 'created' CHECK (status IN ('created','pending','indexing','ready','error')),
  index_error TEXT,
  index_progress DOUBLE PRECISION NOT NULL DEFAULT 0 CHECK (index_progress BETWEEN 0 AND 1),
  index_version BIGINT NOT NULL DEFAULT 0,
  index_generation BIGINT NOT NULL DEFAULT 0,
  file_count BIGINT NOT NULL DEFAULT 0,
  symbol_count BIGINT NOT NULL DEFAULT 0,
  chunk_count BIGINT NOT NULL DEFAULT 0,
  line_count BIGINT NOT NULL DEFAULT 0,
  index_size_bytes BIGINT NOT NULL DEFAULT 0,
  language_stats JSONB NOT NULL DEFAULT '{}',
  indexed_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, name)
);
CREATE INDEX idx_repositories_owner_id ON repositories (owner_id);
CREATE INDEX idx_repositories_status ON repositories (status);
CREATE INDEX idx_repositories_metadata ON repositories USING gin (metadata);
CREATE INDEX idx_repositories_languages ON repositories USING gin (languages);
CREATE TABLE repository_dependencies (
  repository_id UUID NOT NULL,
  package_manager TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL DEFAULT '',
  dependency_type TEXT NOT NULL DEFAULT 'production' CHECK (dependency_type IN ('production','development')),
  manifest_path TEXT NOT NULL DEFAULT '',
  indexed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (repository_id, package_manager, name, dependency_type, manifest_path)
);
CREATE INDEX idx_repository_dependencies_name ON repository_dependencies (name);
CREATE TABLE blobs (
  id UUID NOT NULL PRIMARY KEY,
  workspace_id UUID NOT NULL,
  content_hash TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  storage TEXT NOT NULL DEFAULT 'file' CHECK (storage IN ('inline','file','s3')),
  location TEXT,
  data BYTEA,
  compression TEXT NOT NULL DEFAULT 'none' CHECK (compression IN ('none','zstd')),
  media_type TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, content_hash)
);
CREATE TABLE files (
  id UUID NOT NULL PRIMARY KEY,
  repository_id UUID NOT NULL,
  file_path TEXT NOT NULL,
  language TEXT,
  content_hash TEXT,
  blob_id UUID,
  size_bytes BIGINT NOT NULL DEFAULT 0,
  line_count BIGINT,
  token_count BIGINT,
  keywords TEXT[] NOT NULL DEFAULT '{}',
  imports TEXT[] NOT NULL DEFAULT '{}',
  parse_status TEXT NOT NULL DEFAULT 'ok' CHECK (parse_status IN ('ok','partial','failed','skipped')),
  last_modified_at TIMESTAMPTZ,
  indexed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (repository_id, file_path)
);
CREATE INDEX idx_files_repository_id_language ON files (repository_id, language);
CREATE INDEX idx_files_blob_id ON files (blob_id);
CREATE INDEX idx_files_keywords ON files USING gin (keywords);
CREATE TABLE file_dependencies (
  file_id UUID NOT NULL,
  import_name TEXT NOT NULL,
  kind TEXT NOT NULL DEFAULT 'import' CHECK (kind IN ('import','include','require','inherit')),
  repository_id UUID NOT NULL,
  target_file_id UUID,
  line BIGINT,
  PRIMARY KEY (file_id, import_name, kind)
);
CREATE INDEX idx_file_dependencies_repository_id ON file_dependencies (repository_id);
CREATE INDEX idx_file_dependencies_target_file_id ON file_dependencies (target_file_id);
CREATE TABLE symbols (
  id UUID NOT NULL PRIMARY KEY,
  file_id UUID NOT NULL,
  repository_id UUID NOT NULL,
  name TEXT NOT NULL,
  qualified_name TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('function','method','class','interface','struct','enum','type','module','variable','constant','field','macro','import','other')),
  start_line BIGINT NOT NULL,
  end_line BIGINT NOT NULL,
  start_column BIGINT,
  end_column BIGINT,
  signature TEXT,
  docstring TEXT,
  parent_symbol_id UUID,
  reference_count BIGINT NOT NULL DEFAULT 0,
  metadata JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX idx_symbols_name ON symbols (name);
CREATE INDEX idx_symbols_repository_id_name ON symbols (repository_id, name);
CREATE INDEX idx_symbols_file_id ON symbols (file_id);
CREATE INDEX idx_symbols_parent_symbol_id ON symbols (parent_symbol_id);
CREATE TABLE symbol_references (
  file_id UUID NOT NULL,
  line BIGINT NOT NULL,
  column_no BIGINT NOT NULL,
  name TEXT NOT NULL,
  repository_id UUID NOT NULL,
  symbol_id UUID,
  kind TEXT NOT NULL DEFAULT 'read' CHECK (kind IN ('call','read','write','import','type','inherit')),
  PRIMARY KEY (file_id, line, column_no, name)
);
CREATE INDEX idx_symbol_references_symbol_id ON symbol_references (symbol_id);
CREATE INDEX idx_symbol_references_repository_id_name ON symbol_references (repository_id, name);
CREATE TABLE code_chunks (
  id UUID NOT NULL PRIMARY KEY,
  file_id UUID NOT NULL,
  repository_id UUID NOT NULL,
  chunk_index BIGINT NOT NULL DEFAULT 0,
  start_line BIGINT NOT NULL,
  end_line BIGINT NOT NULL,
  content_hash TEXT NOT NULL,
  chunk_type TEXT NOT NULL DEFAULT 'block' CHECK (chunk_type IN ('function','method','class','block','comment','lines')),
  symbol_name TEXT,
  class_name TEXT,
  language TEXT,
  content_preview TEXT NOT NULL DEFAULT '',
  token_count BIGINT,
  importance_score DOUBLE PRECISION NOT NULL DEFAULT 0,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (file_id, chunk_index)
);
CREATE INDEX idx_code_chunks_repository_id_language ON code_chunks (repository_id, language);
CREATE INDEX idx_code_chunks_content_hash ON code_chunks (content_hash);
CREATE TABLE documents (
  id UUID NOT NULL PRIMARY KEY,
  owner_id UUID,
  workspace_id UUID,
  title TEXT NOT NULL,
  content TEXT,
  blob_id UUID,
  content_type TEXT NOT NULL DEFAULT 'text',
  language TEXT,
  source_url TEXT,
  content_hash TEXT,
  metadata JSONB NOT NULL DEFAULT '{}',
  is_archived BOOLEAN NOT NULL DEFAULT false,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_documents_owner_id ON documents (owner_id);
CREATE INDEX idx_documents_workspace_id ON documents (workspace_id);
CREATE INDEX idx_documents_blob_id ON documents (blob_id);
CREATE INDEX idx_documents_language ON documents (language);
CREATE INDEX idx_documents_metadata ON documents USING gin (metadata);
CREATE TABLE document_chunks (
  id UUID NOT NULL PRIMARY KEY,
  document_id UUID NOT NULL,
  owner_id UUID,
  workspace_id UUID,
  chunk_index BIGINT NOT NULL DEFAULT 0,
  chunk_text TEXT NOT NULL,
  token_count BIGINT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (document_id, chunk_index)
);
CREATE TABLE repository_documents (
  repository_id UUID NOT NULL,
  document_id UUID NOT NULL,
  file_path TEXT,
  added_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (repository_id, document_id)
);
CREATE INDEX idx_repository_documents_document_id ON repository_documents (document_id);
CREATE TABLE embedding_models (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  provider_name TEXT NOT NULL,
  name TEXT NOT NULL,
  dimensions BIGINT NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
  metric TEXT NOT NULL DEFAULT 'cosine' CHECK (metric IN ('cosine','l2','ip')),
  is_normalized BOOLEAN NOT NULL DEFAULT true,
  max_input_tokens BIGINT,
  is_default BOOLEAN NOT NULL DEFAULT false,
  state TEXT NOT NULL DEFAULT 'building' CHECK (state IN ('building','active','retired')),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (provider_name, name, dimensions),
  UNIQUE (id, dimensions)
);
CREATE TABLE embeddings (
  subject_type TEXT NOT NULL CHECK (subject_type IN ('code_chunk','file','document_chunk','message','memory_item','knowledge_entry','cached_response')),
  subject_id UUID NOT NULL,
  embedding_model_id BIGINT NOT NULL,
  dims BIGINT NOT NULL,
  embedding vector NOT NULL,
  user_id UUID,
  repository_id UUID,
  team_id UUID,
  language TEXT,
  subject_kind TEXT,
  content_hash TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (subject_type, subject_id, embedding_model_id),
  CHECK (vector_dims(embedding) = dims)
) PARTITION BY LIST (subject_type);
CREATE INDEX idx_embeddings_repository_id_embedding_model_id ON embeddings (repository_id, embedding_model_id);
CREATE INDEX idx_embeddings_user_id_subject_type ON embeddings (user_id, subject_type);
CREATE INDEX idx_embeddings_team_id ON embeddings (team_id);
CREATE TABLE languages (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  extensions TEXT[] NOT NULL DEFAULT '{}',
  grammar TEXT,
  line_comment TEXT
);
CREATE TABLE trigger_types (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
);
CREATE TABLE software_versions (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  component TEXT NOT NULL DEFAULT 'other' CHECK (component IN ('server','vscode','jetbrains','visualstudio','lsp','cli','web','other')),
  name TEXT NOT NULL,
  first_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (component, name)
);
CREATE TABLE coding_sessions (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID,
  start_time TIMESTAMPTZ NOT NULL DEFAULT now(),
  end_time TIMESTAMPTZ,
  software_version_id BIGINT,
  metadata JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX idx_coding_sessions_user_id_start_time ON coding_sessions (user_id, start_time);
CREATE INDEX idx_coding_sessions_software_version_id ON coding_sessions (software_version_id);
CREATE TABLE coding_session_workspaces (
  coding_session_id UUID NOT NULL,
  workspace_id UUID NOT NULL,
  PRIMARY KEY (coding_session_id, workspace_id)
);
CREATE INDEX idx_coding_session_workspaces_workspace_id ON coding_session_workspaces (workspace_id);
CREATE TABLE completion_requests (
  id UUID NOT NULL PRIMARY KEY,
  client_request_id TEXT,
  user_id UUID,
  workspace_id UUID,
  repository_id UUID,
  coding_session_id UUID,
  conversation_id UUID,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  completion_type TEXT NOT NULL CHECK (completion_type IN ('inline','fim','chat','next_edit','agent','generate','explain','refactor','debug')),
  language TEXT,
  model_id BIGINT,
  model_used TEXT,
  routing_reason TEXT,
  prompt_template_id UUID,
  prefix_tokens BIGINT,
  suffix_tokens BIGINT,
  context_tokens BIGINT,
  prompt_tokens BIGINT,
  completion_tokens BIGINT,
  latency_ms BIGINT,
  total_serving_time_ms BIGINT,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','success','error','timeout','cancelled')),
  state TEXT NOT NULL DEFAULT 'received' CHECK (state IN ('received','debounced','cancelled','queued','rate_limited','cache_check','cache_hit','context_assembly','inference','success','timeout','error','post_process','delivered','accepted','rejected','retained','modified')),
  state_timings JSONB NOT NULL DEFAULT '{}',
  cache_hit BOOLEAN NOT NULL DEFAULT false,
  web_enabled BOOLEAN NOT NULL DEFAULT false,
  options JSONB NOT NULL DEFAULT '{}',
  multi_file_context_changes_indexes JSONB NOT NULL DEFAULT '{}',
  metadata JSONB NOT NULL DEFAULT '{}',
  server_version_id BIGINT,
  error_code TEXT,
  finished_at TIMESTAMPTZ
) PARTITION BY RANGE (id);
CREATE INDEX idx_completion_requests_user_id_created_at ON completion_requests (user_id, created_at);
CREATE INDEX idx_completion_requests_workspace_id_created_at ON completion_requests (workspace_id, created_at);
CREATE INDEX idx_completion_requests_repository_id ON completion_requests (repository_id);
CREATE INDEX idx_completion_requests_coding_session_id ON completion_requests (coding_session_id);
CREATE INDEX idx_completion_requests_conversation_id ON completion_requests (conversation_id);
CREATE INDEX idx_completion_requests_created_at ON completion_requests (created_at);
CREATE INDEX idx_completion_requests_model_id ON completion_requests (model_id);
CREATE INDEX idx_completion_requests_client_request_id_client_request_id ON completion_requests (client_request_id) WHERE client_request_id IS NOT NULL;
CREATE INDEX idx_completion_requests_prompt_template_id ON completion_requests (prompt_template_id);
CREATE INDEX idx_completion_requests_server_version_id ON completion_requests (server_version_id);
CREATE TABLE completion_requests_default PARTITION OF completion_requests DEFAULT;
CREATE TABLE completion_results (
  request_id UUID NOT NULL,
  id UUID NOT NULL,
  user_id UUID,
  rank BIGINT NOT NULL,
  model_id BIGINT,
  completion_text TEXT NOT NULL,
  display_text TEXT,
  insert_range JSONB,
  original_text TEXT,
  source TEXT NOT NULL DEFAULT 'model' CHECK (source IN ('model','cache','fallback')),
  confidence_score DOUBLE PRECISION CHECK (confidence_score BETWEEN 0 AND 1),
  generation_time_ms BIGINT,
  logprobs DOUBLE PRECISION[] NOT NULL DEFAULT '{}',
  shown_at TIMESTAMPTZ[] NOT NULL DEFAULT '{}',
  accepted BOOLEAN,
  accepted_at TIMESTAMPTZ,
  accepted_length BIGINT,
  accept_kind TEXT CHECK (accept_kind IN ('all','word','line')),
  is_ignored BOOLEAN NOT NULL DEFAULT false,
  retained BOOLEAN,
  retained_10s BOOLEAN,
  retained_2m BOOLEAN,
  retained_10m BOOLEAN,
  modified_chars BIGINT,
  modified_text TEXT,
  feedback_at TIMESTAMPTZ,
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (request_id, id),
  UNIQUE (request_id, rank)
) PARTITION BY RANGE (request_id);
CREATE INDEX idx_completion_results_model_id_created_at ON completion_results (model_id, created_at);
CREATE INDEX idx_completion_results_accepted_accepted ON completion_results (accepted) WHERE accepted IS NOT NULL;
CREATE INDEX idx_completion_results_user_id ON completion_results (user_id);
CREATE TABLE completion_results_default PARTITION OF completion_results DEFAULT;
CREATE TABLE completion_contexts (
  request_id UUID NOT NULL PRIMARY KEY,
  user_id UUID,
  file_name TEXT,
  document_uri TEXT,
  document_version BIGINT,
  position_line BIGINT,
  position_character BIGINT,
  prefix TEXT,
  suffix TEXT,
  selected_text TEXT,
  open_files JSONB NOT NULL DEFAULT '[]',
  recent_edits JSONB NOT NULL DEFAULT '[]'
) PARTITION BY RANGE (request_id);
CREATE INDEX idx_completion_contexts_user_id ON completion_contexts (user_id);
CREATE TABLE completion_contexts_default PARTITION OF completion_contexts DEFAULT;
CREATE TABLE completion_context_sources (
  request_id UUID NOT NULL,
  position BIGINT NOT NULL,
  user_id UUID,
  source_type TEXT NOT NULL CHECK (source_type IN ('prefix','suffix','import','symbol','repository','open_file','recent_edit','clipboard','diagnostic','declaration','documentation','document','knowledge','memory','rule','style')),
  retriever TEXT,
  kept BOOLEAN NOT NULL DEFAULT true,
  reason TEXT,
  file_path TEXT,
  code_chunk_id UUID,
  symbol_id UUID,
  document_chunk_id UUID,
  start_line BIGINT,
  end_line BIGINT,
  relevance DOUBLE PRECISION,
  tokens BIGINT,
  PRIMARY KEY (request_id, position)
) PARTITION BY RANGE (request_id);
CREATE INDEX idx_completion_context_sources_user_id ON completion_context_sources (user_id);
CREATE TABLE completion_context_sources_default PARTITION OF completion_context_sources DEFAULT;
CREATE TABLE completion_telemetry (
  request_id UUID NOT NULL PRIMARY KEY,
  user_id UUID,
  plugin_version_id BIGINT NOT NULL,
  trigger_type_id BIGINT NOT NULL,
  file_path TEXT,
  caret_line BIGINT,
  document_char_length BIGINT,
  relative_document_position DOUBLE PRECISION CHECK (relative_document_position BETWEEN 0 AND 1),
  time_since_last_shown_ms BIGINT,
  time_since_last_accepted_ms BIGINT,
  typing_speed DOUBLE PRECISION
) PARTITION BY RANGE (request_id);
CREATE INDEX idx_completion_telemetry_user_id ON completion_telemetry (user_id);
CREATE INDEX idx_completion_telemetry_plugin_version_id ON completion_telemetry (plugin_version_id);
CREATE INDEX idx_completion_telemetry_trigger_type_id ON completion_telemetry (trigger_type_id);
CREATE TABLE completion_telemetry_default PARTITION OF completion_telemetry DEFAULT;
CREATE TABLE ground_truths (
  request_id UUID NOT NULL,
  truth_timestamp TIMESTAMPTZ NOT NULL,
  id UUID NOT NULL,
  user_id UUID,
  ground_truth TEXT NOT NULL,
  PRIMARY KEY (request_id, truth_timestamp)
) PARTITION BY RANGE (request_id);
CREATE INDEX idx_ground_truths_user_id ON ground_truths (user_id);
CREATE TABLE ground_truths_default PARTITION OF ground_truths DEFAULT;
CREATE TABLE conversations (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  workspace_id UUID,
  coding_session_id UUID,
  title TEXT NOT NULL DEFAULT '',
  mode TEXT NOT NULL DEFAULT 'chat' CHECK (mode IN ('chat','agent','debug','explain','review','learn')),
  shared_team_id UUID,
  retention_days BIGINT,
  is_archived BOOLEAN NOT NULL DEFAULT false,
  metadata JSONB NOT NULL DEFAULT '{}',
  last_message_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_conversations_user_id_updated_at ON conversations (user_id, updated_at);
CREATE INDEX idx_conversations_workspace_id ON conversations (workspace_id);
CREATE INDEX idx_conversations_coding_session_id ON conversations (coding_session_id);
CREATE INDEX idx_conversations_shared_team_id ON conversations (shared_team_id);
CREATE INDEX idx_conversations_metadata ON conversations USING gin (metadata);
CREATE TABLE messages (
  id UUID NOT NULL PRIMARY KEY,
  conversation_id UUID NOT NULL,
  user_id UUID NOT NULL,
  parent_message_id UUID,
  role TEXT NOT NULL CHECK (role IN ('user','assistant','system','tool')),
  content TEXT NOT NULL,
  context_snapshot TEXT,
  code_snapshot TEXT,
  tool_calls JSONB,
  request_id UUID,
  model_used TEXT,
  prompt_tokens BIGINT,
  completion_tokens BIGINT,
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
) PARTITION BY RANGE (id);
CREATE INDEX idx_messages_conversation_id_id ON messages (conversation_id, id);
CREATE INDEX idx_messages_user_id ON messages (user_id);
CREATE INDEX idx_messages_parent_message_id ON messages (parent_message_id);
CREATE INDEX idx_messages_metadata ON messages USING gin (metadata);
CREATE TABLE messages_default PARTITION OF messages DEFAULT;
CREATE TABLE debug_sessions (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('socratic','direct')),
  problem TEXT NOT NULL,
  solution TEXT,
  learning_points JSONB NOT NULL DEFAULT '[]',
  progress DOUBLE PRECISION NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  summary TEXT,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  ended_at TIMESTAMPTZ
);
CREATE INDEX idx_debug_sessions_user_id ON debug_sessions (user_id);
CREATE INDEX idx_debug_sessions_started_at ON debug_sessions (started_at);
CREATE TABLE error_translations (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  repository_id UUID,
  language TEXT,
  original_error TEXT NOT NULL,
  stack_trace TEXT,
  fingerprint TEXT NOT NULL,
  plain_english TEXT NOT NULL,
  possible_causes JSONB NOT NULL DEFAULT '[]',
  solutions JSONB NOT NULL DEFAULT '[]',
  diagnostic_steps TEXT[] NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_error_translations_user_id_created_at ON error_translations (user_id, created_at);
CREATE INDEX idx_error_translations_repository_id ON error_translations (repository_id);
CREATE INDEX idx_error_translations_fingerprint ON error_translations (fingerprint);
CREATE TABLE collab_rooms (
  id UUID NOT NULL PRIMARY KEY,
  team_id UUID NOT NULL,
  user_id UUID NOT NULL,
  title TEXT NOT NULL DEFAULT '',
  visibility TEXT NOT NULL DEFAULT 'team' CHECK (visibility IN ('team','link')),
  last_code TEXT,
  last_language TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  closed_at TIMESTAMPTZ
);
CREATE INDEX idx_collab_rooms_team_id ON collab_rooms (team_id);
CREATE INDEX idx_collab_rooms_user_id ON collab_rooms (user_id);
CREATE TABLE collab_room_members (
  room_id UUID NOT NULL,
  user_id UUID NOT NULL,
  joined_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  left_at TIMESTAMPTZ,
  PRIMARY KEY (room_id, user_id)
);
CREATE INDEX idx_collab_room_members_user_id ON collab_room_members (user_id);
CREATE TABLE memory_items (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  workspace_id UUID,
  content TEXT NOT NULL,
  source_type TEXT NOT NULL CHECK (source_type IN ('chat','document','manual','code','learning')),
  source_id UUID,
  importance DOUBLE PRECISION,
  is_pinned BOOLEAN NOT NULL DEFAULT false,
  access_count BIGINT NOT NULL DEFAULT 0,
  last_accessed_at TIMESTAMPTZ,
  expires_at TIMESTAMPTZ,
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_memory_items_user_id ON memory_items (user_id);
CREATE INDEX idx_memory_items_workspace_id ON memory_items (workspace_id);
CREATE INDEX idx_memory_items_expires_at_expires_at ON memory_items (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX idx_memory_items_metadata ON memory_items USING gin (metadata);
CREATE TABLE tags (
  id UUID NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  owner_id UUID,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (owner_id, name)
);
CREATE UNIQUE INDEX idx_tags_name_owner_id ON tags (name) WHERE owner_id IS NULL;
CREATE TABLE entity_tags (
  tag_id UUID NOT NULL,
  entity_type TEXT NOT NULL CHECK (entity_type IN ('document','repository','conversation','memory','knowledge_entry','workspace')),
  entity_id UUID NOT NULL,
  user_id UUID NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (tag_id, entity_type, entity_id)
);
CREATE INDEX idx_entity_tags_entity_type_entity_id ON entity_tags (entity_type, entity_id);
CREATE INDEX idx_entity_tags_user_id ON entity_tags (user_id);
CREATE TABLE knowledge_bases (
  id UUID NOT NULL PRIMARY KEY,
  team_id UUID NOT NULL UNIQUE,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE knowledge_entries (
  id UUID NOT NULL PRIMARY KEY,
  knowledge_base_id UUID NOT NULL,
  title TEXT NOT NULL,
  content TEXT NOT NULL,
  category TEXT,
  tags TEXT[] NOT NULL DEFAULT '{}',
  author_id UUID,
  upvotes BIGINT NOT NULL DEFAULT 0,
  related_code_paths TEXT[] NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_knowledge_entries_knowledge_base_id ON knowledge_entries (knowledge_base_id);
CREATE INDEX idx_knowledge_entries_category ON knowledge_entries (category);
CREATE INDEX idx_knowledge_entries_author_id ON knowledge_entries (author_id);
CREATE INDEX idx_knowledge_entries_tags ON knowledge_entries USING gin (tags);
CREATE TABLE knowledge_votes (
  entry_id UUID NOT NULL,
  user_id UUID NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (entry_id, user_id)
);
CREATE INDEX idx_knowledge_votes_user_id ON knowledge_votes (user_id);
CREATE TABLE team_patterns (
  id UUID NOT NULL PRIMARY KEY,
  knowledge_base_id UUID NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  code_example TEXT NOT NULL DEFAULT '',
  usage_count BIGINT NOT NULL DEFAULT 0,
  category TEXT NOT NULL CHECK (category IN ('architecture','style','convention','antipattern')),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (knowledge_base_id, name)
);
CREATE TABLE team_expertise (
  team_id UUID NOT NULL,
  user_id UUID NOT NULL,
  skill_area TEXT NOT NULL,
  score DOUBLE PRECISION NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 1),
  evidence_count BIGINT NOT NULL DEFAULT 0,
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (team_id, user_id, skill_area)
);
CREATE INDEX idx_team_expertise_user_id ON team_expertise (user_id);
CREATE INDEX idx_team_expertise_team_id_skill_area ON team_expertise (team_id, skill_area);
CREATE TABLE ai_providers (
  name TEXT NOT NULL PRIMARY KEY,
  display_name TEXT NOT NULL,
  base_url TEXT,
  api_style TEXT NOT NULL DEFAULT 'openai' CHECK (api_style IN ('openai','anthropic','ollama','llama','custom')),
  is_local BOOLEAN NOT NULL DEFAULT false,
  is_enabled BOOLEAN NOT NULL DEFAULT true,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE ai_models (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  provider_name TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  tier TEXT NOT NULL DEFAULT 'standard' CHECK (tier IN ('fast','standard','premium')),
  fim_format TEXT NOT NULL DEFAULT 'none' CHECK (fim_format IN ('none','psm','spm')),
  fim_tokens JSONB NOT NULL DEFAULT '{}',
  context_window BIGINT,
  max_output_tokens BIGINT,
  input_price_micros BIGINT NOT NULL DEFAULT 0,
  output_price_micros BIGINT NOT NULL DEFAULT 0,
  is_enabled BOOLEAN NOT NULL DEFAULT true,
  is_default BOOLEAN NOT NULL DEFAULT false,
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (provider_name, name)
);
CREATE TABLE provider_configs (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  provider_name TEXT NOT NULL,
  api_key_ciphertext BYTEA,
  api_key_nonce BYTEA,
  key_version BIGINT NOT NULL DEFAULT 1,
  api_key_last4 TEXT,
  endpoint TEXT,
  model TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (user_id, provider_name)
);
CREATE INDEX idx_provider_configs_provider_name ON provider_configs (provider_name);
CREATE TABLE prompt_templates (
  id UUID NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('completion','generate','explain','socratic','debug','refactor','document','review','summary')),
  template TEXT NOT NULL,
  variables TEXT[] NOT NULL DEFAULT '{}',
  is_active BOOLEAN NOT NULL DEFAULT false,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (name, version)
);
CREATE TABLE llm_calls (
  id UUID NOT NULL,
  user_id UUID,
  team_id UUID,
  request_id UUID,
  provider_name TEXT NOT NULL,
  model_name TEXT NOT NULL,
  purpose TEXT NOT NULL DEFAULT 'completion',
  status TEXT NOT NULL CHECK (status IN ('ok','error','timeout','cancelled')),
  prompt_tokens BIGINT NOT NULL DEFAULT 0,
  completion_tokens BIGINT NOT NULL DEFAULT 0,
  cost_micros BIGINT NOT NULL DEFAULT 0,
  latency_ms BIGINT,
  first_token_ms BIGINT,
  attempt BIGINT NOT NULL DEFAULT 1,
  fallback_from TEXT,
  error_code TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX idx_llm_calls_user_id_created_at ON llm_calls (user_id, created_at);
CREATE INDEX idx_llm_calls_request_id ON llm_calls (request_id);
CREATE INDEX idx_llm_calls_model_name_created_at ON llm_calls (model_name, created_at);
CREATE TABLE llm_calls_default PARTITION OF llm_calls DEFAULT;
CREATE TABLE response_cache (
  id UUID NOT NULL PRIMARY KEY,
  cache_key TEXT NOT NULL UNIQUE,
  user_id UUID,
  repository_id UUID,
  model_name TEXT NOT NULL,
  prompt_hash TEXT NOT NULL,
  context_fingerprint TEXT NOT NULL DEFAULT '',
  response_data JSONB NOT NULL,
  hit_count BIGINT NOT NULL DEFAULT 0,
  last_hit_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_response_cache_expires_at ON response_cache (expires_at);
CREATE INDEX idx_response_cache_user_id_model_name ON response_cache (user_id, model_name);
CREATE INDEX idx_response_cache_repository_id ON response_cache (repository_id);
CREATE TABLE analysis_results (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  repository_id UUID,
  file_path TEXT NOT NULL,
  language TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  analyzer_version TEXT NOT NULL DEFAULT '',
  lines_of_code BIGINT NOT NULL DEFAULT 0,
  cyclomatic_complexity DOUBLE PRECISION NOT NULL DEFAULT 0,
  cognitive_complexity DOUBLE PRECISION NOT NULL DEFAULT 0,
  maintainability_index DOUBLE PRECISION,
  test_coverage DOUBLE PRECISION,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_analysis_results_user_id ON analysis_results (user_id);
CREATE INDEX idx_analysis_results_repository_id_file_path ON analysis_results (repository_id, file_path);
CREATE INDEX idx_analysis_results_content_hash ON analysis_results (content_hash);
CREATE TABLE analysis_findings (
  id UUID NOT NULL PRIMARY KEY,
  result_id UUID NOT NULL,
  user_id UUID NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('issue','security','smell','dependency')),
  rule TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('critical','high','medium','low','error','warning','info')),
  line BIGINT NOT NULL,
  column_no BIGINT,
  message TEXT NOT NULL,
  suggestion TEXT,
  cwe_id TEXT,
  CHECK ((kind = 'issue' AND severity IN ('error','warning','info')) OR (kind = 'security' AND severity IN ('critical','high','medium','low')) OR kind IN ('smell','dependency'))
);
CREATE INDEX idx_analysis_findings_result_id ON analysis_findings (result_id);
CREATE INDEX idx_analysis_findings_user_id_kind ON analysis_findings (user_id, kind);
CREATE TABLE refactorings (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  repository_id UUID,
  refactoring_type TEXT NOT NULL,
  target_pattern TEXT,
  file_paths TEXT[] NOT NULL DEFAULT '{}',
  changes JSONB NOT NULL DEFAULT '[]',
  affected_files TEXT[] NOT NULL DEFAULT '{}',
  breaking_changes JSONB NOT NULL DEFAULT '[]',
  test_suggestions TEXT[] NOT NULL DEFAULT '{}',
  estimated_risk TEXT NOT NULL DEFAULT 'low' CHECK (estimated_risk IN ('low','medium','high')),
  status TEXT NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed','applied','reverted','rejected','failed')),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_at TIMESTAMPTZ
);
CREATE INDEX idx_refactorings_user_id_created_at ON refactorings (user_id, created_at);
CREATE INDEX idx_refactorings_repository_id ON refactorings (repository_id);
CREATE TABLE skills (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  skill_area TEXT NOT NULL,
  language TEXT,
  description TEXT NOT NULL DEFAULT '',
  p_init DOUBLE PRECISION NOT NULL DEFAULT 0.2 CHECK (p_init BETWEEN 0 AND 1),
  p_learn DOUBLE PRECISION NOT NULL DEFAULT 0.15 CHECK (p_learn BETWEEN 0 AND 1),
  p_slip DOUBLE PRECISION NOT NULL DEFAULT 0.1 CHECK (p_slip BETWEEN 0 AND 1),
  p_guess DOUBLE PRECISION NOT NULL DEFAULT 0.2 CHECK (p_guess BETWEEN 0 AND 1)
);
CREATE INDEX idx_skills_skill_area ON skills (skill_area);
CREATE TABLE skill_dependencies (
  skill_id TEXT NOT NULL,
  depends_on_id TEXT NOT NULL,
  weight DOUBLE PRECISION NOT NULL DEFAULT 1,
  PRIMARY KEY (skill_id, depends_on_id)
);
CREATE INDEX idx_skill_dependencies_depends_on_id ON skill_dependencies (depends_on_id);
CREATE TABLE skill_profiles (
  user_id UUID NOT NULL PRIMARY KEY,
  last_updated TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE skill_scores (
  user_id UUID NOT NULL,
  skill_id TEXT NOT NULL,
  mastery_level DOUBLE PRECISION NOT NULL DEFAULT 0 CHECK (mastery_level BETWEEN 0 AND 1),
  confidence DOUBLE PRECISION NOT NULL DEFAULT 0 CHECK (confidence BETWEEN 0 AND 1),
  last_practiced TIMESTAMPTZ,
  practice_count BIGINT NOT NULL DEFAULT 0,
  success_rate DOUBLE PRECISION NOT NULL DEFAULT 0 CHECK (success_rate BETWEEN 0 AND 1),
  fsrs_stability DOUBLE PRECISION,
  fsrs_difficulty DOUBLE PRECISION,
  due_at TIMESTAMPTZ,
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, skill_id)
);
CREATE INDEX idx_skill_scores_skill_id ON skill_scores (skill_id);
CREATE TABLE skill_observations (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  skill_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('practice','assessment','path_step','usage')),
  correct BOOLEAN NOT NULL,
  hints_used BIGINT NOT NULL DEFAULT 0,
  time_spent_s BIGINT,
  mastery_before DOUBLE PRECISION,
  mastery_after DOUBLE PRECISION,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_skill_observations_user_id_skill_id_created_at ON skill_observations (user_id, skill_id, created_at);
CREATE INDEX idx_skill_observations_skill_id ON skill_observations (skill_id);
CREATE TABLE confusion_signals (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  concept_id TEXT NOT NULL,
  signal_type TEXT NOT NULL CHECK (signal_type IN ('time_spent','reread','simpler_depth','practice_failed','explicit')),
  weight DOUBLE PRECISION NOT NULL DEFAULT 1,
  details JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_confusion_signals_user_id_concept_id_created_at ON confusion_signals (user_id, concept_id, created_at);
CREATE TABLE learning_debt_items (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  concept_id TEXT NOT NULL,
  usage_count BIGINT NOT NULL DEFAULT 0,
  severity TEXT NOT NULL DEFAULT 'low' CHECK (severity IN ('low','medium','high')),
  detected_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  resolved_at TIMESTAMPTZ,
  UNIQUE (user_id, concept_id)
);
CREATE TABLE skill_assessments (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  skill_area TEXT NOT NULL,
  questions JSONB NOT NULL DEFAULT '[]',
  responses JSONB NOT NULL DEFAULT '[]',
  answered_at TIMESTAMPTZ,
  updated_skills JSONB NOT NULL DEFAULT '[]',
  recommendations TEXT[] NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_skill_assessments_user_id_created_at ON skill_assessments (user_id, created_at);
CREATE TABLE learning_paths (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  goal TEXT NOT NULL,
  current_step BIGINT NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active','completed','abandoned')),
  time_commitment_hours DOUBLE PRECISION,
  estimated_duration BIGINT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  completed_at TIMESTAMPTZ
);
CREATE INDEX idx_learning_paths_user_id ON learning_paths (user_id);
CREATE INDEX idx_learning_paths_status ON learning_paths (status);
CREATE TABLE learning_steps (
  path_id UUID NOT NULL,
  step_number BIGINT NOT NULL,
  user_id UUID NOT NULL,
  concept_id TEXT NOT NULL,
  content_type TEXT NOT NULL CHECK (content_type IN ('explanation','practice','project')),
  title TEXT NOT NULL DEFAULT '',
  estimated_duration BIGINT NOT NULL DEFAULT 0,
  completed BOOLEAN NOT NULL DEFAULT false,
  performance DOUBLE PRECISION CHECK (performance BETWEEN 0 AND 1),
  time_spent_s BIGINT NOT NULL DEFAULT 0,
  completed_at TIMESTAMPTZ,
  PRIMARY KEY (path_id, step_number)
);
CREATE INDEX idx_learning_steps_user_id ON learning_steps (user_id);
CREATE TABLE practice_problems (
  id UUID NOT NULL PRIMARY KEY,
  skill_area TEXT NOT NULL,
  difficulty BIGINT NOT NULL CHECK (difficulty BETWEEN 1 AND 10),
  type TEXT NOT NULL CHECK (type IN ('coding','multiple-choice','debugging')),
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  starter_code TEXT,
  language TEXT,
  test_cases JSONB NOT NULL,
  hints JSONB NOT NULL DEFAULT '[]',
  solution TEXT NOT NULL,
  explanation TEXT NOT NULL,
  generated_for UUID,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_practice_problems_skill_area ON practice_problems (skill_area);
CREATE INDEX idx_practice_problems_difficulty ON practice_problems (difficulty);
CREATE INDEX idx_practice_problems_generated_for ON practice_problems (generated_for);
CREATE TABLE practice_submissions (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  problem_id UUID NOT NULL,
  solution TEXT NOT NULL,
  language TEXT NOT NULL,
  correct BOOLEAN NOT NULL,
  test_results JSONB,
  feedback TEXT,
  hints_used BIGINT NOT NULL DEFAULT 0,
  time_spent_s BIGINT,
  submitted_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_practice_submissions_user_id ON practice_submissions (user_id);
CREATE INDEX idx_practice_submissions_problem_id ON practice_submissions (problem_id);
CREATE TABLE usage_metrics (
  id UUID NOT NULL,
  user_id UUID,
  workspace_id UUID,
  recorded_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  metric_type TEXT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  dimensions JSONB NOT NULL DEFAULT '{}',
  PRIMARY KEY (id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX idx_usage_metrics_metric_type_recorded_at ON usage_metrics (metric_type, recorded_at);
CREATE INDEX idx_usage_metrics_user_id_recorded_at ON usage_metrics (user_id, recorded_at);
CREATE INDEX idx_usage_metrics_workspace_id_recorded_at ON usage_metrics (workspace_id, recorded_at);
CREATE INDEX idx_usage_metrics_dimensions ON usage_metrics USING gin (dimensions jsonb_path_ops);
CREATE TABLE usage_metrics_default PARTITION OF usage_metrics DEFAULT;
CREATE TABLE analytics_events (
  id UUID NOT NULL,
  user_id UUID,
  coding_session_id UUID,
  anonymous_id TEXT,
  event_type TEXT NOT NULL,
  event_data JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX idx_analytics_events_user_id_created_at ON analytics_events (user_id, created_at);
CREATE INDEX idx_analytics_events_event_type_created_at ON analytics_events (event_type, created_at);
CREATE INDEX idx_analytics_events_created_at ON analytics_events (created_at);
CREATE INDEX idx_analytics_events_event_data ON analytics_events USING gin (event_data jsonb_path_ops);
CREATE TABLE analytics_events_default PARTITION OF analytics_events DEFAULT;
CREATE TABLE experiments (
  id UUID NOT NULL PRIMARY KEY,
  experiment_key TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft','running','stopped')),
  variants JSONB NOT NULL DEFAULT '[]',
  allocation_percent BIGINT NOT NULL DEFAULT 100 CHECK (allocation_percent BETWEEN 0 AND 100),
  started_at TIMESTAMPTZ,
  ended_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE experiment_assignments (
  experiment_id UUID NOT NULL,
  user_id UUID NOT NULL,
  variant TEXT NOT NULL,
  assigned_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (experiment_id, user_id)
);
CREATE INDEX idx_experiment_assignments_user_id ON experiment_assignments (user_id);
CREATE TABLE audit_logs (
  id UUID NOT NULL,
  user_id UUID,
  actor_type TEXT NOT NULL DEFAULT 'user' CHECK (actor_type IN ('user','api_key','system','admin')),
  action TEXT NOT NULL,
  entity_type TEXT,
  entity_id TEXT,
  ip_address INET,
  details JSONB NOT NULL DEFAULT '{}',
  seq BIGINT NOT NULL,
  personal_mac BYTEA NOT NULL,
  prev_hash BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX idx_audit_logs_seq ON audit_logs (seq);
CREATE INDEX idx_audit_logs_user_id_created_at ON audit_logs (user_id, created_at);
CREATE INDEX idx_audit_logs_action_created_at ON audit_logs (action, created_at);
CREATE INDEX idx_audit_logs_entity_type_entity_id ON audit_logs (entity_type, entity_id);
CREATE TABLE audit_logs_default PARTITION OF audit_logs DEFAULT;
CREATE TABLE notifications (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL DEFAULT '',
  action JSONB,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  read_at TIMESTAMPTZ
);
CREATE INDEX idx_notifications_user_id_created_at ON notifications (user_id, created_at);
CREATE TABLE data_requests (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('export','erase','restrict')),
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','running','done','failed','cancelled')),
  result_blob_id UUID,
  report JSONB NOT NULL DEFAULT '{}',
  requested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  due_at TIMESTAMPTZ NOT NULL,
  completed_at TIMESTAMPTZ
);
CREATE INDEX idx_data_requests_user_id ON data_requests (user_id);
CREATE INDEX idx_data_requests_status_due_at ON data_requests (status, due_at);
CREATE INDEX idx_data_requests_result_blob_id ON data_requests (result_blob_id);
CREATE TABLE subscriptions (
  id UUID NOT NULL PRIMARY KEY,
  user_id UUID,
  team_id UUID,
  tier TEXT NOT NULL CHECK (tier IN ('free','pro','team','enterprise')),
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('trialing','active','past_due','canceled','incomplete','paused')),
  seats BIGINT NOT NULL DEFAULT 1,
  external_customer_id TEXT,
  external_subscription_id TEXT UNIQUE,
  current_period_start TIMESTAMPTZ,
  current_period_end TIMESTAMPTZ,
  cancel_at_period_end BOOLEAN NOT NULL DEFAULT false,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX idx_subscriptions_user_id ON subscriptions (user_id);
CREATE INDEX idx_subscriptions_team_id ON subscriptions (team_id);
CREATE TABLE invoices (
  id UUID NOT NULL PRIMARY KEY,
  subscription_id UUID NOT NULL,
  user_id UUID,
  number TEXT NOT NULL UNIQUE,
  currency TEXT NOT NULL DEFAULT 'USD',
  amount_cents BIGINT NOT NULL,
  line_items JSONB NOT NULL DEFAULT '[]',
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft','open','paid','void','uncollectible')),
  period_start TIMESTAMPTZ NOT NULL,
  period_end TIMESTAMPTZ NOT NULL,
  external_invoice_id TEXT UNIQUE,
  issued_at TIMESTAMPTZ,
  paid_at TIMESTAMPTZ
);
CREATE INDEX idx_invoices_subscription_id ON invoices (subscription_id);
CREATE INDEX idx_invoices_user_id ON invoices (user_id);
CREATE TABLE billing_events (
  external_event_id TEXT NOT NULL PRIMARY KEY,
  event_type TEXT NOT NULL,
  payload JSONB NOT NULL,
  received_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  processed_at TIMESTAMPTZ,
  error TEXT
);
CREATE TABLE quota_usage (
  subject_type TEXT NOT NULL CHECK (subject_type IN ('user','team')),
  subject_id UUID NOT NULL,
  metric TEXT NOT NULL,
  period_start TIMESTAMPTZ NOT NULL,
  used BIGINT NOT NULL DEFAULT 0,
  quota_limit BIGINT,
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (subject_type, subject_id, metric, period_start)
);
CREATE TABLE rate_limit_buckets (
  bucket_key TEXT NOT NULL,
  window_start TIMESTAMPTZ NOT NULL,
  request_count BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket_key, window_start)
);
CREATE TABLE jobs (
  id UUID NOT NULL PRIMARY KEY,
  job_type TEXT NOT NULL,
  payload JSONB NOT NULL DEFAULT '{}',
  status TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued','running','succeeded','failed','cancelled')),
  priority BIGINT NOT NULL DEFAULT 100,
  dedupe_key TEXT,
  user_id UUID,
  repository_id UUID,
  run_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  attempts BIGINT NOT NULL DEFAULT 0,
  max_attempts BIGINT NOT NULL DEFAULT 5,
  locked_by TEXT,
  locked_until TIMESTAMPTZ,
  progress JSONB NOT NULL DEFAULT '{}',
  result JSONB,
  last_error TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  started_at TIMESTAMPTZ,
  finished_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX idx_jobs_job_type_dedupe_key_status ON jobs (job_type, dedupe_key) WHERE status IN ('queued','running');
CREATE INDEX idx_jobs_priority_run_at_status ON jobs (priority, run_at) WHERE status = 'queued';
CREATE INDEX idx_jobs_locked_until_status ON jobs (locked_until) WHERE status = 'running';
CREATE INDEX idx_jobs_repository_id ON jobs (repository_id);
CREATE INDEX idx_jobs_user_id ON jobs (user_id);
CREATE TABLE job_schedules (
  name TEXT NOT NULL PRIMARY KEY,
  cron TEXT NOT NULL,
  job_type TEXT NOT NULL,
  payload JSONB NOT NULL DEFAULT '{}',
  is_enabled BOOLEAN NOT NULL DEFAULT true,
  next_run_at TIMESTAMPTZ NOT NULL,
  last_run_at TIMESTAMPTZ
);
CREATE INDEX idx_job_schedules_next_run_at_is_enabled ON job_schedules (next_run_at) WHERE is_enabled;
CREATE TABLE outbox_events (
  seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  topic TEXT NOT NULL,
  partition_key TEXT NOT NULL DEFAULT '',
  payload JSONB NOT NULL,
  headers JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  attempts BIGINT NOT NULL DEFAULT 0,
  next_attempt_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  published_at TIMESTAMPTZ,
  last_error TEXT
);
CREATE INDEX idx_outbox_events_next_attempt_at_seq_published_at ON outbox_events (next_attempt_at, seq) WHERE published_at IS NULL;
CREATE TABLE idempotency_keys (
  scope TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'in_progress' CHECK (status IN ('in_progress','completed')),
  response_status BIGINT,
  response_body JSONB,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  expires_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (scope, endpoint, idempotency_key)
);
CREATE INDEX idx_idempotency_keys_expires_at ON idempotency_keys (expires_at);
CREATE TABLE retention_policies (
  class TEXT NOT NULL PRIMARY KEY,
  keep_days BIGINT,
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE schema_migrations (
  revision TEXT NOT NULL PRIMARY KEY,
  revises TEXT[] NOT NULL DEFAULT '{}',
  message TEXT NOT NULL,
  checksum TEXT NOT NULL,
  is_baseline BOOLEAN NOT NULL DEFAULT false,
  server_version TEXT NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  execution_ms BIGINT NOT NULL DEFAULT 0
);
ALTER TABLE users ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE SET NULL;
ALTER TABLE users ADD FOREIGN KEY (config_id) REFERENCES configs(id) ON DELETE SET NULL;
ALTER TABLE user_preferences ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE user_preferences ADD FOREIGN KEY (preferred_model_id) REFERENCES ai_models(id) ON DELETE SET NULL;
ALTER TABLE consents ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE user_identities ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE sessions ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE one_time_tokens ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE api_keys ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE team_members ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE;
ALTER TABLE team_members ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE team_invitations ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE;
ALTER TABLE team_invitations ADD FOREIGN KEY (invited_by) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE workspaces ADD FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE workspaces ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE SET NULL;
ALTER TABLE workspace_members ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
ALTER TABLE workspace_members ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE workspace_rules ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
ALTER TABLE repositories ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
ALTER TABLE repositories ADD FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE repository_dependencies ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE blobs ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
ALTER TABLE files ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE files ADD FOREIGN KEY (blob_id) REFERENCES blobs(id) ON DELETE SET NULL;
ALTER TABLE file_dependencies ADD FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE;
ALTER TABLE file_dependencies ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE file_dependencies ADD FOREIGN KEY (target_file_id) REFERENCES files(id) ON DELETE SET NULL;
ALTER TABLE symbols ADD FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE;
ALTER TABLE symbols ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE symbols ADD FOREIGN KEY (parent_symbol_id) REFERENCES symbols(id) ON DELETE CASCADE;
ALTER TABLE symbol_references ADD FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE;
ALTER TABLE symbol_references ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE symbol_references ADD FOREIGN KEY (symbol_id) REFERENCES symbols(id) ON DELETE SET NULL;
ALTER TABLE code_chunks ADD FOREIGN KEY (file_id) REFERENCES files(id) ON DELETE CASCADE;
ALTER TABLE code_chunks ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE documents ADD FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE documents ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
ALTER TABLE documents ADD FOREIGN KEY (blob_id) REFERENCES blobs(id) ON DELETE SET NULL;
ALTER TABLE document_chunks ADD FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE;
ALTER TABLE repository_documents ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE repository_documents ADD FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE;
ALTER TABLE embedding_models ADD FOREIGN KEY (provider_name) REFERENCES ai_providers(name) ON DELETE RESTRICT;
ALTER TABLE embeddings ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE embeddings ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE embeddings ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE;
ALTER TABLE embeddings ADD FOREIGN KEY (embedding_model_id, dims) REFERENCES embedding_models(id, dimensions) ON DELETE RESTRICT;
ALTER TABLE coding_sessions ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE coding_sessions ADD FOREIGN KEY (software_version_id) REFERENCES software_versions(id) ON DELETE RESTRICT;
ALTER TABLE coding_session_workspaces ADD FOREIGN KEY (coding_session_id) REFERENCES coding_sessions(id) ON DELETE CASCADE;
ALTER TABLE coding_session_workspaces ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
ALTER TABLE completion_requests ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE completion_requests ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE SET NULL;
ALTER TABLE completion_requests ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE SET NULL;
ALTER TABLE completion_requests ADD FOREIGN KEY (coding_session_id) REFERENCES coding_sessions(id) ON DELETE SET NULL;
ALTER TABLE completion_requests ADD FOREIGN KEY (conversation_id) REFERENCES conversations(id) ON DELETE SET NULL;
ALTER TABLE completion_requests ADD FOREIGN KEY (model_id) REFERENCES ai_models(id) ON DELETE RESTRICT;
ALTER TABLE completion_requests ADD FOREIGN KEY (prompt_template_id) REFERENCES prompt_templates(id) ON DELETE SET NULL;
ALTER TABLE completion_requests ADD FOREIGN KEY (server_version_id) REFERENCES software_versions(id) ON DELETE RESTRICT;
ALTER TABLE completion_results ADD FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE;
ALTER TABLE completion_results ADD FOREIGN KEY (model_id) REFERENCES ai_models(id) ON DELETE RESTRICT;
ALTER TABLE completion_contexts ADD FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE;
ALTER TABLE completion_context_sources ADD FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE;
ALTER TABLE completion_telemetry ADD FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE;
ALTER TABLE completion_telemetry ADD FOREIGN KEY (plugin_version_id) REFERENCES software_versions(id) ON DELETE RESTRICT;
ALTER TABLE completion_telemetry ADD FOREIGN KEY (trigger_type_id) REFERENCES trigger_types(id) ON DELETE RESTRICT;
ALTER TABLE ground_truths ADD FOREIGN KEY (request_id) REFERENCES completion_requests(id) ON DELETE CASCADE;
ALTER TABLE conversations ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE conversations ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
ALTER TABLE conversations ADD FOREIGN KEY (coding_session_id) REFERENCES coding_sessions(id) ON DELETE SET NULL;
ALTER TABLE conversations ADD FOREIGN KEY (shared_team_id) REFERENCES teams(id) ON DELETE SET NULL;
ALTER TABLE messages ADD FOREIGN KEY (conversation_id) REFERENCES conversations(id) ON DELETE CASCADE;
ALTER TABLE messages ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE messages ADD FOREIGN KEY (parent_message_id) REFERENCES messages(id) ON DELETE SET NULL;
ALTER TABLE debug_sessions ADD FOREIGN KEY (id) REFERENCES conversations(id) ON DELETE CASCADE;
ALTER TABLE debug_sessions ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE error_translations ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE error_translations ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE SET NULL;
ALTER TABLE collab_rooms ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE;
ALTER TABLE collab_rooms ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE collab_room_members ADD FOREIGN KEY (room_id) REFERENCES collab_rooms(id) ON DELETE CASCADE;
ALTER TABLE collab_room_members ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE memory_items ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE memory_items ADD FOREIGN KEY (workspace_id) REFERENCES workspaces(id) ON DELETE CASCADE;
ALTER TABLE tags ADD FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE entity_tags ADD FOREIGN KEY (tag_id) REFERENCES tags(id) ON DELETE CASCADE;
ALTER TABLE entity_tags ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE knowledge_bases ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE;
ALTER TABLE knowledge_entries ADD FOREIGN KEY (knowledge_base_id) REFERENCES knowledge_bases(id) ON DELETE CASCADE;
ALTER TABLE knowledge_entries ADD FOREIGN KEY (author_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE knowledge_votes ADD FOREIGN KEY (entry_id) REFERENCES knowledge_entries(id) ON DELETE CASCADE;
ALTER TABLE knowledge_votes ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE team_patterns ADD FOREIGN KEY (knowledge_base_id) REFERENCES knowledge_bases(id) ON DELETE CASCADE;
ALTER TABLE team_expertise ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE CASCADE;
ALTER TABLE team_expertise ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE ai_models ADD FOREIGN KEY (provider_name) REFERENCES ai_providers(name) ON DELETE RESTRICT;
ALTER TABLE provider_configs ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE provider_configs ADD FOREIGN KEY (provider_name) REFERENCES ai_providers(name) ON DELETE CASCADE;
ALTER TABLE llm_calls ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE response_cache ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE response_cache ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE analysis_results ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE analysis_results ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE analysis_findings ADD FOREIGN KEY (result_id) REFERENCES analysis_results(id) ON DELETE CASCADE;
ALTER TABLE analysis_findings ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE refactorings ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE refactorings ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE skill_dependencies ADD FOREIGN KEY (skill_id) REFERENCES skills(id) ON DELETE CASCADE;
ALTER TABLE skill_dependencies ADD FOREIGN KEY (depends_on_id) REFERENCES skills(id) ON DELETE CASCADE;
ALTER TABLE skill_profiles ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE skill_scores ADD FOREIGN KEY (user_id) REFERENCES skill_profiles(user_id) ON DELETE CASCADE;
ALTER TABLE skill_scores ADD FOREIGN KEY (skill_id) REFERENCES skills(id) ON DELETE RESTRICT;
ALTER TABLE skill_observations ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE skill_observations ADD FOREIGN KEY (skill_id) REFERENCES skills(id) ON DELETE RESTRICT;
ALTER TABLE confusion_signals ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE learning_debt_items ADD FOREIGN KEY (user_id) REFERENCES skill_profiles(user_id) ON DELETE CASCADE;
ALTER TABLE skill_assessments ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE learning_paths ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE learning_steps ADD FOREIGN KEY (path_id) REFERENCES learning_paths(id) ON DELETE CASCADE;
ALTER TABLE learning_steps ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE practice_problems ADD FOREIGN KEY (generated_for) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE practice_submissions ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE practice_submissions ADD FOREIGN KEY (problem_id) REFERENCES practice_problems(id) ON DELETE RESTRICT;
ALTER TABLE analytics_events ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE experiment_assignments ADD FOREIGN KEY (experiment_id) REFERENCES experiments(id) ON DELETE CASCADE;
ALTER TABLE experiment_assignments ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE audit_logs ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE notifications ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE data_requests ADD FOREIGN KEY (result_blob_id) REFERENCES blobs(id) ON DELETE SET NULL;
ALTER TABLE subscriptions ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE subscriptions ADD FOREIGN KEY (team_id) REFERENCES teams(id) ON DELETE SET NULL;
ALTER TABLE invoices ADD FOREIGN KEY (subscription_id) REFERENCES subscriptions(id) ON DELETE RESTRICT;
ALTER TABLE invoices ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;
ALTER TABLE jobs ADD FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;
ALTER TABLE jobs ADD FOREIGN KEY (repository_id) REFERENCES repositories(id) ON DELETE CASCADE;
ALTER TABLE document_chunks ADD search tsvector GENERATED ALWAYS AS (setweight(to_tsvector('simple', coalesce(chunk_text, '')), 'A') || setweight(to_tsvector('english', coalesce(chunk_text, '')), 'A')) STORED;
CREATE INDEX idx_document_chunks_search ON document_chunks USING gin (search);
ALTER TABLE messages ADD search tsvector GENERATED ALWAYS AS (setweight(to_tsvector('simple', coalesce(content, '')), 'A') || setweight(to_tsvector('english', coalesce(content, '')), 'A')) STORED;
CREATE INDEX idx_messages_search ON messages USING gin (search);
ALTER TABLE memory_items ADD search tsvector GENERATED ALWAYS AS (setweight(to_tsvector('simple', coalesce(content, '')), 'A') || setweight(to_tsvector('english', coalesce(content, '')), 'A')) STORED;
CREATE INDEX idx_memory_items_search ON memory_items USING gin (search);
ALTER TABLE knowledge_entries ADD search tsvector GENERATED ALWAYS AS (setweight(to_tsvector('simple', coalesce(title, '')), 'A') || setweight(to_tsvector('english', coalesce(title, '')), 'A') || setweight(to_tsvector('simple', coalesce(category, '')), 'B') || setweight(to_tsvector('english', coalesce(category, '')), 'B') || setweight(to_tsvector('simple', coalesce(content, '')), 'C') || setweight(to_tsvector('english', coalesce(content, '')), 'C')) STORED;
CREATE INDEX idx_knowledge_entries_search ON knowledge_entries USING gin (search);
-- What a declaration cannot say, PostgreSQL's side. Appended to the declared tables.

-- Whose things are mine. Owned by the worker, which sees all rows: a policy that read these tables under
-- itself would never end. An unset user gives an empty array.
CREATE FUNCTION app_workspaces() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT coalesce(array_agg(w.id), '{}') FROM (
  SELECT id FROM workspaces WHERE owner_id = app_uid()
  UNION SELECT workspace_id FROM workspace_members WHERE user_id = app_uid()) w $$;
CREATE FUNCTION app_teams() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT coalesce(array_agg(team_id), '{}') FROM team_members WHERE user_id = app_uid() $$;
CREATE FUNCTION app_repositories() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT coalesce(array_agg(r.id), '{}') FROM repositories r
  WHERE r.workspace_id = ANY ((SELECT app_workspaces())::uuid[]) $$;
CREATE FUNCTION app_knowledge_bases() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT coalesce(array_agg(k.id), '{}') FROM knowledge_bases k
  WHERE k.team_id = ANY ((SELECT app_teams())::uuid[]) $$;
GRANT CREATE ON SCHEMA public TO codementor_worker;
ALTER FUNCTION app_workspaces() OWNER TO codementor_worker;
ALTER FUNCTION app_teams() OWNER TO codementor_worker;
ALTER FUNCTION app_repositories() OWNER TO codementor_worker;
ALTER FUNCTION app_knowledge_bases() OWNER TO codementor_worker;
REVOKE CREATE ON SCHEMA public FROM codementor_worker;

-- One leaf of vectors a kind: its own graph, and a true foreign key.
CREATE TABLE embeddings_code_chunk PARTITION OF embeddings FOR VALUES IN ('code_chunk');
CREATE TABLE embeddings_file PARTITION OF embeddings FOR VALUES IN ('file');
CREATE TABLE embeddings_document_chunk PARTITION OF embeddings FOR VALUES IN ('document_chunk');
CREATE TABLE embeddings_memory_item PARTITION OF embeddings FOR VALUES IN ('memory_item');
CREATE TABLE embeddings_knowledge_entry PARTITION OF embeddings FOR VALUES IN ('knowledge_entry');
CREATE TABLE embeddings_cached_response PARTITION OF embeddings FOR VALUES IN ('cached_response');
CREATE TABLE embeddings_message PARTITION OF embeddings FOR VALUES IN ('message') PARTITION BY RANGE (subject_id);
CREATE TABLE embeddings_message_default PARTITION OF embeddings_message DEFAULT;
ALTER TABLE embeddings_code_chunk ADD FOREIGN KEY (subject_id) REFERENCES code_chunks(id) ON DELETE CASCADE;
ALTER TABLE embeddings_file ADD FOREIGN KEY (subject_id) REFERENCES files(id) ON DELETE CASCADE;
ALTER TABLE embeddings_document_chunk ADD FOREIGN KEY (subject_id) REFERENCES document_chunks(id) ON DELETE CASCADE;
ALTER TABLE embeddings_memory_item ADD FOREIGN KEY (subject_id) REFERENCES memory_items(id) ON DELETE CASCADE;
ALTER TABLE embeddings_knowledge_entry ADD FOREIGN KEY (subject_id) REFERENCES knowledge_entries(id) ON DELETE CASCADE;
ALTER TABLE embeddings_cached_response ADD FOREIGN KEY (subject_id) REFERENCES response_cache(id) ON DELETE CASCADE;
ALTER TABLE embeddings_message ADD FOREIGN KEY (subject_id) REFERENCES messages(id) ON DELETE CASCADE;
DO $$
DECLARE kind text; dim int;
BEGIN
  FOREACH kind IN ARRAY ARRAY['code_chunk', 'file', 'document_chunk', 'memory_item', 'knowledge_entry', 'cached_response', 'message'] LOOP
    FOREACH dim IN ARRAY ARRAY[256, 384, 1536] LOOP
      EXECUTE format('CREATE INDEX emb_%s_%s ON embeddings_%s USING hnsw ((embedding::vector(%s)) vector_cosine_ops) WITH (m = 16, ef_construction = 64) WHERE dims = %s', kind, dim, kind, dim, dim);
    END LOOP;
  END LOOP;
END $$;

-- Labels point at rows of several tables: no foreign key can hold them, this does.
CREATE FUNCTION drop_labels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM entity_tags WHERE entity_type = TG_ARGV[0] AND entity_id = OLD.id;
  RETURN NULL;
END $$;
CREATE TRIGGER documents_labels AFTER DELETE ON documents FOR EACH ROW EXECUTE FUNCTION drop_labels('document');
CREATE TRIGGER repositories_labels AFTER DELETE ON repositories FOR EACH ROW EXECUTE FUNCTION drop_labels('repository');
CREATE TRIGGER conversations_labels AFTER DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION drop_labels('conversation');
CREATE TRIGGER workspaces_labels AFTER DELETE ON workspaces FOR EACH ROW EXECUTE FUNCTION drop_labels('workspace');
CREATE TRIGGER memory_items_labels AFTER DELETE ON memory_items FOR EACH ROW EXECUTE FUNCTION drop_labels('memory');
CREATE TRIGGER knowledge_entries_labels AFTER DELETE ON knowledge_entries FOR EACH ROW EXECUTE FUNCTION drop_labels('knowledge_entry');

-- The audit log is append-only; the one update allowed is the one that forgets a person.
CREATE FUNCTION audit_logs_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.user_id IS NULL AND NEW.ip_address IS NULL AND NEW.details = '{}'::jsonb AND NEW.id = OLD.id
    AND NEW.seq = OLD.seq AND NEW.actor_type = OLD.actor_type AND NEW.action = OLD.action
    AND NEW.entity_type IS NOT DISTINCT FROM OLD.entity_type AND NEW.entity_id IS NOT DISTINCT FROM OLD.entity_id
    AND NEW.personal_mac = OLD.personal_mac AND NEW.prev_hash = OLD.prev_hash AND NEW.hash = OLD.hash
    AND NEW.created_at = OLD.created_at THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE ON audit_logs FOR EACH ROW EXECUTE FUNCTION audit_logs_guard();

INSERT INTO retention_policies (class, keep_days) VALUES
  ('account', NULL), ('content', NULL), ('raw', 30), ('telemetry', 396), ('metrics', 761),
  ('audit', 731), ('billing', 3653), ('cache', NULL), ('ops', 7), ('derived', NULL), ('ref', NULL);
INSERT INTO trigger_types (id, name) VALUES (1, 'unknown'), (2, 'automatic'), (3, 'manual'), (4, 'idle');
INSERT INTO software_versions (id, component, name) VALUES (1, 'other', 'unknown');
INSERT INTO ai_providers (name, display_name, api_style, is_local) VALUES ('local', 'This server', 'llama', true);
SELECT setval(pg_get_serial_sequence('trigger_types', 'id'), 4), setval(pg_get_serial_sequence('software_versions', 'id'), 1);
ALTER TABLE configs ENABLE ROW LEVEL SECURITY;
ALTER TABLE configs FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON configs TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON configs TO codementor_worker;
GRANT SELECT ON configs TO codementor_app, codementor_ro;
CREATE POLICY reads ON configs FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON users TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO codementor_worker;
GRANT SELECT ON users TO codementor_app, codementor_ro;
CREATE POLICY reads ON users FOR SELECT TO codementor_app, codementor_ro USING (id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON users TO codementor_app;
CREATE POLICY adds ON users FOR INSERT TO codementor_app WITH CHECK (id = (SELECT app_uid()));
CREATE POLICY changes ON users FOR UPDATE TO codementor_app USING (id = (SELECT app_uid()));
CREATE POLICY removes ON users FOR DELETE TO codementor_app USING (id = (SELECT app_uid()));
ALTER TABLE user_preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_preferences FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON user_preferences TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON user_preferences TO codementor_worker;
GRANT SELECT ON user_preferences TO codementor_app, codementor_ro;
CREATE POLICY reads ON user_preferences FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON user_preferences TO codementor_app;
CREATE POLICY adds ON user_preferences FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON user_preferences FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON user_preferences FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE consents ENABLE ROW LEVEL SECURITY;
ALTER TABLE consents FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON consents TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON consents TO codementor_worker;
GRANT SELECT ON consents TO codementor_app, codementor_ro;
CREATE POLICY reads ON consents FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON consents TO codementor_app;
CREATE POLICY adds ON consents FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON consents FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON consents FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE user_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_identities FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON user_identities TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON user_identities TO codementor_worker;
GRANT SELECT ON user_identities TO codementor_app, codementor_ro;
CREATE POLICY reads ON user_identities FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON user_identities TO codementor_app;
CREATE POLICY adds ON user_identities FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON user_identities FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON user_identities FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON sessions TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO codementor_worker;
GRANT SELECT ON sessions TO codementor_app, codementor_ro;
CREATE POLICY reads ON sessions FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON sessions TO codementor_app;
CREATE POLICY adds ON sessions FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON sessions FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON sessions FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE one_time_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE one_time_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON one_time_tokens TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON one_time_tokens TO codementor_worker;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON api_keys TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO codementor_worker;
GRANT SELECT ON api_keys TO codementor_app, codementor_ro;
CREATE POLICY reads ON api_keys FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON api_keys TO codementor_app;
CREATE POLICY adds ON api_keys FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON api_keys FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON api_keys FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
ALTER TABLE teams FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON teams TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON teams TO codementor_worker;
GRANT SELECT ON teams TO codementor_app, codementor_ro;
CREATE POLICY reads ON teams FOR SELECT TO codementor_app, codementor_ro USING (id = ANY ((SELECT app_teams())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON teams TO codementor_app;
CREATE POLICY adds ON teams FOR INSERT TO codementor_app WITH CHECK (id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY changes ON teams FOR UPDATE TO codementor_app USING (id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY removes ON teams FOR DELETE TO codementor_app USING (id = ANY ((SELECT app_teams())::uuid[]));
ALTER TABLE team_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE team_members FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON team_members TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON team_members TO codementor_worker;
GRANT SELECT ON team_members TO codementor_app, codementor_ro;
CREATE POLICY reads ON team_members FOR SELECT TO codementor_app, codementor_ro USING (team_id = ANY ((SELECT app_teams())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON team_members TO codementor_app;
CREATE POLICY adds ON team_members FOR INSERT TO codementor_app WITH CHECK (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY changes ON team_members FOR UPDATE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY removes ON team_members FOR DELETE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
ALTER TABLE team_invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE team_invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON team_invitations TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON team_invitations TO codementor_worker;
GRANT SELECT ON team_invitations TO codementor_app, codementor_ro;
CREATE POLICY reads ON team_invitations FOR SELECT TO codementor_app, codementor_ro USING (team_id = ANY ((SELECT app_teams())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON team_invitations TO codementor_app;
CREATE POLICY adds ON team_invitations FOR INSERT TO codementor_app WITH CHECK (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY changes ON team_invitations FOR UPDATE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY removes ON team_invitations FOR DELETE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
ALTER TABLE feature_flags ENABLE ROW LEVEL SECURITY;
ALTER TABLE feature_flags FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON feature_flags TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON feature_flags TO codementor_worker;
GRANT SELECT ON feature_flags TO codementor_app, codementor_ro;
CREATE POLICY reads ON feature_flags FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspaces FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON workspaces TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON workspaces TO codementor_worker;
GRANT SELECT ON workspaces TO codementor_app, codementor_ro;
CREATE POLICY reads ON workspaces FOR SELECT TO codementor_app, codementor_ro USING (id = ANY ((SELECT app_workspaces())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON workspaces TO codementor_app;
CREATE POLICY adds ON workspaces FOR INSERT TO codementor_app WITH CHECK (owner_id = (SELECT app_uid()) OR id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY changes ON workspaces FOR UPDATE TO codementor_app USING (id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY removes ON workspaces FOR DELETE TO codementor_app USING (id = ANY ((SELECT app_workspaces())::uuid[]));
ALTER TABLE workspace_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspace_members FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON workspace_members TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON workspace_members TO codementor_worker;
GRANT SELECT ON workspace_members TO codementor_app, codementor_ro;
CREATE POLICY reads ON workspace_members FOR SELECT TO codementor_app, codementor_ro USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON workspace_members TO codementor_app;
CREATE POLICY adds ON workspace_members FOR INSERT TO codementor_app WITH CHECK (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY changes ON workspace_members FOR UPDATE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY removes ON workspace_members FOR DELETE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
ALTER TABLE workspace_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspace_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON workspace_rules TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON workspace_rules TO codementor_worker;
GRANT SELECT ON workspace_rules TO codementor_app, codementor_ro;
CREATE POLICY reads ON workspace_rules FOR SELECT TO codementor_app, codementor_ro USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON workspace_rules TO codementor_app;
CREATE POLICY adds ON workspace_rules FOR INSERT TO codementor_app WITH CHECK (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY changes ON workspace_rules FOR UPDATE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY removes ON workspace_rules FOR DELETE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
ALTER TABLE repositories ENABLE ROW LEVEL SECURITY;
ALTER TABLE repositories FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON repositories TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON repositories TO codementor_worker;
GRANT SELECT ON repositories TO codementor_app, codementor_ro;
CREATE POLICY reads ON repositories FOR SELECT TO codementor_app, codementor_ro USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON repositories TO codementor_app;
CREATE POLICY adds ON repositories FOR INSERT TO codementor_app WITH CHECK (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY changes ON repositories FOR UPDATE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY removes ON repositories FOR DELETE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
ALTER TABLE repository_dependencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE repository_dependencies FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON repository_dependencies TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON repository_dependencies TO codementor_worker;
GRANT SELECT ON repository_dependencies TO codementor_app, codementor_ro;
CREATE POLICY reads ON repository_dependencies FOR SELECT TO codementor_app, codementor_ro USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON repository_dependencies TO codementor_app;
CREATE POLICY adds ON repository_dependencies FOR INSERT TO codementor_app WITH CHECK (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY changes ON repository_dependencies FOR UPDATE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY removes ON repository_dependencies FOR DELETE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
ALTER TABLE blobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE blobs FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON blobs TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON blobs TO codementor_worker;
GRANT SELECT ON blobs TO codementor_app, codementor_ro;
CREATE POLICY reads ON blobs FOR SELECT TO codementor_app, codementor_ro USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON blobs TO codementor_app;
CREATE POLICY adds ON blobs FOR INSERT TO codementor_app WITH CHECK (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY changes ON blobs FOR UPDATE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY removes ON blobs FOR DELETE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
ALTER TABLE files ENABLE ROW LEVEL SECURITY;
ALTER TABLE files FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON files TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON files TO codementor_worker;
GRANT SELECT ON files TO codementor_app, codementor_ro;
CREATE POLICY reads ON files FOR SELECT TO codementor_app, codementor_ro USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON files TO codementor_app;
CREATE POLICY adds ON files FOR INSERT TO codementor_app WITH CHECK (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY changes ON files FOR UPDATE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY removes ON files FOR DELETE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
ALTER TABLE file_dependencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE file_dependencies FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON file_dependencies TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON file_dependencies TO codementor_worker;
GRANT SELECT ON file_dependencies TO codementor_app, codementor_ro;
CREATE POLICY reads ON file_dependencies FOR SELECT TO codementor_app, codementor_ro USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON file_dependencies TO codementor_app;
CREATE POLICY adds ON file_dependencies FOR INSERT TO codementor_app WITH CHECK (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY changes ON file_dependencies FOR UPDATE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY removes ON file_dependencies FOR DELETE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
ALTER TABLE symbols ENABLE ROW LEVEL SECURITY;
ALTER TABLE symbols FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON symbols TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON symbols TO codementor_worker;
GRANT SELECT ON symbols TO codementor_app, codementor_ro;
CREATE POLICY reads ON symbols FOR SELECT TO codementor_app, codementor_ro USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON symbols TO codementor_app;
CREATE POLICY adds ON symbols FOR INSERT TO codementor_app WITH CHECK (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY changes ON symbols FOR UPDATE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY removes ON symbols FOR DELETE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
ALTER TABLE symbol_references ENABLE ROW LEVEL SECURITY;
ALTER TABLE symbol_references FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON symbol_references TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON symbol_references TO codementor_worker;
GRANT SELECT ON symbol_references TO codementor_app, codementor_ro;
CREATE POLICY reads ON symbol_references FOR SELECT TO codementor_app, codementor_ro USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON symbol_references TO codementor_app;
CREATE POLICY adds ON symbol_references FOR INSERT TO codementor_app WITH CHECK (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY changes ON symbol_references FOR UPDATE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY removes ON symbol_references FOR DELETE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
ALTER TABLE code_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE code_chunks FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON code_chunks TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON code_chunks TO codementor_worker;
GRANT SELECT ON code_chunks TO codementor_app, codementor_ro;
CREATE POLICY reads ON code_chunks FOR SELECT TO codementor_app, codementor_ro USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON code_chunks TO codementor_app;
CREATE POLICY adds ON code_chunks FOR INSERT TO codementor_app WITH CHECK (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY changes ON code_chunks FOR UPDATE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY removes ON code_chunks FOR DELETE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON documents TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO codementor_worker;
GRANT SELECT ON documents TO codementor_app, codementor_ro;
CREATE POLICY reads ON documents FOR SELECT TO codementor_app, codementor_ro USING ((owner_id = (SELECT app_uid()) OR workspace_id = ANY ((SELECT app_workspaces())::uuid[]) OR (owner_id IS NULL AND workspace_id IS NULL)));
GRANT INSERT, UPDATE, DELETE ON documents TO codementor_app;
CREATE POLICY adds ON documents FOR INSERT TO codementor_app WITH CHECK ((owner_id = (SELECT app_uid()) OR workspace_id = ANY ((SELECT app_workspaces())::uuid[])));
CREATE POLICY changes ON documents FOR UPDATE TO codementor_app USING ((owner_id = (SELECT app_uid()) OR workspace_id = ANY ((SELECT app_workspaces())::uuid[])));
CREATE POLICY removes ON documents FOR DELETE TO codementor_app USING ((owner_id = (SELECT app_uid()) OR workspace_id = ANY ((SELECT app_workspaces())::uuid[])));
ALTER TABLE document_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_chunks FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON document_chunks TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON document_chunks TO codementor_worker;
GRANT SELECT ON document_chunks TO codementor_app, codementor_ro;
CREATE POLICY reads ON document_chunks FOR SELECT TO codementor_app, codementor_ro USING ((owner_id = (SELECT app_uid()) OR workspace_id = ANY ((SELECT app_workspaces())::uuid[]) OR (owner_id IS NULL AND workspace_id IS NULL)));
GRANT INSERT, UPDATE, DELETE ON document_chunks TO codementor_app;
CREATE POLICY adds ON document_chunks FOR INSERT TO codementor_app WITH CHECK ((owner_id = (SELECT app_uid()) OR workspace_id = ANY ((SELECT app_workspaces())::uuid[])));
CREATE POLICY changes ON document_chunks FOR UPDATE TO codementor_app USING ((owner_id = (SELECT app_uid()) OR workspace_id = ANY ((SELECT app_workspaces())::uuid[])));
CREATE POLICY removes ON document_chunks FOR DELETE TO codementor_app USING ((owner_id = (SELECT app_uid()) OR workspace_id = ANY ((SELECT app_workspaces())::uuid[])));
ALTER TABLE repository_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE repository_documents FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON repository_documents TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON repository_documents TO codementor_worker;
GRANT SELECT ON repository_documents TO codementor_app, codementor_ro;
CREATE POLICY reads ON repository_documents FOR SELECT TO codementor_app, codementor_ro USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON repository_documents TO codementor_app;
CREATE POLICY adds ON repository_documents FOR INSERT TO codementor_app WITH CHECK (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY changes ON repository_documents FOR UPDATE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
CREATE POLICY removes ON repository_documents FOR DELETE TO codementor_app USING (repository_id = ANY ((SELECT app_repositories())::uuid[]));
ALTER TABLE embedding_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE embedding_models FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON embedding_models TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON embedding_models TO codementor_worker;
GRANT SELECT ON embedding_models TO codementor_app, codementor_ro;
CREATE POLICY reads ON embedding_models FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE embeddings ENABLE ROW LEVEL SECURITY;
ALTER TABLE embeddings FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON embeddings TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON embeddings TO codementor_worker;
GRANT SELECT ON embeddings TO codementor_app, codementor_ro;
CREATE POLICY reads ON embeddings FOR SELECT TO codementor_app, codementor_ro USING ((user_id = (SELECT app_uid()) OR repository_id = ANY ((SELECT app_repositories())::uuid[]) OR team_id = ANY ((SELECT app_teams())::uuid[]) OR (user_id IS NULL AND repository_id IS NULL AND team_id IS NULL AND subject_type = 'document_chunk')));
GRANT INSERT, UPDATE, DELETE ON embeddings TO codementor_app;
CREATE POLICY adds ON embeddings FOR INSERT TO codementor_app WITH CHECK ((user_id = (SELECT app_uid()) OR repository_id = ANY ((SELECT app_repositories())::uuid[]) OR team_id = ANY ((SELECT app_teams())::uuid[])));
CREATE POLICY changes ON embeddings FOR UPDATE TO codementor_app USING ((user_id = (SELECT app_uid()) OR repository_id = ANY ((SELECT app_repositories())::uuid[]) OR team_id = ANY ((SELECT app_teams())::uuid[])));
CREATE POLICY removes ON embeddings FOR DELETE TO codementor_app USING ((user_id = (SELECT app_uid()) OR repository_id = ANY ((SELECT app_repositories())::uuid[]) OR team_id = ANY ((SELECT app_teams())::uuid[])));
ALTER TABLE languages ENABLE ROW LEVEL SECURITY;
ALTER TABLE languages FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON languages TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON languages TO codementor_worker;
GRANT SELECT ON languages TO codementor_app, codementor_ro;
CREATE POLICY reads ON languages FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE trigger_types ENABLE ROW LEVEL SECURITY;
ALTER TABLE trigger_types FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON trigger_types TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON trigger_types TO codementor_worker;
GRANT SELECT ON trigger_types TO codementor_app, codementor_ro;
CREATE POLICY reads ON trigger_types FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE software_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE software_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON software_versions TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON software_versions TO codementor_worker;
GRANT SELECT ON software_versions TO codementor_app, codementor_ro;
CREATE POLICY reads ON software_versions FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE coding_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE coding_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON coding_sessions TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON coding_sessions TO codementor_worker;
GRANT SELECT ON coding_sessions TO codementor_app, codementor_ro;
CREATE POLICY reads ON coding_sessions FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON coding_sessions TO codementor_app;
CREATE POLICY adds ON coding_sessions FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON coding_sessions FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON coding_sessions FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE coding_session_workspaces ENABLE ROW LEVEL SECURITY;
ALTER TABLE coding_session_workspaces FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON coding_session_workspaces TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON coding_session_workspaces TO codementor_worker;
GRANT SELECT ON coding_session_workspaces TO codementor_app, codementor_ro;
CREATE POLICY reads ON coding_session_workspaces FOR SELECT TO codementor_app, codementor_ro USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON coding_session_workspaces TO codementor_app;
CREATE POLICY adds ON coding_session_workspaces FOR INSERT TO codementor_app WITH CHECK (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY changes ON coding_session_workspaces FOR UPDATE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
CREATE POLICY removes ON coding_session_workspaces FOR DELETE TO codementor_app USING (workspace_id = ANY ((SELECT app_workspaces())::uuid[]));
ALTER TABLE completion_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE completion_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON completion_requests TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON completion_requests TO codementor_worker;
GRANT SELECT ON completion_requests TO codementor_app, codementor_ro;
CREATE POLICY reads ON completion_requests FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON completion_requests TO codementor_app;
CREATE POLICY adds ON completion_requests FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON completion_requests FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON completion_requests FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE completion_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE completion_results FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON completion_results TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON completion_results TO codementor_worker;
GRANT SELECT ON completion_results TO codementor_app, codementor_ro;
CREATE POLICY reads ON completion_results FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON completion_results TO codementor_app;
CREATE POLICY adds ON completion_results FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON completion_results FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON completion_results FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE completion_contexts ENABLE ROW LEVEL SECURITY;
ALTER TABLE completion_contexts FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON completion_contexts TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON completion_contexts TO codementor_worker;
GRANT SELECT ON completion_contexts TO codementor_app, codementor_ro;
CREATE POLICY reads ON completion_contexts FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON completion_contexts TO codementor_app;
CREATE POLICY adds ON completion_contexts FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON completion_contexts FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON completion_contexts FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE completion_context_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE completion_context_sources FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON completion_context_sources TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON completion_context_sources TO codementor_worker;
GRANT SELECT ON completion_context_sources TO codementor_app, codementor_ro;
CREATE POLICY reads ON completion_context_sources FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON completion_context_sources TO codementor_app;
CREATE POLICY adds ON completion_context_sources FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON completion_context_sources FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON completion_context_sources FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE completion_telemetry ENABLE ROW LEVEL SECURITY;
ALTER TABLE completion_telemetry FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON completion_telemetry TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON completion_telemetry TO codementor_worker;
GRANT SELECT ON completion_telemetry TO codementor_app, codementor_ro;
CREATE POLICY reads ON completion_telemetry FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON completion_telemetry TO codementor_app;
CREATE POLICY adds ON completion_telemetry FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON completion_telemetry FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON completion_telemetry FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE ground_truths ENABLE ROW LEVEL SECURITY;
ALTER TABLE ground_truths FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON ground_truths TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON ground_truths TO codementor_worker;
GRANT SELECT ON ground_truths TO codementor_app, codementor_ro;
CREATE POLICY reads ON ground_truths FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON ground_truths TO codementor_app;
CREATE POLICY adds ON ground_truths FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON ground_truths FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON ground_truths FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversations FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON conversations TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON conversations TO codementor_worker;
GRANT SELECT ON conversations TO codementor_app, codementor_ro;
CREATE POLICY reads ON conversations FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON conversations TO codementor_app;
CREATE POLICY adds ON conversations FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON conversations FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON conversations FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON messages TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON messages TO codementor_worker;
GRANT SELECT ON messages TO codementor_app, codementor_ro;
CREATE POLICY reads ON messages FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON messages TO codementor_app;
CREATE POLICY adds ON messages FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON messages FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON messages FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE debug_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE debug_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON debug_sessions TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON debug_sessions TO codementor_worker;
GRANT SELECT ON debug_sessions TO codementor_app, codementor_ro;
CREATE POLICY reads ON debug_sessions FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON debug_sessions TO codementor_app;
CREATE POLICY adds ON debug_sessions FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON debug_sessions FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON debug_sessions FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE error_translations ENABLE ROW LEVEL SECURITY;
ALTER TABLE error_translations FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON error_translations TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON error_translations TO codementor_worker;
GRANT SELECT ON error_translations TO codementor_app, codementor_ro;
CREATE POLICY reads ON error_translations FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON error_translations TO codementor_app;
CREATE POLICY adds ON error_translations FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON error_translations FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON error_translations FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE collab_rooms ENABLE ROW LEVEL SECURITY;
ALTER TABLE collab_rooms FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON collab_rooms TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON collab_rooms TO codementor_worker;
GRANT SELECT ON collab_rooms TO codementor_app, codementor_ro;
CREATE POLICY reads ON collab_rooms FOR SELECT TO codementor_app, codementor_ro USING (team_id = ANY ((SELECT app_teams())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON collab_rooms TO codementor_app;
CREATE POLICY adds ON collab_rooms FOR INSERT TO codementor_app WITH CHECK (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY changes ON collab_rooms FOR UPDATE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY removes ON collab_rooms FOR DELETE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
ALTER TABLE collab_room_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE collab_room_members FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON collab_room_members TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON collab_room_members TO codementor_worker;
GRANT SELECT ON collab_room_members TO codementor_app, codementor_ro;
CREATE POLICY reads ON collab_room_members FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON collab_room_members TO codementor_app;
CREATE POLICY adds ON collab_room_members FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON collab_room_members FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON collab_room_members FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE memory_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE memory_items FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON memory_items TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON memory_items TO codementor_worker;
GRANT SELECT ON memory_items TO codementor_app, codementor_ro;
CREATE POLICY reads ON memory_items FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON memory_items TO codementor_app;
CREATE POLICY adds ON memory_items FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON memory_items FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON memory_items FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE tags FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON tags TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON tags TO codementor_worker;
GRANT SELECT ON tags TO codementor_app, codementor_ro;
CREATE POLICY reads ON tags FOR SELECT TO codementor_app, codementor_ro USING ((owner_id = (SELECT app_uid()) OR owner_id IS NULL));
GRANT INSERT, UPDATE, DELETE ON tags TO codementor_app;
CREATE POLICY adds ON tags FOR INSERT TO codementor_app WITH CHECK (owner_id = (SELECT app_uid()));
CREATE POLICY changes ON tags FOR UPDATE TO codementor_app USING (owner_id = (SELECT app_uid()));
CREATE POLICY removes ON tags FOR DELETE TO codementor_app USING (owner_id = (SELECT app_uid()));
ALTER TABLE entity_tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE entity_tags FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON entity_tags TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON entity_tags TO codementor_worker;
GRANT SELECT ON entity_tags TO codementor_app, codementor_ro;
CREATE POLICY reads ON entity_tags FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON entity_tags TO codementor_app;
CREATE POLICY adds ON entity_tags FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON entity_tags FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON entity_tags FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE knowledge_bases ENABLE ROW LEVEL SECURITY;
ALTER TABLE knowledge_bases FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON knowledge_bases TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON knowledge_bases TO codementor_worker;
GRANT SELECT ON knowledge_bases TO codementor_app, codementor_ro;
CREATE POLICY reads ON knowledge_bases FOR SELECT TO codementor_app, codementor_ro USING (team_id = ANY ((SELECT app_teams())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON knowledge_bases TO codementor_app;
CREATE POLICY adds ON knowledge_bases FOR INSERT TO codementor_app WITH CHECK (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY changes ON knowledge_bases FOR UPDATE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY removes ON knowledge_bases FOR DELETE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
ALTER TABLE knowledge_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE knowledge_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON knowledge_entries TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON knowledge_entries TO codementor_worker;
GRANT SELECT ON knowledge_entries TO codementor_app, codementor_ro;
CREATE POLICY reads ON knowledge_entries FOR SELECT TO codementor_app, codementor_ro USING (knowledge_base_id = ANY ((SELECT app_knowledge_bases())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON knowledge_entries TO codementor_app;
CREATE POLICY adds ON knowledge_entries FOR INSERT TO codementor_app WITH CHECK (knowledge_base_id = ANY ((SELECT app_knowledge_bases())::uuid[]));
CREATE POLICY changes ON knowledge_entries FOR UPDATE TO codementor_app USING (knowledge_base_id = ANY ((SELECT app_knowledge_bases())::uuid[]));
CREATE POLICY removes ON knowledge_entries FOR DELETE TO codementor_app USING (knowledge_base_id = ANY ((SELECT app_knowledge_bases())::uuid[]));
ALTER TABLE knowledge_votes ENABLE ROW LEVEL SECURITY;
ALTER TABLE knowledge_votes FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON knowledge_votes TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON knowledge_votes TO codementor_worker;
GRANT SELECT ON knowledge_votes TO codementor_app, codementor_ro;
CREATE POLICY reads ON knowledge_votes FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON knowledge_votes TO codementor_app;
CREATE POLICY adds ON knowledge_votes FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON knowledge_votes FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON knowledge_votes FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE team_patterns ENABLE ROW LEVEL SECURITY;
ALTER TABLE team_patterns FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON team_patterns TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON team_patterns TO codementor_worker;
GRANT SELECT ON team_patterns TO codementor_app, codementor_ro;
CREATE POLICY reads ON team_patterns FOR SELECT TO codementor_app, codementor_ro USING (knowledge_base_id = ANY ((SELECT app_knowledge_bases())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON team_patterns TO codementor_app;
CREATE POLICY adds ON team_patterns FOR INSERT TO codementor_app WITH CHECK (knowledge_base_id = ANY ((SELECT app_knowledge_bases())::uuid[]));
CREATE POLICY changes ON team_patterns FOR UPDATE TO codementor_app USING (knowledge_base_id = ANY ((SELECT app_knowledge_bases())::uuid[]));
CREATE POLICY removes ON team_patterns FOR DELETE TO codementor_app USING (knowledge_base_id = ANY ((SELECT app_knowledge_bases())::uuid[]));
ALTER TABLE team_expertise ENABLE ROW LEVEL SECURITY;
ALTER TABLE team_expertise FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON team_expertise TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON team_expertise TO codementor_worker;
GRANT SELECT ON team_expertise TO codementor_app, codementor_ro;
CREATE POLICY reads ON team_expertise FOR SELECT TO codementor_app, codementor_ro USING (team_id = ANY ((SELECT app_teams())::uuid[]));
GRANT INSERT, UPDATE, DELETE ON team_expertise TO codementor_app;
CREATE POLICY adds ON team_expertise FOR INSERT TO codementor_app WITH CHECK (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY changes ON team_expertise FOR UPDATE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
CREATE POLICY removes ON team_expertise FOR DELETE TO codementor_app USING (team_id = ANY ((SELECT app_teams())::uuid[]));
ALTER TABLE ai_providers ENABLE ROW LEVEL SECURITY;
ALTER TABLE ai_providers FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON ai_providers TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_providers TO codementor_worker;
GRANT SELECT ON ai_providers TO codementor_app, codementor_ro;
CREATE POLICY reads ON ai_providers FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE ai_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE ai_models FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON ai_models TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_models TO codementor_worker;
GRANT SELECT ON ai_models TO codementor_app, codementor_ro;
CREATE POLICY reads ON ai_models FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE provider_configs ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_configs FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON provider_configs TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON provider_configs TO codementor_worker;
GRANT SELECT ON provider_configs TO codementor_app, codementor_ro;
CREATE POLICY reads ON provider_configs FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON provider_configs TO codementor_app;
CREATE POLICY adds ON provider_configs FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON provider_configs FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON provider_configs FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE prompt_templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE prompt_templates FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON prompt_templates TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON prompt_templates TO codementor_worker;
GRANT SELECT ON prompt_templates TO codementor_app, codementor_ro;
CREATE POLICY reads ON prompt_templates FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE llm_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE llm_calls FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON llm_calls TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON llm_calls TO codementor_worker;
GRANT SELECT ON llm_calls TO codementor_app, codementor_ro;
CREATE POLICY reads ON llm_calls FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON llm_calls TO codementor_app;
CREATE POLICY adds ON llm_calls FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON llm_calls FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON llm_calls FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE response_cache ENABLE ROW LEVEL SECURITY;
ALTER TABLE response_cache FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON response_cache TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON response_cache TO codementor_worker;
GRANT SELECT ON response_cache TO codementor_app, codementor_ro;
CREATE POLICY reads ON response_cache FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON response_cache TO codementor_app;
CREATE POLICY adds ON response_cache FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON response_cache FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON response_cache FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE analysis_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE analysis_results FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON analysis_results TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON analysis_results TO codementor_worker;
GRANT SELECT ON analysis_results TO codementor_app, codementor_ro;
CREATE POLICY reads ON analysis_results FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON analysis_results TO codementor_app;
CREATE POLICY adds ON analysis_results FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON analysis_results FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON analysis_results FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE analysis_findings ENABLE ROW LEVEL SECURITY;
ALTER TABLE analysis_findings FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON analysis_findings TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON analysis_findings TO codementor_worker;
GRANT SELECT ON analysis_findings TO codementor_app, codementor_ro;
CREATE POLICY reads ON analysis_findings FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON analysis_findings TO codementor_app;
CREATE POLICY adds ON analysis_findings FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON analysis_findings FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON analysis_findings FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE refactorings ENABLE ROW LEVEL SECURITY;
ALTER TABLE refactorings FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON refactorings TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON refactorings TO codementor_worker;
GRANT SELECT ON refactorings TO codementor_app, codementor_ro;
CREATE POLICY reads ON refactorings FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON refactorings TO codementor_app;
CREATE POLICY adds ON refactorings FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON refactorings FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON refactorings FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE skills ENABLE ROW LEVEL SECURITY;
ALTER TABLE skills FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON skills TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON skills TO codementor_worker;
GRANT SELECT ON skills TO codementor_app, codementor_ro;
CREATE POLICY reads ON skills FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE skill_dependencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE skill_dependencies FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON skill_dependencies TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON skill_dependencies TO codementor_worker;
GRANT SELECT ON skill_dependencies TO codementor_app, codementor_ro;
CREATE POLICY reads ON skill_dependencies FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE skill_profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE skill_profiles FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON skill_profiles TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON skill_profiles TO codementor_worker;
GRANT SELECT ON skill_profiles TO codementor_app, codementor_ro;
CREATE POLICY reads ON skill_profiles FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON skill_profiles TO codementor_app;
CREATE POLICY adds ON skill_profiles FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON skill_profiles FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON skill_profiles FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE skill_scores ENABLE ROW LEVEL SECURITY;
ALTER TABLE skill_scores FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON skill_scores TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON skill_scores TO codementor_worker;
GRANT SELECT ON skill_scores TO codementor_app, codementor_ro;
CREATE POLICY reads ON skill_scores FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON skill_scores TO codementor_app;
CREATE POLICY adds ON skill_scores FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON skill_scores FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON skill_scores FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE skill_observations ENABLE ROW LEVEL SECURITY;
ALTER TABLE skill_observations FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON skill_observations TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON skill_observations TO codementor_worker;
GRANT SELECT ON skill_observations TO codementor_app, codementor_ro;
CREATE POLICY reads ON skill_observations FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON skill_observations TO codementor_app;
CREATE POLICY adds ON skill_observations FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON skill_observations FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON skill_observations FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE confusion_signals ENABLE ROW LEVEL SECURITY;
ALTER TABLE confusion_signals FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON confusion_signals TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON confusion_signals TO codementor_worker;
GRANT SELECT ON confusion_signals TO codementor_app, codementor_ro;
CREATE POLICY reads ON confusion_signals FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON confusion_signals TO codementor_app;
CREATE POLICY adds ON confusion_signals FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON confusion_signals FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON confusion_signals FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE learning_debt_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE learning_debt_items FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON learning_debt_items TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON learning_debt_items TO codementor_worker;
GRANT SELECT ON learning_debt_items TO codementor_app, codementor_ro;
CREATE POLICY reads ON learning_debt_items FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON learning_debt_items TO codementor_app;
CREATE POLICY adds ON learning_debt_items FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON learning_debt_items FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON learning_debt_items FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE skill_assessments ENABLE ROW LEVEL SECURITY;
ALTER TABLE skill_assessments FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON skill_assessments TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON skill_assessments TO codementor_worker;
GRANT SELECT ON skill_assessments TO codementor_app, codementor_ro;
CREATE POLICY reads ON skill_assessments FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON skill_assessments TO codementor_app;
CREATE POLICY adds ON skill_assessments FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON skill_assessments FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON skill_assessments FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE learning_paths ENABLE ROW LEVEL SECURITY;
ALTER TABLE learning_paths FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON learning_paths TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON learning_paths TO codementor_worker;
GRANT SELECT ON learning_paths TO codementor_app, codementor_ro;
CREATE POLICY reads ON learning_paths FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON learning_paths TO codementor_app;
CREATE POLICY adds ON learning_paths FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON learning_paths FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON learning_paths FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE learning_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE learning_steps FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON learning_steps TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON learning_steps TO codementor_worker;
GRANT SELECT ON learning_steps TO codementor_app, codementor_ro;
CREATE POLICY reads ON learning_steps FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON learning_steps TO codementor_app;
CREATE POLICY adds ON learning_steps FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON learning_steps FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON learning_steps FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE practice_problems ENABLE ROW LEVEL SECURITY;
ALTER TABLE practice_problems FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON practice_problems TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON practice_problems TO codementor_worker;
GRANT SELECT ON practice_problems TO codementor_app, codementor_ro;
CREATE POLICY reads ON practice_problems FOR SELECT TO codementor_app, codementor_ro USING ((generated_for IS NULL OR generated_for = (SELECT app_uid())));
ALTER TABLE practice_submissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE practice_submissions FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON practice_submissions TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON practice_submissions TO codementor_worker;
GRANT SELECT ON practice_submissions TO codementor_app, codementor_ro;
CREATE POLICY reads ON practice_submissions FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON practice_submissions TO codementor_app;
CREATE POLICY adds ON practice_submissions FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON practice_submissions FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON practice_submissions FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE usage_metrics ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_metrics FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON usage_metrics TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON usage_metrics TO codementor_worker;
GRANT SELECT ON usage_metrics TO codementor_app, codementor_ro;
CREATE POLICY reads ON usage_metrics FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON usage_metrics TO codementor_app;
CREATE POLICY adds ON usage_metrics FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON usage_metrics FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON usage_metrics FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE analytics_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE analytics_events FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON analytics_events TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON analytics_events TO codementor_worker;
GRANT SELECT ON analytics_events TO codementor_app, codementor_ro;
CREATE POLICY reads ON analytics_events FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON analytics_events TO codementor_app;
CREATE POLICY adds ON analytics_events FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON analytics_events FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON analytics_events FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE experiments ENABLE ROW LEVEL SECURITY;
ALTER TABLE experiments FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON experiments TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON experiments TO codementor_worker;
GRANT SELECT ON experiments TO codementor_app, codementor_ro;
CREATE POLICY reads ON experiments FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE experiment_assignments ENABLE ROW LEVEL SECURITY;
ALTER TABLE experiment_assignments FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON experiment_assignments TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON experiment_assignments TO codementor_worker;
GRANT SELECT ON experiment_assignments TO codementor_app, codementor_ro;
CREATE POLICY reads ON experiment_assignments FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON experiment_assignments TO codementor_app;
CREATE POLICY adds ON experiment_assignments FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON experiment_assignments FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON experiment_assignments FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_logs FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON audit_logs TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_logs TO codementor_worker;
GRANT SELECT ON audit_logs TO codementor_app, codementor_ro;
CREATE POLICY reads ON audit_logs FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON audit_logs TO codementor_app;
CREATE POLICY adds ON audit_logs FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON audit_logs FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON audit_logs FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON notifications TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON notifications TO codementor_worker;
GRANT SELECT ON notifications TO codementor_app, codementor_ro;
CREATE POLICY reads ON notifications FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON notifications TO codementor_app;
CREATE POLICY adds ON notifications FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON notifications FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON notifications FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE data_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON data_requests TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON data_requests TO codementor_worker;
GRANT SELECT ON data_requests TO codementor_app, codementor_ro;
CREATE POLICY reads ON data_requests FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON data_requests TO codementor_app;
CREATE POLICY adds ON data_requests FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON data_requests FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON data_requests FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE subscriptions FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON subscriptions TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions TO codementor_worker;
GRANT SELECT ON subscriptions TO codementor_app, codementor_ro;
CREATE POLICY reads ON subscriptions FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON subscriptions TO codementor_app;
CREATE POLICY adds ON subscriptions FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON subscriptions FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON subscriptions FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON invoices TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO codementor_worker;
GRANT SELECT ON invoices TO codementor_app, codementor_ro;
CREATE POLICY reads ON invoices FOR SELECT TO codementor_app, codementor_ro USING (user_id = (SELECT app_uid()));
GRANT INSERT, UPDATE, DELETE ON invoices TO codementor_app;
CREATE POLICY adds ON invoices FOR INSERT TO codementor_app WITH CHECK (user_id = (SELECT app_uid()));
CREATE POLICY changes ON invoices FOR UPDATE TO codementor_app USING (user_id = (SELECT app_uid()));
CREATE POLICY removes ON invoices FOR DELETE TO codementor_app USING (user_id = (SELECT app_uid()));
ALTER TABLE billing_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing_events FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON billing_events TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON billing_events TO codementor_worker;
ALTER TABLE quota_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON quota_usage TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON quota_usage TO codementor_worker;
ALTER TABLE rate_limit_buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE rate_limit_buckets FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON rate_limit_buckets TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limit_buckets TO codementor_worker;
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON jobs TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO codementor_worker;
ALTER TABLE job_schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE job_schedules FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON job_schedules TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON job_schedules TO codementor_worker;
ALTER TABLE outbox_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox_events FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON outbox_events TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_events TO codementor_worker;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON idempotency_keys TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO codementor_worker;
ALTER TABLE retention_policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE retention_policies FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON retention_policies TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON retention_policies TO codementor_worker;
GRANT SELECT ON retention_policies TO codementor_app, codementor_ro;
CREATE POLICY reads ON retention_policies FOR SELECT TO codementor_app, codementor_ro USING (true);
ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE schema_migrations FORCE ROW LEVEL SECURITY;
CREATE POLICY worker ON schema_migrations TO codementor_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON schema_migrations TO codementor_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO codementor_worker;
