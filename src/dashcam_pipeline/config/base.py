"""What all groups of settings share: the strict section, and the kinds of numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NO_LIMIT = 10**9
"""Bound of what has no bound of its own; what is larger no clock, database or library takes."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, le=NO_LIMIT)]
Count = Annotated[int, Field(ge=1, le=NO_LIMIT)]
Processes = Annotated[int, Field(ge=1, le=1000)]


class Section(BaseModel):
    """A group of settings; unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        allow_inf_nan=False,  # neither JSON nor clocks know them
        defer_build=True,  # worker processes only unpickle settings, they need no validators
    )
