# Generated sources: each declared table of spec/ drives one generator of tools/. Outputs stay in the build folder.
file(MAKE_DIRECTORY ${CM_GEN}/base)
add_custom_command(
  OUTPUT ${CM_GEN}/base/errors_gen.h ${CM_GEN}/base/errors_gen.c
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_errors.py
          ${CMAKE_SOURCE_DIR}/spec/errors.toml ${CM_GEN}/base/errors_gen.h ${CM_GEN}/base/errors_gen.c
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_errors.py ${CMAKE_SOURCE_DIR}/spec/errors.toml
  VERBATIM)
set(CM_GEN_base ${CM_GEN}/base/errors_gen.h ${CM_GEN}/base/errors_gen.c)

# Each further generator has its own file: cmake/generate_<table>.cmake sets CM_GEN_<room>.
file(GLOB cm_generators CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/generate_*.cmake)
foreach(file ${cm_generators})
  include(${file})
endforeach()
