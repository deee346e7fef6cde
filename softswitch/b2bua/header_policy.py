"""Which headers cross from one side of a call to the other. A header crosses when the table of the side it comes from
and the table of the side it goes to both name it; everything else is dropped.

Some never cross, whatever a table says: those of a hop or a dialog, those that tell where the other side is or what it
runs, and those the switch writes itself on each side (`NEVER`). That is the floor of topology hiding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sip.header_map import Headers

NEVER = frozenset({
    "accept", "accept-contact", "accept-encoding", "accept-language", "allow", "allow-events", "call-path",
    "authentication-info", "authorization", "call-id", "contact", "content-disposition", "content-encoding",
    "content-language", "content-length", "content-type", "cseq", "date", "diversion", "event", "expires",
    "flow-timer", "from", "history-info", "identity", "identity-info", "in-reply-to", "join", "max-forwards",
    "mime-version", "min-expires", "min-se", "p-access-network-info", "p-asserted-identity", "p-associated-uri",
    "p-called-party-id",
    "p-charging-function-addresses", "p-charging-vector", "p-preferred-identity", "p-visited-network-id", "path",
    "privacy", "proxy-authenticate", "proxy-authorization", "proxy-require", "rack", "record-route", "recv-info",
    "refer-to", "referred-by", "reject-contact", "remote-party-id", "replaces", "request-disposition", "require",
    "retry-after", "route", "rseq", "security-client", "security-server", "security-verify", "server",
    "service-route", "session-expires", "sip-etag", "sip-if-match", "subscription-state", "supported",
    "target-dialog", "timestamp", "to", "unsupported", "user-agent", "via", "warning", "www-authenticate",
})  # fmt: skip
"""Lower case."""
REVEALING = frozenset({"alert-info", "call-info", "error-info", "organization", "reply-to", "subject"})
"""Headers that may say who the caller is: they do not cross when the caller is withheld (RFC 3323 4.1)."""
MOST = 32
"""Headers that cross in one call; more are dropped."""
LONGEST = 1024
"""Characters of a value that crosses; longer ones are dropped."""


@value_class(frozen=True, slots=True)
class HeaderTable:
    """What one side lets in and gets. Names are lower case; `prefixes` are those that end in `*`, without it."""

    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    drop: frozenset[str] = frozenset()
    add: tuple[tuple[str, str], ...] = ()
    """Put on every INVITE sent there, with its spelling."""

    def taken(self, headers: Headers) -> tuple[tuple[str, str], ...]:
        """What of an INVITE that came from there may cross."""
        if not self.names and not self.prefixes:
            return ()
        found = [(name, value) for name, value in headers.items() if self._passes(name.lower()) and _harmless(value)]
        return tuple(found[:MOST])

    def given(self, headers: tuple[tuple[str, str], ...], *, withheld: bool) -> tuple[tuple[str, str], ...]:
        """What an INVITE that goes there carries: of `headers`, taken in on the other side, and of its own."""
        if not headers:
            return self.add
        own = {name.lower() for name, _ in self.add}
        crossing = [
            (name, value)
            for name, value in headers
            if self._passes(lower := name.lower()) and lower not in own and not (withheld and lower in REVEALING)
        ]
        return (*crossing, *self.add)

    def _passes(self, name: str) -> bool:
        if name in NEVER or name in self.drop:
            return False
        return name in self.names or (bool(self.prefixes) and name.startswith(self.prefixes))


def _harmless(value: str) -> bool:
    """No control character, which could end a line or confuse whoever reads it, and of sensible length."""
    return len(value) <= LONGEST and (value.isprintable() or all(char >= " " and char != "\x7f" for char in value))


CLOSED = HeaderTable()
"""Nothing crosses."""
