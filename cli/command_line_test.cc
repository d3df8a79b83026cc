#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "cli/errors.h"
#include "common/status.h"
#include "common/version.h"

namespace longshore::cli {
namespace {

using Words = std::vector<std::string>;

// What is wrong with the command line; empty when nothing is.
std::string Problem(const Words& words) {
  CommandLine line;
  const absl::Status parsed = line.Parse(words);
  EXPECT_EQ(ExitStatusOf(parsed), parsed.ok() ? kExitDone : kExitUsage);
  return ToString(parsed);
}

// Calls `visit` with the words of every command and of every group of commands.
void VisitCommands(const CLI::App& app, const Words& words,
                   const std::function<void(const CLI::App&, const Words&)>& visit) {
  visit(app, words);
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    Words longer = words;
    longer.push_back(command->get_name());
    VisitCommands(*command, longer, visit);
  }
}

TEST(CommandLineTest, EveryCommandHasHelp) {
  int commands = 0;
  VisitCommands(CommandLine().app(), {}, [&](const CLI::App& app, const Words& words) {
    ++commands;
    for (const char* help : {"--help", "-h"}) {
      Words asked = words;
      asked.push_back(help);
      CommandLine line;
      ASSERT_TRUE(line.Parse(asked).ok()) << app.get_name();
      EXPECT_NE(line.text().find(app.get_description()), std::string::npos) << line.text();
      EXPECT_NE(line.text().find("Usage: " + line.CommandName()), std::string::npos);
      for (const CLI::Option* option : app.get_options()) {
        EXPECT_NE(line.text().find(option->get_name()), std::string::npos) << option->get_name();
        EXPECT_NE(option->get_description(), "") << option->get_name();
      }
    }
  });
  EXPECT_GT(commands, 20);
}

TEST(CommandLineTest, HelpIsAWordToo) {
  CommandLine line;
  ASSERT_TRUE(line.Parse({"help", "instances", "add"}).ok());
  EXPECT_NE(line.text().find("Usage: longshore instances add"), std::string::npos) << line.text();
}

TEST(CommandLineTest, HelpNeedsNothingElse) {
  EXPECT_EQ(Problem({"deploy", "--nope", "surplus", "--help"}), "");
}

TEST(CommandLineTest, Version) {
  CommandLine line;
  ASSERT_TRUE(line.Parse({"--version"}).ok());
  EXPECT_EQ(line.text(), "longshore " + std::string(kVersion) + "\n");
}

TEST(CommandLineTest, GlobalOptionsGoBeforeOrAfterTheCommand) {
  for (const Words& words :
       {Words{"--api", "a:1", "--json", "status", "1"},
        Words{"status", "--api", "a:1", "--json", "1"}, Words{"status", "1", "--api=a:1", "--json"},
        Words{"--json", "instances", "--api", "a:1", "show", "1"},
        Words{"instances", "show", "1", "--json", "--api", "a:1"}}) {
    CommandLine line;
    const absl::Status parsed = line.Parse(words);
    ASSERT_TRUE(parsed.ok()) << parsed;
    EXPECT_EQ(line.globals().access.api, "a:1");
    EXPECT_EQ(line.globals().format, Format::kJsonLines);
    EXPECT_TRUE(line.selected().run);
    EXPECT_EQ(line.text(), "");
  }
}

TEST(CommandLineTest, TheLastValueCounts) {
  CommandLine line;
  ASSERT_TRUE(line.Parse({"--api", "a:1", "status", "1", "--api", "b:2"}).ok());
  EXPECT_EQ(line.globals().access.api, "b:2");
}

TEST(CommandLineTest, TheDeadlineIsADuration) {
  CommandLine line;
  ASSERT_TRUE(line.Parse({"status", "1", "--deadline", "1m30s"}).ok());
  EXPECT_EQ(line.globals().deadline, std::chrono::seconds(90));
  EXPECT_EQ(Problem({"status", "1", "--deadline", "0"}), "--deadline '0' is no time to wait");
}

TEST(CommandLineTest, AWrongCommandLineStillSaysHowToPrint) {
  CommandLine line;
  EXPECT_FALSE(line.Parse({"status", "--json", "1", "--nope"}).ok());
  EXPECT_EQ(line.globals().format, Format::kJsonLines);
  CommandLine other;
  EXPECT_FALSE(other.Parse({"status", "-o", "yaml", "1", "--nope"}).ok());
  EXPECT_EQ(other.globals().format, Format::kYaml);
}

TEST(CommandLineTest, Formats) {
  const auto format = [](const Words& words) {
    CommandLine line;
    EXPECT_TRUE(line.Parse(words).ok());
    return line.globals().format;
  };
  EXPECT_EQ(format({"status", "1"}), Format::kTable);
  EXPECT_EQ(format({"-o", "table", "status", "1"}), Format::kTable);
  EXPECT_EQ(format({"status", "1", "-owide"}), Format::kWide);
  EXPECT_EQ(format({"status", "--output=JSON", "1"}), Format::kJson);
  EXPECT_EQ(format({"status", "1", "-o", "yaml"}), Format::kYaml);
  EXPECT_EQ(Problem({"status", "1", "-o", "xml"}),
            "--output 'xml' is none of table|wide|json|yaml");
  EXPECT_NE(Problem({"status", "1", "-o", "yaml", "--json"}), "");
}

TEST(CommandLineTest, AnEmptyValueIsNotTheNextWord) {
  EXPECT_EQ(Problem({"instances", "list", "--project=", "x"}),
            "surplus word 'x'; a value with blanks needs quotes");
  EXPECT_EQ(Problem({"instances", "list", "--project="}), "");
}

TEST(CommandLineTest, SurplusWordsAreRefused) {
  EXPECT_EQ(Problem({"deploy", "--file", "x", "--instances", "1,", "2,", "3", "--execute"}),
            "surplus word '2,'; a value with blanks needs quotes");
  for (const Words& words :
       {Words{"status", "1", "2"}, Words{"list", "1", "--instance", "1"},
        Words{"deployments", "list", "1"}, Words{"instances", "show", "1", "instances"},
        Words{"status", "1", "status"}, Words{"instances", "list", "list"},
        Words{"instances", "list", "--tag", "a", "b"}, Words{"deploy", "--", "x"},
        Words{"deploy", "--wait", "yes"}, Words{"verify", "x"}}) {
    EXPECT_NE(Problem(words).find("surplus word"), std::string::npos) << Problem(words);
  }
}

TEST(CommandLineTest, WhatItDoesNotKnowIsNamed) {
  EXPECT_EQ(Problem({"deploi", "--wait"}), "unknown command 'deploi'");
  EXPECT_EQ(Problem({"instances", "frobnicate"}), "unknown command 'frobnicate'");
  EXPECT_EQ(Problem({"--nope", "status", "1"}), "unknown option '--nope'");
  EXPECT_EQ(Problem({"deploy", "--nope", "x"}), "unknown option '--nope'");
  EXPECT_EQ(Problem({"tasks", "--status", "odd"}),
            "--status 'odd' is none of pending|running|completed|failed|cancelled");
  EXPECT_EQ(Problem({"deploy", "--timeout", "soon"}).find("--timeout 'soon'"), 0u);
  EXPECT_NE(Problem({"deploy", "--wait=yes"}), "");
  EXPECT_NE(Problem({"deploy", "--timeout"}), "");
}

TEST(CommandLineTest, WhatIsMissingIsNamed) {
  EXPECT_NE(Problem({}), "");
  EXPECT_NE(Problem({"instances"}).find("ubcommand"), std::string::npos);
  EXPECT_NE(Problem({"status"}).find("PAYLOAD"), std::string::npos);
  EXPECT_NE(Problem({"instances", "add", "--name", "x"}).find("--address"), std::string::npos);
}

TEST(CommandLineTest, ChoicesAreInEitherCase) {
  EXPECT_EQ(Problem({"tasks", "--status", "FAILED", "--type", "payload_transfer"}), "");
}

}  // namespace
}  // namespace longshore::cli
