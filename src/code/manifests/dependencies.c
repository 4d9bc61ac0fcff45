/* dependencies.c - which reader for which file, what is kept, and frameworks by their packages. */
#include "code/manifests/dependencies.h"
#include "base/path.h"
#include "code/manifests/dependencies_priv.h"

#define NAME_BYTES_MAX    214 /* npm's own limit, the longest of the managers' */
#define VERSION_BYTES_MAX 256

static const struct {
    const char *pattern; /* of the file's name */
    cm_dependency_reader *read;
} readers[] = {
    {"package.json", cm_read_package_json},
    {"package-lock.json", cm_read_package_lock},
    {"yarn.lock", cm_read_yarn_lock},
    {"pnpm-lock.yaml", cm_read_pnpm_lock},
    {"requirements*dev*.txt", cm_read_requirements_dev},
    {"requirements*test*.txt", cm_read_requirements_dev},
    {"requirements*lint*.txt", cm_read_requirements_dev},
    {"requirements*doc*.txt", cm_read_requirements_dev},
    {"dev-requirements.txt", cm_read_requirements_dev},
    {"test-requirements.txt", cm_read_requirements_dev},
    {"requirements*.txt", cm_read_requirements},
    {"constraints*.txt", cm_read_requirements},
    {"pyproject.toml", cm_read_pyproject},
    {"poetry.lock", cm_read_python_lock},
    {"uv.lock", cm_read_python_lock},
    {"Pipfile", cm_read_pipfile},
    {"Pipfile.lock", cm_read_pipfile_lock},
    {"setup.cfg", cm_read_setup_cfg},
    {"go.mod", cm_read_go_mod},
    {"Cargo.toml", cm_read_cargo},
    {"Cargo.lock", cm_read_cargo_lock},
    {"pom.xml", cm_read_pom},
    {"build.gradle", cm_read_gradle},
    {"build.gradle.kts", cm_read_gradle},
    {"Gemfile", cm_read_gemfile},
    {"Gemfile.lock", cm_read_gemfile_lock},
    {"composer.json", cm_read_composer},
    {"composer.lock", cm_read_composer_lock},
    {"CMakeLists.txt", cm_read_cmake},
    {"*.csproj", cm_read_csproj},
    {"*.fsproj", cm_read_csproj},
    {"*.vbproj", cm_read_csproj},
    {"Directory.Packages.props", cm_read_packages_props},
};

static cm_dependency_reader *reader_of(cm_str path) {
    cm_str name = cm_path_base(path);
    for (size_t i = 0; i < CM_COUNT(readers); i++) {
        if (cm_path_glob(cm_str_from(readers[i].pattern), name)) {
            return readers[i].read;
        }
    }
    return NULL;
}

bool cm_dependencies_known(cm_str path) {
    return reader_of(path) != NULL;
}

void cm_dependency_add(cm_dependency_sink *sink, const char *manager, cm_str name, cm_str version,
                       bool is_development, bool is_locked) {
    name = cm_str_trim(name);
    version = cm_str_trim(version);
    if (name.len == 0 || name.len > NAME_BYTES_MAX || version.len > VERSION_BYTES_MAX ||
        sink->items.count >= CM_DEPENDENCIES_MAX || sink->failed) {
        return;
    }
    cm_str key = cm_arena_fmt(sink->arena, "%s " CM_STR_FMT " %d", manager, CM_STR_ARG(name),
                              is_development);
    bool is_new;
    uint64_t *slot = cm_map_slot(sink->seen, key, &is_new);
    if (slot && !is_new) {
        return;
    }
    cm_dependency dependency = {.manager = cm_str_from(manager),
                                .name = cm_arena_str(sink->arena, name),
                                .version = cm_arena_str(sink->arena, version),
                                .is_development = is_development,
                                .is_locked = is_locked};
    sink->failed = !slot || !cm_vec_push(&sink->items, dependency);
}

cm_rc cm_dependencies_read(cm_str path, cm_str text, cm_arena *arena, cm_dependencies *ret,
                           cm_err *err) {
    cm_dependency_reader *read = reader_of(path);
    if (!read) {
        return cm_fail(err, CM_NOT_SUPPORTED, "'" CM_STR_FMT "' is no manifest that is understood",
                       CM_STR_ARG(path));
    }
    cm_dependency_sink sink = {.arena = arena, .seen = cm_map_new(0)};
    read(text, &sink);
    cm_dependency *items =
        CM_ARENA_ARRAY(arena, cm_dependency, CM_MAX(sink.items.count, (size_t)1));
    bool ok = items && !sink.failed;
    if (ok) {
        if (sink.items.count > 0) {
            memcpy(items, sink.items.items, sink.items.count * sizeof(*items));
        }
        *ret = (cm_dependencies){items, sink.items.count};
    }
    cm_vec_done(&sink.items);
    cm_map_free(sink.seen);
    return ok ? CM_OK
              : cm_fail(err, CM_NOMEM, "no memory for the dependencies of '" CM_STR_FMT "'",
                        CM_STR_ARG(path));
}

