--! repositories_by_name one
--: workspace_id repositories.workspace_id
--: name repositories.name
--> repositories.*
SELECT {columns repositories r} FROM repositories r
WHERE {read repositories r} AND r.workspace_id = :workspace_id AND r.name = :name;

-- The newest one for a folder; `root_path` is absolute and normal.
--! repositories_by_root one
--: root_path repositories.root_path
--> repositories.*
SELECT {columns repositories r} FROM repositories r
WHERE {read repositories r} AND r.root_path = :root_path ORDER BY r.id DESC LIMIT 1;

-- One page, newest first; `before_id` nil = from the newest. Empty status = any, empty `part` = any name. Case counts
-- beyond ASCII only.
--! repositories_page many
--: before_id id?
--: workspace_id id?
--: status text
--: part text
--: archived bool
--: limit int = 50
--> repositories.*
-- @sqlite
SELECT {columns repositories r} FROM repositories r
WHERE {read repositories r} AND (:before_id IS NULL OR r.id < :before_id)
AND (:workspace_id IS NULL OR r.workspace_id = :workspace_id) AND (:status = '' OR r.status = :status)
AND (:part = '' OR instr(lower(r.name), lower(:part)) > 0)
AND r.is_archived = :archived ORDER BY r.id DESC LIMIT :limit;
-- @pg
SELECT {columns repositories r} FROM repositories r
WHERE {read repositories r} AND (:before_id IS NULL OR r.id < :before_id)
AND (:workspace_id IS NULL OR r.workspace_id = :workspace_id) AND (:status = '' OR r.status = :status)
AND (:part = '' OR strpos(lower(r.name COLLATE "C"), lower(:part COLLATE "C")) > 0)
AND r.is_archived = :archived ORDER BY r.id DESC LIMIT :limit;

-- A step of indexing: where it stands, and why it failed.
--! repositories_set_status exec @system @must
--: id repositories.id
--: status repositories.status
--: index_error repositories.index_error
--: index_progress repositories.index_progress
UPDATE repositories SET status = :status, index_error = :index_error, index_progress = :index_progress,
updated_at = :now WHERE id = :id;

-- What the index holds now. An empty status is not the end of a run: one that runs or waits keeps its own.
--! repositories_set_indexed exec @system @must
--: id repositories.id
--: status text
--: index_generation repositories.index_generation
--: file_count repositories.file_count
--: symbol_count repositories.symbol_count
--: chunk_count repositories.chunk_count
--: line_count repositories.line_count
--: index_size_bytes repositories.index_size_bytes
--: language_stats repositories.language_stats
--: languages repositories.languages
--: primary_language repositories.primary_language
--: frameworks repositories.frameworks
--: style_guide repositories.style_guide
--: current_revision repositories.current_revision
UPDATE repositories SET status = CASE WHEN :status <> '' THEN :status
WHEN status = 'indexing' OR status = 'pending' THEN status ELSE 'ready' END, index_error = NULL, index_progress = 1,
index_version = index_version + 1, index_generation = :index_generation, file_count = :file_count,
symbol_count = :symbol_count, chunk_count = :chunk_count, line_count = :line_count,
index_size_bytes = :index_size_bytes, language_stats = :language_stats, languages = :languages,
primary_language = :primary_language, frameworks = :frameworks, style_guide = :style_guide,
current_revision = :current_revision, indexed_at = :now,
updated_at = :now WHERE id = :id;

-- What was read of the tree behind edits. It is no news of the index: a reader's ETag holds.
--! repositories_set_described exec @system @must
--: id repositories.id
--: frameworks repositories.frameworks
--: style_guide repositories.style_guide
--: current_revision repositories.current_revision
UPDATE repositories SET frameworks = :frameworks, style_guide = :style_guide, current_revision = :current_revision
WHERE id = :id;

-- Runs that a dead server left half done go back to the queue.
--! repositories_requeue_interrupted exec @system
UPDATE repositories SET status = 'pending', index_progress = 0, updated_at = :now WHERE status = 'indexing';

-- ... and the repositories in them follow their workspace.
--! repositories_hand_over exec @system
--: owner_id repositories.owner_id
UPDATE repositories SET owner_id = (SELECT w.owner_id FROM workspaces w WHERE w.id = repositories.workspace_id),
updated_at = :now WHERE owner_id = :owner_id AND EXISTS (SELECT 1 FROM workspaces w
WHERE w.id = repositories.workspace_id AND w.owner_id <> :owner_id);

-- What a person calls it; a job that ends meanwhile writes other columns.
--! repositories_set_names exec @must
--: id repositories.id
--: name repositories.name
--: description repositories.description
--: remote_url repositories.remote_url
--: is_archived bool
UPDATE repositories SET name = :name, description = :description, remote_url = :remote_url,
is_archived = :is_archived, updated_at = :now WHERE {write repositories} AND id = :id;

--! repositories_set_config exec @must
--: id repositories.id
--: config repositories.config
UPDATE repositories SET config = :config, updated_at = :now WHERE {write repositories} AND id = :id;

--! repositories_set_style_guide exec @must
--: id repositories.id
--: style_guide repositories.style_guide
UPDATE repositories SET style_guide = :style_guide, updated_at = :now WHERE {write repositories} AND id = :id;

-- What the index holds now, whoever changed it; its status is the registry's. The same generation is no news: a
-- reader's ETag holds.
--! repositories_set_counts exec @system @must
--: id repositories.id
--: index_generation repositories.index_generation
--: file_count repositories.file_count
--: symbol_count repositories.symbol_count
--: chunk_count repositories.chunk_count
--: line_count repositories.line_count
--: index_size_bytes repositories.index_size_bytes
--: language_stats repositories.language_stats
--: languages repositories.languages
--: primary_language repositories.primary_language
UPDATE repositories SET indexed_at = CASE WHEN index_generation = :index_generation THEN indexed_at ELSE :now END,
index_generation = :index_generation, file_count = :file_count, symbol_count = :symbol_count,
chunk_count = :chunk_count, line_count = :line_count, index_size_bytes = :index_size_bytes,
language_stats = :language_stats, languages = :languages, primary_language = :primary_language,
updated_at = CASE WHEN index_generation = :index_generation THEN updated_at ELSE :now END WHERE id = :id;
