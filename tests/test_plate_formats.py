"""The files of plate formats: ours hold what they promise, a user's bad one is told of in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.errors import BadInput, ConfigError, DashcamError
from dashcam_pipeline.vision.plates.grammar import open_grammar
from dashcam_pipeline.vision.plates.plate_format_files import (
    LOOKALIKES_FILE,
    own_countries,
    own_folder,
    user_countries,
)
from dashcam_pipeline.vision.plates.plate_formats import Country, PlateFormat, plain

COUNTRIES = {country.code: country for country in own_countries()}
FORMATS = [(country, known) for country in COUNTRIES.values() for known in country.formats]
EU = {
    "at",
    "be",
    "bg",
    "hr",
    "cy",
    "cz",
    "de",
    "dk",
    "ee",
    "es",
    "fi",
    "fr",
    "gr",
    "hu",
    "ie",
    "it",
    "lt",
    "lu",
    "lv",
    "mt",
    "nl",
    "pl",
    "pt",
    "ro",
    "se",
    "si",
    "sk",
}
REGIONS_NO_READER_KNOWS = {"China", "India"}
GOOD = """
country: "XK"
name: Kosovo
source: https://example.org/plates
formats:
  - name: standard
    pattern: "DD DDD LL"
    since: 2010
    example: "01 234 AB"
