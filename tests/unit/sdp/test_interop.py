"""Golden exchanges: offers as real equipment writes them, and our whole answer from the first m= line on.

Addresses and ports are replaced by documentation ones; the words are the devices' own.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.negotiate import KNOWN_CODECS, Codec, Direction, Negotiation

PCMA, PCMU, G722, G729 = (KNOWN_CODECS[name] for name in ("pcma", "pcmu", "g722", "g729"))
OPUS, EVENTS, NOISE = KNOWN_CODECS["opus"], KNOWN_CODECS["telephone-event"], KNOWN_CODECS["cn"]


class Exchange(NamedTuple):
    device: str
    offer: str
    codecs: tuple[Codec, ...]
    answer: str


EXCHANGES = [
    Exchange(
        "pjsua 2.15",
        """
        v=0
        o=- 4004380113 4004380113 IN IP4 192.0.2.2
        s=pjmedia
        b=AS:84
        t=0 0
        a=X-nat:0
        m=audio 4000 RTP/AVP 96 97 98 99 3 0 8 9 120 121 122
        c=IN IP4 192.0.2.2
        b=TIAS:64000
        a=rtcp:4001 IN IP4 192.0.2.2
        a=sendrecv
        a=rtpmap:96 speex/16000
        a=rtpmap:97 speex/8000
        a=rtpmap:98 speex/32000
        a=rtpmap:99 iLBC/8000
        a=fmtp:99 mode=30
        a=rtpmap:3 GSM/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:9 G722/8000
        a=rtpmap:120 telephone-event/16000
        a=fmtp:120 0-16
        a=rtpmap:121 telephone-event/8000
        a=fmtp:121 0-16
        a=rtpmap:122 telephone-event/32000
        a=fmtp:122 0-16
        a=ssrc:437606059 cname:4ce214c841375cb9
        """,
        (PCMA, PCMU, EVENTS),
        """
        m=audio 20000 RTP/AVP 0 8 121
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:121 telephone-event/8000
        a=fmtp:121 0-16
        a=ptime:20
        a=sendrecv
        """,
    ),
    Exchange(
        "baresip 1.0.0",
        """
        v=0
        o=- 600583567 250919297 IN IP4 192.0.2.2
        s=-
        c=IN IP4 192.0.2.2
        t=0 0
        a=tool:baresip 1.0.0
        m=audio 42264 RTP/AVP 0 8 9 96 101
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:9 G722/8000
        a=rtpmap:96 opus/48000/2
        a=fmtp:96 stereo=1;sprop-stereo=1
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=sendrecv
        a=label:1
        a=rtcp-rsize
        a=ssrc:3873180285 cname:sip:t@192.0.2.2
        a=minptime:20
        a=ptime:20
        """,
        (OPUS, G722, EVENTS),
        """
        m=audio 20000 RTP/AVP 9 96 101
        a=rtpmap:9 G722/8000
        a=rtpmap:96 opus/48000/2
        a=fmtp:96 useinbandfec=1
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=sendrecv
        """,
    ),
    Exchange(
        "SIPp uac",
        """
        v=0
        o=user1 53655765 2353687637 IN IP4 192.0.2.2
        s=-
        c=IN IP4 192.0.2.2
        t=0 0
        m=audio 6000 RTP/AVP 0
        a=rtpmap:0 PCMU/8000
        """,
        (PCMA, PCMU, EVENTS),
        """
        m=audio 20000 RTP/AVP 0
        a=rtpmap:0 PCMU/8000
        a=ptime:20
        a=sendrecv
        """,
    ),
    Exchange(
        "Asterisk chan_pjsip",
        """
        v=0
        o=- 1188325640 1188325640 IN IP4 192.0.2.2
        s=Asterisk
        c=IN IP4 192.0.2.2
        t=0 0
        m=audio 14560 RTP/AVP 8 0 9 101
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:9 G722/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=ptime:20
        a=maxptime:140
        a=sendrecv
        """,
        (PCMU, PCMA, EVENTS),
        """
        m=audio 20000 RTP/AVP 8 0 101
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=ptime:20
        a=sendrecv
        """,
    ),
    Exchange(
        "Cisco IOS gateway: G.729 with annex B unsaid, NSE beside events",
        """
        v=0
        o=CiscoSystemsSIP-GW-UserAgent 7017 5765 IN IP4 192.0.2.2
        s=SIP Call
        c=IN IP4 192.0.2.2
        t=0 0
        m=audio 16874 RTP/AVP 18 8 0 101 19
        c=IN IP4 192.0.2.2
        a=rtpmap:18 G729/8000
        a=fmtp:18 annexb=yes
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=rtpmap:19 CN/8000
        a=ptime:20
        """,
        (G729, PCMA, EVENTS),
        """
        m=audio 20000 RTP/AVP 18 8 101
        a=rtpmap:18 G729/8000
        a=fmtp:18 annexb=no
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=ptime:20
        a=sendrecv
        """,
    ),
    Exchange(
        "Cisco CallManager hold: inactive and the unspecified address",
        """
        v=0
        o=CiscoSystemsCCM-SIP 2000 2 IN IP4 192.0.2.2
        s=SIP Call
        c=IN IP4 0.0.0.0
        b=TIAS:64000
        b=AS:64
        t=0 0
        m=audio 24576 RTP/AVP 8 101
        b=TIAS:64000
        a=rtpmap:8 PCMA/8000
        a=ptime:20
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=inactive
        """,
        (PCMA, EVENTS),
        """
        m=audio 20000 RTP/AVP 8 101
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=inactive
        """,
    ),
    Exchange(
        "Snom: the same stream plain and encrypted, one to be chosen",
        """
        v=0
        o=root 1821740063 1821740063 IN IP4 192.0.2.2
        s=call
        c=IN IP4 192.0.2.2
        t=0 0
        m=audio 57520 RTP/SAVP 9 0 8 101
        a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:WbTBosdVUZqEb6Htqhn+m3z7wUh4RJVR8nE15GbN
        a=rtpmap:9 G722/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=sendrecv
        m=audio 57522 RTP/AVP 9 0 8 101
        a=rtpmap:9 G722/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=sendrecv
        """,
        (G722, EVENTS),
        """
        m=audio 0 RTP/SAVP 9
        m=audio 20000 RTP/AVP 9 101
        a=rtpmap:9 G722/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=sendrecv
        """,
    ),
    Exchange(
        "Linphone: feedback profile, wide-band events first, video below",
        """
        v=0
        o=desk 3721 1234 IN IP4 192.0.2.2
        s=Talk
        c=IN IP4 192.0.2.2
        t=0 0
        a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
        m=audio 7078 RTP/AVPF 96 97 0 8 101 99
        a=rtpmap:96 opus/48000/2
        a=fmtp:96 useinbandfec=1
        a=rtpmap:97 speex/16000
        a=fmtp:97 vbr=on
        a=rtpmap:101 telephone-event/48000
        a=rtpmap:99 telephone-event/8000
        a=rtcp-fb:* trr-int 5000
        m=video 9078 RTP/AVPF 96
        a=rtpmap:96 VP8/90000
        a=rtcp-fb:* trr-int 5000
        """,
        (PCMU, EVENTS),
        """
        m=audio 20000 RTP/AVPF 0 99
        a=rtpmap:0 PCMU/8000
        a=rtpmap:99 telephone-event/8000
        a=fmtp:99 0-15
        a=ptime:20
        a=sendrecv
        a=rtcp-xr:rcvr-rtt=all voip-metrics
        m=video 0 RTP/AVPF 96
        """,
    ),
    Exchange(
        "FreeSWITCH: numbers without rtpmap, noise, events at 101",
        """
        v=0
        o=FreeSWITCH 1700000000 1700000001 IN IP4 192.0.2.2
        s=FreeSWITCH
        c=IN IP4 192.0.2.2
        t=0 0
        m=audio 18444 RTP/AVP 8 0 101 13
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=ptime:20
        """,
        (PCMU, PCMA, NOISE, EVENTS),
        """
        m=audio 20000 RTP/AVP 8 0 13 101
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:13 CN/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-16
        a=ptime:20
        a=sendrecv
        """,
    ),
    Exchange(
        "carrier over IPv6 with its own RTCP port and 30 ms packets",
        """
        v=0
        o=SBC 1 1 IN IP6 2001:db8:1::20
        s=-
        t=0 0
        m=audio 30000 RTP/AVP 8 96
        c=IN IP6 2001:db8:1::21
        a=rtcp:30101 IN IP6 2001:db8:1::21
        a=rtpmap:96 telephone-event/8000
        a=maxptime:30
        a=ptime:40
        """,
        (PCMA, EVENTS),
        """
        m=audio 20000 RTP/AVP 8 96
        a=rtpmap:8 PCMA/8000
        a=rtpmap:96 telephone-event/8000
        a=fmtp:96 0-15
        a=ptime:30
        a=sendrecv
        """,
    ),
    Exchange(
        "RFC 2543 hold: the unspecified address alone",
        """
        v=0
        o=HuaweiSBC 1073741833 1073741835 IN IP4 192.0.2.2
        s=Sip Call
        c=IN IP4 0.0.0.0
        t=0 0
        m=audio 10026 RTP/AVP 8 97
        a=rtpmap:8 PCMA/8000
        a=rtpmap:97 telephone-event/8000
        a=fmtp:97 0-15
        a=ptime:20
        a=3gOoBTC
        """,
        (PCMA, EVENTS),
        """
        m=audio 20000 RTP/AVP 8 97
        a=rtpmap:8 PCMA/8000
        a=rtpmap:97 telephone-event/8000
        a=fmtp:97 0-15
        a=ptime:20
        a=recvonly
        """,
    ),
]

CHROME = """
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:uF4f
a=ice-pwd:x9cml/YzichV2+XlhiMu8g8P
a=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24:2C:C2:A2:C0:3E:FD:34:8E:5E:EA:6F:AF:52:CE:E6:0F
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
"""

FAX = """
v=0
o=SBC 5 6 IN IP4 192.0.2.2
s=-
c=IN IP4 192.0.2.2
t=0 0
m=image 4006 udptl t38
a=T38FaxVersion:0
a=T38MaxBitRate:14400
a=T38FaxRateManagement:transferredTCF
a=T38FaxUdpEC:t38UDPRedundancy
"""


def as_bytes(text: str) -> bytes:
    lines = [line.strip() for line in text.strip().splitlines()]
    return "".join(f"{line}\r\n" for line in lines).encode()


def negotiation(port: int = 20000) -> Negotiation:
    return Negotiation(address="198.51.100.1", port=port, session_id=9)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=[each.device for each in EXCHANGES])
def test_answer(exchange: Exchange) -> None:
    offer = as_bytes(exchange.offer)
    assert SessionDescription.parse(offer).encode() == offer
    ours = negotiation()
    ours.receive_offer(offer)
    written, _ = ours.make_answer(exchange.codecs)
    head, mark, tail = written.partition(b"m=")
    assert mark + tail == as_bytes(exchange.answer)
    assert head == b"v=0\r\no=- 9 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"


@pytest.mark.parametrize("exchange", EXCHANGES, ids=[each.device for each in EXCHANGES])
def test_our_answer_is_one_that_we_would_accept(exchange: Exchange) -> None:
    theirs, ours = negotiation(30000), negotiation()
    ours.receive_offer(as_bytes(exchange.offer))
    ours.make_answer(exchange.codecs)
    # Later we offer the same session, and another switch of ours answers.
    theirs.receive_offer(ours.make_offer(exchange.codecs))
    answer, mirrored = theirs.make_answer(exchange.codecs)
    agreed = ours.receive_answer(answer)
    assert agreed.send == mirrored.receive
    assert agreed.receive == mirrored.send
    assert agreed.direction is mirrored.direction is Direction.SENDRECV


@pytest.mark.parametrize(("offer", "what"), [(CHROME, "SAVPF"), (FAX, "no audio stream")])
def test_what_this_release_cannot_do_is_refused_with_488(offer: str, what: str) -> None:
    with pytest.raises(SdpError, match=what) as caught:
        negotiation().receive_offer(as_bytes(offer))
    assert caught.value.status == 488


def test_hold_music_and_return_over_a_carrier() -> None:
    """Hold (sendonly), resume on another port and codec: the codec-changing re-INVITE that other switches get wrong."""
    ours = negotiation()
    ours.make_offer((PCMA, PCMU, EVENTS))
    session = "v=0\no=SBC 7 {v} IN IP4 192.0.2.2\ns=-\nc=IN IP4 192.0.2.2\nt=0 0\nm=audio {p} RTP/AVP {f}\n{d}"
    first = ours.receive_answer(as_bytes(session.format(v=1, p=5000, f="8", d="a=sendrecv")))
    ours.receive_offer(as_bytes(session.format(v=2, p=5000, f="8", d="a=sendonly")))
    _, held = ours.make_answer((PCMA, PCMU, EVENTS))
    ours.receive_offer(as_bytes(session.format(v=3, p=5100, f="0", d="a=sendrecv")))
    written, back = ours.make_answer((PCMA, PCMU, EVENTS))
    assert (first.codec, held.codec, back.codec) == (PCMA, PCMA, PCMU)
    assert [each.direction for each in (first, held, back)] == [
        Direction.SENDRECV,
        Direction.RECVONLY,
        Direction.SENDRECV,
    ]
    assert back.remote_port == 5100
    assert written.startswith(b"v=0\r\no=- 9 3 IN IP4")
