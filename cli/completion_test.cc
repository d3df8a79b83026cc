#include "cli/completion.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "cli/command_line.h"

namespace longshore::cli {
namespace {

using Words = std::vector<std::string>;

// The words that are offered, without their descriptions.
Words Offered(const Words& words) {
  const CommandLine line;
  Words offered;
  for (const std::string& offer : Complete(line.app(), words)) {
    offered.push_back(offer.substr(0, offer.find('\t')));
  }
  return offered;
}

bool Offers(const Words& words, const std::string& word) {
  const Words offered = Offered(words);
  return std::find(offered.begin(), offered.end(), word) != offered.end();
}

TEST(CompletionTest, Commands) {
  EXPECT_EQ(Offered({"dep"}), (Words{"deploy", "deployments"}));
  EXPECT_EQ(Offered({"instances", "s"}), (Words{"show"}));
  EXPECT_EQ(Offered({"nope", ""}), Words());
  EXPECT_TRUE(Offers({""}, "verify"));
  EXPECT_FALSE(Offers({""}, kCompleteCommand));
}

TEST(CompletionTest, DescriptionsFollowATab) {
  const CommandLine line;
  EXPECT_EQ(Complete(line.app(), {"cancel"}), (Words{"cancel\tStops a payload"}));
}

TEST(CompletionTest, EveryCommandAndOptionIsOffered) {
  const CommandLine line;
  for (const CLI::App* command : line.app().get_subcommands([](const CLI::App*) { return true; })) {
    EXPECT_TRUE(Offers({""}, command->get_name())) << command->get_name();
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_positional()) continue;
      EXPECT_TRUE(Offers({command->get_name(), "-"}, option->get_name())) << option->get_name();
    }
  }
}

TEST(CompletionTest, GlobalOptionsAreOfferedEverywhere) {
  EXPECT_EQ(Offered({"--ap"}), (Words{"--api"}));
  EXPECT_EQ(Offered({"instances", "show", "--ap"}), (Words{"--api"}));
  EXPECT_EQ(Offered({"status", "1", "--outp"}), (Words{"--output"}));
}

TEST(CompletionTest, ValuesThatAreKnown) {
  EXPECT_EQ(Offered({"-o", ""}), (Words{"table", "wide", "json", "yaml"}));
  EXPECT_EQ(Offered({"status", "--output=j"}), (Words{"--output=json"}));
  EXPECT_EQ(Offered({"tasks", "--status", "c"}), (Words{"completed", "cancelled"}));
  EXPECT_EQ(Offered({"completion", "z"}), (Words{"zsh"}));
  EXPECT_EQ(Offered({"deploy", "--file", "x"}), (Words{kCompleteFiles}));
}

TEST(CompletionTest, ValuesThatAreNotKnownAreNoCommands) {
  EXPECT_EQ(Offered({"--api", ""}), Words());
  EXPECT_EQ(Offered({"--api", "instances", "dep"}), (Words{"deploy", "deployments"}));
  EXPECT_EQ(Offered({"instances", "list", "--tag", "sh"}), Words());
  EXPECT_EQ(Offered({"status", ""}), Words());
  EXPECT_EQ(Offered({"deploy", "--", "-"}), Words());
  EXPECT_EQ(Offered({}), Words());
}

TEST(CompletionTest, AFlagTakesNoValue) {
  EXPECT_EQ(Offered({"--json", "dep"}), (Words{"deploy", "deployments"}));
}

}  // namespace
}  // namespace longshore::cli
