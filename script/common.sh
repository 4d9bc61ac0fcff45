# Sourced by the scripts beside it: messages, and one quiet build for all of them.
# shellcheck shell=bash

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

fail() { # message, what to do next
    say "error: $1"
    [ -z "${2:-}" ] || say "next: $2"
    exit 1
}

jobs() { echo "${CODEMENTOR_JOBS:-$(nproc)}"; }

# build PRESET [TARGET]: configures once, then builds; CMake itself notices changed lists.
build() {
    local preset=$1 log=build/$1.log started=$SECONDS
    local -a target=()
    [ -z "${2:-}" ] || target=(--target "$2")
    mkdir -p build
    if [ ! -f "build/$preset/build.ninja" ]; then
        say "configuring the preset $preset"
        cmake --preset "$preset" >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "cmake --preset $preset failed" "see $log"; }
        say "compiling (about a minute)"
    fi
    if [ -t 2 ]; then
        NINJA_STATUS='compiling [%f/%t] ' cmake --build "build/$preset" "${target[@]}" -j "$(jobs)" >&2 ||
            fail "the build failed" "the first error above says where"
    elif ! cmake --build "build/$preset" "${target[@]}" -j "$(jobs)" >"$log" 2>&1; then
        grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Generating)' "$log" | tail -n 60 >&2
        fail "the build failed" "see $log"
    fi
    [ $((SECONDS - started)) -lt 2 ] || say "built in $((SECONDS - started)) s"
}