/* A name ending in '*' fits all packages that begin so. */
static const struct {
    const char *manager, *package, *framework;
} frameworks[] = {
    {"npm", "react", "React"},
    {"npm", "next", "Next.js"},
    {"npm", "vue", "Vue"},
    {"npm", "nuxt", "Nuxt"},
    {"npm", "svelte", "Svelte"},
    {"npm", "@angular/core", "Angular"},
    {"npm", "preact", "Preact"},
    {"npm", "solid-js", "Solid"},
    {"npm", "express", "Express"},
    {"npm", "fastify", "Fastify"},
    {"npm", "@nestjs/core", "NestJS"},
    {"npm", "koa", "Koa"},
    {"npm", "electron", "Electron"},
    {"npm", "react-native", "React Native"},
    {"npm", "jest", "Jest"},
    {"npm", "vitest", "Vitest"},
    {"npm", "mocha", "Mocha"},
    {"npm", "vite", "Vite"},
    {"npm", "webpack", "webpack"},
    {"npm", "tailwindcss", "Tailwind CSS"},
    {"pip", "django", "Django"},
    {"pip", "flask", "Flask"},
    {"pip", "fastapi", "FastAPI"},
    {"pip", "starlette", "Starlette"},
    {"pip", "aiohttp", "aiohttp"},
    {"pip", "tornado", "Tornado"},
    {"pip", "sqlalchemy", "SQLAlchemy"},
    {"pip", "pytest", "pytest"},
    {"pip", "numpy", "NumPy"},
    {"pip", "pandas", "pandas"},
    {"pip", "torch", "PyTorch"},
    {"pip", "tensorflow", "TensorFlow"},
    {"pip", "scikit-learn", "scikit-learn"},
    {"go", "github.com/gin-gonic/gin", "Gin"},
    {"go", "github.com/labstack/echo*", "Echo"},
    {"go", "github.com/gofiber/fiber*", "Fiber"},
    {"go", "github.com/spf13/cobra", "Cobra"},
    {"go", "google.golang.org/grpc", "gRPC"},
    {"go", "k8s.io/client-go", "Kubernetes client"},
    {"cargo", "tokio", "Tokio"},
    {"cargo", "axum", "axum"},
    {"cargo", "actix-web", "Actix Web"},
    {"cargo", "rocket", "Rocket"},
    {"cargo", "serde", "Serde"},
    {"cargo", "bevy", "Bevy"},
    {"maven", "org.springframework.boot:*", "Spring Boot"},
    {"maven", "org.springframework:*", "Spring"},
    {"maven", "io.quarkus:*", "Quarkus"},
    {"maven", "io.micronaut:*", "Micronaut"},
    {"maven", "org.hibernate*", "Hibernate"},
    {"maven", "junit:junit", "JUnit"},
    {"maven", "org.junit.jupiter:*", "JUnit"},
    {"gradle", "org.springframework.boot:*", "Spring Boot"},
    {"gradle", "androidx.*", "Android"},
    {"gradle", "io.ktor:*", "Ktor"},
    {"gradle", "org.junit.jupiter:*", "JUnit"},
    {"bundler", "rails", "Ruby on Rails"},
    {"bundler", "sinatra", "Sinatra"},
    {"bundler", "rspec*", "RSpec"},
    {"composer", "laravel/framework", "Laravel"},
    {"composer", "symfony/*", "Symfony"},
    {"composer", "phpunit/phpunit", "PHPUnit"},
    {"nuget", "Microsoft.AspNetCore*", "ASP.NET Core"},
    {"nuget", "Microsoft.EntityFrameworkCore*", "Entity Framework Core"},
    {"nuget", "xunit*", "xUnit"},
    {"cmake", "Qt*", "Qt"},
    {"cmake", "Boost", "Boost"},
    {"cmake", "GTest", "GoogleTest"},
};

static bool fits(const char *pattern, cm_str name) {
    size_t len = strlen(pattern);
    return pattern[len - 1] == '*' ? cm_str_starts(name, cm_str_make(pattern, len - 1))
                                   : cm_str_eq_nocase(name, cm_str_make(pattern, len));
}

static bool has(const cm_str *names, size_t count, cm_str name) {
    for (size_t i = 0; i < count; i++) {
        if (cm_str_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

size_t cm_frameworks_of(const cm_dependency *items, size_t count, cm_str *ret_names, size_t max) {
    size_t found = 0;
    for (size_t f = 0; f < CM_COUNT(frameworks) && found < max; f++) {
        cm_str name = cm_str_from(frameworks[f].framework);
        for (size_t i = 0; i < count && !has(ret_names, found, name); i++) {
            if (cm_str_eq_c(items[i].manager, frameworks[f].manager) &&
                fits(frameworks[f].package, items[i].name)) {
                ret_names[found++] = name;
            }
        }
    }
    return found;
}
