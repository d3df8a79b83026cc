#include "storage/database_url.h"

#include <gtest/gtest.h>

namespace longshore::storage {
namespace {

TEST(DatabaseUrlTest, TakesBothFormsOfLibpq) {
  for (const char* url :
       {"postgresql:///postgres?host=/run/postgresql&port=5432",
        "postgresql://a:b@one,two:5433/x?target_session_attrs=read-write", "host=/tmp dbname=x"}) {
    EXPECT_TRUE(CheckUrl(url).ok()) << url;
  }
}

TEST(DatabaseUrlTest, DoesNotRepeatWhatItDoesNotUnderstand) {
  for (const char* url : {"hunter2", "postgresql://u:hunter2@[h/x", "password=hunter2 what",
                          "postgresql://h/x?hunter2=1"}) {
    const absl::Status status = CheckUrl(url);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_EQ(std::string(status.message()).find("hunter2"), std::string::npos) << url;
  }
}

TEST(DatabaseUrlTest, KnowsWhatOthersMayRead) {
  for (const char* url : {"postgresql://db.example/x", "postgresql://db.example/x?sslmode=require",
                          "host=localhost,192.0.2.1", "postgresql:///x?hostaddr=192.0.2.1"}) {
    EXPECT_TRUE(IsExposed(url)) << url;
  }
  for (const char* url :
       {"postgresql://db.example/x?sslmode=verify-full", "postgresql://127.0.0.1/x",
        "postgresql://[::1]:5432/x", "host=/tmp dbname=x", "postgresql:///x",
        "postgresql://one,two/x?sslmode=verify-ca"}) {
    EXPECT_FALSE(IsExposed(url)) << url;
  }
}

}  // namespace
}  // namespace longshore::storage
