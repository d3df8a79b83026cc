// Secrets and the like, each on the first line of a file of its own.
#ifndef LONGSHORE_COMMON_FIRST_LINE_H_
#define LONGSHORE_COMMON_FIRST_LINE_H_

#include <string>

namespace longshore {

// Returns the first line of the file, without blanks around it; empty when it cannot be read.
std::string FirstLine(const std::string& path);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_FIRST_LINE_H_
