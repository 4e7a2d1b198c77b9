"""Cuts every file of a folder at random lengths: broken files, to see what a run makes of them.

Example: python scripts/cut_files.py clips /tmp/cut --copies 20 --seed 1
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path


def cut_files(source: Path, target: Path, copies: int, seed: int) -> list[Path]:
    """Write `copies` beginnings of every file in `source` into `target`, each of a length of its own.

    Args:
        source: a folder; its subfolders are left out. Files of less than two bytes have no beginning.
        target: made when it isn't there. A cut file is named `STEM.cut-LENGTH.SUFFIX`.
        copies: at most this many of each file; a short file has fewer lengths.
        seed: the same seed gives the same lengths, whatever else lies in the folder.

    Returns:
        the cut files, in the order of the names in `source`.
    """
    target.mkdir(parents=True, exist_ok=True)
    made = []
    for path in sorted(entry for entry in source.iterdir() if entry.is_file()):
        for length in _lengths(path.stat().st_size, copies, random.Random(f"{seed} {path.name}")):
            made.append(target / f"{path.stem}.cut-{length}{path.suffix}")
            with path.open("rb") as whole:
                made[-1].write_bytes(whole.read(length))
    return made


def _lengths(size: int, copies: int, chance: random.Random) -> list[int]:
    """Different lengths in bytes, at least one and less than `size`, in ascending order."""
    possible = range(1, size)
    return sorted(chance.sample(possible, min(copies, len(possible))))


def main() -> None:
    """Cut the files as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path, metavar="FOLDER", help="folder with the whole files")
    parser.add_argument("target", type=Path, metavar="TARGET", help="folder for the cut ones, another one")
    parser.add_argument("--copies", type=int, default=20, metavar="N", help="cuts of every file")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed cuts the same lengths"
    )
    given = parser.parse_args()
    if not given.source.is_dir():
        parser.error(f"{given.source} is not a folder")
    if given.copies < 1:
        parser.error(f"--copies {given.copies}: at least 1")
    if given.target.resolve() == given.source.resolve():
        parser.error("FOLDER and TARGET are the same: the cut files would lie among the whole ones")
    made = cut_files(given.source, given.target, given.copies, given.seed)
    print(f"{len(made)} files in {given.target}")


if __name__ == "__main__":
    main()
