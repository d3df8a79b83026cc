#include "cli/printer.h"

#include <gtest/gtest.h>

#include "common/status.h"
#include "longshore/v1/deployment.pb.h"

namespace longshore::cli {
namespace {

v1::Rollout Row(int32_t number) {
  v1::Rollout row;
  row.set_max_concurrency(number);
  return row;
}

// What `print` writes in `format`, to standard output and standard error.
std::string Printed(Format format, const std::function<void(const Printer&)>& print) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  print(Printer(format));
  return testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
}

TEST(PrinterTest, OneThing) {
  const auto print = [](const Printer& printer) { printer.Print(Row(1), "text\n"); };
  EXPECT_EQ(Printed(Format::kTable, print), "text\n");
  EXPECT_EQ(Printed(Format::kWide, print), "text\n");
  EXPECT_EQ(Printed(Format::kJson, print),
            "{\n  \"max_concurrency\": 1,\n  \"max_errors\": 0\n}\n");
  EXPECT_EQ(Printed(Format::kYaml, print), "max_concurrency: 1\nmax_errors: 0\n");
  EXPECT_EQ(Printed(Format::kJsonLines, print), "{\"max_concurrency\":1,\"max_errors\":0}\n");
}

TEST(PrinterTest, AListIsOneDocument) {
  const auto print = [](const Printer& printer) {
    printer.PrintRows(std::vector<v1::Rollout>{Row(1), Row(2)}, "table\n");
  };
  EXPECT_EQ(Printed(Format::kTable, print), "table\n");
  EXPECT_EQ(Printed(Format::kYaml, print),
            "-\n  max_concurrency: 1\n  max_errors: 0\n-\n  max_concurrency: 2\n  max_errors: 0\n");
  EXPECT_EQ(Printed(Format::kJsonLines, print),
            "{\"max_concurrency\":1,\"max_errors\":0}\n{\"max_concurrency\":2,\"max_errors\":0}\n");
  const auto none = [](const Printer& printer) {
    printer.PrintRows(std::vector<v1::Rollout>(), "");
  };
  EXPECT_EQ(Printed(Format::kJson, none), "[]\n");
  EXPECT_EQ(Printed(Format::kYaml, none), "[]\n");
  EXPECT_EQ(Printed(Format::kJsonLines, none), "");
}

TEST(PrinterTest, AThingWithItsListIsOneDocument) {
  const auto print = [](const Printer& printer) {
    printer.PrintWithRows("it", Row(1), "rows", std::vector<v1::Rollout>{Row(2)}, "text\n");
  };
  EXPECT_EQ(Printed(Format::kTable, print), "text\n");
  EXPECT_EQ(Printed(Format::kYaml, print),
            "it:\n  max_concurrency: 1\n  max_errors: 0\nrows:\n  -\n    max_concurrency: 2\n    "
            "max_errors: 0\n");
}

TEST(PrinterTest, EachEventIsADocument) {
  const auto print = [](const Printer& printer) { printer.PrintEvent(Row(1)); };
  EXPECT_EQ(Printed(Format::kJson, print), "{\"max_concurrency\":1,\"max_errors\":0}\n");
  EXPECT_EQ(Printed(Format::kYaml, print), "---\nmax_concurrency: 1\nmax_errors: 0\n");
}

TEST(PrinterTest, Errors) {
  const auto print = [](const Printer& printer) {
    printer.PrintError(WithReason(absl::NotFoundError("no"), "WHY"), "\nhint");
  };
  EXPECT_EQ(Printed(Format::kTable, print), "longshore: no\nhint\n");
  const std::string json = R"({"error":{"code":"NOT_FOUND","reason":"WHY","message":"no"}})"
                           "\n";
  EXPECT_EQ(Printed(Format::kJson, print), json);
  EXPECT_EQ(Printed(Format::kJsonLines, print), json);
  EXPECT_EQ(Printed(Format::kYaml, print),
            "error:\n  code: \"NOT_FOUND\"\n  reason: \"WHY\"\n  message: \"no\"\n");
}

}  // namespace
}  // namespace longshore::cli
