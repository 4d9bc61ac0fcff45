# spec/metrics.toml -> the metrics every room may count.
set(metrics_gen ${CM_GEN}/rt/metrics_gen.h ${CM_GEN}/rt/metrics_gen.c)
list(APPEND CM_GEN_rt ${metrics_gen})
add_custom_command(
  OUTPUT ${metrics_gen}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_metrics.py spec/metrics.toml ${metrics_gen}
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_metrics.py ${CMAKE_SOURCE_DIR}/tools/gencommon.py
          ${CMAKE_SOURCE_DIR}/spec/metrics.toml
  VERBATIM)
