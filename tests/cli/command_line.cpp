#include "tests/cli/command_line.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>

extern char** environ;

namespace iclab::test {
namespace {

namespace fs = std::filesystem;

fs::path temporary(const std::string& what) {
  static std::atomic<int> count{0};
  return fs::temp_directory_path() /
         ("iclab-" + what + "-" + std::to_string(getpid()) + "-" + std::to_string(count++));
}

std::vector<std::string> environment_words(const Environment& added) {
  std::vector<std::string> words;
  for (char** word = environ; *word != nullptr; ++word) {
    const std::string text = *word;
    if (!added.contains(text.substr(0, text.find('=')))) words.push_back(text);
  }
  for (const auto& [name, value] : added) words.push_back(name + "=" + value);
  return words;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

pid_t spawn(std::vector<std::string> words, const Environment& environment, const fs::path& out,
            const fs::path& err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), kWrite, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), kWrite, 0600);
  std::vector<std::string> settings = environment_words(environment);
  pid_t pid = -1;
  const int failure = posix_spawn(&pid, words[0].c_str(), &files, nullptr, pointers(words).data(),
                                  pointers(settings).data());
  posix_spawn_file_actions_destroy(&files);
  if (failure != 0) throw std::system_error(failure, std::generic_category(), words[0]);
  return pid;
}

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Json Outcome::json() const {
  const Json json = Json::parse(out, nullptr, false);
  if (!json.is_discarded()) return json;
  ADD_FAILURE() << "not JSON: " << out << "\nstderr: " << err;
  return nullptr;
}

Process::Process(const std::vector<std::string>& words, const Environment& environment)
    : out_(temporary("out")), err_(temporary("err")) {
  std::vector<std::string> all{ICLAB_BINARY};
  all.insert(all.end(), words.begin(), words.end());
  pid_ = spawn(all, environment, out_, err_);
}

Process::~Process() {
  if (!ended_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
  }
  fs::remove(out_);
  fs::remove(err_);
}

void Process::send(int signal) const { kill(pid_, signal); }

bool Process::running() {
  if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

Outcome Process::wait() {
  if (!ended_) waitpid(pid_, &status_, 0);
  ended_ = true;
  return {exit_code(status_), read_text(out_), read_text(err_)};
}

Outcome iclab(const std::vector<std::string>& words, const Environment& environment) {
  return Process(words, environment).wait();
}

Outcome shell(const std::string& line) {
  const fs::path out = temporary("out"), err = temporary("err");
  const pid_t pid = spawn({"/bin/sh", "-c", line}, {{"ICLAB", ICLAB_BINARY}}, out, err);
  int status = 0;
  waitpid(pid, &status, 0);
  const Outcome outcome{exit_code(status), read_text(out), read_text(err)};
  fs::remove(out);
  fs::remove(err);
  return outcome;
}

Folder::Folder() : path_(temporary("test")) { fs::create_directories(path_); }

Folder::~Folder() { fs::remove_all(path_); }

std::string Folder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return *this / name;
}

std::string read_text(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::string source_file(const std::string& path) {
  return std::string(ICLAB_SOURCE_DIR) + "/" + path;
}

std::string small_study() {
  return R"([study]
name  = "small"
seeds = 2

[task]
kind    = "subspace-regression"
dim     = 4
rank    = 1
context = 8

[model]
kind = "linear-attention"
form = "factored"

[train]
optimizer = { kind = "sgd", lr = 0.02 }
batch = 16
steps = 60

[[probe]]
kind  = "risk"
every = 20

[[probe]]
kind  = "loss"
every = 30

[sweep]
"task.components" = [1, 2]
)";
}

}  // namespace iclab::test
