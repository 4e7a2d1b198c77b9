"""The whole frame as evidence keeps it."""

from __future__ import annotations

import numpy as np
import pytest

from dashcam_pipeline.config import StorageSettings
from dashcam_pipeline.stages.scenes import scene_picture


@pytest.mark.parametrize(
    ("width", "height", "shrunk"),
    [(1280, 720, (540, 960)), (1920, 1080, (540, 960)), (3840, 2160, (540, 960)), (640, 360, (360, 640))],
)
def test_scene_is_shrunk_in_proportion_and_never_enlarged(
    width: int, height: int, shrunk: tuple[int, int]
) -> None:
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    frame = np.repeat(np.repeat(ramp[None, :, None], height, axis=0), 3, axis=2)
    scene = scene_picture(frame, StorageSettings.model_validate({"evidence_frame_px": 960}))
    assert scene.shape == (*shrunk, 3)
    expected = np.linspace(0, 255, shrunk[1])
    assert np.abs(scene[shrunk[0] // 2, :, 0].astype(float) - expected).max() < 3
