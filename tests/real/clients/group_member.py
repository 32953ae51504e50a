"""A member of a consumer group: prints what it reads, what it owns, and leaves when told to.

group_member.py BOOTSTRAP GROUP TOPIC
"""
import signal
import sys

from confluent_kafka import Consumer

bootstrap, group, topic = sys.argv[1:4]
consumer = Consumer(
    {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "auto.commit.interval.ms": 200,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 300,
    }
)
going = True


def leave(*_):
    global going
    going = False


signal.signal(signal.SIGTERM, leave)


def owned(_, partitions):
    print("owns", ",".join(str(p.partition) for p in partitions), flush=True)


consumer.subscribe([topic], on_assign=owned)
while going:
    message = consumer.poll(0.1)
    if message is None:
        continue
    if message.error():
        print("error", message.error(), flush=True)
        continue
    print("read", message.partition(), message.offset(), message.value().decode(), flush=True)
consumer.close()
print("left", flush=True)
