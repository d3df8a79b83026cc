#include "cli/yaml.h"

#include <gtest/gtest.h>

namespace longshore::cli {
namespace {

TEST(YamlTest, MapsAndLists) {
  EXPECT_EQ(YamlFromJson(R"({"id":"7","executed":true,"exit_code":0,"none":null,
                             "tags":["a","b"],"counts":{"total":"2"},"rows":[{"a":1,"b":2}]})"),
            R"(id: "7"
executed: true
exit_code: 0
none: null
tags:
  - "a"
  - "b"
counts:
  total: "2"
rows:
  -
    a: 1
    b: 2
)");
}

TEST(YamlTest, NothingIsWrittenAsInJson) {
  EXPECT_EQ(YamlFromJson("[]"), "[]\n");
  EXPECT_EQ(YamlFromJson("{}"), "{}\n");
  EXPECT_EQ(YamlFromJson(R"({"tags":[],"map":{}})"), "tags: []\nmap: {}\n");
}

TEST(YamlTest, StringsAreAlwaysQuoted) {
  EXPECT_EQ(
      YamlFromJson(R"(["no","2026-11-26","# x",": y","","a\nb\t\"c\"\\"])"),
      "- \"no\"\n- \"2026-11-26\"\n- \"# x\"\n- \": y\"\n- \"\"\n- \"a\\nb\\t\\\"c\\\"\\\\\"\n");
}

TEST(YamlTest, NamesThatAreNoWordsAreQuoted) {
  EXPECT_EQ(YamlFromJson(R"({"a: b":1,"no":2,"7":3})"), "\"a: b\": 1\n\"no\": 2\n\"7\": 3\n");
}

TEST(YamlTest, WhatYamlTakesForALineBreakIsEscaped) {
  EXPECT_EQ(YamlFromJson("\"\x7f|\xc2\x85|\xc2\xa0|\xe2\x80\xa8|\xf0\x9f\x9a\xa2|\\u001b\""),
            "\"\\x7f|\\x85|\xc2\xa0|\\u2028|\xf0\x9f\x9a\xa2|\\u001b\"\n");
}

}  // namespace
}  // namespace longshore::cli
