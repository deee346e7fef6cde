"""Whatever a registrar and the network do, in any order: what stays true of a registration."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.flow import Flow
from softswitch.sip.registration.state import State
from tests.support.registrar_stage import PACE, SECOND, RegistrarStage
from tests.support.stage import THEM, UDP, US

TCP = Flow("TCP", US, THEM)
CHALLENGE = 'Digest realm="r", nonce="{}", qop="auth"'

STATUSES = (100, 200, 301, 401, 403, 404, 407, 408, 423, 486, 500, 503, 603)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from((0.1, 5.0, 31.0, 33.0, 100.0, 700.0))),
        st.tuples(st.just("grant"), st.sampled_from((0, 1, 30, 600, 3600))),
        st.tuples(st.just("answer"), st.sampled_from(STATUSES)),
        st.tuples(st.just("lost"), st.sampled_from((UDP, TCP, SECOND))),
        st.tuples(st.just("targets"), st.sampled_from(((), (UDP,), (TCP, SECOND), (SECOND, UDP)))),
        st.tuples(st.just("moved"), st.sampled_from(("192.0.2.1", "192.0.2.2"))),
        st.tuples(st.just("late"), st.integers(0, 5)),
        st.tuples(st.just("stop"), st.none()),
    ),
    max_size=40,
)


def check(stage: RegistrarStage) -> None:
    """What holds at every moment."""
    registration = stage.registration
    state = registration.state
    cseqs = [request.cseq.number for _, _, request in stage.seen]
    assert cseqs == sorted(set(cseqs)), "CSeq only rises"
    assert len({request.call_id for _, _, request in stage.seen}) <= 1
    held = (State.REGISTERED, State.REFRESHING, State.HOLDING)
    if state in held:
        assert registration.is_registered
        assert registration.flow is not None
        assert registration.expires_at is not None
        assert registration.expires_at >= stage.now - 1e-6, "no contact is believed in that has expired"
    elif state not in (State.STOPPING, State.LEAVING):
        assert not registration.is_registered
    asking = (State.REGISTERING, State.REFRESHING, State.STOPPING, State.LEAVING)
    under_way = stage.stack.statistics.transactions
    assert under_way <= 1, "never two at once (10.2)"
    assert (state in asking) == (under_way == 1)
    if state in (State.WAITING, State.HOLDING, State.REFUSED):
        assert registration.retry_at is not None
        assert registration.retry_at >= stage.now - 1e-6
    if state is State.ENDED:
        assert stage.stack.statistics.timers == stage.stack.statistics.lingering


@settings(max_examples=100, deadline=None)
@given(steps)
def test_any_schedule(schedule: list[tuple[str, object]]) -> None:
    stage = RegistrarStage(UDP, SECOND)
    stage.registration.start(stage.now)
    stage.registers()
    for number, (what, how) in enumerate(schedule, 1):
        asked = stage.registration.state in (
            State.REGISTERING, State.REFRESHING, State.STOPPING, State.LEAVING
        )  # fmt: skip
        match what, how:
            case "wait", float(seconds):
                stage.pass_time(seconds)
            case "grant", int(expires) if asked:
                stage.grant(*stage.seen[-1][1:], expires)
            case "answer", int(status) if asked:
                stage.respond(
                    *stage.seen[-1][1:], status, ("Min-Expires", str(number * 600)),
                    ("WWW-Authenticate", CHALLENGE.format(number)), ("Proxy-Authenticate", CHALLENGE.format(number)),
                )  # fmt: skip
            case "lost", Flow() as flow:
                stage.stack.transport_failed(flow, stage.now)
            case "targets", tuple(targets):
                stage.targets[:] = targets
            case "moved", str(address):
                stage.targets[:] = [Flow(flow.transport, (address, 5060), flow.remote) for flow in stage.targets]
                stage.registration.look(stage.now)
            case "late", int(back) if back < len(stage.seen):
                stage.grant(*stage.seen[-1 - back][1:])
            case "stop", _:
                stage.registration.stop(stage.now)
            case _:
                pass
        stage.registers()
        check(stage)
    stage.pass_time(33.0)
    check(stage)
    if stage.registration.state is not State.ENDED:
        stage.targets[:] = [UDP]
        stage.registration.look(stage.now)
        stage.registers()
        attempts = 0
        while not (stage.registration.state is State.REGISTERED and stage.registration.preferred) and attempts < 20:
            if stage.registration.state is State.STOPPING:
                break
            asked = stage.registration.state in (State.REGISTERING, State.REFRESHING)
            flow, request = stage.seen[-1][1:] if asked else stage.until_register(PACE.refused_retry + 4000.0)[1:]
            stage.grant(flow, request)
            attempts += 1
        assert stage.registration.is_registered, "whatever was, a registrar that answers has us back"
    stage.registration.stop(stage.now)
    stage.registers()
    stage.pass_time(70.0)
    assert stage.registration.state is State.ENDED
    assert stage.all_over()
