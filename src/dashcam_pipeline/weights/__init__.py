"""Model weights: what is needed, its sha256 and licence, where it comes from, whether it is here."""

from .download import fetch
from .manifest import Manifest, Model, ModelFile, Role, manifest, read_manifest
from .store import State, Status, check, fingerprint, folder, resolve, verify

__all__ = [
    "Manifest",
    "Model",
    "ModelFile",
    "Role",
    "State",
    "Status",
    "check",
    "fetch",
    "fingerprint",
    "folder",
    "manifest",
    "read_manifest",
    "resolve",
    "verify",
]
