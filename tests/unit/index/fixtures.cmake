# Most of them work through the repository's door, one room up.
foreach(target ${index_targets})
  target_link_libraries(${target} PRIVATE repository)
endforeach()
# The projection once more on PostgreSQL, where script/bootstrap has put it.
if(TARGET index_tables_test AND EXISTS ${CM_DEPS}/postgres)
  foreach(version 16 18)
    add_test(NAME index/tables_test@postgres${version}
      COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/tools/with_postgres.py ${version} $<TARGET_FILE:index_tables_test>
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(index/tables_test@postgres${version} PROPERTIES LABELS index TIMEOUT 300 SKIP_RETURN_CODE 77)
  endforeach()
endif()
