# koeval_arrow: headers and libraries of Arrow and Parquet out of a pyarrow wheel, where there is one.
#
# Looked for in: the CMake variable KOEVAL_ARROW, and build/deps/arrow/pyarrow of the source tree
# (deploy/setup.sh --parquet). Sanitized builds go without: the wheel's libraries are not.

set(KOEVAL_ARROW "" CACHE PATH "The pyarrow folder of a wheel; empty: build/deps/arrow/pyarrow")
if(KOEVAL_ARROW)
  set(koeval_arrow_dir "${KOEVAL_ARROW}")
else()
  set(koeval_arrow_dir "${CMAKE_SOURCE_DIR}/build/deps/arrow/pyarrow")
endif()

file(GLOB koeval_arrow_libs "${koeval_arrow_dir}/libarrow.so.*" "${koeval_arrow_dir}/libparquet.so.*")
list(LENGTH koeval_arrow_libs koeval_arrow_count)
if(KOEVAL_SANITIZE OR KOEVAL_FUZZ)
  message(STATUS "Parquet: left out of sanitized builds")
elseif(koeval_arrow_count EQUAL 2 AND EXISTS "${koeval_arrow_dir}/include/parquet/arrow/reader.h")
  add_library(koeval_arrow INTERFACE)
  target_include_directories(koeval_arrow SYSTEM INTERFACE "${koeval_arrow_dir}/include")
  # Binaries that read no dataset do not load it.
  target_link_libraries(koeval_arrow INTERFACE -Wl,--push-state,--as-needed ${koeval_arrow_libs}
                                               -Wl,--pop-state)
  target_link_options(koeval_arrow INTERFACE "-Wl,-rpath,${koeval_arrow_dir}"
                                             "-Wl,-rpath-link,${koeval_arrow_dir}")
  message(STATUS "Parquet: ${koeval_arrow_dir}")
elseif(KOEVAL_ARROW)
  message(FATAL_ERROR "KOEVAL_ARROW=${KOEVAL_ARROW} has no libarrow, libparquet and include/parquet; "
                      "point it to the pyarrow folder of a wheel, or leave it empty.")
else()
  message(STATUS "Parquet: no (deploy/setup.sh --parquet installs what it needs)")
endif()
