"""Why a sighting has no plate, in words: what each reason means, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from dashcam_pipeline.vision.plates import not_a_plate
from dashcam_pipeline.vision.plates.not_a_plate import NotAPlate
from dashcam_pipeline.vision.types import NoPlateReason


@dataclass(frozen=True, slots=True)
class InWords:
    """A reason for a person."""

    meaning: str  # a clause: "no view of it was wide enough …"
    advice: str  # a sentence


IN_WORDS: dict[NoPlateReason, InWords] = {
    NoPlateReason.TOO_SMALL: InWords(
        "no view of the vehicle was wide enough to search for a plate",
        "It was too far away for this picture size, or the edge of the picture cuts it off. A camera of more pixels or "
        "a narrower angle sees farther; looks.min_vehicle_px moves the limit, at the price of time.",
    ),
    NoPlateReason.NO_PLATE_FOUND: InWords(
        "its views were searched, and no plate was found in any of them",
        "Look at the picture of the vehicle: most often it is seen from the side, or its plate is hidden. Where a "
        "plate is plain to see, try a lower detection.plate_min_score. Where it is your own bonnet or dashboard, or "
        "what is mirrored in it, mask that part of the picture by detection.masks.",
    ),
    NoPlateReason.NOT_ITS_PLATE: InWords(
        "what looked like a plate was the camera's own overlay, lettering, a sign, or another vehicle's plate",
        "Nothing, as a rule. Where it was the plate after all, see the note of its looks and detection.masks.",
    ),
    NoPlateReason.PLATE_TOO_SMALL: InWords(
        "its plate was found, but never wide enough to be read",
        "It was too far away. vote.min_plate_px moves the limit; reads of such small plates are often wrong.",
    ),
    NoPlateReason.CUT_OFF: InWords(
        "part of its plate was outside of the picture in every view that shows it",
        "It passed at the edge of the picture. A camera of a wider angle, or one turned a little, sees the whole.",
    ),
    NoPlateReason.UNREADABLE: InWords(
        "its plate was found, but no text could be read in any picture of it",
        "Look at the pictures: blur, glare, dirt, darkness, or a picture that is compressed too much.",
    ),
    NoPlateReason.TOO_FEW_READS: InWords(
        "a text was read, but in too few views",
        "Compare the best guess with the picture of the plate. vote.min_reads 1 claims texts that were seen once; more "
        "of them will be wrong. "
        "More frames a second (sampling) give more views of what passes quickly.",
    ),
    NoPlateReason.LOW_CONFIDENCE: InWords(
        "a text was read, but not surely enough to be claimed",
        "Compare the best guess with the picture of the plate. vote.claim_confidence moves the limit.",
    ),
    NoPlateReason.READS_DISAGREE: InWords(
        "the reads contradict each other",
        "Compare the looks: single characters that look alike (O and 0, I and 1, B and 8), or two vehicles in one "
        "track.",
    ),
    NoPlateReason.ERROR: InWords(
        "a stage failed on its pictures",
        "`dashcam runs show` lists what was given up and why; `dashcam retry` reads the video again.",
    ),
}


def in_words(reason: str) -> InWords:
    """A reason as it is stored; one that another version of the program wrote is given as it is."""
    known = {str(one): words for one, words in IN_WORDS.items()}
    return known.get(
        reason, InWords(reason.replace("_", " "), "A newer version of the program knows this reason.")
    )


def note_in_words(note: str) -> str:
    """Why a look does not vote, for people: what was found is told by a code word where it is not the plate."""
    known = {str(one): f"not its plate: {words}" for one, words in not_a_plate.IN_WORDS.items()}
    return known.get(note, note)


def notes_markdown() -> str:
    """Why what looks like a plate is not that of the vehicle, as a Markdown table, in the order of `NotAPlate`."""
    rows = [f"| `{one}` | {not_a_plate.IN_WORDS[one]} |" for one in NotAPlate]
    return "\n".join(["| note of a look | what it means |", "|---|---|", *rows, ""])


def markdown() -> str:
    """All reasons as a Markdown table, in the order of `NoPlateReason`."""
    rows = [f"| `{one}` | {IN_WORDS[one].meaning} | {IN_WORDS[one].advice} |" for one in NoPlateReason]
    return "\n".join(["| reason | what it means | what to do |", "|---|---|---|", *rows, ""])
