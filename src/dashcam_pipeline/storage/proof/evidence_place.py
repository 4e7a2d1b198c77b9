"""Where the evidence pictures of a run lie now: in its work dir, or in the one in use when they were moved there."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EvidencePlace:
    """The work dirs in which the pictures of a run can lie."""

    recorded: str | None  # work dir of the run, as it was then
    host: str | None  # whose work dir that was; None: not known
    in_use: Path | None = None  # the work dir of the command

    def folders(self) -> tuple[Path, ...]:
        """Where to look, the likeliest first: another host's folder can have the name of one here by chance."""
        recorded = None if self.recorded is None else Path(self.recorded)
        here = self.host in (None, platform.node())
        both = (recorded, self.in_use) if here else (self.in_use, recorded)
        return tuple(dict.fromkeys(folder for folder in both if folder is not None))

    def find(self, relative: str) -> Path:
        """The full path of a picture, or of a folder of them; where it was when it is nowhere."""
        found = next(
            (path for path in (folder / relative for folder in self.folders()) if path.exists()), None
        )
        return found or Path(self.recorded or "", relative)
