"""Model weights: what is needed, its sha256 and licence, where it comes from, whether it is here."""

from dashcam_pipeline.weights.manifest import Manifest, Model, ModelFile, Role, read_manifest, shipped
from dashcam_pipeline.weights.needed import Needed, needed
from dashcam_pipeline.weights.store import State, Status, check, fingerprint, folder, resolve, verify

__all__ = [
    "Manifest",
    "Model",
    "ModelFile",
    "Needed",
    "Role",
    "State",
    "Status",
    "check",
    "fingerprint",
    "folder",
    "needed",
    "read_manifest",
    "resolve",
    "shipped",
    "verify",
]
