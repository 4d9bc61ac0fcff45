/* Compatibility views: the names and columns of the design documents, secrets hidden, tenants apart, and none
 * of them in a migration's way. */
#include "store/filler.h" /* tests/unit/store */

#include "store/admin.h"
#include "store/schema/compat_priv.h"
#include "store/store_priv.h"

/* Written down from the documents, not from spec/compat.views. */
static const struct {
    const char *view;
    const char *columns;
} documents[] = {
    {"config", "config_id,config_data"},
    {"user", "user_id,joined_at,email,name,password,is_oauth_signup,verified,config_id,preference,"
             "auth_token"},
    {"project",
     "project_id,project_name,multi_file_contexts,multi_file_context_changes,created_at"},
    {"project_users", "project_id,user_id,joined_at"},
    {"session", "session_id,user_id,start_time,end_time"},
    {"session_projects", "session_id,project_id"},
    {"chat", "chat_id,project_id,user_id,title,created_at"},
    {"model_name", "model_id,model_name,model_description"},
    {"programming_language", "language_id,language_name"},
    {"trigger_type", "trigger_type_id,trigger_name"},
    {"plugin_version", "version_id,version_name"},
    {"context", "context_id,prefix,suffix,file_name,selected_text"},
    {"contextual_telemetry",
     "contextual_telemetry_id,version_id,trigger_type_id,language_id,file_path,caret_line,"
     "document_char_length,relative_document_position"},
    {"behavioral_telemetry",
     "behavioral_telemetry_id,time_since_last_shown,time_since_last_accepted,typing_speed"},
    {"meta_query",
     "meta_query_id,user_id,contextual_telemetry_id,behavioral_telemetry_id,context_id,session_id,"
     "project_id,multi_file_context_changes_indexes,timestamp,total_serving_time,"
     "server_version_id,query_type"},
    {"completion_query", "meta_query_id"},
    {"chat_query", "meta_query_id,chat_id,web_enabled"},
    {"had_generation", "meta_query_id,model_id,completion,generation_time,shown_at,was_accepted,"
                       "confidence,logprobs,generation_timestamp"},
    {"ground_truth", "ground_truth_id,completion_query_id,truth_timestamp,ground_truth"},
    {"documentation", "documentation_id,content,language,embedding,created_at"},
    {"repository_indexes", "repository_id,workspace_id,root_path,git_remote,status,indexed_at,"
                           "file_count,symbol_count,chunk_count,index_size_bytes,config"},
    {"file_indexes", "file_id,repository_id,file_path,language,content_hash,indexed_at,line_count,"
                     "token_count"},
    {"symbol_indexes", "symbol_id,file_id,name,kind,start_line,end_line,signature,parent_symbol_id,"
                       "references,metadata"},
    {"code_embeddings", "chunk_id,file_id,repository_id,start_line,end_line,language,chunk_type,"
                        "content_preview,embedding"},
    {"user_configuration",
     "userId,username,preferredModel,anonymousTelemetryOptIn,createdAt,updatedAt"},
    {"provider_config", "providerName,userId,apiKey,endpoint,model,createdAt,updatedAt"},
    {"ai_provider", "providerName,displayName,baseUrl,modelList,localModel,createdAt,updatedAt"},
    {"context_index", "fileId,filePath,semanticVector,keywords,lastUpdated"},
    {"conversation", "conversationId,userId,mode,createdAt,updatedAt"},
    {"message", "messageId,conversationId,sender,content,contextSnapshot,timestamp"},
    {"usage_analytics", "eventId,userId,eventType,payload,eventTime"},
    {"ai_cache", "cacheKey,responseData,createdAt,expiresAt"},
    {"repo_documents", "repo_id,document_id,file_path,added_at"},
    {"chat_sessions", "session_id,owner_id,title,created_at,updated_at,is_archived,metadata"},
    {"document_embeddings", "embedding_id,document_id,embedding,chunk_index,chunk_text,created_at"},
    {"message_embeddings", "embedding_id,message_id,embedding,created_at"},
    {"memory_embeddings", "embedding_id,memory_id,embedding,created_at"},
    {"codebases",
     "id,user_id,project_name,repository_url,primary_language,languages,frameworks,"
     "dependencies,style_guide,indexed_at,last_updated_at,line_count,file_count,status"},
    {"team_knowledge_bases", "id,team_id,created_at"},
};

