"""What the weights manifest says: every model, its files, their checksums, licence and addresses."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dashcam_pipeline.assets import weights_manifest
from dashcam_pipeline.errors import ConfigError
from dashcam_pipeline.yaml_file import read_yaml_file


class Role(StrEnum):
    """What a model is for; the configuration has one key for each that a run uses."""

    VEHICLE_DETECTOR = "vehicle_detector"
    PLATE_DETECTOR = "plate_detector"
    PLATE_READER = "plate_reader"
    FACE_DETECTOR = "face_detector"  # for `dashcam render --blur faces`; no run uses it

    @property
    def key(self) -> str:
        """The configuration key that names the model of this role, or the option that asks for it."""
        if self is Role.FACE_DETECTOR:
            return "--blur faces"
        return "models.reader_model" if self is Role.PLATE_READER else f"models.{self.value}"

    @property
    def is_setting(self) -> bool:
        """Whether the configuration has a key for it."""
        return self is not Role.FACE_DETECTOR


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFile(_Record):
    """One file of a model."""

    path: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)*$")
    """Below the weights folder, and below a mirror."""
    bytes: int = Field(ge=1)
    sha256: tuple[str, ...] = Field(min_length=1)
    """One for every known export of the model, in the same order in all its files."""
    urls: tuple[str, ...] = ()


class Model(_Record):
    """One model: its first file is the one a runtime opens, the others lie beside it."""

    name: str
    role: Role
    licence: str
    publisher: str
    about: str
    files: tuple[ModelFile, ...] = Field(min_length=1)
    default: bool = False
    public_note: str | None = None

    @property
    def bytes(self) -> int:
        """Size of all files of the first export."""
        return sum(file.bytes for file in self.files)

    @model_validator(mode="after")
    def _exports_are_aligned(self) -> Model:
        if len({len(file.sha256) for file in self.files}) > 1:
            raise ValueError("every file of a model needs as many sha256 as the model has exports")
        return self


class Manifest(_Record):
    """All models that are known by name."""

    models: tuple[Model, ...]

    def find(self, name: str) -> Model | None:
        """The model called `name`."""
        return next((model for model in self.models if model.name == name), None)

    def named(self, names: Iterable[str]) -> tuple[Model, ...]:
        """The models with these names; without any, those a default run needs. Raises ConfigError."""
        wanted = tuple(names)
        if not wanted:
            return tuple(model for model in self.models if model.default)
        return tuple(self.get(name) for name in wanted)

    def get(self, name: str) -> Model:
        """The model called `name`. Raises ConfigError, with the nearest name there is."""
        model = self.find(name)
        if model is None:
            raise ConfigError(f"no model is called `{name}`{self._nearest(name)}")
        return model

    def of_role(self, name: str, role: Role) -> Model:
        """The model called `name`, which must be of this role. Raises ConfigError naming the setting."""
        model = self.find(name)
        if model is None:
            raise ConfigError(
                f"{role.key}: no model is called `{name}`{self._nearest(name, role)} "
                "(or give the path of a model file)"
            )
        if model.role is not role:
            raise ConfigError(f"{role.key}: `{name}` is a {model.role}{self._nearest(name, role)}")
        return model

    def _nearest(self, name: str, role: Role | None = None) -> str:
        names = [model.name for model in self.models if role in (None, model.role)]
        near = difflib.get_close_matches(name, names, n=1)
        return f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(names)}"


def read_manifest(path: Path) -> Manifest:
    """The manifest in the YAML file `path`. Raises ConfigError naming file, line and key."""
    source = read_yaml_file(path)
    try:
        return Manifest.model_validate(source.values)
    except ValidationError as error:
        first = error.errors()[0]
        key = tuple(str(part) for part in first["loc"])
        raise ConfigError(f"{source.place(key)}: {'.'.join(key)}: {first['msg']}") from None


@cache
def shipped() -> Manifest:
    """The manifest that travels with this version."""
    return read_manifest(weights_manifest())
