"""What no single key can know: names that must exist, files that must be there, things that must not overlap.

Names and files are checked on the text as written, so that one wrong key does not hide the next mistake; what needs
understood values (ports, addresses) is checked once those values are good.
"""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config import (
    call_link_checks,
    choice_checks,
    codec_checks,
    phone_checks,
    tls_checks,
    trunk_checks,
    web_checks,
    webrtc_checks,
)
from config.dialplan_schema import CALLED
from config.problem import Problem, did_you_mean
from config.values import lasting
from config.yaml12 import dotted

if TYPE_CHECKING:
    from config.identity_schema import Identity
    from config.messages import KeyPath, Positions
    from config.schema import Sections
    from config.secrets import Secret
    from config.session_schema import SessionTerms
    from config.yaml12 import Tree

PROMPT_TYPES = (".ircam", ".m4a", ".m4r", ".mp2", ".mp3", ".voc", ".vox", ".wav")
MAX_PROMPT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """The files as read, before anything was understood."""

    tree: dict[str, Tree]
    positions: Positions
    dialplan: dict[str, Tree]
    dialplan_positions: Positions
    whole: bool
    """All of the configuration could be read, so that a name that is not there does not exist."""

    def names(self, *path: str) -> list[str]:
        """The keys of a section, [] when there is none."""
        section: Tree = self.tree
        for part in path:
            section = section.get(part) if isinstance(section, dict) else None
        return list(section) if isinstance(section, dict) else []


def problems(written: Written, sections: Sections, broken: frozenset[str]) -> list[Problem]:
    """Everything that is wrong. `broken`: sections that could not be understood and stand at their defaults."""
    found = [*_routes(written)]
    if written.whole:
        found += _unknown_names(written)
    for check, needed in _CHECKS:
        if not broken & needed:
            found += check(written, sections)
    return found


def warnings(written: Written, sections: Sections) -> list[Problem]:
    """What works, and is probably not meant."""
    return [
        *_secrets(written, sections),
        *_wide_open(written, sections),
        *_idle_suites(written, sections),
        *trunk_checks.warnings(written.positions, sections),
        *choice_checks.open_abroad(written.positions, _country_code(written), sections),
        *codec_checks.unheard(written.positions, sections),
        *web_checks.warnings(written, sections),
        *call_link_checks.warnings(written, sections),
    ]


def _each(tree: Tree, path: KeyPath, *keys: str | None) -> Iterator[tuple[KeyPath, Tree]]:
    """Every value at a path of keys, None standing for every item of a list; a single value counts as its own item."""
    if not keys:
        yield path, tree
        return
    key, rest = keys[0], keys[1:]
    if key is None:
        items = enumerate(tree) if isinstance(tree, list) else None
        if items is None:
            yield from _each(tree, path, *rest)
        else:
            for index, item in items:
                yield from _each(item, (*path, index), *rest)
    elif isinstance(tree, dict) and key in tree:
        yield from _each(tree[key], (*path, key), *rest)


def _as_text(value: Tree) -> str | None:
    return value if isinstance(value, str) else getattr(value, "text", None)


def _unknown_names(written: Written) -> Iterator[Problem]:
    trunks, phones = written.names("trunks"), written.names("phones", "users")
    places = written.dialplan_positions
    steps = ("routes", None, "do", None)
    for path, value in _each(written.dialplan, (), *steps, "dial", "trunk", None):
        path, name = choice_checks.trunk_name(path, value)
        if name is not None and name not in trunks:
            yield places.problem(path, f"unknown trunk {name!r}{did_you_mean(name, trunks)}")
    for path, value in _each(written.dialplan, (), *steps, "dial", "phone", None):
        name = _as_text(value)
        if name is not None and name != CALLED and name not in phones:
            yield places.problem(path, f"unknown phone {name!r}{did_you_mean(name, [*phones, CALLED])}")
    streams = written.names("streams")
    for path, value in _each(written.dialplan, (), *steps, "stream", "to"):
        name = _as_text(value)
        if name is not None and name not in streams:
            yield places.problem(path, f"unknown stream {name!r}{did_you_mean(name, streams)}")
    sources = [
        *_each(written.dialplan, (), "routes", None, "when", "from", None),
        *_each(written.dialplan, (), "tests", None, "from"),
    ]
    for path, value in sources:
        kind, _, name = str(value).partition(":")
        known = {"trunk": trunks, "phone": phones}.get(kind, [])
        if kind in {"trunk", "phone"} and name and name not in known:
            yield places.problem(path, f"unknown {kind} {name!r}{did_you_mean(name, known)}")