typedef struct bench {
    fixture *f;
    cm_store *store;
    cm_migrator migrator;
    const char *prefix;
} bench;

static cm_store_options options_of(const fixture *f) {
    return (cm_store_options){.data_dir = f->dir, .url = f->url[0] != '\0' ? f->url : NULL};
}

static void bench_open(bench *b, fixture *f) {
    *b = (bench){.f = f, .prefix = f->url[0] != '\0' ? "compat." : ""};
    cm_store_options options = options_of(f);
    assert_ok(cm_store_open_bare(&options, &b->store, err));
    assert_ok(b->store->ops->migrator(b->store, &b->migrator, err));
}

static void bench_close(bench *b) {
    b->store->ops->migrated(b->store, &b->migrator);
    cm_store_close(b->store);
}

static int64_t count_of(const bench *b, const char *view) {
    char sql[128];
    int64_t count = -1;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s\"%s\"", b->prefix, view);
    assert_ok(cm_migrator_count(&b->migrator, sql, &count, err));
    return count;
}

static int64_t views_of(const bench *b) {
    int64_t count = -1;
    assert_ok(cm_migrator_count(&b->migrator,
                                b->f->url[0] != '\0'
                                    ? "SELECT count(*) FROM pg_views WHERE schemaname = 'compat'"
                                    : "SELECT count(*) FROM sqlite_schema WHERE type = 'view'",
                                &count, err));
    return count;
}

static cm_rc add_name(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    char *names = argument;
    size_t len = strlen(names);
    snprintf(names + len, 512 - len, "%s%s", len != 0 ? "," : "", values[0]);
    return CM_OK;
}

static void test_store_compat__each_view_has_its_documents_columns(void **state) {
    fixture *f = *state;
    cm_store_options options = options_of(f);
    bench b;
    assert_ok(cm_store_migrate_views(&options, true, err));
    bench_open(&b, f);
    assert_int_equal(views_of(&b), CM_COUNT(documents) + 1);
    for (size_t i = 0; i < CM_COUNT(documents); i++) {
        char names[512] = "";
        char sql[256];
        snprintf(sql, sizeof sql,
                 f->url[0] != '\0'
                     ? "SELECT column_name FROM information_schema.columns WHERE table_schema = "
                       "'compat' AND table_name = '%s' ORDER BY ordinal_position"
                     : "SELECT name FROM pragma_table_info('%s')",
                 documents[i].view);
        assert_ok(b.migrator.ops->rows(b.migrator.conn, sql, add_name, names, err));
        assert_string_equal(names, documents[i].columns);
    }
    bench_close(&b);
}

/* The filler's request is not a chat, its version not of JetBrains, its document private. */
static bool may_be_empty(const char *view) {
    static const char *const names[] = {"chat_query", "plugin_version", "documentation",
                                        "message_embeddings", "memory_embeddings"};
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        if (strcmp(names[i], view) == 0) {
            return true;
        }
    }
    return false;
}

static void test_store_compat__each_view_shows_the_rows_and_no_secret(void **state) {
    fixture *f = *state;
    filler fill = {.f = f, .person = f->local.user_id};
    const cm_table *order[CM_TABLES];
    char *params[CM_TABLES];
    filler_all(&fill, order, params);
    cm_store_options options = options_of(f);
    assert_ok(cm_store_migrate_views(&options, true, err));
    assert_ok(cm_store_migrate_views(&options, true, err)); /* again: nothing changes */
    bench b;
    bench_open(&b, f);
    for (size_t i = 0; i < CM_COUNT(documents); i++) {
        if (count_of(&b, documents[i].view) < 1 && !may_be_empty(documents[i].view)) {
            fail_msg("view %s is empty", documents[i].view);
        }
    }
    static const char *const secrets[][2] = {
        {"user", "password"}, {"user", "auth_token"}, {"provider_config", "\"apiKey\""}};
    for (size_t i = 0; i < CM_COUNT(secrets); i++) {
        char sql[160];
        int64_t count = -1;
        snprintf(sql, sizeof sql, "SELECT count(%s) FROM %s\"%s\"", secrets[i][1], b.prefix,
                 secrets[i][0]);
        assert_ok(cm_migrator_count(&b.migrator, sql, &count, err));
        assert_int_equal(count, 0);
    }
    bench_close(&b);
    assert_ok(cm_store_migrate_views(&options, false, err));
    assert_ok(cm_store_migrate_views(&options, false, err));
    bench_open(&b, f);
    assert_int_equal(views_of(&b), 0);
    bench_close(&b);
}

