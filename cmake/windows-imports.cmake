# Creates an import library for the functions of Node-API from the list in the node-api-headers package,
# so that nothing must be downloaded. The functions are resolved at the first call, in the module that
# native/binding/windows_delay_load.cc chooses.
list(GET NODE_INCLUDES 1 NODE_API_HEADERS)
set(definitions "NAME NODE.EXE\nEXPORTS\n")
foreach(name js_native_api node_api)
  file(STRINGS ${NODE_API_HEADERS}/../def/${name}.def lines REGEX "^(napi|node_api)_")
  list(JOIN lines "\n" text)
  string(APPEND definitions "${text}\n")
endforeach()
set(definitions_file ${CMAKE_BINARY_DIR}/node.def)
file(WRITE ${definitions_file} "${definitions}")
set(library ${CMAKE_BINARY_DIR}/node_api${CMAKE_STATIC_LIBRARY_SUFFIX})

if(MSVC)
  set(machine x64)
  if(CMAKE_CXX_COMPILER_ARCHITECTURE_ID MATCHES ARM64)
    set(machine ARM64)
  endif()
  add_custom_command(OUTPUT ${library} DEPENDS ${definitions_file}
    COMMAND ${CMAKE_AR} /nologo /def:${definitions_file} /out:${library} /machine:${machine})
  target_link_options(batchnorm PRIVATE /DELAYLOAD:node.exe)
  target_link_libraries(batchnorm PRIVATE delayimp)
  set_property(TARGET batchnorm kernels PROPERTY MSVC_RUNTIME_LIBRARY MultiThreaded)
else()
  add_custom_command(OUTPUT ${library} DEPENDS ${definitions_file}
    COMMAND ${CMAKE_DLLTOOL} --input-def ${definitions_file} --output-delaylib ${library})
  # No time stamp, so that the build is reproducible.
  target_link_options(batchnorm PRIVATE -static-libgcc -Wl,--no-insert-timestamp -Wl,--gc-sections)
endif()
add_custom_target(node_api_imports DEPENDS ${library})
add_dependencies(batchnorm node_api_imports)
target_sources(batchnorm PRIVATE native/binding/windows_delay_load.cc)
target_link_libraries(batchnorm PRIVATE ${library})
if(NOT MSVC)
  target_link_libraries(batchnorm PRIVATE delayimp)
endif()
