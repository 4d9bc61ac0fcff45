# What we link: Debian's libraries by pkg-config, the rest from .deps/ (script/bootstrap).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP)
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

foreach(name libuv openssl libcurl jansson sqlite3 libsodium libzstd libxxhash libgit2 libseccomp libpcre2-8 libpq)
  string(MAKE_C_IDENTIFIER ${name} id)
  pkg_check_modules(${id} REQUIRED IMPORTED_TARGET ${name})
endforeach()
find_library(INIH_LIBRARY inih REQUIRED)
find_package(PkgConfig)
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)

# cm_archive(name include_dir archive...): an imported static library below .deps/.
function(cm_archive name include)
  add_library(${name} INTERFACE)
  target_include_directories(${name} SYSTEM INTERFACE ${CM_DEPS}/${include})
  foreach(archive ${ARGN})
    target_link_libraries(${name} INTERFACE ${CM_DEPS}/${archive})
  endforeach()
endfunction()

cm_archive(dep_llhttp llhttp/include llhttp/lib/libllhttp.a)
cm_archive(dep_tree_sitter tree-sitter/include grammars/lib/libgrammars.a tree-sitter/lib/libtree-sitter.a)
cm_archive(dep_llama llama/include
  llama/lib/libllama.a llama/lib/libggml.a llama/lib/libggml-cpu.a llama/lib/libggml-base.a)
# libgomp statically: its constructor must run after ours (src/model/environment.c).
target_link_libraries(dep_llama INTERFACE stdc++ m -l:libgomp.a Threads::Threads ${CMAKE_DL_LIBS})
