#include "api_server/http/api_descriptors.h"

#include <glog/logging.h>
#include <google/protobuf/descriptor.pb.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace longshore::api_http {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

// A FileDescriptorSet with its source info, made by the build.
constexpr unsigned char kDescriptorSet[] = {
#include "api_server/http/descriptor_set.inc"
};

const DescriptorPool& Pool() {
  static const auto* const kPool = [] {
    FileDescriptorSet set;
    CHECK(set.ParseFromArray(kDescriptorSet, sizeof(kDescriptorSet)));
    auto* pool = new DescriptorPool();
    for (const auto& file : set.file()) CHECK(pool->BuildFile(file) != nullptr) << file.name();
    return pool;
  }();
  return *kPool;
}

}  // namespace

const MethodDescriptor& DescribedMethod(std::string_view name) {
  const MethodDescriptor* method = Pool().FindMethodByName("longshore.v1." + std::string(name));
  CHECK(method != nullptr) << name;
  return *method;
}

template <typename Descriptor>
std::string CommentOf(const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return "";
  const std::string& comment =
      location.leading_comments.empty() ? location.trailing_comments : location.leading_comments;
  std::vector<std::string> lines = absl::StrSplit(comment, '\n');
  for (std::string& line : lines) absl::StripAsciiWhitespace(&line);
  std::string paragraph = absl::StrJoin(lines, " ");
  absl::StripAsciiWhitespace(&paragraph);
  return paragraph;
}

template std::string CommentOf(const google::protobuf::Descriptor&);
template std::string CommentOf(const EnumDescriptor&);
template std::string CommentOf(const EnumValueDescriptor&);
template std::string CommentOf(const FieldDescriptor&);
template std::string CommentOf(const MethodDescriptor&);
template std::string CommentOf(const ServiceDescriptor&);

}  // namespace longshore::api_http