def _routes(written: Written) -> Iterator[Problem]:
    """Names that come twice; actions that are never reached."""
    places = written.dialplan_positions
    seen: dict[str, int] = {}
    for path, value in _each(written.dialplan, (), "routes", None, "name"):
        name = _as_text(value)
        if name in seen:
            yield places.problem(path, f"another route is already called {name!r}, line {seen[name]}")
        elif name is not None:
            seen[name] = places.value(path).line
    for path, route in _each(written.dialplan, (), "routes", None):
        called = next((value for _, value in _each(route, (), "when", "called")), None)
        if isinstance(called, dict) and called.keys() == {"local"}:
            continue
        for target, name in _each(route, path, "do", None, "dial", "phone", None):
            if name == CALLED:
                yield places.problem(target, f"{CALLED} needs `called: {{local: true}}`, so that there is such a phone")
    for path, steps in _each(written.dialplan, (), "routes", None, "do"):
        yield from _order(steps if isinstance(steps, list) else [steps], path, places)


def _order(steps: list[Tree], path: KeyPath, places: Positions) -> Iterator[Problem]:
    answered_by = ""
    for index, step in enumerate(steps):
        name = step if isinstance(step, str) else next(iter(step), "") if isinstance(step, dict) else ""
        here = (*path, index)
        if name in {"reject", "ring"} and answered_by:
            remedy = "use hangup" if name == "reject" else "take it out"
            yield places.problem(here, f"{name} after {answered_by}, which answers the call: {remedy}")
        if name in {"reject", "hangup", "conference"} and index + 1 < len(steps):
            yield places.problem((*path, index + 1), f"never reached: {name} ends the call")
            return
        options = step[name] if isinstance(step, dict) and name in {"play", "music", "stream"} else None
        early = isinstance(options, dict) and (options.get("early") or options.get("mode") == "listen")
        if name in {"answer", "conference", "echo", "play", "music", "stream"} and not early and not answered_by:
            answered_by = name


def _trunks(written: Written, sections: Sections) -> Iterator[Problem]:
    places = written.positions
    owners: dict[str, str] = {}
    for name, trunk in sections.trunks.items():
        path: KeyPath = ("trunks", name)
        known = trunk.sources or (trunk.tls is not None and trunk.tls.identities)
        if trunk.type == "static" and not known and not trunk.destinations:
            yield places.problem(path, "neither sources nor destinations: it could neither call nor be called")
        if (trunk.username is None) != (trunk.password is None):
            given, absent = ("username", "password") if trunk.password is None else ("password", "username")
            yield places.problem((*path, given), f"{given} without {absent}")
        yield from _caller(places, path, trunk.identity)
        for index, source in enumerate(trunk.sources):
            other = owners.setdefault(str(source), name)
            if other != name:
                yield places.problem((*path, "sources", index), f"the trunk {other!r} already claims {source}")


def _codecs(written: Written, sections: Sections) -> Iterator[Problem]:
    return codec_checks.repeated(written.positions, sections)


def _trunk_types(written: Written, sections: Sections) -> Iterable[Problem]:
    return trunk_checks.problems(written.positions, sections)


def _choices(written: Written, sections: Sections) -> Iterator[Problem]:
    return choice_checks.problems(written.dialplan_positions, _dials(written), sections)


def _tolls(written: Written, sections: Sections) -> Iterator[Problem]:
    return choice_checks.undecidable(written.positions, _country_code(written), sections)


def _dials(written: Written) -> Iterator[tuple[KeyPath, Tree]]:
    """Every `dial`, and where it stands."""
    return _each(written.dialplan, (), "routes", None, "do", None, "dial")


def _country_code(written: Written) -> str | None:
    return next((_as_text(value) for _, value in _each(written.dialplan, (), "numbering", "country_code")), None)


def _caller(places: Positions, path: KeyPath, identity: Identity) -> Iterator[Problem]:
    """Who calls: what could never come true."""
    if identity.caller_from is not None and not identity.trusted:
        for index, source in enumerate(identity.caller_from):
            if source != "from":
                message = f"{source} is believed from trusted trunks only: add `trusted: true`, or take it out"
                yield places.problem((*path, "identity", "caller_from", index), message)
    prefixes_only = all(number.endswith("*") for number in identity.numbers)
    if identity.numbers and prefixes_only and identity.default_caller_id is None:
        message = "which number is shown in place of one that is not ours? give default_caller_id"
        yield places.problem((*path, "identity", "numbers"), message)
    if identity.default_caller_id is not None and identity.default_caller_id.endswith("*"):
        message = f"expected a whole number, got {identity.default_caller_id!r}"
        yield places.problem((*path, "identity", "default_caller_id"), message)


def _overlap(one: str, other: str) -> bool:
    """Whether two bind addresses meet; :: takes IPv4 as well."""
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    if first == second:
        return True
    if first.version == second.version:
        return first.is_unspecified or second.is_unspecified
    return (first if first.version == 6 else second).is_unspecified


