-- The content is there once a workspace. Putting it again makes it young (see cm_blobs_sweep), and says where it lies now.
--! blobs_keep one @system
--: id blobs.id
--: workspace_id blobs.workspace_id
--: content_hash blobs.content_hash
--: size_bytes blobs.size_bytes
--: storage blobs.storage
--: location blobs.location
--: data blobs.data
--: compression blobs.compression
--: media_type blobs.media_type
--> id id
INSERT INTO blobs (id, workspace_id, content_hash, size_bytes, storage, location, data, compression, media_type, created_at)
VALUES (:id, :workspace_id, :content_hash, :size_bytes, :storage, :location, :data, :compression, :media_type, :now)
ON CONFLICT (workspace_id, content_hash) DO UPDATE SET storage = excluded.storage, location = excluded.location,
data = excluded.data, compression = excluded.compression, created_at = excluded.created_at RETURNING id;

--! blobs_by_hash one @system
--: workspace_id blobs.workspace_id
--: content_hash blobs.content_hash
--> id id
SELECT b.id FROM blobs b WHERE b.workspace_id = :workspace_id AND b.content_hash = :content_hash;

-- The age stands outside too: a row that was put again meanwhile is looked at once more, and stays.
--! blobs_sweep exec @system
--: before timestamp
--: limit int = 500
DELETE FROM blobs WHERE created_at < :before AND id IN (SELECT b.id FROM blobs b WHERE b.created_at < :before
AND NOT EXISTS (SELECT 1 FROM sent_files s WHERE s.blob_id = b.id)
AND NOT EXISTS (SELECT 1 FROM files f WHERE f.blob_id = b.id)
AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.blob_id = b.id)
AND NOT EXISTS (SELECT 1 FROM data_requests q WHERE q.result_blob_id = b.id) ORDER BY b.id LIMIT :limit);
