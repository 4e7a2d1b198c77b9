"""RapidOCR as plate reader: all it needs comes inside its package."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from dashcam_pipeline.vision.models.plate_reader import open_plate_reader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions


def test_it_is_loaded_and_run_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("the network was asked")

    for way in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, way, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    reader = open_plate_reader("rapidocr", None, RuntimeOptions())
    assert reader.name == "rapidocr:openvino:CPU"
    assert reader.read([np.full((30, 120, 3), 114, np.uint8)])[0].text == ""
