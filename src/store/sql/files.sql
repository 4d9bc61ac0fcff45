--! files_by_path one
--: repository_id files.repository_id
--: file_path files.file_path
--> files.*
SELECT {columns files f} FROM files f
WHERE {read files f} AND f.repository_id = :repository_id AND f.file_path = :file_path;

-- One page of a repository in order of path. Empty language = any.
--! files_page many
--: repository_id files.repository_id
--: after_path files.file_path
--: language text
--: limit int = 100
--> files.*
SELECT {columns files f} FROM files f
WHERE {read files f} AND f.repository_id = :repository_id AND f.file_path > :after_path
AND (:language = '' OR f.language = :language) ORDER BY f.file_path LIMIT :limit;

-- What the last complete run did not see is gone.
--! files_delete_stale exec @system
--: repository_id files.repository_id
--: before timestamp
DELETE FROM files WHERE repository_id = :repository_id AND indexed_at < :before;

--! files_delete_path exec @system @batch
--: repository_id files.repository_id
--: file_path files.file_path
DELETE FROM files WHERE repository_id = :repository_id AND file_path = :file_path;
