"""Settings of earlier versions that are gone, and what stands in their place."""

from __future__ import annotations

from collections.abc import Mapping

_NO_PAUSES = "the best views of a vehicle are searched in rounds now, from `looks.first_searches` on"

REMOVED: Mapping[str, str] = {
    "looks.burst": _NO_PAUSES,
    "looks.min_interval_s": _NO_PAUSES,
    "looks.growth": _NO_PAUSES,
    "looks.min_sharpness_share": "the widest and sharpest views are chosen by themselves, `looks.kept_views` of them",
    "looks.max_looks": "`looks.kept_views` is the most that is searched of a vehicle",
    "looks.kept_pictures": "`looks.kept_views` is what is kept of a vehicle",
}
"""By their old names `section.key`."""
