"""SIPp scenarios written as one reads a ladder, one message a line; what every message needs is added.

`> INVITE sdp=sendonly` sends, `< 200` waits, `<? 180` takes it if it comes, `... 300` pauses for milliseconds. A
response answers what came last: `within` a dialog that stands, or the first `invite` although something else has come
since; it may name the branch of a fork that it comes from, `> 183 sdp tag=one`. `~text` behind a wait wants that in the
message, `| Name: value` behind a sending adds a header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Role = Literal["uac", "uas"]

SDP = """\
v=0
o=sipp 1 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
a={direction}
"""
CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"
OURS = {"uac": "<sip:+4930999@[local_ip]>;tag=[pid]a[call_number]", "uas": "<sip:sipp@[local_ip]>;tag={tag}"}


class Story:
    """One scenario."""

    def __init__(self, role: Role, lines: str) -> None:
        self._role: Role = role
        self._steps: list[str] = []
        self._cseq = 0
        self._version = 0
        self._tag = "[pid]b[call_number]"
        self._answered = False
        self._patterns = 0
        self._came = False
        self._invite_at = 0
        self._refused = False
        for line in lines.strip().splitlines():
            self._add(line.strip())

    def write(self, folder: Path, name: str) -> Path:
        """The scenario file."""
        file = folder / f"{name}.xml"
        steps = "\n".join(self._steps)
        # SIPp wants to see every variable read.
        names = ",".join(
            [*(f"p{number}" for number in range(self._patterns)), *(["via", "from"] if self._came else [])]
        )
        reference = f'<Reference variables="{names}"/>' if names else ""
        file.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{steps}\n{reference}</scenario>\n'
        )
        return file

    def _add(self, line: str) -> None:
        sign, _, rest = line.partition(" ")
        words, _, header = rest.partition(" | ")
        what, _, options = words.strip().partition(" ")
        if sign == "...":
            self._steps.append(f'<pause milliseconds="{what}"/>')
        elif sign in ("<", "<?"):
            self._wait(what, options, optional=sign == "<?")
        elif what.isdigit():
            self._respond(what, options, header)
        else:
            self._request(what, options, header)

    def _wait(self, what: str, options: str, *, optional: bool) -> None:
        kind = "response" if what.isdigit() else "request"
        take = ' rrs="true"' if what in ("200", "INVITE") and not self._answered else ""
        self._answered = self._answered or bool(take)
        self._refused = what.isdigit() and what[0] > "2"
        check = ""
        if options.startswith("~"):
            check = (
                f'<action><ereg regexp="{re.escape(options[1:])}" search_in="msg" check_it="true" '
                f'assign_to="p{self._patterns}"/></action>'
            )
            self._patterns += 1
        if what == "INVITE" and not self._came:
            self._came = True
            saved = [
                f'<ereg regexp=".*" search_in="hdr" header="{name}:" check_it="true" assign_to="{name.lower()}"/>'
                for name in ("Via", "From")
            ]
            check += f"<action>{''.join(saved)}</action>"
        may = ' optional="true"' if optional else ""
        self._steps.append(f'<recv {kind}="{what}"{may}{take}>{check}</recv>')

    def _respond(self, status: str, options: str, header: str) -> None:
        found = re.search(r"tag=(\w+)", options)
        tag = found[1] if found else self._tag
        final = status[0] > "2" or (status[0] == "2" and "sdp" in options)  # to an INVITE: repeated until its ACK comes
        again = ' retrans="5000"' if final else ""
        # A To that came with a tag, within the dialog, keeps it.
        via, to, cseq = "[last_Via:]", "[last_To:]", "[last_CSeq:]"
        if "invite" in options:
            via, to, cseq = "Via: [$via]", f"To: <sip:sipp@[local_ip]>;tag={tag}", "CSeq: 1 INVITE"
        elif "within" not in options:
            to += f";tag={tag}"
        self._send(f"SIP/2.0 {status} X\n{via}\n[last_From:]\n{to}\n[last_Call-ID:]\n{cseq}", options, header, again)

    def _request(self, method: str, options: str, header: str) -> None:
        ours = OURS[self._role].format(tag=self._tag)
        if method not in ("ACK", "CANCEL"):
            self._cseq += 1
        first = self._role == "uac" and self._cseq == 1 and method in ("INVITE", "CANCEL")
        uri = "sip:[service]@[remote_ip]:[remote_port]" if self._role == "uac" else "[next_url]"
        peer = "<sip:[service]@[remote_ip]>"
        to = "[$from]" if self._role == "uas" else peer if first else f"{peer}[peer_tag_param]"
        if method == "INVITE":
            self._invite_at = len(self._steps)
        # A CANCEL, and the ACK of a refusal, are of the INVITE's transaction (RFC 3261 9.1, 17.1.1.3).
        same = method == "CANCEL" or (method == "ACK" and self._refused)
        branch = f"[branch-{len(self._steps) - self._invite_at}]" if same else "[branch]"
        again = "" if method == "ACK" else ' retrans="5000"'
        head = (
            f"{method} {uri} SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch};rport\n"
            f"From: {ours}\nTo: {to}\nCall-ID: [call_id]\nCSeq: {self._cseq} {method}"
        )
        if "Max-Forwards" not in header:
            head += "\nMax-Forwards: 70"
        self._send(head, options, header, again)

    def _send(self, head: str, options: str, header: str, again: str) -> None:
        found = re.search(r"sdp(?:=(\w+))?", options)
        lines = f"{head}\n{header}\n{CONTACT}\n" if header else f"{head}\n{CONTACT}\n"
        if found:
            self._version += 1
            body = SDP.format(version=self._version, direction=found[1] or "sendrecv")
            lines += f"Content-Type: application/sdp\nContent-Length: [len]\n\n{body}"
        else:
            lines += "Content-Length: 0\n\n"
        self._steps.append(f"<send{again}><![CDATA[\n{lines}]]></send>")
