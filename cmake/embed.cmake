# Compiles rules/, schema/ and web/ into the program: writes embedded.c, a table of name, bytes and length.
# Each file is watched, so that a change to one rebuilds the table.
file(GLOB_RECURSE HF_EMBEDDED_FILES CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
     ${CMAKE_SOURCE_DIR}/rules/* ${CMAKE_SOURCE_DIR}/schema/* ${CMAKE_SOURCE_DIR}/web/*)
list(FILTER HF_EMBEDDED_FILES EXCLUDE REGEX "node_modules|package(-lock)?\\.json$|/\\.")
list(SORT HF_EMBEDDED_FILES)
set(HF_EMBEDDED_C ${CMAKE_BINARY_DIR}/embedded.c)
set(embedded_inputs "")
foreach(file ${HF_EMBEDDED_FILES})
  list(APPEND embedded_inputs ${CMAKE_SOURCE_DIR}/${file})
endforeach()
string(REPLACE ";" "|" embedded_list "${HF_EMBEDDED_FILES}")
add_custom_command(
  OUTPUT ${HF_EMBEDDED_C}
  COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} "-DFILES=${embedded_list}" -DOUT=${HF_EMBEDDED_C}
          -P ${CMAKE_SOURCE_DIR}/cmake/embed-files.cmake
  DEPENDS ${embedded_inputs} ${CMAKE_SOURCE_DIR}/cmake/embed-files.cmake
  VERBATIM)
