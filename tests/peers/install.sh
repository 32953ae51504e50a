#!/usr/bin/env bash
# Brings what some suites need beside Node: NATS, kcat, librdkafka's Python client, foreman, Java,
# Go, Kafka's jars, and Node 24 with @platformatic/kafka. On Debian and Ubuntu by apt (as root, or by
# sudo); elsewhere it says what to install. Suites whose software is missing skip themselves.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
packages=(nats-server kcat python3-confluent-kafka ruby-foreman default-jre-headless maven)
# Often here already, and newer than the system's.
command -v go >/dev/null || packages+=(golang-go)

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
if command -v apt-get >/dev/null; then
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"
  fi
else
  echo "no apt here; install by hand: ${packages[*]}" >&2
fi

"$root/tests/peers/kafka.sh" >/dev/null

# Not among the project's dependencies: a package named node would shadow the node of every script.
peers="$root/.cache/peers"
if [ ! -e "$peers/node_modules/node/bin/node" ] || [ ! -e "$peers/node_modules/@platformatic/kafka" ]; then
  mkdir -p "$peers"
  [ -e "$peers/package.json" ] || echo '{ "private": true }' > "$peers/package.json"
  npm install --prefix "$peers" --no-audit --no-fund --loglevel=error node@24 @platformatic/kafka@2
fi
echo "all peers are here"
