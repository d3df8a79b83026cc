#include "cli/json.h"

#include <gtest/gtest.h>

#include "common/status.h"
#include "longshore/v1/deployment.pb.h"

namespace longshore::cli {
namespace {

TEST(JsonTest, FieldsHaveTheirProtoNames) {
  v1::Wave wave;
  wave.set_percent(7);
  EXPECT_EQ(ToJson(wave), R"({"count":0,"percent":7})");
}

TEST(JsonTest, IndentedItIsTheSame) {
  EXPECT_EQ(IndentedJson(R"({"b":[1,"x"],"a":{}})"), R"({
  "b": [
    1,
    "x"
  ],
  "a": {}
}
)");
}

TEST(JsonTest, AnErrorHasCodeReasonAndMessage) {
  EXPECT_EQ(ErrorToJson(WithReason(absl::NotFoundError("no \"x\""), "PAYLOAD_NOT_FOUND")),
            R"({"error":{"code":"NOT_FOUND","reason":"PAYLOAD_NOT_FOUND","message":"no \"x\""}})");
}

TEST(JsonTest, AnErrorOfAnyBytesIsJson) {
  EXPECT_EQ(ErrorToJson(absl::InternalError("\xff")),
            "{\"error\":{\"code\":\"INTERNAL\",\"reason\":\"\",\"message\":\"\xEF\xBF\xBD\"}}");
}

}  // namespace
}  // namespace longshore::cli
