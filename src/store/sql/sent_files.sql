-- One page of a repository's files in order of path, with the size of each.
--! sent_files_page many @system
--: repository_id sent_files.repository_id
--: after text
--: limit int = 1000
--> file_path text, size_bytes int, updated_at timestamp
SELECT s.file_path, b.size_bytes, s.updated_at FROM sent_files s JOIN blobs b ON b.id = s.blob_id
WHERE s.repository_id = :repository_id AND s.file_path > :after ORDER BY s.file_path LIMIT :limit;

--! sent_files_find one @system
--: repository_id sent_files.repository_id
--: file_path sent_files.file_path
--> blob_id id, updated_at timestamp
SELECT s.blob_id, s.updated_at FROM sent_files s WHERE s.repository_id = :repository_id AND s.file_path = :file_path;

--! sent_files_total one @system
--: repository_id sent_files.repository_id
--> files int
SELECT COUNT(*) FROM sent_files s WHERE s.repository_id = :repository_id;

-- The same content again changes nothing, its time neither: the index need not look at it.
--! sent_files_keep exec @system @batch
--: repository_id sent_files.repository_id
--: file_path sent_files.file_path
--: blob_id sent_files.blob_id
--: updated_at timestamp
INSERT INTO sent_files (repository_id, file_path, blob_id, updated_at)
VALUES (:repository_id, :file_path, :blob_id, :updated_at)
ON CONFLICT (repository_id, file_path) DO UPDATE SET blob_id = excluded.blob_id, updated_at = excluded.updated_at
WHERE sent_files.blob_id <> excluded.blob_id;

--! sent_files_drop exec @system @batch
--: repository_id sent_files.repository_id
--: file_path sent_files.file_path
DELETE FROM sent_files WHERE repository_id = :repository_id AND file_path = :file_path;
