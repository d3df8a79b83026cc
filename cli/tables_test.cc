#include "cli/tables.h"

#include <gtest/gtest.h>

#include "cli/table.h"

namespace longshore::cli {
namespace {

TEST(TablesTest, ColumnsAreAligned) {
  EXPECT_EQ(FormatTable({{"A", "LONG", "C"}, {"123", "x", ""}}), "A    LONG  C\n123  x\n");
}

TEST(TablesTest, ControlCharactersAreNotShown) {
  EXPECT_EQ(FormatTable({{"A"}, {"\x1b[31m"}}), "A\n?[31m\n");
}

TEST(TablesTest, AWideOneHasMoreColumns) {
  v1::Instance instance;
  instance.set_id(7);
  instance.set_name("web");
  instance.set_provider("local");
  instance.set_address("192.0.2.1");
  instance.set_port(22);
  instance.set_ssh_user("root");
  instance.set_status(v1::INSTANCE_STATUS_READY);
  instance.add_tags("a");
  EXPECT_EQ(InstanceTable({instance}, false),
            "ID  NAME  PROJECT  ADDRESS       USER  STATUS  TAGS\n"
            "7   web            192.0.2.1:22  root  READY   a\n");
  const std::string wide = InstanceTable({instance}, true);
  for (const char* word : {"ID", "PROVIDER", "local", "REGION", "CREATED", "TAGS"}) {
    EXPECT_NE(wide.find(word), std::string::npos) << word;
  }
}

TEST(TablesTest, OfALargeFleetOnlyWhatDidNotGoWellIsShown) {
  std::vector<v1::Payload> payloads(101);
  for (v1::Payload& payload : payloads) payload.set_status(v1::PAYLOAD_STATUS_COMPLETED);
  payloads[7].set_id(4711);
  payloads[7].set_status(v1::PAYLOAD_STATUS_FAILED);
  const std::string text = PayloadSummary(payloads, false);
  EXPECT_NE(text.find("4711"), std::string::npos);
  EXPECT_NE(text.find("101 payloads:  COMPLETED 100  FAILED 1\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace longshore::cli
