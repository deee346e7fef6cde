"""What browsers say, word for word, and a transport of ours that is only described."""

from __future__ import annotations

from softswitch.sdp.browser import Fingerprint, IceCandidate, IceCredentials, LocalTransport

_CHROMIUM_HEAD = """\
v=0
o=- 5136996695288875806 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE {mids}
a=extmap-allow-mixed
a=msid-semantic: WMS
"""
_CHROMIUM_AUDIO = """\
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:e79U
a=ice-pwd:eJXZS7zdLLqSa9nUiSTywDNV
a=ice-options:trickle
a=fingerprint:sha-256 3F:FF:A6:C9:FA:0C:94:33:7E:6D:41:BF:97:80:40:AB:93:F0:0D:49:23:0B:FC:C6:B8:F5:32:AA:DB:A2:41:7B
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:- 884c68c0-8c27-47cf-bb2a-b3d254f50deb
a=rtcp-mux
a=rtcp-rsize
a=rtcp-xr:rcvr-rtt=all
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
a=ssrc:2127013549 cname:pSnxcsfS10aTUGmk
a=ssrc:2127013549 msid:- 884c68c0-8c27-47cf-bb2a-b3d254f50deb
"""
_CHROMIUM_VIDEO = """\
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 107 108 109 114 115 116 117 39 40 45 46 98 99 100 101 118 119 120
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:e79U
a=ice-pwd:eJXZS7zdLLqSa9nUiSTywDNV
a=ice-options:trickle
a=fingerprint:sha-256 3F:FF:A6:C9:FA:0C:94:33:7E:6D:41:BF:97:80:40:AB:93:F0:0D:49:23:0B:FC:C6:B8:F5:32:AA:DB:A2:41:7B
a=setup:actpass
a=mid:1
a=extmap:14 urn:ietf:params:rtp-hdrext:toffset
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:13 urn:3gpp:video-orientation
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
a=extmap:6 http://www.webrtc.org/experiments/rtp-hdrext/video-content-type
a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/video-timing
a=extmap:8 http://www.webrtc.org/experiments/rtp-hdrext/color-space
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=sendrecv
a=msid:- f2c46da2-9213-4a99-a33f-d2922b5b8eec
a=rtcp-mux
a=rtcp-rsize
a=rtcp-xr:rcvr-rtt=all
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=rtcp-fb:102 goog-remb
a=rtcp-fb:102 transport-cc
a=rtcp-fb:102 ccm fir
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=rtcp-fb:104 goog-remb
a=rtcp-fb:104 transport-cc
a=rtcp-fb:104 ccm fir
a=rtcp-fb:104 nack
a=rtcp-fb:104 nack pli
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f
a=rtpmap:107 rtx/90000
a=fmtp:107 apt=104
a=rtpmap:108 H264/90000
a=rtcp-fb:108 goog-remb
a=rtcp-fb:108 transport-cc
a=rtcp-fb:108 ccm fir
a=rtcp-fb:108 nack
a=rtcp-fb:108 nack pli
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
a=rtpmap:114 H264/90000
a=rtcp-fb:114 goog-remb
a=rtcp-fb:114 transport-cc
a=rtcp-fb:114 ccm fir
a=rtcp-fb:114 nack
a=rtcp-fb:114 nack pli
a=fmtp:114 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:115 rtx/90000
a=fmtp:115 apt=114
a=rtpmap:116 H264/90000
a=rtcp-fb:116 goog-remb
a=rtcp-fb:116 transport-cc
a=rtcp-fb:116 ccm fir
a=rtcp-fb:116 nack
a=rtcp-fb:116 nack pli
a=fmtp:116 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
a=rtpmap:117 rtx/90000
a=fmtp:117 apt=116
a=rtpmap:39 H264/90000
a=rtcp-fb:39 goog-remb
a=rtcp-fb:39 transport-cc
a=rtcp-fb:39 ccm fir
a=rtcp-fb:39 nack
a=rtcp-fb:39 nack pli
a=fmtp:39 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f
a=rtpmap:40 rtx/90000
a=fmtp:40 apt=39
a=rtpmap:45 AV1/90000
a=rtcp-fb:45 goog-remb
a=rtcp-fb:45 transport-cc
a=rtcp-fb:45 ccm fir
a=rtcp-fb:45 nack
a=rtcp-fb:45 nack pli
a=fmtp:45 level-idx=5;profile=0;tier=0
a=rtpmap:46 rtx/90000
a=fmtp:46 apt=45
a=rtpmap:98 VP9/90000
a=rtcp-fb:98 goog-remb
a=rtcp-fb:98 transport-cc
a=rtcp-fb:98 ccm fir
a=rtcp-fb:98 nack
a=rtcp-fb:98 nack pli
a=fmtp:98 profile-id=0
a=rtpmap:99 rtx/90000
a=fmtp:99 apt=98
a=rtpmap:100 VP9/90000
a=rtcp-fb:100 goog-remb
a=rtcp-fb:100 transport-cc
a=rtcp-fb:100 ccm fir
a=rtcp-fb:100 nack
a=rtcp-fb:100 nack pli
a=fmtp:100 profile-id=2
a=rtpmap:101 rtx/90000
a=fmtp:101 apt=100
a=rtpmap:118 red/90000
a=rtpmap:119 rtx/90000
a=fmtp:119 apt=118
a=rtpmap:120 ulpfec/90000
a=ssrc-group:FID 2842908670 1291676523
a=ssrc:2842908670 cname:pSnxcsfS10aTUGmk
a=ssrc:2842908670 msid:- f2c46da2-9213-4a99-a33f-d2922b5b8eec
a=ssrc:1291676523 cname:pSnxcsfS10aTUGmk
a=ssrc:1291676523 msid:- f2c46da2-9213-4a99-a33f-d2922b5b8eec
"""
DATA_CHANNEL = """\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:e79U
a=ice-pwd:eJXZS7zdLLqSa9nUiSTywDNV
a=ice-options:trickle
a=fingerprint:sha-256 3F:FF:A6:C9:FA:0C:94:33:7E:6D:41:BF:97:80:40:AB:93:F0:0D:49:23:0B:FC:C6:B8:F5:32:AA:DB:A2:41:7B
a=setup:actpass
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
"""

