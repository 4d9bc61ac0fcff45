# Compiler settings for our own code. Third-party libraries are built by script/bootstrap.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

set(CM_SANITIZE "" CACHE STRING "sanitizers: address,undefined or thread")
option(CM_FUZZ "build the libFuzzer targets (clang)" OFF)
option(CM_COVERAGE "instrument for gcovr" OFF)
option(CM_VALIDATE_REPLIES "test builds: check every reply against its schema" OFF)

# A warning stops everyone's build but a newcomer's: another compiler's new warning must not cost the first run.
# Continuous integration (CI set) builds the release with it too.
set(cm_werror ON)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT DEFINED ENV{CI})
  set(cm_werror OFF)
endif()
option(CM_WERROR "warnings are errors" ${cm_werror})

add_compile_definitions(_GNU_SOURCE)
# Errors and asserts name files from the root, whether the cache made the path relative or not.
add_compile_options(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/= -fmacro-prefix-map=../../=)
add_compile_options(
  $<$<COMPILE_LANGUAGE:C>:-Wall> $<$<COMPILE_LANGUAGE:C>:-Wextra>
  $<$<AND:$<COMPILE_LANGUAGE:C>,$<BOOL:${CM_WERROR}>>:-Werror>
  -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  $<$<COMPILE_LANGUAGE:C>:-Wold-style-definition>
  -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference -Wno-missing-field-initializers
  -fstack-protector-strong -fno-omit-frame-pointer)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wduplicated-cond -Wlogical-op)
  # Under optimisation gcc 12 reports out-parameters that are written only on success, and every bounded snprintf.
  add_compile_options(-Wno-maybe-uninitialized -Wno-format-truncation)
endif()

if(CM_SANITIZE)
  add_compile_options(-fsanitize=${CM_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CM_SANITIZE})
  add_compile_definitions(CM_ARENA_DEBUG=1)
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(CM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CM_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(CM_VALIDATE_REPLIES)
  add_compile_definitions(CM_VALIDATE_REPLIES=1)
endif()

# A compiler cache, when there is one, shared by all checkouts of this machine.
find_program(CM_CCACHE ccache)
if(CM_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CM_CCACHE})
endif()
find_program(CM_MOLD mold)
if(CM_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_definitions(CM_VERSION="${PROJECT_VERSION}")
