// What a script costs at the least: a bare libssh program, one connection a host. For each it
// connects, takes whatever host key there is, logs in, writes the script by SFTP, runs it, and
// reads output and exit status. The bench compares Longshore with it.
#include <fcntl.h>
#include <gflags/gflags.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

DEFINE_string(key, "", "File with the private key.");
DEFINE_string(script, "", "File with the script.");
DEFINE_string(remote_path, "/root/loop.sh", "Where it is put.");
DEFINE_int32(threads, 32, "How many hosts at a time.");
DEFINE_int32(times, 1, "How often the script is run over each connection.");

namespace {

void Require(bool is_so, ssh_session session, const char* what) {
  if (is_so) return;
  std::cerr << what << ": " << ssh_get_error(session) << "\n";
  std::exit(1);
}

void Write(ssh_session session, const std::string& script) {
  const sftp_session sftp = sftp_new(session);
  Require(sftp != nullptr && sftp_init(sftp) == SSH_OK, session, "sftp");
  const sftp_file file =
      sftp_open(sftp, FLAGS_remote_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0700);
  Require(file != nullptr, session, "open");
  Require(sftp_write(file, script.data(), script.size()) == static_cast<ssize_t>(script.size()),
          session, "write");
  sftp_close(file);
  sftp_free(sftp);
}

void Execute(ssh_session session) {
  const ssh_channel channel = ssh_channel_new(session);
  Require(ssh_channel_open_session(channel) == SSH_OK, session, "channel");
  Require(ssh_channel_request_exec(channel, ("bash " + FLAGS_remote_path).c_str()) == SSH_OK,
          session, "exec");
  char buffer[4096];
  while (ssh_channel_read(channel, buffer, sizeof(buffer), /*is_stderr=*/0) > 0) {
  }
  Require(ssh_channel_get_exit_status(channel) == 0, session, "exit status");
  ssh_channel_free(channel);
}

void RunOn(int port, ssh_key key, const std::string& script) {
  const ssh_session session = ssh_new();
  const int off = 0;
  ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &off);
  ssh_options_set(session, SSH_OPTIONS_HOST, "127.0.0.1");
  ssh_options_set(session, SSH_OPTIONS_PORT, &port);
  ssh_options_set(session, SSH_OPTIONS_USER, "root");
  Require(ssh_connect(session) == SSH_OK, session, "connect");
  Require(ssh_userauth_publickey(session, nullptr, key) == SSH_AUTH_SUCCESS, session, "login");
  for (int i = 0; i < FLAGS_times; ++i) {
    Write(session, script);
    Execute(session);
  }
  ssh_disconnect(session);
  ssh_free(session);
}

}  // namespace

int main(int argc, char** argv) {
  gflags::SetUsageMessage("loop [FLAGS] PORT ...");
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  std::ifstream file(FLAGS_script, std::ios::binary);
  const std::string script{std::istreambuf_iterator<char>(file), {}};
  ssh_key key = nullptr;
  if (ssh_pki_import_privkey_file(FLAGS_key.c_str(), "", nullptr, nullptr, &key) != SSH_OK) {
    return 1;
  }
  std::atomic<int> next = 1;
  std::vector<std::thread> threads;
  threads.reserve(FLAGS_threads);
  for (int i = 0; i < FLAGS_threads; ++i) {
    threads.emplace_back([&] {
      for (int host = next++; host < argc; host = next++) RunOn(std::atoi(argv[host]), key, script);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ssh_key_free(key);
  return 0;
}
