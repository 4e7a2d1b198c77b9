"""Faces are found in a crowd, wherever in the picture and however large that is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from dashcam_pipeline.vision.models.face_detector import FaceDetector
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Box, Image
from sources_clips import real_clip
from vision_data import model

FACES = (Box(164, 350, 176, 366), Box(1030, 375, 1042, 390), Box(629, 143, 637, 154))
"""Clear ones in the first second of the crowd, found by looking at it."""


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(model("yunet_n_dynamic.onnx"), RuntimeOptions(), 0.5)


@pytest.fixture(scope="module")
def crowd() -> Image:
    with VideoFile(real_clip("videos", "supervision_walking_720p.mp4")) as video:
        return next(frame.image for frame in video.frames(Sampler(10, stride=1)) if frame.pts_s >= 1.0)


def found(detector: FaceDetector, image: Image, face: Box) -> bool:
    return any(one.box.has_centre_in(face) for one in detector.detect(image))


@pytest.mark.parametrize("face", FACES)
def test_faces_of_a_crowd_are_found(detector: FaceDetector, crowd: Image, face: Box) -> None:
    assert found(detector, crowd, face)


def test_boxes_are_in_pixels_of_a_picture_of_any_size(detector: FaceDetector, crowd: Image) -> None:
    part = crowd[300:433, 100:399]
    assert found(detector, part, FACES[0].shifted(-100, -300))
    large = cv2.resize(crowd, None, fx=2, fy=2).astype(np.uint8)
    assert found(detector, large, Box(*(2 * edge for edge in FACES[1])))


def test_empty_street_has_no_face(detector: FaceDetector) -> None:
    assert detector.detect(np.full((480, 640, 3), 90, np.uint8)) == []
    assert detector.detect(np.zeros((0, 0, 3), np.uint8)) == []
