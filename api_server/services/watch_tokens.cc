#include "api_server/services/watch_tokens.h"

#include <glog/logging.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "api_server/domain/errors.h"
#include "common/status_macros.h"
#include "storage/token_store.h"

namespace longshore::services {
namespace {

// A revoked token is refused within 5 s (docs/security.md), however slow the database is: it may
// have been revoked right after the database was last asked.
constexpr std::chrono::milliseconds kPeriod{2000};
constexpr std::chrono::milliseconds kLongestUnanswered{4500};
constexpr std::chrono::milliseconds kCheckPeriod{250};

}  // namespace

WatchTokens::WatchTokens(const storage::Database& database, int max_watches)
    : database_({.url = database.url(), .max_connections = 1}),
      max_watches_(static_cast<size_t>(max_watches)),
      asking_([this] { Repeat(kPeriod, [this] { AskForInvalid(); }); }),
      checking_([this] { Repeat(kCheckPeriod, [this] { CheckAnswered(); }); }) {}

WatchTokens::~WatchTokens() { Shutdown(); }

absl::Status WatchTokens::Add(int64_t token_id, std::weak_ptr<TokenHolder> holder) {
  if (token_id == 0) return absl::OkStatus();
  MutexLock lock(&mutex_);
  auto& holders = holders_[token_id];
  if (max_watches_ > 0 && holders.size() >= max_watches_) {
    std::erase_if(holders, [](const auto& other) { return other.expired(); });
    if (holders.size() >= max_watches_) {
      return domain::QuotaExceeded("the token has " + std::to_string(holders.size()) +
                                       " open watches, which is the most that it may have",
                                   kPeriod);
    }
  }
  holders.push_back(std::move(holder));
  return absl::OkStatus();
}

void WatchTokens::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (asking_.joinable()) asking_.join();
  if (checking_.joinable()) checking_.join();
}

std::set<int64_t> WatchTokens::TokensInUse() {
  MutexLock lock(&mutex_);
  std::set<int64_t> tokens;
  for (auto& [token, holders] : holders_) {
    std::erase_if(holders, [](const auto& holder) { return holder.expired(); });
    if (!holders.empty()) tokens.insert(token);
  }
  std::erase_if(holders_, [](const auto& entry) { return entry.second.empty(); });
  return tokens;
}

void WatchTokens::AskForInvalid() {
  const auto begun = Clock::now();
  const std::set<int64_t> tokens = TokensInUse();
  std::set<int64_t> valid;
  if (!tokens.empty()) {
    {
      MutexLock lock(&mutex_);
      asked_ = true;
    }
    const absl::Status read = database_.Run([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(valid, storage::token_store::FindValid(connection, tokens));
      return absl::OkStatus();
    });
    if (!read.ok()) {  // It is still asked, for it has not answered.
      LOG(WARNING) << "looking for revoked tokens: " << read;
      return;
    }
  }
  std::set<int64_t> invalid;
  std::set_difference(tokens.begin(), tokens.end(), valid.begin(), valid.end(),
                      std::inserter(invalid, invalid.end()));
  Refuse(invalid, domain::TokenInvalid());
  MutexLock lock(&mutex_);
  asked_ = false;
  answered_ = begun;
}

void WatchTokens::CheckAnswered() {
  {
    MutexLock lock(&mutex_);
    // A process that was stopped for a while has not asked, so it has no answer to wait for.
    if (!asked_ || Clock::now() - answered_ < kLongestUnanswered) return;
  }
  // Nobody knows whether they still count: none does. Watches can be begun again.
  Refuse(
      TokensInUse(),
      domain::FromStorage(absl::UnavailableError("the database does not say which tokens count")));
}

void WatchTokens::Refuse(const std::set<int64_t>& tokens, const absl::Status& why) {
  std::vector<std::weak_ptr<TokenHolder>> refused;
  {
    MutexLock lock(&mutex_);
    for (const int64_t token : tokens) {
      const auto entry = holders_.find(token);
      if (entry == holders_.end()) continue;
      refused.insert(refused.end(), entry->second.begin(), entry->second.end());
      holders_.erase(entry);
    }
  }
  for (const auto& holder : refused) {
    if (const auto open = holder.lock()) open->Refuse(why);
  }
}

void WatchTokens::Repeat(std::chrono::milliseconds period, const std::function<void()>& action) {
  while (true) {
    {
      MutexLock lock(&mutex_);
      const auto next = Clock::now() + period;
      while (!stopping_ && Clock::now() < next) changed_.WaitUntil(&mutex_, next);
      if (stopping_) return;
    }
    action();
  }
}

}  // namespace longshore::services
