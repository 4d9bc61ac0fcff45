# spec/metrics.toml -> the metrics every room may count.
set(CM_GEN_rt ${CM_GEN}/rt/metrics_gen.h ${CM_GEN}/rt/metrics_gen.c)
add_custom_command(
  OUTPUT ${CM_GEN_rt}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_metrics.py spec/metrics.toml ${CM_GEN_rt}
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_metrics.py ${CMAKE_SOURCE_DIR}/tools/gencommon.py
          ${CMAKE_SOURCE_DIR}/spec/metrics.toml
  VERBATIM)