_FIREFOX = """\
v=0
o=mozilla...THIS_IS_SDPARTA-99.0 4663486416358741502 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 5E:9A:C8:11:42:04:2F:7B:6C:A1:4B:0E:71:1B:83:5A:67:B6:21:6A:1D:4C:E1:B2:5B:F3:92:55:3B:0A:7D:9F
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=sendrecv
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:8cc6e8f9ee60b8c4b1f2a2d5cf8d1b71
a=ice-ufrag:4ba9a1d1
a=mid:0
a=msid:{f4fc2c2e-2f6d-4f1a-8c57-0a61a3b1f6f0} {1f6e6a39-9d4f-4a6a-bf47-5d17ab9d3a12}
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:1520418318 cname:{2f1a1a63-5a52-4f0c-9a6c-8f1e6a39b2f4}
m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 126 127 97 98
c=IN IP4 0.0.0.0
a=bundle-only
a=sendrecv
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:5 urn:ietf:params:rtp-hdrext:toffset
a=extmap:6/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1
a=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1
a=fmtp:120 max-fs=12288;max-fr=60
a=fmtp:124 apt=120
a=fmtp:121 max-fs=12288;max-fr=60
a=fmtp:125 apt=121
a=fmtp:127 apt=126
a=fmtp:98 apt=97
a=ice-pwd:8cc6e8f9ee60b8c4b1f2a2d5cf8d1b71
a=ice-ufrag:4ba9a1d1
a=mid:1
a=msid:{f4fc2c2e-2f6d-4f1a-8c57-0a61a3b1f6f0} {9b0ad1b5-23f5-4d75-8f0e-3d1b5cdd2c11}
a=rtcp-fb:120 nack
a=rtcp-fb:120 nack pli
a=rtcp-fb:120 ccm fir
a=rtcp-fb:120 goog-remb
a=rtcp-fb:120 transport-cc
a=rtcp-fb:121 nack
a=rtcp-fb:121 nack pli
a=rtcp-fb:121 ccm fir
a=rtcp-fb:121 goog-remb
a=rtcp-fb:121 transport-cc
a=rtcp-fb:126 nack
a=rtcp-fb:126 nack pli
a=rtcp-fb:126 ccm fir
a=rtcp-fb:126 goog-remb
a=rtcp-fb:126 transport-cc
a=rtcp-fb:97 nack
a=rtcp-fb:97 nack pli
a=rtcp-fb:97 ccm fir
a=rtcp-fb:97 goog-remb
a=rtcp-fb:97 transport-cc
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:120 VP8/90000
a=rtpmap:124 rtx/90000
a=rtpmap:121 VP9/90000
a=rtpmap:125 rtx/90000
a=rtpmap:126 H264/90000
a=rtpmap:127 rtx/90000
a=rtpmap:97 H264/90000
a=rtpmap:98 rtx/90000
a=setup:actpass
a=ssrc:2741418283 cname:{2f1a1a63-5a52-4f0c-9a6c-8f1e6a39b2f4}
a=ssrc:1093142567 cname:{2f1a1a63-5a52-4f0c-9a6c-8f1e6a39b2f4}
a=ssrc-group:FID 2741418283 1093142567
"""

