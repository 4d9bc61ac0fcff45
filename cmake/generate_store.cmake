# The schema's catalogue, the typed query functions and the embedded migrations.
set(store_gen ${CM_GEN}/store)
file(MAKE_DIRECTORY ${store_gen})
file(GLOB store_sql CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/store/sql/*.sql)
file(GLOB store_migrations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/store/migrations/*.sql)
file(GLOB store_schema CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/store/schema/*.sql)
set(store_tools ${CMAKE_SOURCE_DIR}/tools/schema.py ${CMAKE_SOURCE_DIR}/spec/schema.tables
  ${CMAKE_SOURCE_DIR}/tools/views.py ${CMAKE_SOURCE_DIR}/tools/tenancy.py ${CMAKE_SOURCE_DIR}/spec/schema.views)
add_custom_command(
  OUTPUT ${store_gen}/queries_gen.c
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_sql.py ${store_gen}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_sql.py ${CMAKE_SOURCE_DIR}/tools/crud.py ${CMAKE_SOURCE_DIR}/tools/tenancy.py
          ${CMAKE_SOURCE_DIR}/tools/lifetime.py
          ${store_tools} ${store_sql}
  VERBATIM)
add_custom_command(
  OUTPUT ${store_gen}/schema_gen.h ${store_gen}/schema_gen.c
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_schema.py catalogue
          ${store_gen}/schema_gen.h ${store_gen}/schema_gen.c
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_schema.py ${store_tools}
  VERBATIM)
add_custom_command(
  OUTPUT ${store_gen}/migrations_gen.c
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_migrations.py
          ${CMAKE_SOURCE_DIR}/src/store/migrations ${CMAKE_SOURCE_DIR}/src/store/schema ${store_gen}/migrations_gen.c
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_migrations.py ${store_migrations} ${store_schema}
  VERBATIM)
add_custom_command(
  OUTPUT ${store_gen}/compat_gen.c
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_compat.py
          ${CMAKE_SOURCE_DIR}/spec/schema.tables ${CMAKE_SOURCE_DIR}/spec/compat.views ${store_gen}/compat_gen.c
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_compat.py ${CMAKE_SOURCE_DIR}/spec/compat.views ${store_tools}
  VERBATIM)
set(CM_GEN_store ${store_gen}/queries_gen.c ${store_gen}/schema_gen.h ${store_gen}/schema_gen.c
  ${store_gen}/migrations_gen.c ${store_gen}/compat_gen.c)
