"""A guide becomes titles; one that is hostile is refused."""

from __future__ import annotations

import io

import pytest

from omega_core.content import Content, ContentKind
from omega_core.errors import OmegaError
from omega_titles import Form, TitleFile, read_titles
from omega_titles.ages import minimum_age

GUIDE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tv SYSTEM "xmltv.dtd">
<tv generator-info-name="someone">
  <channel id="one.example"><display-name>One</display-name></channel>
  <programme start="20261129180000 +0100" channel="one.example">
    <title lang="en">The Long Road</title>
    <sub-title>Beginnings</sub-title>
    <desc>Today everything begins.</desc>
    <category>Series</category>
    <category>Drama</category>
    <episode-num system="xmltv_ns">0.0.</episode-num>
    <rating system="FSK"><value>12</value></rating>
  </programme>
  <programme start="20261129200000 +0100" channel="one.example">
    <title>Harbour</title>
    <desc>
      A ship
      comes in.
    </desc>
    <date>19990412</date>
    <category>Movie</category>
    <category>Thriller</category>
    <country>FR</country>
    <rating system="MPAA"><value>PG-13</value></rating>
    <star-rating><value>7/10</value></star-rating>
  </programme>
  <programme start="20261130180000 +0100" channel="two.example">
    <title>the long road</title>
    <sub-title>The end</sub-title>
    <category>drama</category>
    <category>Family</category>
    <rating><value>16+</value></rating>
  </programme>
  <programme start="20261130200000 +0100" channel="two.example">
    <title>Harbour</title>
    <date>2020</date>
    <category>Movie</category>
  </programme>
  <programme start="20261130210000 +0100" channel="two.example">
    <title>Evening News</title>
    <category>News</category>
  </programme>
</tv>
"""


def read(text: str) -> TitleFile:
    return read_titles(io.BytesIO(text.encode()), Form.XMLTV)


def test_programmes_become_titles_and_episodes_one_series() -> None:
    found = read(GUIDE)
    assert found.bad == ()
    series, film, other_film, news = found.contents
    ids = [each.content_id for each in found.contents]
    assert len(set(ids)) == 4
    assert all(each.startswith("xmltv:") for each in ids)
    assert series == Content(
        ids[0], "The Long Road", ContentKind.SERIES, ("Drama", "Family"), minimum_age=16
    )
    assert film == Content(
        ids[1],
        "Harbour",
        ContentKind.MOVIE,
        ("Thriller",),
        1999,
        "FR",
        "A ship comes in.",
        minimum_age=13,
    )
    assert (other_film.title, other_film.year) == ("Harbour", 2020)
    assert (news.kind, news.genres) == (ContentKind.LIVE, ("News",))


def test_the_same_title_has_the_same_id_in_each_guide() -> None:
    known = {each.title.casefold(): each.content_id for each in read(GUIDE).contents[:1]}
    later = read(
        "<tv><programme><title>The long Road</title><sub-title>x</sub-title></programme></tv>"
    )
    assert later.contents[0].content_id == known["the long road"]


@pytest.mark.parametrize(
    ("programme", "field", "bound"),
    [
        ("<desc>no title</desc>", "title", "1 to 300 characters"),
        ("<title>A</title><date>soon</date>", "date", "a date that begins with a year"),
        ("<title>A</title><date>0099</date>", "year", "0 or between 1870 and 2200"),
        (f"<title>A</title><category>{'x' * 65}</category>", "genres[0]", "1 to 64 characters"),
        (f"<title>A</title><desc>{'x ' * 40_000}</desc>", "desc", "at most 65,536 characters"),
        ("<title>A</title>" + "<icon/>" * 1_001, "", "of at most 1,000 elements"),
    ],
)
def test_a_bad_programme_is_named_and_the_others_are_read(
    programme: str, field: str, bound: str
) -> None:
    good = "<programme><title>Good</title></programme>"
    found = read(f"<tv>\n{good}\n<programme>{programme}</programme>\n</tv>")
    assert [each.title for each in found.contents] == ["Good"]
    (bad,) = found.bad
    assert (bad.line, bad.field) == (3, field)
    assert bad.bound.startswith(bound)


def test_a_long_description_is_cut_between_words() -> None:
    found = read(f"<tv><programme><title>A</title><desc>{'word ' * 1_000}</desc></programme></tv>")
    (content,) = found.contents
    assert 1_990 < len(content.description) <= 2_000
    assert content.description.endswith("word…")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "well-formed XML"),
        (GUIDE[: len(GUIDE) // 2], "well-formed XML; line "),
        ("<rss></rss>", "XMLTV, whose root is tv"),
        ("<tv><programme><title>&other;</title></programme></tv>", "well-formed XML"),
        (
            '<!DOCTYPE tv [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><tv>&b;</tv>',
            "XML that declares no entities",
        ),
        (
            '<!DOCTYPE tv [<!ENTITY a SYSTEM "file:///etc/passwd">]><tv>&a;</tv>',
            "XML that declares no entities",
        ),
        (
            '<!DOCTYPE tv [<!ENTITY % a SYSTEM "http://127.0.0.1:1/a">%a;]><tv></tv>',
            "XML that declares no entities",
        ),
        (f'<tv a="{"x" * 3_000_000}"></tv>', "XML in pieces of at most 1,048,576 bytes"),
        (f"<tv><!--{'x' * 3_000_000}--></tv>", "XML in pieces of at most 1,048,576 bytes"),
    ],
)
def test_what_is_no_guide_is_refused_whole(text: str, said: str) -> None:
    with pytest.raises(OmegaError, match=said) as caught:
        read(text)
    assert caught.value.field == "file"


def test_elements_may_be_nested_as_deep_as_they_are_long() -> None:
    found = read(f"<tv>{'<a>' * 50_000}{'</a>' * 50_000}</tv>")
    assert (found.contents, found.bad) == ((), ())


def test_marks_stand_for_ages() -> None:
    assert minimum_age([]) is None
    assert minimum_age(["unrated", "99"]) is None
    assert minimum_age(["tv-ma", "PG"]) == 17
    for mark, age in {"12": 12, "FSK 16": 16, "PEGI-18": 18, "6+": 6, "0": 0, "U": 0}.items():
        assert minimum_age([mark]) == age
