// What the processes of the hostile instance, one for each connection, know together.
#ifndef LONGSHORE_TESTS_HOSTILE_MEMORY_H_
#define LONGSHORE_TESTS_HOSTILE_MEMORY_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace longshore::hostile {

// Lives in memory that the processes share. It keeps sets of hashes, because there are only a few
// runs.
class Memory {
 public:
  // Creates one in a new shared mapping, which lasts as long as the processes.
  static Memory* Create();

  void SetPlaced(std::string_view path) { Add(&placed_, path); }
  bool Placed(std::string_view path) const { return Has(placed_, path); }
  void SetStarted(std::string_view run) { Add(&started_, run); }
  bool Started(std::string_view run) const { return Has(started_, run); }
  // Gives this process's connection its number, which counts from 0. Other processes do not see it.
  void Connected() { mine_ = connections_++; }
  static int connection() { return mine_; }

 private:
  using Hashes = std::array<std::atomic<uint64_t>, 1024>;
  static void Add(Hashes* hashes, std::string_view text);
  static bool Has(const Hashes& hashes, std::string_view text);

  Hashes placed_ = {};
  Hashes started_ = {};
  std::atomic<int> connections_ = 0;
  inline static int mine_ = 0;
};

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_MEMORY_H_
