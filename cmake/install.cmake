# What `cmake --install` and the Debian package put where (docs/install.md). Component `program`: all but the model, which is
# `model`, so that either can be had alone: cmake --install build/release --prefix ~/.local --component program
include(GNUInstallDirs)
set(CM_SHARE ${CM_GEN}/share)
set(tables ${CMAKE_SOURCE_DIR}/spec/commands.toml ${CMAKE_SOURCE_DIR}/spec/options.toml)
set(readers ${CMAKE_SOURCE_DIR}/tools/gen_commands.py ${CMAKE_SOURCE_DIR}/tools/gen_options.py
  ${CMAKE_SOURCE_DIR}/tools/gencommon.py)
string(REGEX MATCH "^[0-9-]+" CM_DATE ${CM_BUILD_DATE})
if(NOT CM_DATE)
  string(TIMESTAMP CM_DATE "%Y-%m-%d" UTC)
endif()

add_custom_command(
  OUTPUT ${CM_SHARE}/codementor.bash ${CM_SHARE}/_codementor ${CM_SHARE}/codementor.fish
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_shell.py ${tables}
          ${CM_SHARE}/codementor.bash ${CM_SHARE}/_codementor ${CM_SHARE}/codementor.fish
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_shell.py ${readers} ${tables}
  VERBATIM)
add_custom_command(
  OUTPUT ${CM_SHARE}/codementor.1.gz ${CM_SHARE}/codementor.conf.5.gz
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_man.py ${tables} ${PROJECT_VERSION} ${CM_DATE}
          ${CM_SHARE}/codementor.1.gz ${CM_SHARE}/codementor.conf.5.gz
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_man.py ${CMAKE_SOURCE_DIR}/tools/reference.py ${readers} ${tables}
  VERBATIM)
add_custom_command(
  OUTPUT ${CM_SHARE}/copyright ${CM_SHARE}/changelog.Debian.gz ${CM_SHARE}/changelog.gz
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_notices.py ${CMAKE_SOURCE_DIR} ${CM_DEPS}
          ${PROJECT_VERSION} ${CM_DATE} ${CM_SHARE}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_notices.py ${CMAKE_SOURCE_DIR}/tools/gencommon.py
          ${CMAKE_SOURCE_DIR}/deps/lock.toml ${CMAKE_SOURCE_DIR}/CHANGELOG.md
  VERBATIM)
add_custom_target(share_files DEPENDS ${CM_SHARE}/codementor.bash ${CM_SHARE}/codementor.1.gz ${CM_SHARE}/copyright)
add_dependencies(codementor share_files)

set(doc ${CMAKE_INSTALL_DATADIR}/doc)
install(TARGETS codementor RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(FILES ${CM_SHARE}/codementor.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME codementor COMPONENT program)
install(CODE "
  set(CM_ZSH site-functions)
  if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\") # where Debian's zsh looks for what packages bring
    set(CM_ZSH vendor-completions)
  endif()
  file(INSTALL \"${CM_SHARE}/_codementor\"
    DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/zsh/\${CM_ZSH}\")" COMPONENT program)
install(FILES ${CM_SHARE}/codementor.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
  COMPONENT program)
install(FILES ${CM_SHARE}/codementor.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
install(FILES ${CM_SHARE}/codementor.conf.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT program)
install(FILES ${CM_SHARE}/copyright ${CM_SHARE}/changelog.gz ${CM_SHARE}/changelog.Debian.gz
  DESTINATION ${doc}/codementor COMPONENT program)
install(FILES docs/reference/codementor.conf.example DESTINATION ${doc}/codementor/examples COMPONENT program)
foreach(row "codementor program" "codementor-model model")
  separate_arguments(row)
  list(GET row 0 NAME)
  list(GET row 1 component)
  configure_file(packaging/debian/lintian-overrides ${CM_SHARE}/overrides/${NAME} @ONLY)
  install(FILES ${CM_SHARE}/overrides/${NAME} DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
    COMPONENT ${component})
endforeach()
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_DATADIR}/codementor/models COMPONENT program)

# The units name the program's full path, which is known when the prefix is: at installation.
foreach(kind system user)
  install(CODE "
    set(CM_PROGRAM \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/codementor\")
    configure_file(\"${CMAKE_SOURCE_DIR}/packaging/codementor.${kind}.service.in\"
      \"${CM_SHARE}/${kind}/codementor.service\" @ONLY)
    file(INSTALL \"${CM_SHARE}/${kind}/codementor.service\"
      DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/${kind}\")" COMPONENT program)
endforeach()

# The default model as it is loaded, made by `codementor model prepare`; left out where it was not.
set(CM_MODELS ${CMAKE_BINARY_DIR}/models)
install(DIRECTORY ${CM_MODELS}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/codementor/models COMPONENT model OPTIONAL
  FILES_MATCHING PATTERN "*.gguf")
install(FILES ${CM_SHARE}/changelog.Debian.gz ${CM_SHARE}/changelog.gz DESTINATION ${doc}/codementor-model
  COMPONENT model)
install(FILES ${CM_SHARE}/copyright.model DESTINATION ${doc}/codementor-model RENAME copyright COMPONENT model)

# --- the Debian package: script/package
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME codementor)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR CodeMentor)
set(CPACK_PACKAGE_CONTACT "CodeMentor maintainers <maintainers@codementor.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_ALL program)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "completes and searches your code, from a server of your own
One self-hosted server that completes and searches a team's code. It answers
editors over HTTP in the protocols they already speak, indexes repositories in
the background, and runs a language model in the same process.
.
Nothing leaves the machine but the request for the default model, once, when
the package codementor-model is not installed.")
set(CPACK_COMPONENT_MODEL_DESCRIPTION "default completion model of codementor
SmolLM2-135M-Instruct as codementor loads it, for all users of the machine.
Without it each user's server fetches and keeps its own.")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME codementor)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "ca-certificates, git")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS codementor-model)
set(CPACK_DEBIAN_PROGRAM_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/packaging/debian/postinst ${CMAKE_SOURCE_DIR}/packaging/debian/prerm
  ${CMAKE_SOURCE_DIR}/packaging/debian/postrm)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_MODEL_PACKAGE_NAME codementor-model)
set(CPACK_DEBIAN_MODEL_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_MODEL_PACKAGE_ENHANCES codementor)
include(CPack)