"""


@pytest.mark.parametrize(("country", "known"), FORMATS, ids=lambda value: getattr(value, "name", str(value)))
class TestEveryFormat:
    def test_fits_its_example(self, country: Country, known: PlateFormat) -> None:
        assert known.matches(plain(known.example))

    def test_has_a_source(self, country: Country, known: PlateFormat) -> None:
        assert known.source.startswith("https://")

    def test_was_begun_before_it_ended(self, country: Country, known: PlateFormat) -> None:
        assert (known.since or 1900) <= (known.until or 2100)

    def test_is_no_more_common_than_random_texts(self, country: Country, known: PlateFormat) -> None:
        assert known.bits(len(plain(known.example))) >= 0.0

    def test_that_fits_nearly_anything_is_loose(self, country: Country, known: PlateFormat) -> None:
        assert known.loose or known.bits(len(plain(known.example))) >= 1.0


def test_all_countries_of_the_european_union_are_there() -> None:
    assert len(EU) == 27
    assert set(COUNTRIES) >= EU
    assert {"us", "gb", "br", "in", "vn", "ro", "cn", "no", "ch", "tr", "ua", "rs", "ar", "mx", "ca"} <= set(
        COUNTRIES
    )


@pytest.mark.parametrize("path", sorted(own_folder().glob("*.yaml")), ids=lambda path: path.name)
def test_our_own_files_are_good_as_a_users(path: Path, tmp_path: Path) -> None:
    if path.name == LOOKALIKES_FILE:
        assert set(yaml.safe_load(path.read_text("utf-8"))) == {"lookalikes"}
        return
    (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (country,) = user_countries(tmp_path)
    assert country.code == path.stem
    assert country == COUNTRIES[path.stem]


def test_regions_are_named_as_the_reader_names_them() -> None:
    from test_grammar import shared

    config = yaml.safe_load(shared("weights", "cct_xs_v2_global_plate_config.yaml").read_text("utf-8"))
    assert {country.name for country in COUNTRIES.values()} - set(
        config["plate_regions"]
    ) == REGIONS_NO_READER_KNOWS


def test_a_users_country_is_added_and_one_we_have_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "xk.yaml").write_text(GOOD, "utf-8")
    (tmp_path / "sk.yaml").write_text(GOOD.replace("XK", "SK").replace("Kosovo", "Slovakia"), "utf-8")
    grammar = open_grammar(VoteSettings(plate_formats=tmp_path))
    assert str(grammar.judge("01234AB", "Kosovo")) == "xk/standard"
    assert str(grammar.judge("01234AB", "Slovakia")) == "sk/standard"
    assert not grammar.judge("RK605AB", "Slovakia") or not grammar.judge("RK605AB", "Slovakia").of_region


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        ("LLX", "DD DDD LL", 7, "`formats.0.pattern`: can't be understood from `X` on"),
        ("<city> DD", "DD DDD LL", 7, "<city> is not among the file's `lists`"),
        ("[Z-A]DD", "DD DDD LL", 7, "[Z-A] is no set"),
        ("[A-]DD", "DD DDD LL", 7, "[A-] is no set"),
        ("D{3,2}", "DD DDD LL", 7, "the second number must be from the first"),
        ("LL|", "DD DDD LL", 7, "an alternative without anything in it"),
        ("LLL", "DD DDD LL", 9, "01 234 AB does not fit the pattern"),
        ("2010.5", "2010", 8, "`formats.0.since`: must be a year"),
        ("Ends", "standard", 6, "`formats.0.name`: must be lower case"),
        ("colour", "since", 8, "`formats.0.colour`: there is no such key; there are"),
        ("formatz", "formats", 5, "`formatz`: there is no such key"),
        ("xk", "XK", 2, "`country`: must be the two letters of ISO 3166"),
        ("NO", '"XK"', 2, "`country`: must be a text; put it in quotes"),
        ("quelle", "source", 4, "`quelle`: there is no such key"),
    ],
)
def test_a_bad_file_is_told_of_in_one_line(
    tmp_path: Path, wrong: str, right: str, line: int, says: str
) -> None:
    path = tmp_path / "xk.yaml"
    path.write_text(GOOD.replace(right, wrong, 1), "utf-8")
    with pytest.raises(ConfigError) as caught:
        open_grammar(VoteSettings(plate_formats=tmp_path))
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (None, "is no folder"),
        ({}, "holds no .yaml file"),
        ({"a.yaml": GOOD, "b.yaml": GOOD}, "`country` XK is in a.yaml already"),
        ({"a.yaml": "- 1"}, "a mapping"),
        ({"a.yaml": ""}, "`country`: must be a text"),
        ({"a.yaml": 'country: "XK"\nname: K\nformats: 3\n'}, "`formats`: must be a list"),
        ({"a.yaml": 'country: "XK"\nname: K\nformats: [3]\n'}, "must stand here"),
        ({"a.yaml": GOOD + "lists: {city: [AB, NO]}\n"}, "`lists.city`: must be a list of texts"),
        (
            {"a.yaml": GOOD + '  - name: standard\n    pattern: "LL"\n    example: "AB"\n'},
            "two are named standard",
        ),
    ],
)
def test_a_bad_folder_is_told_of_in_one_line(tmp_path: Path, files: dict[str, str] | None, says: str) -> None:
    folder = tmp_path / "formats"
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    with pytest.raises((BadInput, ConfigError), match="formats") as caught:
        open_grammar(VoteSettings(plate_formats=folder))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("countries", "expected"),
    [
        (["xx"], "vote.countries: there are no formats for `xx`; there are ar, at"),
        (["ro", "Germny"], "did you mean `de`? there are"),
        ([""], "there are no formats for ``"),
    ],
)
def test_an_unknown_country_is_told_of_with_those_that_are_known(countries: list[str], expected: str) -> None:
    with pytest.raises(DashcamError) as caught:
        open_grammar(VoteSettings(countries=countries))
    assert expected in str(caught.value)


@pytest.mark.parametrize("given", ["RO", "ro", "Romania", "romania"])
def test_countries_are_named_by_code_or_region(given: str) -> None:
    match = open_grammar(VoteSettings(countries=[given])).judge("CJ09ABC")
    assert match is not None and match.of_region and str(match) == "ro/standard"


def test_norway_is_not_taken_for_false() -> None:
    assert VoteSettings.model_validate({"countries": yaml.safe_load("[no, se]")}).countries == ("no", "se")
