"""Log records of workers travel over the board: only the supervisor prints."""

from __future__ import annotations

import logging
from contextlib import suppress

from dashcam_pipeline.engine.board import LogLine, RunBoard

_FORMATTER = logging.Formatter()


class _BoardHandler(logging.Handler):
    def __init__(self, board: RunBoard, worker_id: str) -> None:
        super().__init__()
        self._board = board
        self._worker_id = worker_id

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + _FORMATTER.formatException(record.exc_info)
        line = LogLine(record.created, record.levelno, self._worker_id, record.name, text)
        with suppress(EOFError, OSError):  # the Manager is gone, and so will be this worker
            self._board.log(line)


def log_to_board(board: RunBoard, worker_id: str, level: int) -> None:
    """In a worker: send everything from `level` on to the board, and nothing anywhere else."""
    root = logging.getLogger()
    root.handlers[:] = [_BoardHandler(board, worker_id)]
    root.setLevel(level)


def pass_on_logs(board: RunBoard) -> None:
    """In the supervisor: handle what workers have logged since the last call as if it had been logged here."""
    for line in board.drain_log():
        record = logging.LogRecord(line.logger, line.level, line.worker_id, 0, line.message, None, None)
        record.created = line.time_s
        record.processName = line.worker_id
        logging.getLogger(line.logger).handle(record)
