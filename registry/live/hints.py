"""Hears that something was released, from Valkey. Only a hint: whoever misses one reads the same a moment later."""

import itertools
import logging
import threading
from collections.abc import Callable

import redis

log = logging.getLogger(__name__)

CHANNEL = "registry:releases"
"""Where hints of new releases are published: {"environment", "integration", "number"}."""
AGAIN_AFTER_S = 1.0


class Hints(threading.Thread):
    """Calls `wake` whenever something is published, for as long as the process lives."""

    def __init__(self, url: str, wake: Callable[[], None]) -> None:
        super().__init__(name="hints", daemon=True)
        self.url, self.wake = url, wake
        self.ended = threading.Event()

    def run(self) -> None:
        is_new = True
        while not self.ended.is_set():
            try:
                self._listen()
            except (redis.RedisError, OSError) as problem:
                if is_new:
                    log.warning("no hints of releases: %s. They are found by asking.", type(problem).__name__)
                is_new = False
                self.ended.wait(AGAIN_AFTER_S)
            else:
                is_new = True

    def _listen(self) -> None:
        with redis.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=20) as client:
            pubsub = client.pubsub(ignore_subscribe_messages=True)
            pubsub.subscribe(CHANNEL)
            self.wake()
            for quiet_s in itertools.count(1):
                if self.ended.is_set():
                    return
                if pubsub.get_message(timeout=1):
                    self.wake()
                elif quiet_s % 15 == 0:
                    # A connection that is half gone says nothing either.
                    pubsub.ping()

    def stop(self) -> None:
        self.ended.set()
