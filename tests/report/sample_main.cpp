// report_sample OUT: writes the sample page and an index to the folder OUT.
#include <fmt/format.h>

#include <span>

#include "base/error.h"
#include "report/page.h"
#include "tests/report/sample.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: report_sample OUT\n");
    return 2;
  }
  try {
    const iclab::report::PaperReport report = iclab::report::sample_report();
    fmt::print("{}\n", iclab::report::write_page(report, argv[1]).string());
    iclab::report::write_index(std::span(&report, 1), argv[1]);
  } catch (const iclab::Error& error) {
    fmt::print(stderr, "report_sample: {}\n", error.what());
    return 1;
  }
  return 0;
}
