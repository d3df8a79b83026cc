#!/usr/bin/env bash
# Installs the Debian packages that are missing and npm's, each by its group; docs/dependencies.md says why each is there.
# Usage: install.sh build|test|presubmit|coverage|bench|picture|package ...
set -euo pipefail

build_packages=(bazel-bootstrap bazel-rules-proto bazel-rules-java bazel-skylib g++ libgrpc++-dev protobuf-compiler-grpc
  protobuf-compiler libprotobuf-dev libprotoc-dev libabsl-dev libpq-dev libssh-dev libssl-dev libgflags-dev
  libgoogle-glog-dev libcli11-dev libyaml-cpp-dev nlohmann-json3-dev libboost1.81-dev prometheus-cpp-dev libcurl4-openssl-dev
  libsystemd-dev libgtest-dev libgmock-dev)
run_packages=(postgresql openssl openssh-server openssh-client util-linux procps ansible-core)
test_packages=(pgbouncer chromium chromium-driver python3-selenium e2fsprogs sudo python3-grpcio python3-protobuf python3-yaml
  python3-jsonschema prometheus iproute2 git binutils faketime zsh fish spin gcc protoc-gen-go protoc-gen-go-grpc
  protobuf-compiler-grpc-java-plugin default-jdk-headless libprotobuf-java libgrpc-java libgeronimo-annotation-1.3-spec-java
  debhelper dpkg-dev lintian systemd systemd-container man-db file)
presubmit_packages=(git clang clang-format clang-tidy flake8 shellcheck)
# A Node.js from elsewhere brings its own npm, and conflicts with Debian's.
if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
  build_packages+=(nodejs npm)
  presubmit_packages+=(nodejs npm)
fi
coverage_packages=(gcovr)
bench_packages=(ansible-core pssh python3-asyncssh wrk)
picture_packages=(gnuplot-nox)
package_packages=(debhelper dpkg-dev lintian python3)

wanted=()
npm=no
for group in "$@"; do
  case $group in
    build) wanted+=("${build_packages[@]}" "${run_packages[@]}") ;;
    test)
      wanted+=("${build_packages[@]}" "${run_packages[@]}" "${test_packages[@]}")
      npm=yes
      ;;
    presubmit)
      wanted+=("${presubmit_packages[@]}")
      npm=yes
      ;;
    coverage) wanted+=("${coverage_packages[@]}") ;;
    bench) wanted+=("${bench_packages[@]}") ;;
    picture) wanted+=("${picture_packages[@]}") ;;
    package) wanted+=("${package_packages[@]}") ;;
    *)
      echo "install.sh: '$group' is not one of build, test, presubmit, coverage, bench, picture, package" >&2
      exit 2
      ;;
  esac
done

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # Installing postgresql must not start a server of its own: every one that Longshore uses here is private.
  mkdir -p /etc/postgresql-common
  cluster_settings=/etc/postgresql-common/createcluster.conf
  [ -e $cluster_settings ] || echo 'create_main_cluster = false' > $cluster_settings
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
if [ $npm = yes ]; then "$(dirname "$0")/npm.sh" > /dev/null; fi
