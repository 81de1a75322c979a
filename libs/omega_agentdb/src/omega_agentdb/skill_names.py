"""Names of taste patterns for people, such as "Crime dramas in the evening"."""

from __future__ import annotations

from collections.abc import Mapping

from omega_core.content import ContentKind
from omega_core.taste import DAY_TYPE, GENRE, KIND, TIME_OF_DAY, facets

_MOSTLY = 0.6
"""Share of the viewings that state a circumstance from which on it belongs to the name."""
_ALSO = 0.6
"""Share of the strongest genre's count from which on a second one belongs to the name."""
_SLOTS = {"1": "in the morning", "2": "in the afternoon", "3": "in the evening", "4": "at night"}
_DAYS = {"2": "at the weekend", "3": "on holidays"}
_KINDS = {
    str(int(ContentKind.MOVIE)): "films",
    str(int(ContentKind.SERIES)): "series",
    str(int(ContentKind.LIVE)): "live programmes",
}
_PLURALS = {
    "comedy": "comedies",
    "documentary": "documentaries",
    "drama": "dramas",
    "musical": "musicals",
    "mystery": "mysteries",
    "thriller": "thrillers",
    "western": "westerns",
}
_ADJECTIVES = {"animation": "animated", "children": "children's", "romance": "romantic"}
_LONGEST = 128


def pattern_name(contexts: Mapping[str, float]) -> str:
    """A name from decayed counts of facets; at most 128 characters."""
    words = [_what(contexts)]
    if slot := _strongest(facets(TIME_OF_DAY, contexts), _SLOTS):
        words.append(slot)
    elif day := _strongest(facets(DAY_TYPE, contexts), _DAYS):
        words.append(day)
    name = " ".join(words)
    return (name[:1].upper() + name[1:])[:_LONGEST].rstrip()


def _what(contexts: Mapping[str, float]) -> str:
    kinds = _ranked(facets(KIND, contexts))
    noun = _KINDS.get(kinds[0][0], "titles") if kinds else "titles"
    genres = _ranked(facets(GENRE, contexts))
    strong = [name for name, count in genres[:2] if count >= _ALSO * genres[0][1]]
    if not strong:
        return f"mixed {noun}"
    # The one that is a noun goes last: crime dramas, romantic comedies.
    strong.sort(key=lambda name: name.lower() in _PLURALS)
    *before, last = strong
    described = [_ADJECTIVES.get(name.lower(), name.lower()) for name in before]
    if last.lower() in _PLURALS:
        return " ".join([*described, _PLURALS[last.lower()]])
    described.append(_ADJECTIVES.get(last.lower(), last.lower()))
    return f"{' and '.join(described)} {noun}"


def _strongest(counts: Mapping[str, float], names: Mapping[str, str]) -> str:
    """The name of a value that most of the counts are of; empty when there is none."""
    for value, count in _ranked(counts)[:1]:
        if count >= _MOSTLY * sum(counts.values()):
            return names.get(value, "")
    return ""


def _ranked(counts: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(
        ((value, count) for value, count in counts.items() if count > 0),
        key=lambda pair: (-pair[1], pair[0]),
    )
