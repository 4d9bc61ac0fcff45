# Tiny models with random weights and the real FIM markers of each family, for the tests of this room.
set(models ${CMAKE_BINARY_DIR}/tests/models)
file(MAKE_DIRECTORY ${models})
set(tiny ${CMAKE_SOURCE_DIR}/tests/tools/tiny_gguf.py)
set(tiny_models "")
foreach(family none qwen codegemma starcoder2 granite deepseek codestral stated)
  add_custom_command(OUTPUT ${models}/${family}.gguf
    COMMAND ${CM_DEPS}/venv/bin/python -B ${tiny} ${models}/${family}.gguf --family ${family}
    DEPENDS ${tiny} VERBATIM)
  list(APPEND tiny_models ${models}/${family}.gguf)
endforeach()
add_custom_target(tiny_models DEPENDS ${tiny_models})
foreach(target ${model_targets})
  add_dependencies(${target} tiny_models)
  target_compile_definitions(${target} PRIVATE TEST_MODELS="${models}")
endforeach()
