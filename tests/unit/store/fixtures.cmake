# The conformance tests of the store once more on PostgreSQL 16 and 18, where script/bootstrap has put them.
foreach(name rows_test conformance_test migrate_test compat_test drift_test walk_test copy_test promises_test postgres_test vectors_test jobs_test blobs_test
    maintenance_test figures_test partition_test crash_test input_test)
  foreach(version 16 18)
    if(TARGET store_${name} AND EXISTS ${CM_DEPS}/postgres)
      add_test(NAME store/${name}@postgres${version}
        COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/tools/with_postgres.py ${version} $<TARGET_FILE:store_${name}>
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
      set_tests_properties(store/${name}@postgres${version} PROPERTIES LABELS store TIMEOUT 300 SKIP_RETURN_CODE 77)
    endif()
  endforeach()
endforeach()
# What needs a proxy in between, or a replica; and what only runs beside a server.
foreach(name proxy_test replica_test)
  foreach(version 18)
    if(TARGET store_${name} AND EXISTS ${CM_DEPS}/postgres AND EXISTS ${CM_DEPS}/faults)
      add_test(NAME store/${name}@postgres${version}
        COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/tools/with_postgres.py ${version} --replica --proxy
          $<TARGET_FILE:store_${name}>
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
      set_tests_properties(store/${name}@postgres${version} PROPERTIES LABELS store TIMEOUT 300 SKIP_RETURN_CODE 77)
    endif()
  endforeach()
endforeach()
foreach(name postgres_test partition_test proxy_test replica_test) # PostgreSQL alone
  if(TEST store/${name})
    set_tests_properties(store/${name} PROPERTIES SKIP_RETURN_CODE 77)
  endif()
endforeach()
if(TEST store/crash_test) # the whole runs of script/test --all take their time
  set_tests_properties(store/crash_test PROPERTIES TIMEOUT 3600)
endif()
