"""This project beside its peer and beside the ideal, over the same videos, as one table.

    python benchmarks/bench.py [VIDEO ...] [--repeat 3] [--json FILE]

Without a video: drive_mixed.mp4 and drive_road.mp4 of the test data (DASHCAM_TEST_DATA). `NAME.json` beside `NAME.mp4`
lists its plates, and f1 is told; without it, f1 is left out. Runs of this and of the peer take turns, so that what else
the host does hits both; the medians count. Nothing else should run meanwhile: the load is saved with the figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchkit.commands import own_folder
from benchkit.contenders import PEER_PYTHON, OwnRun, PeerRun, require_peer, run_own, run_peer
from benchkit.decoding import decodings
from benchkit.parts import parts_of
from benchkit.progress import Progress
from benchkit.report import Measured, as_json, lines_of, notes_of
from benchkit.saving import RESULTS, described, save
from benchkit.table import main_table
from benchkit.trouble import BenchTrouble
from benchkit.videos import REPOSITORY, BenchVideo, chosen
from dashcam_pipeline.bench.ideal import ideal_of
from dashcam_pipeline.bench.models import bare_models, inference
from dashcam_pipeline.configuration import load
from dashcam_pipeline.errors import EXIT_STOPPED, DashcamError
from dashcam_pipeline.host import usable_cores
from dashcam_pipeline.sources.probe import probe

MORE_STEPS = 3  # a video: decoding, inference, parts
INFERENCE_S = 3.0  # for which each model is run


def main() -> int:
    given = _arguments()
    try:
        videos = chosen(given.videos)
        if not given.without_peer:
            require_peer(given.peer_python)
        contenders = 1 if given.without_peer else 2
        progress = Progress(len(videos) * (given.repeat * contenders + MORE_STEPS))
        measured = [measure(video, given, progress) for video in videos]
        print(main_table([line for one in measured for line in lines_of(one)]), end="\n\n")
        print("\n".join(note for one in measured for note in notes_of(one)))
        host = measured[0].own[0].timings.host
        content = described(host) | {"videos": [as_json(one) for one in measured]}
        print(f"saved in {save(given.json, 'bench', content)}", file=sys.stderr)
    except (BenchTrouble, DashcamError) as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return EXIT_STOPPED
    return 0


def measure(video: BenchVideo, given: argparse.Namespace, progress: Progress) -> Measured:
    """Everything about one video. Raises BenchTrouble."""
    name, settings, cores = video.path.stem, load().settings, usable_cores()
    own, peer = run_in_turn(video, given, progress)
    timings = own[0].timings
    with progress.step(f"{name}: decoding alone"):
        decoding = [
            decoded
            for threads in dict.fromkeys((cores, 1))
            for decoded in decodings(video.path, settings.sampling, threads, given.repeat)
        ]
    with progress.step(f"{name}: inference alone"):
        info = probe(video.path)
        models = bare_models(settings, info.width, info.height)
        used = {model: bare for model, bare in models.items() if timings.inferences.get(model)}
        inferred = {model: inference(bare, INFERENCE_S, cores=cores) for model, bare in used.items()}
    with progress.step(f"{name}: the other parts"):
        parts = parts_of(video.path, settings, timings, models, inferred)
    return Measured(
        video=video,
        own=tuple(own),
        peer=tuple(peer),
        cores=cores,
        decoding=tuple(decoding),
        ideal=ideal_of(decoding[0], inferred, timings.inferences, cores),
        parts=parts,
    )


def run_in_turn(
    video: BenchVideo, given: argparse.Namespace, progress: Progress
) -> tuple[list[OwnRun], list[PeerRun]]:
    """This, the peer, this, the peer … Raises BenchTrouble."""
    name, own, peer = video.path.stem, [], []
    for number in range(1, given.repeat + 1):
        with progress.step(f"{name}: this, run {number} of {given.repeat}"), own_folder() as folder:
            own.append(run_own([video.path], folder))
        if not given.without_peer:
            with progress.step(f"{name}: the peer, run {number} of {given.repeat}"), own_folder() as folder:
                peer.append(run_peer(video.path, folder, given.peer_python))
    return own, peer


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, nargs="*", metavar="VIDEO")
    parser.add_argument(
        "--repeat", type=int, default=3, metavar="N", help="runs of each, of which the medians count"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help=f"else in {RESULTS.relative_to(REPOSITORY)}"
    )
    parser.add_argument("--without-peer", action="store_true", help="leave the peer out")
    parser.add_argument(
        "--peer-python", type=Path, default=PEER_PYTHON, metavar="FILE", help="`make peer` makes it"
    )
    given = parser.parse_args(words)
    if given.repeat < 1:
        parser.error("--repeat must be at least 1")
    return given


if __name__ == "__main__":
    sys.exit(main())
