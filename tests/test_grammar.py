"""The judge of plates' texts: what it thinks of real plates, and that it never changes one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.vision.plates.grammar import Grammar, open_grammar, region_of
from dashcam_pipeline.vision.plates.lookalikes import confusable, differ_only_by_confusion
from dashcam_pipeline.vision.plates.plate_format_files import own_countries
from dashcam_pipeline.vision.plates.plate_formats import ALPHABET, plain
from dashcam_pipeline.vision.types import PlateRead

ROOT = Path(__file__).resolve().parent.parent
GRAMMAR = Grammar(own_countries())
REGIONS = [country.name for country in GRAMMAR.countries]


def shared(*parts: str) -> Path:
    """A file or folder of the real data; where there is none, the test is skipped, and fails in CI."""
    folder = Path(os.environ.get("DASHCAM_TEST_DATA", ROOT.parent / "shared"))
    path = folder.joinpath(*parts)
    if not path.exists():
        reason = f"{path} is not here: set DASHCAM_TEST_DATA"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return path


@pytest.mark.parametrize(
    ("region", "text", "expected"),
    [
        ("Romania", "B144MOS", "ro/bucharest"),
        ("Romania", "IF05TAC", "ro/standard"),
        ("Romania", "B089414", "ro/temporary"),
        ("Slovakia", "RK605AB", "sk/district"),
        ("Slovakia", "AA123BC", "sk/standard"),
        ("Slovakia", "RK6O5AB", None),
        ("Czech Republic", "4B40262", "cz/standard"),
        ("Czech Republic", "1T43213", "cz/standard"),
        ("Czech Republic", "BSE5579", "cz/district"),
        ("United Kingdom", "LS15EBC", "gb/current"),
        ("United Kingdom", "P123ABC", "gb/prefix"),
        ("United Kingdom", "ABC123D", "gb/suffix"),
        ("United Kingdom", "FAZ1234", "gb/northern-ireland"),
        ("Brazil", "AYO9034", "br/old"),
        ("Brazil", "BRA2E19", "br/mercosul"),
        ("Vietnam", "34A36837", "vn/car"),
        ("Vietnam", "89C20339", "vn/car"),
        ("India", "KL07BF5000", "in/standard"),
        ("India", "21BH1234AA", "in/bharat"),
        ("China", "A12345", "cn/standard"),
        ("China", "AD12345", "cn/new-energy"),
        ("United States", "6LSU216", "us/california"),
        ("United States", "8P62983", "us/california-commercial"),
        ("United States", "BTZ7148", "us/three-letters-four-digits"),
        ("United States", "PH5M9Y", "us/missouri"),
        ("United States", "NEILDMND", "us/personalised"),
        ("Germany", "BMW1234", "de/standard"),
        ("Poland", "WX1234E", "pl/two-letter-district"),
        ("Poland", "GWE12CA", "pl/three-letter-district"),
        ("Italy", "AB123CD", "it/standard"),
        ("Italy", "AQ123CD", None),  # no Q in Italy
        ("Spain", "1234BCD", "es/standard"),
        ("Spain", "1234ABC", None),  # no vowels in Spain
        ("France", "AB123CD", "fr/standard"),
        ("Netherlands", "GHJ12K", "nl/sidecode-11-to-14"),
        ("Switzerland", "ZH123456", "ch/standard"),
        ("Switzerland", "XX123456", None),
        ("Turkey", "34ABC123", "tr/standard"),
        ("Ukraine", "AA1234BB", "ua/standard"),
        ("Ireland", "131D12345", "ie/standard"),
        ("Hungary", "AAAB123", "hu/standard"),
        ("Sweden", "ABC12D", "se/letter-last"),
        ("Norway", "AB12345", "no/standard"),
    ],
)
def test_real_plates_are_in_a_format_of_their_country(region: str, text: str, expected: str | None) -> None:
    match = GRAMMAR.judge(text, region)
    assert (str(match) if match and match.of_region else None) == expected


@pytest.mark.parametrize(
    ("better", "worse", "region"),
    [
        ("RK605AB", "RK6O5AB", "Slovakia"),
        ("B144MOS", "8144MOS", "Romania"),
        ("LS15EBC", "LSI5EBC", "United Kingdom"),
        ("AYO9034", "AY09034", "Brazil"),
        ("6LSU216", "6LSUZ16", "United States"),
        ("6LSU216", "NEILDMND", "United States"),  # a serial plate says more than a personalised one
        ("RK605AB", "RK605AB", None),
    ],
)
def test_what_fits_the_named_region_counts_more(better: str, worse: str, region: str | None) -> None:
    if region is None:
        assert GRAMMAR.factor(better, region) == 1.0
    else:
        assert GRAMMAR.factor(better, region) > GRAMMAR.factor(worse, region) >= 1.0


def test_a_stricter_format_counts_more() -> None:
    slovak, british = GRAMMAR.judge("RK605AB", "Slovakia"), GRAMMAR.judge("LS15EBC", "United Kingdom")
    assert slovak is not None and british is not None and slovak.bits > british.bits
    assert GRAMMAR.factor("RK605AB", "Slovakia") > GRAMMAR.factor("LS15EBC", "United Kingdom")


def test_an_unknown_format_is_allowed() -> None:
    assert GRAMMAR.judge("0QQ0Q0Q0Q", "Romania") is None
    assert GRAMMAR.factor("0QQ0Q0Q0Q", "Romania") == 1.0


def test_bits_are_how_rare_a_random_text_fits() -> None:
    match = GRAMMAR.judge("AYO9034", "Brazil")
    assert match is not None
    assert 2**-match.bits == pytest.approx(26**3 * 10**4 / 36**7)


def test_grammar_that_is_off_still_tells_the_format() -> None:
    grammar = open_grammar(VoteSettings(grammar=False))
    assert str(grammar.judge("RK605AB", "Slovakia")) == "sk/district"
    assert grammar.factor("RK605AB", "Slovakia") == 1.0


def test_countries_where_the_camera_drives_count_whatever_region_is_named() -> None:
    grammar = open_grammar(VoteSettings(countries=("ro",)))
    assert grammar.factor("B144MOS", "Lithuania") == grammar.factor("B144MOS") > 1.0
    assert grammar.factor("ABC123", "Lithuania") > 1.0  # the named region still counts too


def test_formats_are_read_once_in_a_process() -> None:
    assert open_grammar(VoteSettings()) is open_grammar(VoteSettings(min_reads=3))


PLATES = st.text(alphabet=ALPHABET, max_size=14)


@given(
    st.one_of(PLATES, st.text(max_size=20)),
    st.one_of(st.none(), st.sampled_from(REGIONS), st.text(max_size=9)),
)
def test_any_text_is_judged_and_none_counts_less(text: str, region: str | None) -> None:
    before = str(text)
    match, factor = GRAMMAR.judge(text, region), GRAMMAR.factor(text, region)
    assert text == before
    assert factor >= 1.0
    assert match is None or (match.bits >= 0.0 and factor <= 2**match.bits)
    if match is None or not match.of_region:
        assert factor == 1.0


@given(PLATES, st.sampled_from(REGIONS))
def test_the_same_text_is_always_judged_the_same(text: str, region: str) -> None:
    assert GRAMMAR.judge(text, region) == Grammar(GRAMMAR.countries).judge(text, region)


# --- regions ---------------------------------------------------------------------------------------


def read(region: str | None, sure: float = 0.9, text: str = "ABC123") -> PlateRead:
    return PlateRead(text, (0.9,) * len(text), region, sure)


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([], None),
        ([read("Romania")], "Romania"),
        ([read("Romania"), read("Romania"), read("Moldova", 0.3)], "Romania"),
        ([read("Romania"), read("Moldova")], None),
        ([read("Romania"), read(None), read(None), read(None)], "Romania"),  # some readers tell no region
        ([read("Unknown"), read("Unknown"), read("Romania")], None),
        ([read("Unknown")], None),
        ([read("Romania", 0.0)], None),
        ([read("Romania", text="")], None),
    ],
)
def test_region_of_many_reads(reads: list[PlateRead], expected: str | None) -> None:
    assert region_of(reads) == expected
    assert region_of(reversed(reads)) == expected


# --- look-alikes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pair", ["0O", "0D", "0Q", "1I", "1L", "8B", "5S", "2Z", "6G", "4A", "7T", "7Z", "MN", "UV"]
)
def test_known_lookalikes(pair: str) -> None:
    assert confusable(*pair) and confusable(*reversed(pair))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("RK605AB", "RK6O5AB", True),
        ("RK605AB", "RK6O5A8", True),
        ("RK605AB", "RK605AB", False),  # they don't differ
        ("RK605AB", "RK605AX", False),
        ("RK605AB", "RK605A", False),
        ("", "", False),
    ],
)
def test_texts_that_differ_only_in_lookalikes(a: str, b: str, expected: bool) -> None:
    assert differ_only_by_confusion(a, b) is expected
    assert differ_only_by_confusion(b, a) is expected


@given(PLATES)
def test_no_character_looks_like_itself(text: str) -> None:
    assert not any(confusable(char, char) for char in text)


# --- real plates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "regions", "least"),
    [
        ("us", ["United States"], 0.85),  # the others are personalised, or of states with other formats
        ("eu", ["Slovakia", "Czech Republic"], 0.80),  # the others are foreign, personalised, or have O for 0
        ("br", ["Brazil"], 1.0),
        ("ro", ["Romania"], 0.95),
    ],
)
def test_most_plates_of_photos_are_in_a_serial_format(folder: str, regions: list[str], least: float) -> None:
    labels = [
        plain(line.split("\t")[5])
        for path in sorted(shared("photos", folder).glob("*.txt"))
        for line in path.read_text("utf-8").splitlines()
        if not line.endswith("low")
    ]
    fitting = sum(
        any((m := GRAMMAR.judge(label, region)) and m.of_region and m.bits >= 1.0 for region in regions)
        for label in labels
    )
    assert labels
    assert fitting / len(labels) >= least
