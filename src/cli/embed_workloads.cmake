# Writes the workloads' study files into one C++ source:
# cmake -DROOT=src/cli/workloads -DOUT=FILE.cpp -P embed_workloads.cmake
file(GLOB files RELATIVE ${ROOT} ${ROOT}/*.toml)
list(SORT files)
set(text "// Written by embed_workloads.cmake.\n#include \"cli/workloads.h\"\n\n")
string(APPEND text "namespace iclab::cli {\n\nstd::span<const Workload> workloads() {\n")
string(APPEND text "  static constexpr Workload kWorkloads[] = {\n")
foreach(path ${files})
  get_filename_component(name ${path} NAME_WE)
  file(READ ${ROOT}/${path} content)
  string(APPEND text "{\"${name}\", R\"toml(${content})toml\"},\n")
endforeach()
string(APPEND text "  };\n  return kWorkloads;\n}\n\n}  // namespace iclab::cli\n")
file(WRITE ${OUT} "${text}")
