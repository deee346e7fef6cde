"""One dialog's SRTP keys over its offers and answers (RFC 4568 section 7, RFC 8643).

How SRTP is offered. Mandatory: `RTP/SAVP` with a crypto attribute for each suite. Optional: `RTP/AVP` with the same
attributes (RFC 8643): a far end without SRTP ignores them and answers plainly, one with it answers with its own. The
other ways in use were weighed and left: two m= lines, secure and plain, are taken up both, or mixed up at the next
re-INVITE, by much equipment; `RTP/SAVP` first and `RTP/AVP` after a 488 costs every call to a plain far end a second
INVITE, rings some phones twice, and hides other reasons for a 488.

Each direction has its own key, declared by who sends with it. Ours stays for as long as the suite does and the far end
is the same: the stream then goes on without a break, and its packet index, hence the key stream, is never used again.
A far end that comes back with another key at another address may be another party (a transfer behind the far end's own
switch), which must not share the key the former one knows: then ours is new as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from media.srtp.material import KeyMaterial, key_length
from softswitch.sdp.crypto import Crypto
from softswitch.sdp.errors import SdpError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.sdp.crypto import SrtpPolicy


class SrtpKeys(NamedTuple):
    """What was agreed: the far end's key, and ours."""

    receive: KeyMaterial
    send: KeyMaterial

    @property
    def suite(self) -> str:
        """One suite for both directions (RFC 4568 5.1.3)."""
        return self.send.suite


class Keying:
    """Offers, answers and remembers. `random(n)` gives n octets fit for keys."""

    __slots__ = ("_offered", "_ours", "_random", "_settled", "_theirs", "policy")

    def __init__(self, policy: SrtpPolicy, random: Callable[[int], bytes]) -> None:
        self.policy = policy
        self._random = random
        self._ours: Crypto | None = None
        """Our attribute in force."""
        self._theirs: KeyMaterial | None = None
        self._offered: tuple[Crypto, ...] = ()
        self._settled = False
        """An answer was given or taken: later offers of ours keep to it."""

    @property
    def agreed(self) -> SrtpKeys | None:
        """The keys in force; None: plain RTP."""
        return None if self._ours is None or self._theirs is None else SrtpKeys(self._theirs, self._ours.material)

    @property
    def offering(self) -> bool:
        """Whether an offer of ours carries keys."""
        return bool(self._offered)

    def offer(self) -> tuple[Crypto, ...]:
        """What an offer of ours carries: every suite with a fresh key; in a session that stands, what is in force."""
        if self._settled:
            self._offered = () if self._ours is None else (self._ours,)
        elif self.policy.wanted:
            self._offered = tuple(Crypto(tag, self._fresh(suite)) for tag, suite in enumerate(self.policy.suites, 1))
        return self._offered

    def withdraw(self) -> None:
        """Our offer is void. Its keys are not used again."""
        self._offered = ()

    def take_answer(self, answered: Sequence[Crypto], *, line: int) -> SrtpKeys | None:
        """Their answer to our offer; more of them may come from other branches of a fork.

        Raises SdpError 488 unless it takes one of the offered attributes by its tag (RFC 4568 7.1.3).
        """
        if not self._offered or not answered:
            ours, theirs = None, None
        else:
            theirs = answered[0]
            ours = next((each for each in self._offered if each.tag == theirs.tag), None)
            if len(answered) > 1 or ours is None or ours.suite != theirs.suite:
                raise SdpError(
                    "crypto attributes in the answer that were not offered so",
                    expected="one of the offered, with its tag and suite (RFC 4568 7.1.3)",
                    status=488,
                    line=line,
                )
        self._settled = True
        self._ours = ours
        self._theirs = None if theirs is None else theirs.material
        return self.agreed

    def answer(self, offered: Sequence[Crypto], *, moved: bool) -> Crypto | None:
        """Our answer's attribute, None for a plain one; from here on it is in force. `moved`: to another address."""
        self._settled = True
        if not offered:
            self._ours = self._theirs = None
            return None
        before, known = self._ours, self._theirs
        theirs = self._choose(offered, before)
        if before is None or before.suite != theirs.suite or (moved and known != theirs.material):
            ours = self._fresh(theirs.suite)
        else:
            ours = before.material
        self._theirs = theirs.material
        self._ours = Crypto(theirs.tag, ours)
        return self._ours

    def _choose(self, offered: Sequence[Crypto], before: Crypto | None) -> Crypto:
        """The suite in use if it is still there, else the one we like best."""
        if before is not None:
            for each in offered:
                if each.suite == before.suite:
                    return each
        return min(offered, key=lambda each: self.policy.suites.index(each.suite))

    def _fresh(self, suite: str) -> KeyMaterial:
        return KeyMaterial(suite, self._random(key_length(suite)))
