// Whose rows a caller may see.
#ifndef LONGSHORE_STORAGE_SCOPE_H_
#define LONGSHORE_STORAGE_SCOPE_H_

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "storage/connection.h"

namespace longshore::storage {

// The projects of a caller. Every read that serves a caller takes a Scope, which has no default;
// what is outside of it does not exist for that caller.
class Scope {
 public:
  // In the projects of a token: every project.
  static constexpr char kEveryProject[] = "*";

  // Of the server's own work, of callers without tokens, and of tokens for every project.
  static Scope Everything() { return Scope({kEveryProject}); }
  static Scope Of(std::vector<std::string> projects) { return Scope(std::move(projects)); }

  bool has_everything() const { return Has(kEveryProject); }
  bool Contains(const std::string& project) const { return has_everything() || Has(project); }
  const std::vector<std::string>& projects() const { return projects_; }

  bool operator==(const Scope&) const = default;

  // Sets the parameters of the fragments in_scope and deployment_in_scope (fragments.sql).
  Params& AddTo(Params& params) const {
    return params.Bool("every_project", has_everything()).Texts("scope", projects_);
  }

 private:
  explicit Scope(std::vector<std::string> projects) : projects_(std::move(projects)) {}
  bool Has(const std::string& project) const {
    return std::find(projects_.begin(), projects_.end(), project) != projects_.end();
  }

  std::vector<std::string> projects_;
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_SCOPE_H_
