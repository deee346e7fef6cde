"""The registrar for SIP phones (RFC 3261 10.3, RFC 8760, RFC 3327, RFC 5626): REGISTER in, answer out. No IO."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from softswitch.endpoints.authentication import Authenticated, Challenge, Refused
from softswitch.endpoints.bindings import Binding
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.flow import WEB_SOCKET
from softswitch.sip.grammar import parse_digits, quote
from softswitch.sip.headers import NameAddr, parse_delta_seconds
from softswitch.sip.uri import unescape

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.endpoints.authentication import Authenticator
    from softswitch.endpoints.bindings import Bindings
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request

_log = logging.getLogger(__name__)

LONGEST_NOTE = 128
"""Characters kept of what a phone says about itself."""
FLOW_SECONDS = 120
"""How long a flow may be silent before we may close it: phones ping more often (RFC 5626 4.4)."""
_FLOW_KEPT = (("Require", "outbound"), ("Flow-Timer", str(FLOW_SECONDS)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer the REGISTER with. `reason` None: the phrase of the status."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RegistrarLimits:
    """Seconds, and contacts per user."""

    least_expires: int = 60
    default_expires: int = 3600
    most_expires: int = 7200
    most_contacts: int = 10
    outbound: bool = True
    """Whether phones may keep several flows (RFC 5626)."""


def nobody_asks(flow: Flow, user: str, instance: str) -> None:
    """There are no WebSockets."""


class Registrar:
    """Writes the bindings of authenticated phones. Every REGISTER is applied as a whole or not at all."""

    def __init__(
        self,
        authenticator: Authenticator,
        bindings: Bindings,
        limits: RegistrarLimits | None = None,
        *,
        introduce: Callable[[Flow, str, str], None] = nobody_asks,
    ) -> None:
        """`introduce(flow, user, instance)` is told who has proven to be at the far end of a WebSocket."""
        self._authenticator = authenticator
        self._bindings = bindings
        self._limits = limits or RegistrarLimits()
        self._introduce = introduce

    def register(self, request: Request, flow: Flow, now: float) -> Answer:
        """Deal with one REGISTER that came by `flow`; the answer is complete but for Via, From, To, Call-ID and CSeq.

        401 challenges, 403 (wrong user, too many contacts), 400, 416, 423 and 500 as RFC 3261 10.3 names them, 439 as
        RFC 5626 6 does, 503 to a source that failed to authenticate too often, 200 with all current contacts otherwise.
        """
        match self._authenticator.authenticate(request, flow, now):
            case Challenge(headers=headers, status=status):
                return Answer(status, None, headers)
            case Refused(status=status, reason=reason, headers=headers):
                return Answer(status, reason, headers)
            case Authenticated(trunk=str()):
                return Answer(403, "Trunks Do Not Register Here")
            case Authenticated(user=user, guest=guest, session=session, until=until):
                if guest is None:
                    answer = self._apply(user, request, flow, now, session, until)
                else:
                    answer = self._greet(user, request, now, until)
                if answer.status == 200 and flow.transport in WEB_SOCKET:
                    self._introduce(flow, user, _instance(request))
                return answer

    def _greet(self, user: str, request: Request, now: float, until: float) -> Answer:
        """A guest is nobody who could be called; registering tells who is there when its connection was lost."""
        if not _names(request.to, user):
            return Answer(403, "Forbidden")
        if "*" in request.headers.get_all("Contact"):
            return Answer(200)
        limits = self._limits
        seconds = max(1, round(min(limits.default_expires, until - now)))
        return Answer(200, None, tuple(("Contact", _with_expiry(contact, seconds)) for contact in request.contacts))

    def _apply(self, user: str, request: Request, flow: Flow, now: float, session: str, until: float) -> Answer:
        if not _names(request.to, user):
            return Answer(403, "Forbidden")
        present = self._bindings.lookup(user, now)
        try:
            outbound = self._limits.outbound and _keeps_flows(request, flow)
            updated = self._updated(present, request, flow, now, outbound=outbound)
        except _RefusedError as refusal:
            return refusal.answer
        if updated is not None:
            # Nobody stays registered by what does not open anything any more.
            updated = tuple(
                replace(each, expires_at=min(each.expires_at, until), session=session) if each.flow == flow else each
                for each in updated
            )
            self._bindings.replace(user, updated)
            _tell_changes(user, present, updated)
        path = tuple(("Path", value) for value in request.headers.get_all("Path"))
        return Answer(200, None, (*self._contacts(user, now), *path, *(_FLOW_KEPT if outbound else ())))

    def _updated(
        self, present: tuple[Binding, ...], request: Request, flow: Flow, now: float, *, outbound: bool
    ) -> tuple[Binding, ...] | None:
        """The user's bindings after this request; None when it only asks for them."""
        values = request.headers.get_all("Contact")
        if not values:
            return None
        if "*" in values:
            if len(values) > 1 or _expires(request.headers.get("Expires")) != 0:
                raise _RefusedError(400, "Contact * Needs Expires 0")
            for binding in present:
                _check_order(binding, request)
            return ()
        path = _path(request)
        new = [self._binding(contact, request, flow, path, now, outbound=outbound) for contact in request.contacts]
        live = [binding for binding in new if binding.expires_at > now]
        if outbound and len(live) > 1:
            raise _RefusedError(400, "One Flow A Request")  # RFC 5626 6
        kept: list[Binding] = []
        for old in present:
            if any(old.same_place(binding) for binding in new):
                _check_order(old, request)
            else:
                kept.append(old)
        for number, binding in enumerate(live):
            # The last word on a contact counts. Two contacts of one device in one request are two, whoever it is.
            if not any(binding.contact.equivalent(later.contact) for later in live[number + 1 :]):
                kept.append(binding)
        if len(kept) > self._limits.most_contacts:
            kept = [binding for binding in kept if binding.is_there]  # who is gone gives way to who is there
        if len(kept) > max(self._limits.most_contacts, len(present)):
            raise _RefusedError(403, "Too Many Contacts")
        return tuple(kept)

    def _binding(
        self, contact: NameAddr, request: Request, flow: Flow, path: tuple[NameAddr, ...], now: float, *, outbound: bool
    ) -> Binding:
        if not contact.uri.is_sip:
            raise _RefusedError(416, None)
        return Binding(
            contact=contact.uri,
            flow=flow,
            expires_at=now + self._granted(contact, request),
            call_id=request.call_id,
            cseq=request.cseq.number,
            instance=(contact.parameters.text("+sip.instance") or "")[:LONGEST_NOTE],
            reg_id=_reg_id(contact) if outbound else "",
            path=path,
            quality=_quality(contact.parameters.get("q")),
            user_agent=(request.headers.get("User-Agent") or "")[:LONGEST_NOTE],
        )

    def _granted(self, contact: NameAddr, request: Request) -> int:
        limits = self._limits
        asked = _expires(contact.parameters.get("expires"))
        if asked is None:
            asked = _expires(request.headers.get("Expires"))
        if asked is None:
            return limits.default_expires
        if 0 < asked < limits.least_expires:
            raise _RefusedError(423, None, (("Min-Expires", str(limits.least_expires)),))
        return min(asked, limits.most_expires)

    def _contacts(self, user: str, now: float) -> tuple[tuple[str, str], ...]:
        return tuple(("Contact", _listed(binding, now)) for binding in self._bindings.lookup(user, now))


