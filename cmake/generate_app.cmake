# spec/options.toml and spec/commands.toml -> settings and command line.
set(CM_GEN_app "")
function(cm_generate_app table)
  list(TRANSFORM ARGN PREPEND ${CM_GEN}/ OUTPUT_VARIABLE outputs)
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_${table}.py spec/${table}.toml ${outputs}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_${table}.py ${CMAKE_SOURCE_DIR}/tools/gencommon.py
            ${CMAKE_SOURCE_DIR}/spec/${table}.toml
    VERBATIM)
  set(CM_GEN_app ${CM_GEN_app} ${outputs} PARENT_SCOPE)
endfunction()
cm_generate_app(options app/options_gen.h app/options_gen.c rt/settings_gen.h)
list(APPEND CM_GEN_rt ${CM_GEN}/rt/settings_gen.h) # every room may hold the settings that a reload changes
cm_generate_app(commands app/commands_gen.h app/commands_gen.c app/commands_run_gen.c)
# deps/lock.toml -> the default model, which the binary fetches by itself.
add_custom_command(
  OUTPUT ${CM_GEN}/app/default_model_gen.h
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_model.py deps/lock.toml ${CM_GEN}/app/default_model_gen.h
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_model.py ${CMAKE_SOURCE_DIR}/tools/gencommon.py
          ${CMAKE_SOURCE_DIR}/deps/lock.toml
  VERBATIM)
list(APPEND CM_GEN_app ${CM_GEN}/app/default_model_gen.h)
