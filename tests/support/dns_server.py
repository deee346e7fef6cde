"""A DNS server on loopback that says what a test wants: the truth, nothing, late, or lies."""

from __future__ import annotations

import asyncio
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SOA = "ns.test. admin.test. 1 3600 600 86400 60"


class DnsServer(asyncio.DatagramProtocol):
    """Its context is its life. `records`: zone file lines such as `sip.test. 60 IN A 127.0.0.1`."""

    def __init__(self, *records: str) -> None:
        self.records = list(records)
        self.asked: list[tuple[str, str]] = []
        """Name and type of every question, in order."""
        self.silent = False
        self.broken = False
        """Answers SERVFAIL."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where to ask."""
        host, port = self._transport.get_extra_info("sockname")
        return host, port

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question from the records."""
        query = dns.message.from_wire(data)
        (question,) = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((question.name.to_text(omit_final_dot=True), kind))
        if self.silent:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        lines = [line.split(maxsplit=4) for line in self.records]
        known = [line for line in lines if line[0].lower() == question.name.to_text().lower()]
        for name, ttl, _, rdtype, rdata in known:
            if rdtype == kind:
                response.answer.append(dns.rrset.from_text(name, int(ttl), "IN", rdtype, rdata))
        if self.broken:
            response.answer.clear()
            response.set_rcode(dns.rcode.SERVFAIL)
        elif not response.answer:
            response.authority.append(dns.rrset.from_text("test.", 60, "IN", "SOA", SOA))
            if not known:
                response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), addr)