static void ask_as(const bench *b, const char *role, const char *user) {
    char sql[256];
    snprintf(sql, sizeof sql, "SET ROLE %s; SELECT set_config('app.user_id', '%s', false)", role,
             user);
    assert_ok(b->migrator.ops->script(b->migrator.conn, sql, err));
}

static void test_store_compat__row_level_security_holds_behind_the_views(void **state) {
    fixture *f = *state;
    if (f->url[0] == '\0') {
        return; /* SQLite has one user */
    }
    cm_store_options options = options_of(f);
    filler fill = {.f = f, .person = f->local.user_id};
    const cm_table *order[CM_TABLES];
    char *params[CM_TABLES];
    filler_all(&fill, order, params);
    assert_ok(cm_store_migrate_views(&options, true, err));
    bench b;
    bench_open(&b, f);
    char me[CM_UUID_TEXT];
    cm_uuid_format(&f->local.user_id, me);
    static const char *const views[] = {"message", "conversation", "project", "meta_query",
                                        "codebases"};
    ask_as(&b, "codementor_app", me);
    for (size_t i = 0; i < CM_COUNT(views); i++) {
        assert_true(count_of(&b, views[i]) >= 1);
    }
    assert_int_equal(count_of(&b, "user"), 1);
    ask_as(&b, "codementor_app", "00000000-0000-7000-8000-000000000000");
    for (size_t i = 0; i < CM_COUNT(views); i++) {
        assert_int_equal(count_of(&b, views[i]), 0);
    }
    bench_close(&b);
}

static const cm_migration change = {
    "bbbbbbbbbbb1",
    "",
    "change a table under a view",
    "2026-01-01",
    "c1",
    {"CREATE TABLE new_languages (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, extensions "
     "TEXT "
     "NOT NULL DEFAULT '[]', grammar TEXT, line_comment TEXT, extra TEXT) STRICT;"
     "INSERT INTO new_languages (id, name) SELECT id, name FROM languages; DROP TABLE languages;"
     "ALTER TABLE new_languages RENAME TO languages",
     "ALTER TABLE languages ALTER COLUMN name TYPE varchar(500)"},
    {"ALTER TABLE languages DROP COLUMN extra",
     "ALTER TABLE languages ALTER COLUMN name TYPE text"},
    true,
    "bbbbbbbbbbb1_change.sql"};

static void test_store_compat__views_survive_a_migration_of_their_tables(void **state) {
    fixture *f = *state;
    cm_store_options options = options_of(f);
    cm_store_close(f->store);
    f->store = NULL;
    assert_ok(cm_store_migrate_views(&options, true, err));
    cm_migration all[16];
    bench b;
    bench_open(&b, f);
    size_t count = cm_migrations_embedded.count;
    assert_true(count < CM_COUNT(all));
    memcpy(all, cm_migrations_embedded.items, count * sizeof *all);
    all[count] = change;
    all[count].revises = all[count - 1].revision;
    b.migrator.migrations = (cm_migrations){all, count + 1};
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err));
    assert_int_equal(views_of(&b), CM_COUNT(documents) + 1);
    assert_true(count_of(&b, "programming_language") >= 0);
    char revision[16];
    assert_ok(cm_migrator_down(&b.migrator, revision, err));
    assert_int_equal(views_of(&b), CM_COUNT(documents) + 1);
    /* Stopped between a migration and the views' return: the next start brings them back. */
    assert_ok(cm_compat_step_aside(&b.migrator, err));
    assert_int_equal(views_of(&b), 1);
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err));
    assert_int_equal(views_of(&b), CM_COUNT(documents) + 1);
    assert_ok(cm_migrator_down(&b.migrator, revision, err));
    bench_close(&b);
    fixture_open(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_compat__each_view_has_its_documents_columns),
        store_test(test_store_compat__each_view_shows_the_rows_and_no_secret),
        store_test(test_store_compat__row_level_security_holds_behind_the_views),
        store_test(test_store_compat__views_survive_a_migration_of_their_tables),
    };
    return cmocka_run_group_tests_name("store/compat", tests, NULL, NULL);
}
