// The sender over real PostgreSQL, to a server of the test's own.
#include "api_server/webhooks/webhook_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <queue>

#include "http/server.h"
#include "storage/testing/database_fixture.h"

namespace longshore::webhooks {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kSecret[] = "0123456789abcdef";

// Keeps what comes, and gives the answers in their order; none is left: it does not answer.
class Receiver : public http::Handler {
 public:
  void Handle(std::shared_ptr<http::Exchange> exchange) override {
    {
      MutexLock lock(&mutex_);
      taken_.push_back(exchange->request());
      if (answers_.empty()) {
        unanswered_.push_back(exchange);
      } else {
        exchange->Respond(answers_.front());
        answers_.pop();
      }
    }
    changed_.NotifyAll();
  }

  void Answer(http::Response response) {
    MutexLock lock(&mutex_);
    answers_.push(std::move(response));
  }

  // Cuts the connections of those that were not answered.
  void Drop() {
    MutexLock lock(&mutex_);
    unanswered_.clear();
  }

  // Waits until so many have come.
  std::vector<http::Request> Take(size_t count) {
    MutexLock lock(&mutex_);
    while (taken_.size() < count) changed_.Wait(&mutex_);
    return taken_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<http::Request> taken_ ABSL_GUARDED_BY(mutex_);
  std::queue<http::Response> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<http::Exchange>> unanswered_ ABSL_GUARDED_BY(mutex_);
};

class WebhookSenderTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    auto server = http::Server::Start({.listen = "127.0.0.1:0"}, &receiver_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    Write("secret", kSecret, 0600);
    Write("webhooks",
          "w * http://127.0.0.1:" + std::to_string(server_->port()) + "/hook " + Path("secret"),
          0644);
  }
  void TearDown() override {
    sender_.reset();
    receiver_.Drop();
    server_.reset();
    storage::DatabaseFixture::TearDown();
  }

  static std::string Path(const std::string& name) { return ::testing::TempDir() + "/" + name; }
  static void Write(const std::string& name, const std::string& text, mode_t mode) {
    std::ofstream(Path(name)) << text;
    ASSERT_EQ(chmod(Path(name).c_str(), mode), 0);
  }

  void Start(const std::vector<std::string>& named = {"127.0.0.1"}) {
    sender_ = std::make_unique<WebhookSender>(
        database_.get(),
        WebhookOptions{.file = Path("webhooks"), .addresses = AddressRules::Make(named).value()});
    const absl::Status started = sender_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }

  // A deployment that ends now.
  void EndOne() {
    const int64_t instance = AddInstance("a");
    const int64_t task = AddPayload(instance, "/x");
    Do([&](storage::Connection& c) {
      return storage::task_store::End(c, {Completed(task, instance)}, limit_);
    });
  }

  // Waits until this holds for the only event.
  void Await(const std::string& condition) {
    while (QueryValue("SELECT count(*) FROM webhook_events WHERE " + condition) != "1") {
    }
  }

  Receiver receiver_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<WebhookSender> sender_;
};

TEST_F(WebhookSenderTest, WhatEndsIsSentSigned) {
  receiver_.Answer({.status = 204});
  Start();
  EndOne();
  const http::Request taken = receiver_.Take(1)[0];
  Await("delivered_at IS NOT NULL");
  EXPECT_EQ(taken.method, "POST");
  EXPECT_EQ(taken.path, "/hook");
  EXPECT_EQ(taken.body, QueryValue("SELECT body FROM webhook_events"));
  EXPECT_EQ(http::HeaderValue(taken, "longshore-event-id"),
            QueryValue("SELECT id FROM webhook_events"));
  EXPECT_EQ(http::HeaderValue(taken, "content-type"), "application/json");
  const std::string signature(http::HeaderValue(taken, "longshore-signature"));
  ASSERT_THAT(signature, StartsWith("t="));
  const std::string sent_at = signature.substr(2, signature.find(',') - 2);
  EXPECT_EQ(signature,
            "t=" + sent_at + ",v1=" + HexEncode(HmacSha256(kSecret, sent_at + "." + taken.body)));
}

TEST_F(WebhookSenderTest, WhatIsNotTakenIsSentAgain) {
  receiver_.Answer({.status = 500});
  receiver_.Answer({.status = 302, .headers = {{"Location", "/elsewhere"}}});
  receiver_.Answer({.status = 200, .body = std::string(1 << 20, 'x')});
  Start();
  EndOne();
  const auto taken = receiver_.Take(3);
  Await("delivered_at IS NOT NULL AND tries = 3");
  for (const http::Request& request : taken) {
    EXPECT_EQ(request.path, "/hook");
    EXPECT_EQ(request.body, taken[0].body);
  }
}

TEST_F(WebhookSenderTest, AfterADayItIsGivenUp) {
  ASSERT_TRUE(Sql("INSERT INTO webhooks (name) VALUES ('w')").ok());
  EndOne();
  ASSERT_TRUE(Sql("UPDATE webhook_events SET created_at = created_at - interval '1 day'").ok());
  receiver_.Answer({.status = 410});
  Start();
  Await("given_up_at IS NOT NULL AND error = 'status 410'");
}

TEST_F(WebhookSenderTest, RetryAfterCounts) {
  receiver_.Answer({.status = 429, .headers = {{"Retry-After", "600"}}});
  Start();
  EndOne();
  Await("error = 'status 429' AND next_try_at > now() + interval '9 minutes'");
}

TEST_F(WebhookSenderTest, AnAddressThatIsNotNamedIsNotConnectedTo) {
  for (const auto& named : {std::vector<std::string>{}, {"127.0.0.2"}}) {
    ASSERT_TRUE(Sql("DELETE FROM webhook_events").ok());
    Start(named);
    EndOne();
    Await("error LIKE '%its address may not be connected to'");
    EXPECT_EQ(receiver_.Take(0).size(), 0u);
  }
}

TEST_F(WebhookSenderTest, WhatIsBrokenOffIsDueAtOnce) {
  Start();
  EndOne();
  const auto first = receiver_.Take(1);
  sender_->Shutdown();
  EXPECT_EQ(QueryValue("SELECT next_try_at <= now() AND error <> '' FROM webhook_events"), "t");
  receiver_.Answer({.status = 200});
  Start();
  EXPECT_EQ(receiver_.Take(2)[1].body, first[0].body);
  Await("delivered_at IS NOT NULL");
}

TEST_F(WebhookSenderTest, WithoutAFileNothingIsTold) {
  WebhookSender sender(database_.get(), {});
  ASSERT_TRUE(sender.Start().ok());
  EndOne();
  EXPECT_EQ(QueryValue("SELECT count(*) FROM webhook_events"), "0");
}

TEST_F(WebhookSenderTest, AFileThatCannotBeIsToldAtTheStart) {
  Write("webhooks", "nonsense", 0644);
  WebhookSender sender(database_.get(), {.file = Path("webhooks"), .addresses = {}});
  const absl::Status started = sender.Start();
  EXPECT_EQ(started.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(started.message()), HasSubstr("line 1"));
}

}  // namespace
}  // namespace longshore::webhooks
