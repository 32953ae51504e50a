"""Asks for transactions and prints how that is refused: transactional.py BOOTSTRAP"""
import sys

from confluent_kafka import KafkaException, Producer

producer = Producer({"bootstrap.servers": sys.argv[1], "transactional.id": "mine"})
try:
    producer.init_transactions(10)
    print("granted")
except KafkaException as why:
    print("refused", why.args[0].name(), why.args[0].str())