def _meet(one: str, other: str) -> bool:
    """Whether two SIP listeners meet: each takes its own IP version alone, so that 0.0.0.0 and :: may share a port."""
    return (":" in one) == (":" in other) and _overlap(one, other)


def _listeners(written: Written, sections: Sections) -> Iterator[Problem]:
    places, admin = written.positions, sections.admin
    listeners = sections.sip.listen
    for index, one in enumerate(listeners):
        here = f"{one.transport} {one.address}:{one.port}"
        for earlier in listeners[:index]:
            same = (one.transport == "udp", one.port) == (earlier.transport == "udp", earlier.port)
            if same and _meet(one.address, earlier.address):
                place: KeyPath = ("sip", "listen", index)
                yield places.problem(place, f"{here} is already taken by {earlier.address}:{earlier.port} above")
                break
        if admin.enabled and one.transport != "udp" and one.port == admin.port and _overlap(one.address, admin.address):
            yield places.problem(("admin", "port"), f"port {admin.port} is already taken by sip.listen[{index}]")


def _media(written: Written, sections: Sections) -> Iterator[Problem]:
    places, media = written.positions, sections.media
    ports = media.ports
    if ports.first % 2:
        message = f"expected an even port (RTP even, RTCP odd), got {ports.first}"
        yield places.problem(("media", "ports", "first"), message)
    if ports.last <= ports.first:
        message = f"expected more than media.ports.first ({ports.first}), got {ports.last}"
        yield places.problem(("media", "ports", "last"), message)
    for index, listener in enumerate(sections.sip.listen):
        inside = ports.first <= listener.port <= ports.last
        if listener.transport == "udp" and inside and _overlap(listener.address, media.address):
            message = f"port {listener.port} lies inside media.ports ({ports.first}-{ports.last})"
            yield places.problem(("sip", "listen", index, "port"), message)


def _phones(written: Written, sections: Sections) -> Iterable[Problem]:
    return phone_checks.problems(written.positions, sections)


def _session_timers(written: Written, sections: Sections) -> Iterator[Problem]:
    users: list[tuple[tuple[str, ...], SessionTerms]] = [
        (("trunks", name), each) for name, each in sections.trunks.items()
    ]
    for path, section in (*users, (("phones",), sections.phones)):
        timer = section.session_timer
        if timer.minimum > timer.expires:
            given = "minimum" if "minimum" in written.names(*path, "session_timer") else "expires"
            message = f"we would ask for {lasting(timer.expires)} and refuse less than {lasting(timer.minimum)}"
            yield written.positions.problem((*path, "session_timer", given), message)


def _quality(written: Written, sections: Sections) -> Iterator[Problem]:
    quality = sections.quality
    if quality.good_from <= quality.weak_below:
        given = "good_from" if "good_from" in written.names("quality") else "weak_below"
        message = f"a connection weak below {quality.weak_below:g} cannot be good from {quality.good_from:g}"
        yield written.positions.problem(("quality", given), message)


def _admin(written: Written, sections: Sections) -> Iterator[Problem]:
    admin = sections.admin
    loopback = ipaddress.ip_address(admin.address).is_loopback
    if admin.enabled and not loopback and "token" not in written.names("admin"):
        message = f"{admin.address} can be reached from elsewhere: give admin.token, as {{env: NAME}} or {{file: path}}"
        yield written.positions.problem(("admin", "address"), message)


def _prompts(written: Written, sections: Sections) -> Iterator[Problem]:
    for places, path, value in _sound_files(written):
        name = _as_text(value)
        if not name:
            continue
        file = sections.prompts.directory / name
        if file.suffix.lower() not in PROMPT_TYPES:
            yield places.problem(path, f"expected a file of type {' '.join(PROMPT_TYPES)}, got {name!r}")
        elif (trouble := _prompt_trouble(file)) is not None:
            yield places.problem(path, trouble)


def _sound_files(written: Written) -> Iterator[tuple[Positions, KeyPath, Tree]]:
    """Every place where a prompt file is named."""
    steps = ("routes", None, "do", None)
    played = (
        ("play", "file"), ("music", "file"), ("music", "announce", "file"), ("dial", "ringback", "music"),
        ("conference", "music"), ("conference", "announce", "file"),
    )  # fmt: skip
    for application in played:
        for path, value in _each(written.dialplan, (), *steps, *application, None):
            yield written.dialplan_positions, path, value
    holds: list[tuple[str, ...]] = [("hold",), ("transfer", "audio"), ("phones", "hold")]
    holds += [("trunks", name, "hold") for name in written.names("trunks")]
    for keys in holds:
        for rest in (("file",), ("announce", "file")):
            for path, value in _each(written.tree, (), *keys, *rest, None):
                yield written.positions, path, value


