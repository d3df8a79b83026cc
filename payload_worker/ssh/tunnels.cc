#include "payload_worker/ssh/tunnels.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "common/descriptor.h"
#include "payload_worker/ssh/errors.h"

namespace longshore::ssh {
namespace {

constexpr size_t kShareBytes = size_t{32} * 1024;
constexpr uint64_t kWake = 0;
// What a host may send besides the connection's bytes: some for each packet, of which a byte may
// need one, and some besides. More is a flood.
constexpr uint64_t kMaxOverheadFactor = 128;
constexpr uint64_t kMaxOverheadBytes = 16 << 20;

// What epoll tells of a descriptor: of which tunnel, and of which of its ends.
uint64_t TagOf(int64_t id, bool is_local) {
  return static_cast<uint64_t>(id) << 1 | (is_local ? 1 : 0);
}

}  // namespace

struct Tunnels::Tunnel {
  Tunnel(std::unique_ptr<Session> session, Descriptor near)
      : host(std::move(session)), local(std::move(near)), socket(dup(host->fd())) {}
  ~Tunnel() {
    // libssh may have closed its own descriptor.
    if (socket.get() >= 0) shutdown(socket.get(), SHUT_RDWR);
  }

  std::unique_ptr<Session> host;
  Descriptor local;
  // The host's, for epoll: libssh may close its own at any time, and epoll would go on with what
  // another descriptor keeps open.
  Descriptor socket;
  std::string up;           // From `local`, not yet taken by the host's window.
  std::string down;         // From the host, not yet taken by `local`.
  bool host_ended = false;  // Nothing more comes after `down`.
  bool is_watched = false;  // `socket` is in epoll.
};

Tunnels::Tunnels()
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = kWake}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
  thread_ = std::thread([this] { EventLoop(); });
}

Tunnels::~Tunnels() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_fd_, 1);
  thread_.join();
  tunnels_.clear();
  close(epoll_fd_);
  close(wake_fd_);
}

absl::StatusOr<int> Tunnels::Add(std::unique_ptr<Session> host) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Unreachable(std::string("cannot make a pair of sockets: ") + std::strerror(errno));
  }
  Descriptor near(ends[0]);
  auto tunnel = std::make_unique<Tunnel>(std::move(host), Descriptor(ends[1]));
  if (tunnel->socket.get() < 0) {
    return Unreachable(std::string("cannot watch a socket: ") + std::strerror(errno));
  }
  tunnel->host->SetNonBlocking();
  for (const int fd : {tunnel->host->fd(), ends[1]}) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  {
    MutexLock lock(&mutex_);
    added_.push_back(std::move(tunnel));
  }
  eventfd_write(wake_fd_, 1);
  return near.Release();
}

bool Tunnels::TakeAdded() {
  std::vector<std::unique_ptr<Tunnel>> added;
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
    added.swap(added_);
  }
  for (std::unique_ptr<Tunnel>& tunnel : added) {
    const int64_t id = ++last_id_;
    epoll_event event = {.events = EPOLLIN, .data = {.u64 = TagOf(id, /*is_local=*/true)}};
    epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, tunnel->local.get(), &event);
    tunnels_[id] = std::move(tunnel);
    unread_.insert(id);
  }
  return true;
}

void Tunnels::EventLoop() {
  Events events;
  while (true) {
    const int count = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()),
                                 unread_.empty() ? -1 : 0);
    eventfd_t value;
    eventfd_read(wake_fd_, &value);
    std::set<int64_t> ready;
    ready.swap(unread_);
    if (!TakeAdded()) return;
    for (int i = 0; i < count; ++i) {
      const uint64_t tag = events[i].data.u64;
      const auto id = static_cast<int64_t>(tag >> 1);
      if (tag == kWake) continue;
      ready.insert(id);
      // Nobody reads any more what is still to come.
      if ((tag & 1) != 0 && (events[i].events & (EPOLLHUP | EPOLLERR)) != 0) Erase(id);
    }
    for (const int64_t id : ready) {
      const auto found = tunnels_.find(id);
      if (found == tunnels_.end()) continue;
      Tunnel* tunnel = found->second.get();
      const Progress progress = Move(tunnel);
      if (progress == Progress::kEnded) {
        Erase(id);
        continue;
      }
      if (progress == Progress::kSome) unread_.insert(id);
      Watch(id, tunnel);
    }
  }
}

