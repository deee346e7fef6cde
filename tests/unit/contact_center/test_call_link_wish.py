"""A link as somebody asks for it: what is filled in, and what is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.contact_center.call_link import CallLink, Kind, Routing, Validity
from softswitch.contact_center.call_link_wish import DAY, CallLinkError, Defaults, Wish, identity, make

NOW = 1_780_000_000.0
SUPPORT = Defaults(destination="support", title="Support")
ANNA = "Anna.K"


def made(wish: Wish, defaults: Defaults = SUPPORT) -> CallLink:
    return make(wish, defaults, link_id="x", now=NOW)


def refused(wish: Wish, defaults: Defaults = SUPPORT) -> str:
    with pytest.raises(CallLinkError) as refusal:
        made(wish, defaults)
    return refusal.value.field


def test_an_identity_is_enough() -> None:
    link = made(Wish(identity=ANNA))

    assert link.validity is Validity.ONE_TIME
    assert (link.valid_from, link.valid_until) == (NOW, NOW + DAY)
    assert (link.routing, link.destination, link.title) == (Routing.EXISTING_RULES, "support", "Support")
    assert link.max_calls == 1


def test_what_is_asked_for_counts_more_than_the_defaults() -> None:
    wish = Wish(
        identity=ANNA,
        kind=Kind.AUDIO,
        validity=Validity.EXPIRATION,
        routing=Routing.ROUTE_TO_SHARING_AGENT,
        agent="1001",
        title="Jo Bloggs",
        valid_until=NOW + 60,
        max_calls=5,
        conversation="c-7",
    )

    link = made(wish)

    assert (link.kind, link.validity, link.agent, link.destination) == (Kind.AUDIO, Validity.EXPIRATION, "1001", "")
    assert (link.title, link.valid_until, link.max_calls, link.conversation) == ("Jo Bloggs", NOW + 60, 5, "c-7")


def test_a_link_of_a_conversation_needs_nothing_else() -> None:
    link = made(Wish(conversation="c-7"))

    assert (link.identity, link.conversation) == ("c-7", "c-7")


def test_a_link_that_begins_later_lasts_as_long() -> None:
    assert made(Wish(identity=ANNA, valid_from=NOW + 2 * DAY)).valid_until == NOW + 3 * DAY


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(), "identity"),
        (Wish(identity=ANNA, validity=Validity.TIME_FRAME), "valid_from"),
        (Wish(identity=ANNA, validity=Validity.TIME_FRAME, valid_from=NOW), "valid_until"),
        (Wish(identity=ANNA, valid_until=NOW), "valid_until"),
        (Wish(identity=ANNA, valid_from=NOW + 9, valid_until=NOW + 9), "valid_until"),
        (Wish(identity=ANNA, valid_until=NOW + 91 * DAY), "valid_until"),
        (Wish(identity=ANNA, routing=Routing.ROUTE_TO_SHARING_AGENT), "agent"),
        (Wish(identity=ANNA, routing=Routing.ROUTE_TO_SHARING_AGENT, agent="1", destination="2"), "destination"),
        (Wish(identity=ANNA, max_calls=2), "max_calls"),
        (Wish(identity=ANNA, validity=Validity.EXPIRATION, max_calls=0), "max_calls"),
        (Wish(identity=ANNA, title="a\nb"), "title"),
        (Wish(identity=ANNA, conversation="c" * 129), "conversation"),
        (Wish(identity=ANNA, destination="9" * 65), "destination"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(wish: Wish, field: str) -> None:
    assert refused(wish) == field


def test_rules_need_a_number_to_decide_about() -> None:
    assert refused(Wish(identity=ANNA), Defaults()) == "destination"


@pytest.mark.parametrize("good", ["abc", "+49891234567", "Анна-Мария", "李小龍", "x" * 64, "a_b=c/d.e", "٣٤٥", "Ⅷ-½"])
def test_identities_are_letters_and_digits_of_any_script(good: str) -> None:
    assert identity(good) == good


def test_an_identity_typed_on_another_keyboard_is_the_same() -> None:
    assert identity("Rene\u0301") == "Ren\xe9"


@pytest.mark.parametrize(
    "bad", ["", "ab", "x" * 65, "a b c", "a@bc", "abc;x", "<abc>", "abc\n", "abc\0", "😀😀😀", "a\u202eb"]
)
def test_other_identities_are_refused(bad: str) -> None:
    with pytest.raises(CallLinkError, match="identity"):
        identity(bad)


@given(st.text(max_size=80))
def test_an_identity_that_is_taken_is_of_the_pattern(text: str) -> None:
    try:
        found = identity(text)
    except CallLinkError:
        return
    assert 3 <= len(found) <= 64
    assert all(unicodedata.category(char)[0] in "LN" or char in "-_+=/." for char in found)
    assert identity(found) == found
