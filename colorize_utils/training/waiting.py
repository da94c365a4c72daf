"""Compiled steps run in a thread of their own, so that an interrupt need not wait for one that takes minutes."""

import queue
import threading
import time

import keras

PATIENCE = 4.0  # seconds that what is being computed may still take after an interrupt


class GivenUp(Exception):
    """An interrupt came, and what was being computed did not end within `PATIENCE`."""


class Stop(threading.Event):
    """Set by an interrupt; knows for how long it has been."""

    asked = None

    def set(self):
        self.asked = self.asked or time.monotonic()
        super().set()

    @property
    def overdue(self):
        """Whether whoever interrupted has waited for more than `PATIENCE`."""
        return self.is_set() and time.monotonic() - self.asked > PATIENCE


class Worker:
    """Calls functions in a thread of its own while the main thread, which alone hears of interrupts, waits for them.

    A function that is given up ends when it ends; nothing waits for it, and its result is dropped.
    """

    def __init__(self, stop):
        self._stop, self._calls, self._results = stop, queue.SimpleQueue(), queue.SimpleQueue()
        # Keras keeps these for each thread by itself.
        settings = keras.config.dtype_policy(), keras.distribution.distribution()
        threading.Thread(target=self._work, args=settings, name="steps", daemon=True).start()

    def __call__(self, function, *arguments):
        """The function's result, or its exception. `GivenUp` if an interrupt is overdue."""
        self._calls.put((function, arguments))
        while True:
            try:
                result, error = self._results.get(timeout=0.5)
            except queue.Empty:
                if self._stop.overdue:
                    raise GivenUp from None
                continue
            if error:
                raise error
            return result

    def close(self):
        """Let the thread end when it has nothing more to do."""
        self._calls.put(None)

    def _work(self, policy, distribution):
        keras.config.set_dtype_policy(policy)
        keras.distribution.set_distribution(distribution)
        while call := self._calls.get():
            function, arguments = call
            try:
                self._results.put((function(*arguments), None))
            except BaseException as error:  # noqa: BLE001  (whatever it is, the main thread raises it)
                self._results.put((None, error))
