"""The end of a process that was asked to end and does not."""

import logging
import os
import threading

LAST_RESORT_S = 9.5  # from the signal on: the process is gone within ten seconds, whatever hangs
LOG_WITHIN_S = 0.2

_log = logging.getLogger("waypost")


class LastResort:
    """Ends the process when nothing else does, such as a thread that waits for a name server or for a dead disk.

    Nothing is lost by that: what was answered is stored, and what was not is found out about at the next start.
    """

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def set(self) -> None:
        """The process has been asked to end."""
        if self._timer is None:
            self._timer = threading.Timer(LAST_RESORT_S, self._end)
            self._timer.daemon = True
            self._timer.start()
            _log.info("told to stop: what runs is finished")

    def cancel(self) -> None:
        """It ends by itself."""
        if self._timer is not None:
            self._timer.cancel()
            _log.info("stopped")

    @staticmethod
    def _end() -> None:
        words = "something hangs: the process ends without waiting for it"
        telling = threading.Thread(target=_log.error, args=(words,), daemon=True)  # the log may be what hangs
        telling.start()
        telling.join(LOG_WITHIN_S)
        os._exit(1)
