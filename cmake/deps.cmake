# What we link: Debian's libraries by pkg-config, the rest from .deps/ (script/bootstrap).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP)
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

foreach(name libuv openssl libcurl jansson sqlite3 libsodium zlib libzstd libxxhash libgit2 libseccomp libpcre2-8 libpq)
  string(MAKE_C_IDENTIFIER ${name} id)
  pkg_check_modules(${id} REQUIRED IMPORTED_TARGET ${name})
endforeach()
find_library(INIH_LIBRARY inih REQUIRED)
find_package(PkgConfig)
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)

foreach(name llhttp tree-sitter grammars llama)
  if(NOT EXISTS ${CM_DEPS}/${name})
    message(FATAL_ERROR "${CM_DEPS}/${name} is missing: run script/bootstrap")
  endif()
endforeach()

# cm_archive(name include_dir archive...): an imported static library below .deps/.
function(cm_archive name include)
  add_library(${name} INTERFACE)
  target_include_directories(${name} SYSTEM INTERFACE ${CM_DEPS}/${include})
  foreach(archive ${ARGN})
    target_link_libraries(${name} INTERFACE ${CM_DEPS}/${archive})
  endforeach()
endfunction()

cm_archive(dep_llhttp llhttp/include llhttp/lib/libllhttp.a)
# The parsers are 70 MB of tables: inside the release binary, shared by the many test programs of other builds.
if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND EXISTS ${CM_DEPS}/grammars/lib/libgrammars.so)
  set(CM_GRAMMARS grammars/lib/libgrammars.so)
else()
  set(CM_GRAMMARS grammars/lib/libgrammars.a)
endif()
cm_archive(dep_tree_sitter tree-sitter/include ${CM_GRAMMARS} tree-sitter/lib/libtree-sitter.a)
cm_archive(dep_llama llama/include
  llama/lib/libllama.a llama/lib/libggml.a llama/lib/libggml-cpu.a llama/lib/libggml-base.a)
# libgomp statically: its constructor must run after ours (src/model/environment.c).
target_link_libraries(dep_llama INTERFACE stdc++ m -l:libgomp.a Threads::Threads ${CMAKE_DL_LIBS})
