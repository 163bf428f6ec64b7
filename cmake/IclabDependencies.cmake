# Debian's packages, found here once; a missing one is an error that names the package to install.

function(iclab_missing what package)
  message(FATAL_ERROR "${what} not found. Install it with: apt-get install ${package}")
endfunction()

find_package(fmt CONFIG QUIET)
if(NOT fmt_FOUND)
  iclab_missing("fmt" libfmt-dev)
endif()

find_package(nlohmann_json CONFIG QUIET)
if(NOT nlohmann_json_FOUND)
  iclab_missing("nlohmann-json" nlohmann-json3-dev)
endif()

find_package(Eigen3 CONFIG QUIET)
if(NOT Eigen3_FOUND)
  iclab_missing("Eigen" libeigen3-dev)
endif()

find_package(Boost 1.81 QUIET)
if(NOT Boost_FOUND)
  iclab_missing("Boost 1.81" libboost1.81-dev)
endif()

find_package(OpenSSL QUIET COMPONENTS Crypto)
if(NOT OPENSSL_FOUND)
  iclab_missing("OpenSSL's libcrypto (SHA-256)" libssl-dev)
endif()

find_package(SQLite3 QUIET)
if(NOT SQLite3_FOUND)
  iclab_missing("SQLite" libsqlite3-dev)
endif()

find_package(Threads REQUIRED)

find_package(PkgConfig QUIET)
if(NOT PkgConfig_FOUND)
  iclab_missing("pkg-config" pkg-config)
endif()
pkg_check_modules(HWY QUIET IMPORTED_TARGET libhwy)
if(NOT HWY_FOUND)
  iclab_missing("Google Highway" libhwy-dev)
endif()

find_path(ICLAB_CLI11_INCLUDE CLI/CLI.hpp)
if(NOT ICLAB_CLI11_INCLUDE)
  iclab_missing("CLI11" libcli11-dev)
endif()

find_path(ICLAB_TOML_INCLUDE toml++/toml.h)
if(NOT ICLAB_TOML_INCLUDE)
  iclab_missing("toml++" libtomlplusplus-dev)
endif()

# Installs what the page draws with (src/report/package-lock.json).
find_program(ICLAB_NPM npm)
find_program(ICLAB_NODE NAMES node nodejs)
if(NOT ICLAB_NPM OR NOT ICLAB_NODE)
  iclab_missing("npm and Node.js" "npm nodejs")
endif()

if(ICLAB_TESTS)
  find_package(GTest QUIET)
  if(NOT GTest_FOUND)
    iclab_missing("GoogleTest" "libgtest-dev libgmock-dev")
  endif()
endif()
if(ICLAB_BENCH)
  find_package(benchmark QUIET)
  if(NOT benchmark_FOUND)
    iclab_missing("Google Benchmark" libbenchmark-dev)
  endif()
endif()
