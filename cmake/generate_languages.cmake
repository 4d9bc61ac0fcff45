# spec/languages.toml + queries/ -> tables of languages and of grammars.
file(MAKE_DIRECTORY ${CM_GEN}/code)
file(GLOB_RECURSE cm_query_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/queries/*.scm)
add_custom_command(
  OUTPUT ${CM_GEN}/code/languages_gen.c ${CM_GEN}/code/grammars_gen.c
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_languages.py
          ${CMAKE_SOURCE_DIR}/spec/languages.toml ${CMAKE_SOURCE_DIR}/queries
          ${CM_GEN}/code/languages_gen.c ${CM_GEN}/code/grammars_gen.c
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_languages.py ${CMAKE_SOURCE_DIR}/spec/languages.toml
          ${cm_query_files}
  VERBATIM)
set(CM_GEN_code ${CM_GEN}/code/languages_gen.c ${CM_GEN}/code/grammars_gen.c)
