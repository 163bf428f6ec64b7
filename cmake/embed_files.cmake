# Writes files into one C++ source, as an array of FILE_TYPE in the function FUNCTION of NAMESPACE:
# cmake -DROOT=DIR -DFILES=a/b.toml,c/d.toml -DOUT=FILE.cpp -DHEADER=h -DNAMESPACE=n -DTYPE=T -DFUNCTION=f -P embed_files.cmake
# An entry's members are the parts of its path without the suffix, then its text.
string(REPLACE "," ";" files "${FILES}")
set(text "// Written by embed_files.cmake.\n#include \"${HEADER}\"\n\n")
string(APPEND text "namespace ${NAMESPACE} {\n\nstd::span<const ${TYPE}> ${FUNCTION}() {\n")
string(APPEND text "  static constexpr ${TYPE} kFiles[] = {\n")
foreach(path ${files})
  string(REGEX REPLACE "\\.[a-z]+$" "" name ${path})
  string(REPLACE "/" "\", \"" members ${name})
  file(READ ${ROOT}/${path} content)
  string(APPEND text "{\"${members}\", R\"embed(${content})embed\"},\n")
endforeach()
string(APPEND text "  };\n  return kFiles;\n}\n\n}  // namespace ${NAMESPACE}\n")
file(WRITE ${OUT} "${text}")
