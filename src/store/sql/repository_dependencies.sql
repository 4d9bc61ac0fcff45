-- What the last run found takes the place of all that was there.
--! repository_dependencies_clear exec @system
--: repository_id repository_dependencies.repository_id
DELETE FROM repository_dependencies WHERE repository_id = :repository_id;

-- All packages of a repository, in order of manager, name, type and manifest.
--! repository_dependencies_of many
--: repository_id repository_dependencies.repository_id
--: limit int = 20000
--> repository_dependencies.*
SELECT {columns repository_dependencies d} FROM repository_dependencies d
WHERE {read repository_dependencies d} AND d.repository_id = :repository_id
ORDER BY d.package_manager, d.name, d.dependency_type, d.manifest_path LIMIT :limit;
