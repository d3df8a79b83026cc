#include "api_server/http/output_download.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "api_server/http/error_json.h"
#include "http/target.h"

namespace longshore::api_http {
namespace {

using google::protobuf::Message;

constexpr int64_t kMaxPiece = 1 << 20;  // The most that one ReadPayloadOutput returns.

std::optional<int64_t> Number(std::string_view text) {
  const std::optional<int64_t> number = http::Integer(text);
  return number.has_value() && *number >= 0 ? number : std::nullopt;
}

http::Fields Headers() {
  // Not text: nobody is to look for a page in what a script has printed.
  return {{"content-type", "application/octet-stream"}, {"accept-ranges", "bytes"}};
}

// Reads piece after piece and sends each.
class Download : public http::StreamClient, public std::enable_shared_from_this<Download> {
 public:
  Download(RpcClient* rpc, RpcCaller caller, const v1::ReadPayloadOutputRequest& request,
           std::shared_ptr<http::Exchange> exchange)
      : rpc_(*rpc), caller_(std::move(caller)), request_(request), exchange_(std::move(exchange)) {}

  void Start() {
    range_ = HeaderValue(exchange_->request(), "if-range").empty()
                 ? ReadRange(HeaderValue(exchange_->request(), "range"))
                 : std::nullopt;
    if (!range_.has_value()) return Read(0, kMaxPiece, &Download::SendFirst);
    if (range_->suffix.has_value()) return Read(0, 1, &Download::FindSuffix);
    ReadTheRange();
  }

  void OnWritable() override {
    if (!first_.empty()) return exchange_->Write(std::exchange(first_, ""));
    if (next_ >= total_) return exchange_->End();
    Read(next_, kMaxPiece, &Download::SendNext);
  }
  void OnGone() override {}

 private:
  using Step = void (Download::*)(v1::ReadPayloadOutputResponse&);

  void Read(int64_t offset, int64_t length, Step step) {
    auto request = std::make_unique<v1::ReadPayloadOutputRequest>(request_);
    request->set_offset(offset);
    request->set_length(static_cast<int32_t>(std::min(length, kMaxPiece)));
    rpc_.Call(PublicMethod("PayloadService.ReadPayloadOutput"), caller_, std::move(request),
              [self = shared_from_this(), step](const absl::Status& status,
                                                std::unique_ptr<Message> response) {
                if (status.ok()) {
                  (*self.*step)(static_cast<v1::ReadPayloadOutputResponse&>(*response));
                } else if (self->begun_) {
                  self->exchange_->Abort();
                } else {
                  self->exchange_->Respond(ErrorResponse(status));
                }
              });
  }

  void SendFirst(v1::ReadPayloadOutputResponse& piece) {
    total_ = piece.total();
    next_ = piece.offset() + static_cast<int64_t>(piece.data().size());
    if (next_ >= total_) {
      exchange_->Respond({.headers = Headers(), .body = std::move(*piece.mutable_data())});
      return;
    }
    first_ = std::move(*piece.mutable_data());
    begun_ = true;
    exchange_->Begin({.headers = Headers()}, shared_from_this());
  }

  void SendNext(v1::ReadPayloadOutputResponse& piece) {
    next_ = piece.offset() + static_cast<int64_t>(piece.data().size());
    // The payload was retried: what was sent is of an output that is no more.
    if (piece.total() < total_) return exchange_->Abort();
    if (piece.data().empty()) return exchange_->End();
    exchange_->Write(std::move(*piece.mutable_data()));
  }

  void FindSuffix(v1::ReadPayloadOutputResponse& piece) {
    range_->first = std::max<int64_t>(0, piece.total() - *range_->suffix);
    range_->last = piece.total() - 1;
    if (*range_->suffix == 0 || piece.total() == 0) return RefuseRange(piece.total());
    ReadTheRange();
  }

  void ReadTheRange() {
    next_ = range_->first;
    last_ = range_->last.value_or(std::numeric_limits<int64_t>::max());
    ReadMoreOfRange();
  }

  void ReadMoreOfRange() {
    Read(next_, std::min(last_ - next_, kMaxPiece - 1) + 1, &Download::GatherRange);
  }

  // A piece may be shorter than was asked for, and where output is not stored it begins later.
  void GatherRange(v1::ReadPayloadOutputResponse& piece) {
    const bool goes_on = first_.empty() || piece.offset() == next_;
    if (!goes_on || piece.data().empty() || piece.offset() > last_) return SendRange(piece.total());
    if (first_.empty()) {
      range_->first = piece.offset();
      last_ = std::min(last_, piece.offset() + kMaxPiece - 1);
    }
    first_.append(piece.data(), 0, last_ - piece.offset() + 1);
    next_ = piece.offset() + static_cast<int64_t>(piece.data().size());
    if (next_ > last_) return SendRange(piece.total());
    ReadMoreOfRange();
  }

  void SendRange(int64_t total) {
    if (first_.empty()) return RefuseRange(total);
    const int64_t last = range_->first + static_cast<int64_t>(first_.size()) - 1;
    http::Fields headers = Headers();
    headers.emplace_back("content-range", "bytes " + std::to_string(range_->first) + "-" +
                                              std::to_string(last) + "/" + std::to_string(total));
    exchange_->Respond({.status = 206, .headers = std::move(headers), .body = std::move(first_)});
  }

  void RefuseRange(int64_t total) {
    http::Response response =
        ErrorResponse(absl::OutOfRangeError("there is no output in this range"));
    response.status = 416;
    response.headers.emplace_back("content-range", "bytes */" + std::to_string(total));
    exchange_->Respond(std::move(response));
  }

  RpcClient& rpc_;
  const RpcCaller caller_;
  const v1::ReadPayloadOutputRequest request_;
  const std::shared_ptr<http::Exchange> exchange_;
  std::optional<ByteRange> range_;
  std::string first_;  // What was read of a range, or before a stream began.
  bool begun_ = false;
  int64_t next_ = 0;
  int64_t last_ = 0;  // The last byte of a range that is sent.
  int64_t total_ = 0;
};

}  // namespace

std::optional<ByteRange> ReadRange(std::string_view header) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::optional<int64_t> first = Number(header.substr(0, dash));
  const std::optional<int64_t> last = Number(header.substr(dash + 1));
  if (dash == 0) return last.has_value() ? std::optional(ByteRange{.suffix = last}) : std::nullopt;
  const bool open = dash + 1 == header.size();
  if (!first.has_value() || (!open && (!last.has_value() || *last < *first))) return std::nullopt;
  return ByteRange{.first = *first, .last = last};
}

void SendOutput(RpcClient* rpc, const RpcCaller& caller,
                const v1::ReadPayloadOutputRequest& request,
                std::shared_ptr<http::Exchange> exchange) {
  std::make_shared<Download>(rpc, caller, request, std::move(exchange))->Start();
}

}  // namespace longshore::api_http
