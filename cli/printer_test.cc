#include "cli/printer.h"

#include <gtest/gtest.h>

#include "common/status.h"
#include "longshore/v1/deployment.pb.h"

namespace longshore::cli {
namespace {

v1::Wave Row(int32_t number) {
  v1::Wave row;
  row.set_count(number);
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
  EXPECT_EQ(Printed(Format::kJson, print), "{\n  \"count\": 1,\n  \"percent\": 0\n}\n");
  EXPECT_EQ(Printed(Format::kYaml, print), "count: 1\npercent: 0\n");
  EXPECT_EQ(Printed(Format::kJsonLines, print), "{\"count\":1,\"percent\":0}\n");
}

TEST(PrinterTest, AListIsOneDocument) {
  const auto print = [](const Printer& printer) {
    printer.PrintRows(std::vector<v1::Wave>{Row(1), Row(2)}, "table\n");
  };
  EXPECT_EQ(Printed(Format::kTable, print), "table\n");
  EXPECT_EQ(Printed(Format::kYaml, print),
            "-\n  count: 1\n  percent: 0\n-\n  count: 2\n  percent: 0\n");
  EXPECT_EQ(Printed(Format::kJsonLines, print),
            "{\"count\":1,\"percent\":0}\n{\"count\":2,\"percent\":0}\n");
  const auto none = [](const Printer& printer) { printer.PrintRows(std::vector<v1::Wave>(), ""); };
  EXPECT_EQ(Printed(Format::kJson, none), "[]\n");
  EXPECT_EQ(Printed(Format::kYaml, none), "[]\n");
  EXPECT_EQ(Printed(Format::kJsonLines, none), "");
}

TEST(PrinterTest, AThingWithItsListIsOneDocument) {
  const auto print = [](const Printer& printer) {
    printer.PrintWithRows("it", Row(1), "rows", std::vector<v1::Wave>{Row(2)}, "text\n");
  };
  EXPECT_EQ(Printed(Format::kTable, print), "text\n");
  EXPECT_EQ(Printed(Format::kYaml, print),
            "it:\n  count: 1\n  percent: 0\nrows:\n  -\n    count: 2\n    "
            "percent: 0\n");
}

TEST(PrinterTest, EachEventIsADocument) {
  const auto print = [](const Printer& printer) { printer.PrintEvent(Row(1)); };
  EXPECT_EQ(Printed(Format::kJson, print), "{\"count\":1,\"percent\":0}\n");
  EXPECT_EQ(Printed(Format::kYaml, print), "---\ncount: 1\npercent: 0\n");
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
