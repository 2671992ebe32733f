# Builds for another system with zig, whose path is ZIG, for FLINT_TARGET, as zig names it: x86_64-windows-gnu.

# To CMake a tool is a program without words: here they are. It reads this file again, where they may be given.
if(CMAKE_CXX_COMPILER_ID)
  set(CMAKE_CXX_ARCHIVE_CREATE "<CMAKE_AR> ar qc <TARGET> <OBJECTS>")
  set(CMAKE_CXX_ARCHIVE_APPEND "<CMAKE_AR> ar q <TARGET> <OBJECTS>")
  set(CMAKE_CXX_ARCHIVE_FINISH "<CMAKE_RANLIB> ranlib <TARGET>")
  # With make, objects for Windows are linked by way of an archive.
  foreach(rule LINK_EXECUTABLE CREATE_SHARED_LIBRARY CREATE_SHARED_MODULE)
    string(REPLACE "<CMAKE_AR> qc" "<CMAKE_AR> ar qc" CMAKE_CXX_${rule} "${CMAKE_CXX_${rule}}")
  endforeach()
  return()
endif()
set(CMAKE_USER_MAKE_RULES_OVERRIDE "${CMAKE_CURRENT_LIST_FILE}")

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG FLINT_TARGET)
if(FLINT_TARGET MATCHES windows)
  set(CMAKE_SYSTEM_NAME Windows)
elseif(FLINT_TARGET MATCHES linux)
  set(CMAKE_SYSTEM_NAME Linux)
else()
  set(CMAKE_SYSTEM_NAME Darwin)
endif()
# zig adds what a debugger reads of its own libraries: for Linux 35 MB.
if(NOT CMAKE_SYSTEM_NAME STREQUAL Darwin)
  foreach(kind EXE SHARED MODULE)
    set(CMAKE_${kind}_LINKER_FLAGS_INIT "-s")
  endforeach()
endif()
string(REGEX REPLACE "-.*" "" CMAKE_SYSTEM_PROCESSOR "${FLINT_TARGET}")
set(CMAKE_CXX_COMPILER "${ZIG}" c++ -target "${FLINT_TARGET}")
set(CMAKE_AR "${ZIG}")
set(CMAKE_RANLIB "${ZIG}")
set(CMAKE_RC_COMPILER "${ZIG}") # of nothing: no resources are built