_SAFARI = """\
v=0
o=- 7614219274584779017 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=msid-semantic: WMS 3d9d2b6f-6a3e-4c0e-8d6f-9f3d9e8b2c55
m=audio 54321 UDP/TLS/RTP/SAVPF 111 63 9 102 0 8 105 13 110 113 126
c=IN IP4 203.0.113.77
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1467250027 1 udp 2122260223 5d3b2f1e-9f0a-4b6e-8d2c-7a6b5c4d3e2f.local 54321 typ host generation 0
a=candidate:3029204862 1 udp 1686052607 203.0.113.77 54321 typ srflx raddr 0.0.0.0 rport 0 generation 0
a=candidate:435653019 1 tcp 1845501695 192.0.2.4 9 typ host tcptype active generation 0
a=ice-ufrag:Ux3c
a=ice-pwd:sPzE0/WqfV4Yb1j2kzHq8m7L
a=fingerprint:sha-256 0A:11:C2:9E:5B:7D:40:86:F3:1C:2E:59:8A:64:B7:D0:13:E5:26:48:9C:71:AF:03:DE:5A:92:6B:7C:84:E1:3F
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:3d9d2b6f-6a3e-4c0e-8d6f-9f3d9e8b2c55 0c5b1f9a-8d37-4b6c-9f21-1d4e5a6b7c8d
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:102 ILBC/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:105 CN/16000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:113 telephone-event/16000
a=rtpmap:126 telephone-event/8000
a=ssrc:3361024785 cname:yA3b0kD8LxQ2w9Zt
"""


def wire(text: str) -> bytes:
    """As it goes over the wire."""
    return text.replace("\n", "\r\n").encode()


CHROMIUM_AUDIO = wire(_CHROMIUM_HEAD.format(mids="0") + _CHROMIUM_AUDIO)
CHROMIUM = wire(_CHROMIUM_HEAD.format(mids="0 1") + _CHROMIUM_AUDIO + _CHROMIUM_VIDEO)
CHROMIUM_WITH_DATA = wire(_CHROMIUM_HEAD.format(mids="0 1 2") + _CHROMIUM_AUDIO + _CHROMIUM_VIDEO + DATA_CHANNEL)
FIREFOX = wire(_FIREFOX.replace("m=video 9", "m=video 0"))
"""With max-bundle, its m=video has port 0 and is alive all the same."""
SAFARI = wire(_SAFARI)
"""After gathering, without trickling."""


class Described:
    """A transport that says what it would be. Each restart makes other credentials."""

    def __init__(self, port: int = 20000, *, address: str = "198.51.100.1", lite: bool = False, seed: int = 1) -> None:
        self.port = port
        self.address = address
        self.lite = lite
        self.seed = seed
        self.generation = 0

    def describe(self, *, restart: bool) -> LocalTransport:
        self.generation += restart
        name = f"{self.seed:03d}+{self.generation:03d}"
        return LocalTransport(
            IceCredentials(name, f"{name:x>24}"),
            (IceCandidate("1", 1, "udp", 2130706431, self.address, self.port, "host"),),
            self.lite,
            True,
            Fingerprint("sha-256", bytes([self.seed]) * 32),
        )