void Tunnels::Erase(int64_t id) {
  const auto found = tunnels_.find(id);
  if (found == tunnels_.end()) return;
  // The connection may have another descriptor still (Session::first_socket).
  Tunnel& tunnel = *found->second;
  if (tunnel.is_watched) epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, tunnel.socket.get(), nullptr);
  tunnels_.erase(found);
}

void Tunnels::Watch(int64_t id, Tunnel* tunnel) {
  const bool is_full = tunnel->host->IsWritePending();
  const bool reads_local = tunnel->up.empty() && !is_full;
  epoll_event local = {.data = {.u64 = TagOf(id, /*is_local=*/true)}};
  if (reads_local) local.events |= EPOLLIN;
  if (!tunnel->down.empty()) local.events |= EPOLLOUT;
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, tunnel->local.get(), &local);

  epoll_event host = {.data = {.u64 = TagOf(id, /*is_local=*/false)}};
  if (tunnel->down.empty() && !tunnel->host_ended) host.events |= EPOLLIN;
  if (is_full) host.events |= EPOLLOUT;
  const bool is_wanted = host.events != 0;
  // What is watched for nothing still tells its end, again and again.
  if (is_wanted || tunnel->is_watched) {
    const int change = !is_wanted           ? EPOLL_CTL_DEL
                       : tunnel->is_watched ? EPOLL_CTL_MOD
                                            : EPOLL_CTL_ADD;
    epoll_ctl(epoll_fd_, change, tunnel->socket.get(), &host);
  }
  tunnel->is_watched = is_wanted;
}

Tunnels::Progress Tunnels::MoveToHost(Tunnel* tunnel) {
  tunnel->host->Flush();
  if (tunnel->up.empty() && !tunnel->host->IsWritePending()) {
    char buffer[kShareBytes];
    const ssize_t n = recv(tunnel->local.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return Progress::kEnded;
    if (n > 0) tunnel->up.assign(buffer, static_cast<size_t>(n));
  }
  if (tunnel->up.empty()) return Progress::kNone;
  const auto taken = tunnel->host->WriteSome(tunnel->up);
  if (!taken.ok()) {
    // What it has sent before its end is still passed on.
    tunnel->up.clear();
    return tunnel->host_ended ? Progress::kEnded : Progress::kNone;
  }
  tunnel->up.erase(0, *taken);
  return *taken > 0 ? Progress::kSome : Progress::kNone;
}

Tunnels::Progress Tunnels::MoveFromHost(Tunnel* tunnel) {
  Session& host = *tunnel->host;
  if (tunnel->down.empty() && !tunnel->host_ended) {
    const uint64_t received = host.bytes_received();
    const auto open = host.Read(Session::Stream::kOutput, &tunnel->down);
    std::string noise;
    const auto open_too = host.Read(Session::Stream::kError, &noise);
    if (!noise.empty() ||
        host.bytes_received() > kMaxOverheadFactor * host.bytes_read() + kMaxOverheadBytes) {
      return Progress::kEnded;
    }
    const bool came = host.bytes_received() != received || !tunnel->down.empty();
    // What has come for the one stream with the other's read is there still.
    tunnel->host_ended = !came && (!open.ok() || !*open || !open_too.ok());
    if (!came) return tunnel->host_ended ? Progress::kEnded : Progress::kNone;
  }
  if (tunnel->down.empty()) return Progress::kSome;
  const ssize_t n = send(tunnel->local.get(), tunnel->down.data(), tunnel->down.size(),
                         MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) return Progress::kEnded;
  if (n > 0) tunnel->down.erase(0, static_cast<size_t>(n));
  return tunnel->down.empty() ? Progress::kSome : Progress::kNone;
}

Tunnels::Progress Tunnels::Move(Tunnel* tunnel) {
  const Progress to_host = MoveToHost(tunnel);
  if (to_host == Progress::kEnded) return to_host;
  const Progress from_host = MoveFromHost(tunnel);
  return from_host == Progress::kNone ? to_host : from_host;
}

}  // namespace longshore::ssh
