#include "tests/hostile/runner.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace longshore::hostile {
namespace {

constexpr char kOutput[] = "hello\n";

// The words of a command, as a shell takes single quotes and backslashes.
std::vector<std::string> ShellWords(std::string_view command) {
  std::vector<std::string> words;
  bool in_word = false;
  bool quoted = false;
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (!quoted && c == ' ') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '\'') {
      quoted = !quoted;
    } else if (!quoted && c == '\\' && i + 1 < command.size()) {
      words.back() += command[++i];
    } else {
      words.back() += c;
    }
  }
  return words;
}

}  // namespace

std::optional<RunnerArguments> ParseRunnerCommand(std::string_view command) {
  // exec bash --norc -p -c RUNNER longshore MODE NONCE RUN REMOTE_PATH SHA256 TIMEOUT OFFSET HEAD
  // TAIL GO_LIMIT UPLOAD
  const std::vector<std::string> words = ShellWords(command);
  if (words.size() < 18 || words[6] != "longshore") return std::nullopt;
  return RunnerArguments{.mode = words[7],
                         .nonce = words[8],
                         .run = words[9],
                         .remote_path = words[10],
                         .offset = std::atoll(words[13].c_str()),
                         .upload = words[17]};
}

Runner::Runner(const Lies& lies, Memory* memory, ssh_session session, ssh_channel channel,
               RunnerArguments arguments)
    : lies_(lies),
      memory_(*memory),
      session_(session),
      channel_(channel),
      arguments_(std::move(arguments)) {}

void Runner::Say(std::string_view record) { SayRaw(nonce() + std::string(record) + "\n"); }

void Runner::SayRaw(std::string_view bytes) {
  if (ssh_channel_write_stderr(channel_, bytes.data(), bytes.size()) < 0) _exit(0);
}

void Runner::Print(std::string_view output) {
  if (ssh_channel_write(channel_, output.data(), output.size()) < 0) _exit(0);
}

void Runner::Running(const std::string& offset) {
  Say("running " + offset);
  Print(arguments_.nonce + "\n");
}

std::optional<std::string> Runner::NextCommand() {
  size_t newline;
  while ((newline = unread_.find('\n')) == std::string::npos) {
    char buffer[256];
    const int n = ssh_channel_read(channel_, buffer, sizeof(buffer), 0);
    if (n <= 0) return std::nullopt;
    unread_.append(buffer, n);
  }
  std::string command = unread_.substr(0, newline);
  unread_.erase(0, newline + 1);
  return command;
}

void Runner::Serve() {
  if (arguments_.mode == "clean") {
    Say("cleaned");
  } else if (const bool started = memory_.Started(arguments_.run);
             !started && arguments_.mode == "attach") {
    Say("absent");
  } else if (!started && lies_.start) {
    lies_.start(this);
    ObeyUntilTheEnd();
  } else if (started || Start()) {
    Follow();
  }
}

// True when there is a run to follow.
bool Runner::Start() {
  if (arguments_.upload.empty() && !memory_.Placed(arguments_.remote_path)) {
    Say("need-script");
    return false;
  }
  Say("ready");
  lies_.at(Moment::kReady, memory_.connection());
  if (NextCommand() != "go") return false;
  memory_.SetPlaced(arguments_.remote_path);
  if (arguments_.mode == "place") {
    Say("placed");
    return false;
  }
  memory_.SetStarted(arguments_.run);
  lies_.at(Moment::kToldToGo, memory_.connection());
  return true;
}

void Runner::Follow() {
  if (lies_.run) {
    lies_.run(this);
    ObeyUntilTheEnd();
    return;
  }
  const int connection = memory_.connection();
  Running(std::to_string(arguments_.offset));
  lies_.at(Moment::kRunning, connection);
  const std::string left =
      std::string(kOutput).substr(std::min<size_t>(arguments_.offset, sizeof(kOutput) - 1));
  Print(left.substr(0, left.size() / 2));
  lies_.at(Moment::kPrinting, connection);
  Print(left.substr(left.size() / 2));
  lies_.at(Moment::kPrinted, connection);
  End();
  lies_.at(Moment::kEnded, connection);
  ObeyUntilTheEnd();
}

void Runner::ObeyUntilTheEnd() {
  while (const std::optional<std::string> command = NextCommand()) {
    if (command == "ping") Say("alive");
    if (command == "clean" && lies_.obeys) {
      Say("cleaned");
      return;
    }
  }
}

}  // namespace longshore::hostile
