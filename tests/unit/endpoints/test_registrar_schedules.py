"""Whatever phones register, in any order: what stays true of the bindings."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.endpoints.registrar import RegistrarLimits
from softswitch.sip.flow import Flow
from tests.unit.endpoints.test_registrar import INSTANCE, Phone, Site

FLOWS = tuple(
    Flow(transport, ("192.0.2.100", 5060), (f"203.0.113.{host}", 40000 + host), number)
    for host, (transport, number) in enumerate((("UDP", 0), ("UDP", 0), ("TCP", 7), ("TCP", 8)))
)
contact = st.builds(
    lambda user, host, expires, q, instance, reg_id: (
        f"<sip:{user}@10.0.0.{host}>"
        + (f";expires={expires}" if expires is not None else "")
        + (f";q={q}" if q is not None else "")
        + (f";{INSTANCE}" if instance else "")
        + (f";reg-id={reg_id}" if reg_id is not None else "")
    ),
    st.sampled_from("ab"),
    st.integers(1, 3),
    st.sampled_from((None, 0, 30, 60, 600, 999_999)),
    st.sampled_from((None, "0.1", "x")),
    st.booleans(),
    st.sampled_from((None, 1, 2)),
)
requests = st.tuples(
    st.sampled_from(("anna", "bert")),
    st.sampled_from(FLOWS),
    st.sampled_from(("call-1", "call-2")),
    st.one_of(st.just(("*",)), st.lists(contact, max_size=3).map(tuple)),
    st.sampled_from((None, "0", "60", "garbage")),
    st.booleans(),
    st.floats(0.0, 400.0),
)


def check(site: Site, now: float) -> None:
    """What holds after every request."""
    sources: set[str] = set()
    flows: dict[Flow, set[str]] = {}
    for user in site.bindings.users():
        bindings = site.bindings.lookup(user, now)
        assert all(binding.expires_at > now for binding in bindings)
        assert len(bindings) <= site.limits.most_contacts
        for number, one in enumerate(bindings):
            sources.add(one.flow.remote[0])
            flows.setdefault(one.flow, set()).add(user)
            assert not any(one.contact.equivalent(other.contact) for other in bindings[number + 1 :])
        ringing = [[str(each.uri) for each in ring] for ring in site.bindings.ways(user, now, domain="d")]
        assert sorted(uri for ring in ringing for uri in ring) == sorted(str(each.contact) for each in bindings)
    assert {flow.remote[0] for flow in FLOWS if site.bindings.has_source(flow.remote[0])} == sources
    assert {flow for flow in FLOWS if site.bindings.has_flow(flow)} == set(flows)


@settings(max_examples=80, deadline=None)
@given(st.lists(requests, max_size=12))
def test_any_schedule(schedule: list[tuple[str, Flow, str, tuple[str, ...], str | None, bool, float]]) -> None:
    site = Site(limits=RegistrarLimits(least_expires=60, most_contacts=3))
    passwords = {"anna": "correct horse", "bert": "battery staple"}
    phones: dict[tuple[str, str], Phone] = {}
    now = 0.0
    for user, flow, call_id, values, expires, outbound, pause in schedule:
        now += pause
        phone = phones.setdefault((user, call_id), Phone(user=user, password=passwords[user], call_id=call_id))
        phone.flow, phone.challenge = flow, None
        before = {each: site.bindings.lookup(each, now) for each in passwords}
        headers = [("Contact", value) for value in values]
        headers += [("Expires", expires)] if expires is not None else []
        headers += [("Supported", "outbound")] if outbound else []
        answer = site.register(phone, *(headers or [("Expires", "60")]), now=now)
        assert answer.status in (200, 400, 403, 423, 500)
        listed = [value for name, value in answer.headers if name == "Contact"]
        if answer.status == 200:
            assert len(listed) == len(site.bindings.lookup(user, now))
        else:
            assert site.bindings.lookup(user, now) == before[user], "all of it or nothing"
            assert listed == []
        others = {each: site.bindings.lookup(each, now) for each in passwords if each != user}
        assert all(others[each] == before[each] for each in others)
        check(site, now)
    site.bindings.purge(now + 10_000.0)
    assert site.bindings.users() == ()
    check(site, now + 10_000.0)
