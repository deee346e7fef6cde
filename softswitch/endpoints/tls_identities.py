"""Trunks that are known by their certificates: who they are, and whether one insists on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.endpoints.trunk import Trunk
    from softswitch.sip.flow import Flow


@dataclass(frozen=True, slots=True)
class TrunkTls:
    """What a trunk's calls have to prove."""

    identities: tuple[str, ...] = ()
    """Names in its certificate by which it is known, from whatever address; each of one trunk only."""
    required: bool = False
    """Its calls are taken over TLS alone, and with one of `identities` where it has some."""

    def accepts(self, flow: Flow) -> bool:
        """Whether a call by this flow, which comes from the trunk's address, may be one of its."""
        return not self.required or (flow.transport == "TLS" and not self.identities)


ANY_TRANSPORT = TrunkTls()


class TrunkIdentities:
    """All names that trunks are known by. Implements `transport.tls.Holders`."""

    def __init__(self, trunks: Iterable[Trunk]) -> None:
        self._names: dict[str, str] = {}
        self._trunks: dict[str, Trunk] = {}
        for trunk in trunks:
            for name in trunk.tls.identities:
                peer = f"{trunk.name} {name}"
                self._names[name] = peer
                self._trunks[peer] = trunk

    @property
    def are_anywhere(self) -> bool:
        """Whether some trunk may come from any address."""
        return bool(self._names)

    def identify(self, names: Iterable[str]) -> str:
        """The proof, as it stands in `Flow.peer`, of the trunk one of these names is; "" when it is nobody's."""
        return next((self._names[name] for name in names if name in self._names), "")

    def trunk(self, flow: Flow) -> Trunk | None:
        """The trunk that has proven to be at the far end of this flow."""
        return self._trunks.get(flow.peer) if flow.peer else None