class _RefusedError(Exception):
    """The request cannot be applied; nothing has been changed."""

    def __init__(self, status: int, reason: str | None, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(status)
        self.answer = Answer(status, reason, headers)


def _names(address: NameAddr, user: str) -> bool:
    try:
        return address.uri.is_sip and unescape(address.uri.user or "") == user
    except RemoteProtocolError:
        return False


def _expires(text: str | None) -> int | None:
    # RFC 3261 20.19 and RFC 4475 3.1.2.4: a value nobody can read counts as one hour.
    return None if text is None else parse_delta_seconds(text, 3600)


def _check_order(binding: Binding, request: Request) -> None:
    """RFC 3261 10.3 step 7: an older request of the same sequence must not undo a newer one."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise _RefusedError(500, "CSeq Out Of Order")


def _path(request: Request) -> tuple[NameAddr, ...]:
    try:
        return tuple(NameAddr.parse(value) for value in request.headers.get_all("Path"))
    except RemoteProtocolError:
        raise _RefusedError(400, "Malformed Path") from None


def _keeps_flows(request: Request, flow: Flow) -> bool:
    """Whether this registers a flow of a device that may have several (RFC 5626 6).

    Not over UDP: the phone would probe its flow with STUN, and take our silence for its end. Raises _RefusedError when
    the phone counts on it and a proxy on the way cannot play along.
    """
    if "*" in request.headers.get_all("Contact"):
        return False
    if "outbound" not in [
        tag.lower() for tag in (*request.headers.get_all("Supported"), *request.headers.get_all("Require"))
    ]:
        return False
    if not any(_reg_id(contact) and "+sip.instance" in contact.parameters for contact in request.contacts):
        return False
    if len(request.headers.get_all("Via")) == 1:
        return flow.reliable
    path = _path(request)
    if not path or "ob" not in path[-1].uri.parameters:
        raise _RefusedError(439, None)
    return True


def _instance(request: Request) -> str:
    """Which device says so; "" when it does not tell."""
    if "*" in request.headers.get_all("Contact"):
        return ""
    for contact in request.contacts:
        return (contact.parameters.text("+sip.instance") or "")[:LONGEST_NOTE]
    return ""


def _with_expiry(contact: NameAddr, seconds: int) -> str:
    """A guest's own contact, as it gave it."""
    asked = _expires(contact.parameters.get("expires"))
    instance = contact.parameters.text("+sip.instance")
    text = f"<{contact.uri}>;expires={seconds if asked is None else min(asked, seconds)}"
    if instance:
        text += f";+sip.instance={quote(instance[:LONGEST_NOTE])}"
    reg_id = _reg_id(contact)
    return f"{text};reg-id={reg_id}" if reg_id else text


def _reg_id(contact: NameAddr) -> str:
    """1 to 2**31-1 (RFC 5626 4.2); "" for none, and for what is none."""
    text = contact.parameters.get("reg-id") or ""
    number = parse_digits(text, 2**31 - 1)
    return str(number) if number else ""


def _listed(binding: Binding, now: float) -> str:
    """A contact as the phone gave it, so that it finds its own, and how long it is good (10.3 step 8)."""
    text = f"<{binding.contact}>;expires={max(1, round(binding.expires_at - now))}"
    if binding.quality != 1.0:
        text += f";q={binding.quality:.3g}"
    if binding.instance:
        text += f";+sip.instance={quote(binding.instance)}"
    if binding.reg_id:
        text += f";reg-id={binding.reg_id}"
    return text


def _quality(text: str | None) -> float:
    try:
        quality = float(text) if text else 1.0
    except ValueError:
        return 1.0
    return quality if 0.0 <= quality <= 1.0 else 1.0


def _tell_changes(user: str, before: tuple[Binding, ...], after: tuple[Binding, ...]) -> None:
    if not before and after:
        _log.info("phone %s registered from %s", user, after[-1].flow.remote[0])
    elif before and not after:
        _log.info("phone %s unregistered", user)
