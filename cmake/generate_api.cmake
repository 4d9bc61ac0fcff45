# spec/openapi.yaml -> structs, codecs, routes, embedded documents. The generator reads YAML: the interpreter that
# script/bootstrap prepared has PyYAML, else the system's must (python3-yaml).
if(EXISTS ${CM_DEPS}/venv/bin/python)
  set(CM_YAML_PYTHON ${CM_DEPS}/venv/bin/python)
else()
  set(CM_YAML_PYTHON ${Python3_EXECUTABLE})
endif()
file(GLOB cm_genapi CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/genapi/*.py)
set(CM_GEN_api api_gen.h schemas_gen.c routes_gen.c openapi_gen.c)
list(TRANSFORM CM_GEN_api PREPEND ${CM_GEN}/api/)
add_custom_command(
  OUTPUT ${CM_GEN_api}
  COMMAND ${CM_YAML_PYTHON} ${CMAKE_SOURCE_DIR}/tools/gen_api.py spec/openapi.yaml ${CM_GEN}/api
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_api.py ${CMAKE_SOURCE_DIR}/tools/gencommon.py ${cm_genapi}
          ${CMAKE_SOURCE_DIR}/spec/openapi.yaml
  VERBATIM)
