#include <sys/socket.h>
#include <unistd.h>

#include "tests/hostile/behaviours.h"

namespace longshore::hostile {
namespace {

// Before SSH.

void WaitForTheEnd(int fd) {
  char buffer[4096];
  while (recv(fd, buffer, sizeof(buffer), 0) > 0) {
  }
}

void SendText(int fd, const std::string& text) { send(fd, text.data(), text.size(), 0); }

void Silent(Lies* lies) { lies->instead_of_ssh = WaitForTheEnd; }

void SilentAfterBanner(Lies* lies) {
  lies->instead_of_ssh = [](int fd) {
    SendText(fd, "SSH-2.0-silent\r\n");
    WaitForTheEnd(fd);
  };
}

void EndlessBanner(Lies* lies) {
  lies->instead_of_ssh = [](int fd) {
    const std::string line = std::string(200, 'x') + "\r\n";
    while (send(fd, line.data(), line.size(), 0) > 0) {
    }
  };
}

// The connection of each number is closed at the moment of that number; what comes after all of
// them is right.
void ClosesInTheMiddle(Lies* lies) {
  lies->at = [](Moment moment, int connection) {
    if (static_cast<int>(moment) == connection) _exit(0);
  };
}

void ClosesForever(Lies* lies) {
  lies->at = [](Moment moment, int) {
    if (moment == Moment::kPrinting) _exit(0);
  };
}

constexpr Behaviour kBehaviours[] = {
    {"silent", Silent},
    {"silent_after_banner", SilentAfterBanner},
    {"endless_banner", EndlessBanner},
    {"closes_in_the_middle", ClosesInTheMiddle},
    {"closes_forever", ClosesForever},
};

}  // namespace

std::span<const Behaviour> LinkBehaviours() { return kBehaviours; }

}  // namespace longshore::hostile
