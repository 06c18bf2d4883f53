"""What looks again and again for what is to be done, whatever goes wrong meanwhile."""

import logging
import threading
from collections.abc import Callable

PAUSE, PAUSE_AFTER_FAILURE = 0.5, 5.0


def look_until(
    stop: threading.Event, look: Callable[[], None], log: logging.Logger, failed: str
) -> None:
    """Look every half second until stopped; a look that failed is logged, and the next one waits.

    `failed` is what the log says of it.
    """
    while not stop.is_set():
        try:
            look()
            stop.wait(PAUSE)
        except Exception as error:
            log.error(failed, exc_info=error)
            stop.wait(PAUSE_AFTER_FAILURE)
