"""Every error a user can meet, and the exit codes of the `dashcam` command.

An error's text says what was wrong with which file, key or value, and what to do.
"""

from __future__ import annotations

EXIT_OK = 0  # every video was read to its end
EXIT_SOME_FAILED = 1  # at least one video failed or was only partly readable; the others are done
EXIT_NOTHING_FOUND = 1  # a search found nothing, as grep says it
EXIT_BAD_INPUT = 2  # bad arguments, bad configuration, or no video in what was given
EXIT_ENVIRONMENT = 3  # database, weights, disk or an engine is not usable on this host
EXIT_INTERNAL = 70  # a fault of this program (EX_SOFTWARE of sysexits.h); the traceback is shown
EXIT_STOPPED = 130  # the user stopped the run (128 + SIGINT, the shells' convention)


class DashcamError(Exception):
    """Root of all errors that end in one clear line instead of a traceback."""

    exit_code = EXIT_ENVIRONMENT


class BadInput(DashcamError):
    """The arguments name nothing that can be worked on."""

    exit_code = EXIT_BAD_INPUT


class ConfigError(DashcamError):
    """A setting is unknown or has a value it can't have."""

    exit_code = EXIT_BAD_INPUT


class SettingsDiffer(BadInput):
    """Results are there that were made with other settings or models, and nothing says what to do with them."""


class WeightsMissing(DashcamError):
    """A model file that the configuration asks for is not on this host."""


class WeightsCorrupt(DashcamError):
    """A model file has another checksum than the manifest."""


class EngineUnavailable(DashcamError):
    """The inference engine or device that was asked for can't be had on this host."""


class LibraryMissing(DashcamError):
    """A library that only some installations have is needed for what was asked for."""


class DatabaseUnavailable(DashcamError):
    """The database can't be reached, refuses us, or can't be started."""


class DiskUnavailable(DashcamError):
    """A folder can't be written to, or has too little space left."""


class WorkDirBusy(DashcamError):
    """Another run is using this work dir."""


class VideoUnreadable(DashcamError):
    """A video can't be opened or decoded at all. The run goes on with the others."""

    exit_code = EXIT_BAD_INPUT

    def __init__(self, video: str, reason: str) -> None:
        super().__init__(video, reason)
        self.video = video  # its path, printable
        self.reason = reason  # one line, without the path

    def __str__(self) -> str:
        return f"{self.video}: {self.reason}"
