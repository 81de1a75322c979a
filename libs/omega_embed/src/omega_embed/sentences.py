"""Seeded sentences of the kind the encoder meets: titles, genres, descriptions, wishes."""

from __future__ import annotations

import random

_ADJECTIVES = (
    "quiet", "stolen", "burning", "last", "forgotten", "golden", "crooked", "endless", "frozen",
    "hidden", "broken", "electric", "lonely", "wild", "borrowed", "midnight", "scarlet", "second",
)  # fmt: skip
_NOUNS = (
    "harbour", "orchard", "witness", "river", "clockmaker", "island", "empire", "garden", "railway",
    "winter", "lighthouse", "promise", "kingdom", "machine", "carnival", "mountain", "letter",
    "planet", "bakery", "cathedral", "desert", "orchestra", "submarine", "vineyard",
)  # fmt: skip
_PEOPLE = (
    "a retired detective", "two sisters", "a young chef", "an ageing pianist", "a disgraced doctor",
    "three schoolboys", "a night nurse", "a stubborn farmer", "an apprentice thief", "a bus driver",
    "the captain of a cargo ship", "a widowed teacher", "a robot that has lost its memory",
    "an astronomer", "a village policeman", "the youngest heir of a banking family",
)  # fmt: skip
_DEEDS = (
    "tries to save the family business", "searches for a missing child",
    "falls in love with the wrong person", "discovers a plot against the crown",
    "crosses the country on foot", "learns to cook for a stranger",
    "defends an innocent man in court", "builds a boat in the middle of a town",
    "wakes in a city where nobody speaks", "hides a fugitive in the attic",
    "plans one final robbery", "must land a plane without instruments",
    "returns home after twenty years", "makes friends with a lost elephant",
    "investigates a murder at the opera", "teaches an old team to win again",
)  # fmt: skip
_TURNS = (
    "but the past will not let go", "while a storm closes every road",
    "and finds an unlikely friend on the way", "only to learn that the enemy sits at the table",
    "as war breaks out around them", "with nothing but a map drawn by a child",
    "until a single telephone call changes everything", "and nobody believes a word of it",
    "before the summer is over", "in a town that keeps its secrets well",
)  # fmt: skip
_PLACES = (
    "Lisbon", "the Scottish Highlands", "a mining colony on Mars", "Kyoto", "rural Kansas",
    "wartime London", "Lagos", "the Norwegian coast", "Buenos Aires", "a crowded hospital",
    "the court of Louis XIV", "Mumbai", "an Antarctic station", "the suburbs of Chicago",
)  # fmt: skip
_GENRES = (
    "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
_WISHES = (
    "something {adjective} for a Sunday evening", "a film like The {adjective} {noun}",
    "series set in {place}", "{genre} with the children", "a short {genre} before bed",
    "what was the one where {person} {deed}?", "{genre} and {other}, nothing too long",
)  # fmt: skip
_SHAPES = (
    "The {Adjective} {Noun}",
    "{Noun} {number}",
    "The {Adjective} {Noun} ({year})",
    "{Noun} of the {Adjective} {Other}. Genres: {genre}.",
    "The {Noun}. Genres: {genre}, {other}.",
    "The {Adjective} {Noun}. Genres: {genre}, {other}. In {place}, {person} {deed}.",
    "{Noun} in {place}. Genres: {genre}. {Person} {deed}, {turn}.",
    "{Person} {deed}, {turn}.",
    "The {Noun}. Genres: {genre}, {other}. {Person} {deed}, {turn}. Then {friend} {feat}, {twist}.",
)


def sentences(count: int, seed: int) -> list[str]:
    """Distinct sentences of about 4 to 80 tokens; the same for the same seed, everywhere.

    Args:
        count: how many, at most 1,000.
        seed: any integer.
    """
    chooser = random.Random(seed)  # noqa: S311 - repeatable choice, no secret
    made: dict[str, None] = {}
    while len(made) < count:
        made[_sentence(chooser)] = None
    return list(made)


def _sentence(chooser: random.Random) -> str:
    adjective = chooser.choice(_ADJECTIVES)
    noun, other_noun = chooser.sample(_NOUNS, 2)
    person, friend = chooser.sample(_PEOPLE, 2)
    deed, feat = chooser.sample(_DEEDS, 2)
    turn, twist = chooser.sample(_TURNS, 2)
    genre, other = chooser.sample(_GENRES, 2)
    return chooser.choice(_SHAPES + _WISHES).format(
        adjective=adjective,
        Adjective=adjective.capitalize(),
        noun=noun,
        Noun=noun.capitalize(),
        Other=other_noun.capitalize(),
        person=person,
        Person=person[0].upper() + person[1:],
        friend=friend,
        deed=deed,
        feat=feat,
        turn=turn,
        twist=twist,
        place=chooser.choice(_PLACES),
        genre=genre,
        other=other,
        number=chooser.randint(2, 9),
        year=chooser.randint(1930, 2025),
    )
