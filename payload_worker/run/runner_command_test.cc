#include "payload_worker/run/runner_command.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include <array>

#include "common/shell_quote.h"

namespace longshore::run {
namespace {

// What `command` prints, and its error stream after it, when it reads `input`.
std::string Shell(const std::string& command, const std::string& input = "") {
  const std::string fed = "printf %s " + ShellQuote(input) + " | { " + command + " ; } 2>&1";
  FILE* pipe = popen(fed.c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), n);
  }
  pclose(pipe);
  return output;
}

TEST(ShellQuoteTest, IsOneWordOfAnyText) {
  for (const std::string text :
       {"", "plain", "two words", "it's", "''", "$HOME `id` $(id)", "a\\b\"c", "*?[x]", "; exit 1",
        "naïve", "new\nline", "!x #y ~z"}) {
    EXPECT_EQ(Shell("printf %s " + ShellQuote(text)), text);
    EXPECT_EQ(Shell("bash -c \"$(cat <<'E'\nprintf %s " + ShellQuote(text) + "\nE\n)\""), text);
  }
}

TEST(RunnerCommandTest, RunsUnderBashAndSaysThatThereIsNoRun) {
  v1::Assignment assignment;
  assignment.set_payload_id(987654321987);
  assignment.set_attempt(1);
  assignment.set_script_sha256(std::string(32, 'x'));
  const RunnerRequest request{
      .mode = RunnerMode::kAttach, .nonce = "n0nce", .remote_path = "/tmp/it's $here"};
  EXPECT_EQ(Shell("HOME=/nonexistent " + RunnerCommand(assignment, request).command.substr(5)),
            "n0nce absent\n");
}

TEST(RunnerCommandTest, AsksForTheScriptWhenItIsMissing) {
  v1::Assignment assignment;
  assignment.set_payload_id(987654321987);
  assignment.set_attempt(1);
  assignment.set_script_sha256(std::string(32, 'x'));
  for (const std::string path : {"/nonexistent/it's $here", "~/nonexistent.sh"}) {
    const RunnerRequest request{.mode = RunnerMode::kStart, .nonce = "n0nce", .remote_path = path};
    EXPECT_EQ(Shell(RunnerCommand(assignment, request).command.substr(5)), "n0nce need-script\n");
  }
}

TEST(RunnerCommandTest, GetsTheRunnerByStandardInputWhereSudoLogsTheCommand) {
  v1::Assignment assignment;
  assignment.set_become(true);
  const RunnerRequest request{
      .mode = RunnerMode::kAttach, .nonce = "n0nce", .remote_path = "/tmp/it's $here"};
  const RunnerCommandLine line = RunnerCommand(assignment, request);
  const std::string sudo = "exec sudo -n -H -- ";
  ASSERT_EQ(line.command.substr(0, sudo.size()), sudo);
  EXPECT_LT(line.command.size(), 500u);
  const std::string as_root = line.command.substr(sudo.size());
  EXPECT_EQ(Shell(as_root, line.input + "not the runner's"), "n0nce absent\n");
  for (const size_t cut : {size_t{0}, size_t{2000}, line.input.size() - 1}) {
    EXPECT_EQ(Shell(as_root, line.input.substr(0, cut)), "") << "a part of it does nothing";
  }
}

TEST(RunNameTest, IsTheIdOfTheRun) {
  v1::Assignment assignment;
  assignment.set_payload_id(7);
  assignment.set_attempt(2);
  EXPECT_EQ(RunName(assignment), "7.2") << "from before runs had ids";
  EXPECT_EQ(UploadOwner(assignment), "7");
  assignment.set_run("00112233445566778899aabbccddeeff");
  EXPECT_EQ(RunName(assignment), assignment.run());
  EXPECT_EQ(UploadOwner(assignment), assignment.run());
}

TEST(RandomNonceTest, IsHexadecimalAndNew) {
  const std::string nonce = RandomNonce();
  EXPECT_EQ(nonce.size(), 16u);
  EXPECT_EQ(nonce.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(nonce, RandomNonce());
}

}  // namespace
}  // namespace longshore::run
