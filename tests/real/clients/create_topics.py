"""Creates topics one after the other with librdkafka's admin client and tells when each one existed.

usage: create_topics.py BOOTSTRAP PREFIX [REPLICAS]
Creates PREFIX-0, PREFIX-1, ... until standard input closes. Prints {"topic","t","error"} for each
(t: ms, monotonic).
"""

import json
import select
import sys
import time

from confluent_kafka.admin import AdminClient, NewTopic

bootstrap, prefix = sys.argv[1], sys.argv[2]
replicas = int(sys.argv[3]) if len(sys.argv) > 3 else 3
admin = AdminClient(
    {
        "bootstrap.servers": bootstrap,
        "retry.backoff.ms": 50,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 200,
    }
)
count = 0
while True:
    name = f"{prefix}-{count}"
    count += 1
    error = None
    try:
        admin.create_topics([NewTopic(name, 1, replicas)], operation_timeout=5, request_timeout=5)[name].result()
    except Exception as why:
        error = str(why)
    print(json.dumps({"topic": name, "t": round(time.monotonic() * 1000), "error": error}), flush=True)
    if select.select([sys.stdin], [], [], 0.05)[0] and not sys.stdin.readline():
        break
