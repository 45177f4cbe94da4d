# koeval::libtorch: headers and libraries of whatever libtorch is found, CPU or CUDA, without the
# CUDA toolkit detection of Torch's own CMake package.
#
# Looked for in: the CMake variable KOEVAL_LIBTORCH, the environment variable of that name, and
# build/deps/torch/torch of the source tree. Each is the folder that holds include/ and lib/: an
# unpacked libtorch, or the `torch` folder of a wheel.

set(koeval_torch_remedy
    "run deploy/setup.sh, or set KOEVAL_LIBTORCH to the folder that holds include/ and lib/, or "
    "configure with -DKOEVAL_WITH_TORCH=OFF")
list(JOIN koeval_torch_remedy "" koeval_torch_remedy)

if(KOEVAL_LIBTORCH)
  set(koeval_torch "${KOEVAL_LIBTORCH}")
elseif(DEFINED ENV{KOEVAL_LIBTORCH} AND NOT "$ENV{KOEVAL_LIBTORCH}" STREQUAL "")
  set(koeval_torch "$ENV{KOEVAL_LIBTORCH}")
else()
  set(koeval_torch "${CMAKE_SOURCE_DIR}/build/deps/torch/torch")
endif()

foreach(needed IN ITEMS include/ATen/Context.h lib/libc10.so lib/libtorch_cpu.so lib/libtorch.so)
  if(NOT EXISTS "${koeval_torch}/${needed}")
    message(FATAL_ERROR "No libtorch: ${koeval_torch}/${needed} is missing; ${koeval_torch_remedy}.")
  endif()
endforeach()

# Our code and the system's libraries use the C++11 ABI of libstdc++; so must libtorch.
file(STRINGS "${koeval_torch}/lib/libc10.so" koeval_torch_abi REGEX "NSt7__cxx11" LIMIT_COUNT 1)
if(NOT koeval_torch_abi)
  message(FATAL_ERROR "libtorch in ${koeval_torch} was built with _GLIBCXX_USE_CXX11_ABI=0; take a "
                      "build with the C++11 ABI (wheels from 2.7 on): ${koeval_torch_remedy}.")
endif()

# A wheel keeps the CUDA libraries that it depends on in folders beside torch.
file(GLOB koeval_torch_cuda_dirs LIST_DIRECTORIES true "${koeval_torch}/../nvidia/*/lib"
     "${koeval_torch}/../nvidia/*/*/lib" "${koeval_torch}/../cusparselt/lib")
set(koeval_torch_dirs "${koeval_torch}/lib" ${koeval_torch_cuda_dirs})

add_library(koeval_libtorch INTERFACE)
target_include_directories(koeval_libtorch SYSTEM INTERFACE
  "${koeval_torch}/include" "${koeval_torch}/include/torch/csrc/api/include")
target_compile_definitions(koeval_libtorch INTERFACE _GLIBCXX_USE_CXX11_ABI=1
                                                     AT_PER_OPERATOR_HEADERS)

set(koeval_torch_libs "${koeval_torch}/lib/libtorch.so" "${koeval_torch}/lib/libtorch_cpu.so"
                      "${koeval_torch}/lib/libc10.so")
set(KOEVAL_LIBTORCH_HAS_CUDA OFF)
if(EXISTS "${koeval_torch}/lib/libtorch_cuda.so")
  set(KOEVAL_LIBTORCH_HAS_CUDA ON)
  list(APPEND koeval_torch_libs "${koeval_torch}/lib/libtorch_cuda.so"
                                "${koeval_torch}/lib/libc10_cuda.so")
endif()
target_link_libraries(koeval_libtorch INTERFACE ${koeval_torch_libs} Threads::Threads)
# Nothing names a symbol of libtorch_cuda: it registers itself when it is loaded, so it stays linked.
target_link_options(koeval_libtorch INTERFACE "LINKER:--no-as-needed")
foreach(dir IN LISTS koeval_torch_dirs)
  target_link_options(koeval_libtorch INTERFACE "-Wl,-rpath,${dir}" "-Wl,-rpath-link,${dir}")
endforeach()
add_library(koeval::libtorch ALIAS koeval_libtorch)
message(STATUS "libtorch: ${koeval_torch} (CUDA: ${KOEVAL_LIBTORCH_HAS_CUDA})")
