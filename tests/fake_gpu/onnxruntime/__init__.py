"""Stands for onnxruntime on a host with GPUs: the same interface, computed by OpenVINO on the CPU.

With its parent folder in PYTHONPATH, whole runs take the path of a GPU. Every session is noted as a line `device pid`
in the file that FAKE_GPU_LOG names.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openvino

PROVIDERS = ["CUDAExecutionProvider", "CPUExecutionProvider"]
TYPES = {"f32": "tensor(float)", "u8": "tensor(uint8)"}


def get_available_providers() -> list[str]:
    return list(PROVIDERS)


def set_default_logger_severity(level: int) -> None:
    pass


class SessionOptions:
    def add_session_config_entry(self, key: str, value: str) -> None:
        pass


class InferenceSession:
    def __init__(self, model: str, sess_options: SessionOptions, providers: list[Any]) -> None:
        (name, asked), *_ = providers
        self._providers = [name, "CPUExecutionProvider"]
        core = openvino.Core()
        network = core.read_model(model)
        first = network.inputs[0]
        self._shape = [side.get_length() if side.is_static else "batch" for side in first.partial_shape]
        network.reshape({0: [1 if side == "batch" else side for side in self._shape]})
        exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        self._compiled = core.compile_model(network, "CPU", exact)
        with Path(os.environ["FAKE_GPU_LOG"]).open("a", encoding="utf-8") as log:
            log.write(f"{asked['device_id']} {os.getpid()}\n")

    def get_providers(self) -> list[str]:
        return self._providers

    def get_inputs(self) -> list[Any]:
        kind = TYPES[self._compiled.inputs[0].element_type.get_type_name()]
        return [SimpleNamespace(name="input", shape=self._shape, type=kind)]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name=f"output{place}") for place, _ in enumerate(self._compiled.outputs)]

    def run(self, wanted: None, feeds: dict[str, Any]) -> list[Any]:
        results = self._compiled([feeds["input"]])
        return [results[output].copy() for output in self._compiled.outputs]
