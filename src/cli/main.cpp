#include "cli/command.h"

int main(int count, char** words) { return iclab::cli::run_command_line(count, words); }
