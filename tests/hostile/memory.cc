#include "tests/hostile/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <functional>
#include <new>

namespace longshore::hostile {
namespace {

// 0 is an empty place.
uint64_t Hash(std::string_view text) { return std::hash<std::string_view>()(text) | 1; }

}  // namespace

Memory* Memory::Create() {
  void* mapped =
      mmap(nullptr, sizeof(Memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) abort();
  return new (mapped) Memory();
}

void Memory::Add(Hashes* hashes, std::string_view text) {
  const uint64_t hash = Hash(text);
  for (std::atomic<uint64_t>& place : *hashes) {
    uint64_t empty = 0;
    if (place.compare_exchange_strong(empty, hash) || empty == hash) return;
  }
}

bool Memory::Has(const Hashes& hashes, std::string_view text) {
  const uint64_t hash = Hash(text);
  for (const std::atomic<uint64_t>& place : hashes) {
    if (place == hash) return true;
  }
  return false;
}

}  // namespace longshore::hostile
