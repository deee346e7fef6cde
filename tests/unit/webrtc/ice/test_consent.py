"""Who is gone is noticed, who moves is followed, and nobody else is listened to."""

from __future__ import annotations

import pytest

from softswitch.webrtc import stun
from softswitch.webrtc.ice.agent import MOST_PAIRS
from softswitch.webrtc.ice.state import AgentState, Pace, PathChanged, PathLost
from tests.support.ice_wire import Network, Party, connected

WLAN, MOBILE = "198.51.100.1", "203.0.113.77"


def call(*, lite: bool = False, controlling: bool = False) -> tuple[Network, Party, Party]:
    """The switch and a browser, connected."""
    switch, browser = Party("s", ["192.0.2.1"], lite=lite), Party("b", [WLAN])
    network = Network(switch, browser)
    switch.know(browser, 0.0, controlling=controlling)
    browser.know(switch, 0.0, controlling=not controlling)
    network.run(5.0, stop=lambda: connected(switch, browser))
    assert connected(switch, browser)
    return network, switch, browser


@pytest.mark.parametrize("lite", [False, True], ids=["full", "lite"])
def test_a_browser_that_is_there_stays(lite: bool) -> None:
    network, switch, _ = call(lite=lite)
    network.run(120.0)
    assert [type(news) for _, news in switch.news] == [PathChanged]
    rate = len(switch.sent) / 120
    assert rate < 2.5, f"{rate} datagrams a second, answers among them"


@pytest.mark.parametrize("lite", [False, True], ids=["full", "lite"])
def test_a_browser_that_dies_is_noticed_within_six_seconds(lite: bool) -> None:
    network, switch, _ = call(lite=lite)
    network.run(30.0)
    network.parties = (switch,)
    network.run(60.0)
    when, news = switch.news[-1]
    assert isinstance(news, PathLost)
    assert when - 30.0 <= 6.0
    assert switch.agent.path is None
    sent = len(switch.sent)
    network.run(200.0)
    assert len(switch.sent) == sent, "who is lost is left alone"


def test_a_lite_agent_is_content_with_media() -> None:
    """A browser that checks seldom (Firefox) and sends RTP meanwhile: nothing is asked."""
    network, switch, browser = call(lite=True)
    browser.agent.consent_due = float("inf")
    network.parties = (switch,)
    for second in range(1, 40):
        network.run(float(second))
        switch.agent.alive(network.now)
    assert switch.agent.state is AgentState.CONNECTED
    requests = [data for _, data, _ in switch.sent if data[:2] == b"\0\1"]
    assert not requests
    indications = [data for _, data, _ in switch.sent if data[:2] == b"\0\x11"]
    assert len(indications) == 2, "and the way through a NAT is kept open (RFC 8445 11)"


@pytest.mark.parametrize("loss", [0.05, 0.2])
def test_lost_checks_alone_end_no_call(loss: float) -> None:
    network, switch, browser = call()
    switch_dice = browser.agent._dice
    network.fate = lambda *_: () if switch_dice.spread() < loss else (0.05,)
    network.run(600.0)
    assert [type(news) for _, news in switch.news] == [PathChanged]


def test_what_is_lost_can_come_back() -> None:
    """The browser's own checks prove anew that it wants to be sent to."""
    network, switch, browser = call()
    fate, network.fate = network.fate, lambda *_: ()
    network.run(8.0, stop=lambda: switch.agent.state is AgentState.LOST)
    network.fate = fate
    browser.agent.ask(next(iter(browser.agent.pairs.values())), nominate=True)
    network.run(12.0, stop=lambda: connected(switch))
    assert [type(news) for _, news in switch.news] == [PathChanged, PathLost, PathChanged]


def test_consent_can_be_taken_back() -> None:
    """RFC 7675 5.2: 403, of whoever knows the password."""
    network, switch, browser = call()
    network.parties = (switch,)
    network.run(10.0, stop=lambda: bool(switch.sent) and network.now > 2 and switch.sent[-1][1][:2] == b"\0\1")
    request = stun.read(switch.sent[-1][1])
    refused = stun._sealed(
        stun.ERROR, request.transaction, stun._attribute(0x0009, b"\0\0\4\3Forbidden"), browser.agent._key
    )
    switch.agent.receive(stun.read(refused), browser.here, network.now)
    assert switch.agent.state is AgentState.LOST


@pytest.mark.parametrize("lite", [False, True], ids=["full", "lite"])
def test_a_phone_that_moves_is_followed(lite: bool) -> None:
    """From WLAN to mobile: the browser checks from there, and nominates that; the old way is dead."""
    network, switch, browser = call(lite=lite)
    network.run(10.0)
    browser.addresses = [MOBILE]
    network.run(20.0, stop=lambda: switch.agent.path is not None and switch.agent.path.remote[0] == MOBILE)
    assert network.now < 14.0
    assert [type(news) for _, news in switch.news] == [PathChanged, PathChanged], "the call never stopped"
    assert switch.news[-1][1] == PathChanged((MOBILE, 5000))


def test_a_phone_that_moves_is_followed_by_who_nominates() -> None:
    """We are controlling: its checks tell that there is another way."""
    network, switch, browser = call(controlling=True)
    network.run(10.0)
    browser.addresses = [MOBILE]
    network.run(20.0, stop=lambda: switch.agent.path is not None and switch.agent.path.remote[0] == MOBILE)
    assert network.now < 15.0
    assert [type(news) for _, news in switch.news] == [PathChanged, PathChanged]


def test_a_long_call_that_moves_often_does_not_fill_up() -> None:
    network, switch, browser = call()
    for number in range(3 * MOST_PAIRS):
        browser.addresses = [f"203.0.113.{number + 1}"]
        network.run(network.now + 4.0)
    assert switch.agent.path is not None
    assert switch.agent.path.remote == browser.here
    assert len(switch.agent.pairs) <= MOST_PAIRS


@pytest.mark.parametrize("lite", [False, True], ids=["full", "lite"])
def test_a_check_that_was_overheard_moves_nothing(lite: bool) -> None:
    """Sent again from elsewhere by somebody on the way: the password is right, the sender is not."""
    network, switch, browser = call(lite=lite)
    network.run(5.0)
    overheard = next(data for _, data, _ in reversed(browser.sent) if data[:2] == b"\0\1")
    switch.agent.receive(stun.read(overheard), ("203.0.113.66", 6666), network.now)
    assert switch.agent.counters.replayed == 1
    assert ("203.0.113.66", 6666) not in switch.agent.pairs
    network.run(20.0)
    assert not [to for _, _, to in switch.sent if to[0] == "203.0.113.66"]


def test_a_check_that_was_held_back_moves_nothing_for_good() -> None:
    """The original never came: the other address is asked, cannot answer, and media stays where it was."""
    network, switch, _ = call()
    network.run(5.0)
    stolen = stun.request(
        b"held back ..", switch.agent._key, username=b"ssss:bbbb", priority=1, role="controlling",
        tie_breaker=1, nominate=True,
    )  # fmt: skip
    switch.agent.receive(stun.read(stolen), ("203.0.113.66", 6666), network.now)
    network.run(60.0)
    assert [type(news) for _, news in switch.news] == [PathChanged]
    to_thief = [data for _, data, to in switch.sent if to[0] == "203.0.113.66"]
    assert 0 < len(to_thief) <= Pace().most_sent + 1


def test_closed_says_nothing_more() -> None:
    network, switch, _ = call()
    switch.agent.close()
    sent = len(switch.sent)
    network.run(30.0)
    assert len(switch.sent) == sent
    assert switch.agent.next_timer() is None
