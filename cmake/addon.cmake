# The Node addon: the object files of `kernels` and the sources of the binding.

# cmake-js sets CMAKE_JS_INC. Plain CMake gets the include folders from the two packages.
foreach(package node-addon-api node-api-headers)
  execute_process(
    COMMAND node -p "require('path').resolve(require('${package}').include_dir)"
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE directory
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  file(TO_CMAKE_PATH "${directory}" directory)
  list(APPEND NODE_INCLUDES ${directory})
endforeach()

# What reads the arguments of each operation, from the one table of signatures.
set(SIGNATURES ${CMAKE_BINARY_DIR}/generated/binding/signatures.h)
list(TRANSFORM SIGNATURE_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/)
list(GET SIGNATURE_SOURCES 0 SIGNATURE_GENERATOR)
add_custom_command(OUTPUT ${SIGNATURES} DEPENDS ${SIGNATURE_SOURCES}
  COMMAND node ${SIGNATURE_GENERATOR} ${SIGNATURES})

add_library(batchnorm MODULE ${BINDING_SOURCES} ${SIGNATURES} ${CMAKE_JS_SRC})
set_target_properties(batchnorm PROPERTIES PREFIX "" SUFFIX ".node")
target_compile_definitions(batchnorm PRIVATE ${DEFINES})
# Optimized for size: node-addon-api consists of inline functions, which -O3 makes ten times as large
# and no faster. C++20, because std::string refers to symbols of libstdc++.so in earlier standards.
target_compile_options(batchnorm PRIVATE ${COMPILER_FLAGS} ${BINDING_FLAGS})
target_include_directories(batchnorm PRIVATE ${CMAKE_BINARY_DIR}/generated)
target_include_directories(batchnorm SYSTEM PRIVATE ${CMAKE_JS_INC} ${NODE_INCLUDES})
target_link_libraries(batchnorm PRIVATE kernels ${CMAKE_JS_LIB})
install(TARGETS batchnorm LIBRARY DESTINATION .)

# Linked as C: native/binding/memory.cc defines the few C++ run-time functions that the addon needs.
if(NOT APPLE AND NOT MSVC)
  set_target_properties(batchnorm PROPERTIES LINKER_LANGUAGE C)
  set(CMAKE_CXX_IMPLICIT_LINK_LIBRARIES "")
endif()

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_link_libraries(batchnorm PRIVATE Threads::Threads)
  target_link_options(batchnorm PRIVATE ${LINUX_LINKER_FLAGS}
                      -Wl,--version-script=${CMAKE_SOURCE_DIR}/${LINUX_EXPORTS})
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    # Data that are read-only after relocation would begin on a page of their own, of 64 KB.
    target_link_options(batchnorm PRIVATE ${LINUX_ARM64_LINKER_FLAGS})
  endif()
elseif(APPLE)
  target_link_options(batchnorm PRIVATE -undefined dynamic_lookup)
elseif(WIN32 AND NOT CMAKE_JS_LIB)
  include(cmake/windows-imports.cmake)
endif()
