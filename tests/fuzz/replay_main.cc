// Runs a fuzz target without libFuzzer: its seeds, many mutations of them (always the same), and
// the files named on the command line, for example a crash that libFuzzer found. With
// --write_seeds=DIR it writes the seeds there for libFuzzer instead.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace longshore::fuzz {
namespace {

constexpr int kMutations = 30000;

void Try(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// One small change of the kinds that libFuzzer makes.
std::string Mutate(std::string input, const std::vector<std::string>& seeds, std::mt19937* random) {
  const auto below = [&](size_t limit) { return limit == 0 ? 0 : (*random)() % limit; };
  const size_t at = below(input.size() + 1);
  switch (below(6)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
      break;
    case 1:
      input.insert(at, 1, static_cast<char>(below(256)));
      break;
    case 2:
      input.erase(at, 1 + below(8));
      break;
    case 3:
      input.resize(at);
      break;
    case 4:
      input.insert(at, input.substr(below(input.size()), below(64)));
      break;
    default: {
      const std::string& other = seeds[below(seeds.size())];
      input.replace(at, std::string::npos, other.substr(std::min(at, other.size())));
    }
  }
  return input;
}

int WriteSeeds(const std::string& directory) {
  int number = 0;
  for (const std::string& seed : Seeds()) {
    std::ofstream file(directory + "/seed" + std::to_string(number++), std::ios::binary);
    file << seed;
    if (!file.flush()) {
      fprintf(stderr, "cannot write to %s\n", directory.c_str());
      return 1;
    }
  }
  return 0;
}

int Main(const std::vector<std::string>& arguments) {
  constexpr char kWriteSeeds[] = "--write_seeds=";
  for (const std::string& argument : arguments) {
    if (argument.rfind(kWriteSeeds, 0) == 0) {
      return WriteSeeds(argument.substr(strlen(kWriteSeeds)));
    }
    std::ifstream file(argument, std::ios::binary);
    if (!file) {
      fprintf(stderr, "cannot read %s\n", argument.c_str());
      return 1;
    }
    Try(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  if (!arguments.empty()) return 0;
  const std::vector<std::string> seeds = Seeds();
  Try("");
  for (const std::string& seed : seeds) Try(seed);
  std::mt19937 random(1);
  std::string input;
  for (int i = 0; i < kMutations; ++i) {
    // A few changes on top of each other, then from a seed again.
    if (i % 8 == 0) input = seeds[random() % seeds.size()];
    input = Mutate(std::move(input), seeds, &random);
    Try(input);
  }
  printf("%zu seeds and %d mutations of them ran\n", seeds.size(), kMutations);
  return 0;
}

}  // namespace
}  // namespace longshore::fuzz

int main(int argc, char** argv) {
  return longshore::fuzz::Main(std::vector<std::string>(argv + 1, argv + argc));
}