def _prompt_trouble(file: Path) -> str | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        try:
            there = [entry.name for entry in file.parent.iterdir() if entry.suffix.lower() in PROMPT_TYPES]
        except OSError:
            return f"there is no folder {file.parent}"
        return f"there is no file {file}{did_you_mean(file.name, there)}"
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return f"{file} is not a file"
    if status.st_size > MAX_PROMPT_BYTES:
        return f"{file} is larger than 4 MB ({status.st_size / 1048576:.1f} MB)"
    return None


def _secrets(written: Written, sections: Sections) -> Iterator[Problem]:
    held: list[tuple[KeyPath, Secret | None]] = [(("admin", "token"), sections.admin.token)]
    held.append((("stir_shaken", "key"), sections.stir_shaken.key))
    if sections.webrtc.turn is not None:
        held.append((("webrtc", "turn", "secret"), sections.webrtc.turn.secret))
    if sections.web is not None:
        held.append((("web", "token_key"), sections.web.token_key))
    held += [(("trunks", name, "password"), trunk.password) for name, trunk in sections.trunks.items()]
    for name, phone in sections.phones.users.items():
        held.append((("phones", "users", name, "password"), phone.password))
        if phone.ha1 is not None:
            held += [(("phones", "users", name, "ha1", key), getattr(phone.ha1, key)) for key in ("sha256", "md5")]
    for path, secret in held:
        if secret is None:
            continue
        if secret.origin == "plain":
            message = "a secret in plain text: better {env: NAME} or {file: path}"
            yield Problem(written.positions.value(path), dotted(path), message)
        elif secret.origin in {"file", "created"} and _readable_by_others(Path(secret.reference)):
            message = f"others can read {secret.reference}: chmod 600 it"
            yield Problem(written.positions.value(path), dotted(path), message)


def _readable_by_others(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _wide_open(written: Written, sections: Sections) -> Iterator[Problem]:
    for name, trunk in sections.trunks.items():
        for index, source in enumerate(trunk.sources):
            if source.network.prefixlen == 0:
                message = "the whole internet may call in as this trunk"
                yield written.positions.problem(("trunks", name, "sources", index), message)


def _idle_suites(written: Written, sections: Sections) -> Iterator[Problem]:
    """A list of suites that nothing uses: somebody expects encryption."""
    message = "has no effect: srtp is off"
    for name, trunk in sections.trunks.items():
        if trunk.srtp == "off" and "srtp_suites" in written.names("trunks", name):
            yield written.positions.problem(("trunks", name, "srtp_suites"), message)
    phones = sections.phones
    modes = {phones.srtp, *(phone.srtp or "off" for phone in phones.users.values())}
    if "srtp_suites" in written.names("phones") and modes == {"off"}:
        yield written.positions.problem(("phones", "srtp_suites"), message)


def _stir_shaken(written: Written, sections: Sections) -> Iterator[Problem]:
    places, stir = written.positions, sections.stir_shaken
    if (stir.key is None) != (stir.certificate is None):
        given, absent = ("key", "certificate") if stir.certificate is None else ("certificate", "key")
        yield places.problem(("stir_shaken", given), f"{given} without {absent}")
    if stir.certificates and stir.anchors is None:
        yield places.problem(("stir_shaken", "certificates"), "nothing is trusted: give stir_shaken.anchors")
    for name, trunk in sections.trunks.items():
        path: KeyPath = ("trunks", name, "stir_shaken")
        if trunk.stir_shaken.sign and stir.key is None:
            yield places.problem((*path, "sign"), "nothing to sign with: give stir_shaken.key and certificate")
        if trunk.stir_shaken.verify != "ignore" and stir.anchors is None:
            yield places.problem((*path, "verify"), "nothing is trusted: give stir_shaken.anchors and certificates")


_Check = Callable[[Written, "Sections"], Iterable[Problem]]
_CHECKS: tuple[tuple[_Check, frozenset[str]], ...] = (
    (_trunks, frozenset({"trunks"})),
    (_trunk_types, frozenset({"trunks", "phones", "sip"})),
    (_codecs, frozenset({"trunks", "phones"})),
    (_choices, frozenset({"trunks"})),
    (_tolls, frozenset({"trunks"})),
    (_listeners, frozenset({"sip", "admin"})),
    (tls_checks.problems, frozenset({"sip", "trunks"})),
    (_media, frozenset({"media", "sip"})),
    (webrtc_checks.problems, frozenset({"webrtc", "media", "sip"})),
    (_phones, frozenset({"phones"})),
    (_session_timers, frozenset({"trunks", "phones"})),
    (_quality, frozenset({"quality"})),
    (_stir_shaken, frozenset({"trunks", "stir_shaken"})),
    (_admin, frozenset({"admin"})),
    (web_checks.problems, frozenset({"web", "sip", "admin"})),
    (call_link_checks.problems, frozenset({"call_links", "web"})),
    (_prompts, frozenset({"prompts"})),
)
"""Each check, and the sections it needs."""
