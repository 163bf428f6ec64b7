# iclab_optimize(TARGET LEVEL): the level in Release, unless ICLAB_OPTIMIZE says one for all.
function(iclab_optimize target level)
  if(ICLAB_OPTIMIZE)
    set(level ${ICLAB_OPTIMIZE})
  endif()
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:${level}>)
endfunction()

# iclab_floor(NAME SOURCES ... LINKS ... [OPTIMIZE -O1]): a floor of the house as the static library iclab_NAME.
function(iclab_floor name)
  cmake_parse_arguments(FLOOR "" "OPTIMIZE" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  if(NOT FLOOR_OPTIMIZE)
    set(FLOOR_OPTIMIZE -O1)
  endif()
  add_library(iclab_${name} STATIC ${FLOOR_SOURCES})
  target_include_directories(iclab_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(iclab_${name} PUBLIC ${FLOOR_LINKS} PRIVATE ${FLOOR_PRIVATE_LINKS})
  iclab_optimize(iclab_${name} ${FLOOR_OPTIMIZE})
endfunction()

# iclab_tests(FLOOR SOURCES ... LINKS ... [LABEL slow]): the tests of a floor as one executable, FLOOR_tests.
function(iclab_tests name)
  cmake_parse_arguments(TESTS "" "LABEL" "SOURCES;LINKS" ${ARGN})
  add_executable(${name}_tests ${TESTS_SOURCES})
  target_include_directories(${name}_tests PRIVATE ${CMAKE_SOURCE_DIR})
  iclab_optimize(${name}_tests -O1)
  target_compile_definitions(${name}_tests PRIVATE ICLAB_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name}_tests PRIVATE ${TESTS_LINKS} GTest::gtest GTest::gmock GTest::gtest_main)
  if(NOT TESTS_LABEL)
    set(TESTS_LABEL fast)
  endif()
  include(GoogleTest)
  gtest_discover_tests(${name}_tests TEST_PREFIX "${name}." PROPERTIES LABELS ${TESTS_LABEL}
                       DISCOVERY_MODE PRE_TEST)
endfunction()

# iclab_embed(OUT_VARIABLE FOLDER GLOB HEADER NAMESPACE TYPE FUNCTION): files below a folder as a C++ source, see
# embed_files.cmake. Their list is part of the command, so that it runs again when a file comes or goes.
function(iclab_embed out_variable folder glob header namespace type function)
  set(root ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  file(GLOB paths CONFIGURE_DEPENDS RELATIVE ${root} ${root}/${glob})
  list(SORT paths)
  list(TRANSFORM paths PREPEND ${root}/ OUTPUT_VARIABLE inputs)
  list(JOIN paths "," files)
  set(script ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DROOT=${root} -DFILES=${files} -DOUT=${out} -DHEADER=${header}
            -DNAMESPACE=${namespace} -DTYPE=${type} -DFUNCTION=${function} -P ${script}
    DEPENDS ${inputs} ${script})
  set(${out_variable} ${out} PARENT_SCOPE)
endfunction()
