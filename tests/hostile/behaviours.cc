#include "tests/hostile/behaviours.h"

namespace longshore::hostile {
namespace {

void Right(Lies*) {}

constexpr Behaviour kRight = {"right", Right};

}  // namespace

std::string Garbage(size_t size) {
  static const std::string piece = "\xff\xfe\x80 \x1b]52;c;ZXZpbA==\x07 \x01\x02\x7f\xc2\x9b ";
  std::string garbage;
  while (garbage.size() < size) garbage += piece;
  garbage.resize(size);
  return garbage;
}

const Behaviour* FindBehaviour(std::string_view name) {
  if (name == kRight.name) return &kRight;
  for (const auto& behaviours : {LinkBehaviours(), SftpBehaviours(), RunBehaviours()}) {
    for (const Behaviour& behaviour : behaviours) {
      if (name == behaviour.name) return &behaviour;
    }
  }
  return nullptr;
}

}  // namespace longshore::hostile
