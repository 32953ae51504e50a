#!/usr/bin/env bash
# Apache Kafka 4.3.0's jars, from Maven Central, for the tests that compare with it.
#
#   kafka.sh             fetches them once and prints their folder
#   kafka.sh CLASS ARGS  runs one of Kafka's tools, such as
#                        org.apache.kafka.tools.TopicCommand --bootstrap-server 127.0.0.1:9092 --list
#
# KAFKA_LIBS names another folder. Needs Java 17, and Maven for the first run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
libs=${KAFKA_LIBS:-${XDG_CACHE_HOME:-$HOME/.cache}/kafka-4.3.0}

if [ ! -e "$libs/kafka_2.13-4.3.0.jar" ]; then
  # Copied aside first: a folder that exists is complete.
  mkdir -p "$(dirname "$libs")"
  draft=$(mktemp -d "$libs.XXXXXX")
  mvn --quiet --file "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$draft" >&2
  rm -rf "$libs"
  mv "$draft" "$libs"
fi

if [ $# -eq 0 ]; then
  echo "$libs"
else
  exec java -Xmx512m -cp "$libs/*" "$@"
fi
