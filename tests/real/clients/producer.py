"""An idempotent librdkafka producer that tells what was acknowledged, and when.

usage: producer.py BOOTSTRAP TOPIC PARTITIONS RATE
Writes values 'PARTITION:SEQUENCE' round the partitions, RATE records a second, until standard
input closes; then flushes. Prints one JSON line for each acknowledgement, {"p","o","v","t"} (t: ms,
monotonic), for each refusal {"refused","v"}, and at the end {"done": true, "unknown": records left}.
"""

import json
import select
import sys
import time

from confluent_kafka import Producer

bootstrap, topic, partitions, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
producer = Producer(
    {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 1,
        "retry.backoff.ms": 50,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 200,
        "message.timeout.ms": 120000,
    }
)
out = sys.stdout


def told(error, message):
    if error is not None:
        out.write(json.dumps({"refused": str(error), "v": message.value().decode()}) + "\n")
        return
    out.write(
        json.dumps(
            {
                "p": message.partition(),
                "o": message.offset(),
                "v": message.value().decode(),
                "t": round(time.monotonic() * 1000),
            }
        )
        + "\n"
    )


started = time.monotonic()
sent = 0
stopping = False
while not stopping:
    due = int((time.monotonic() - started) * rate)
    while sent < due:
        partition = sent % partitions
        try:
            producer.produce(topic, f"{partition}:{sent // partitions}", partition=partition, callback=told)
        except BufferError:
            break
        sent += 1
    producer.poll(0.005)
    out.flush()
    if select.select([sys.stdin], [], [], 0)[0] and not sys.stdin.readline():
        stopping = True
left = producer.flush(120)
out.write(json.dumps({"done": True, "unknown": left, "sent": sent}) + "\n")
out.flush()
