"""A load generator with libsrtp lent to it: `python -m tests.bench.secure_load NAME ARGUMENTS`.

The generator is C and stays so while it runs; Python makes SRTP sessions when it asks for them, before it measures.
"""

from __future__ import annotations

import ctypes
import sys

from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib  # type: ignore[import-not-found]

from tests.bench.rtpload import build_library

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
_KEPT: list[Session] = []

MakeSession = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint32)


@MakeSession  # type: ignore[untyped-decorator]  # ctypes has no better word for it
def make_session(suite: bytes, key: bytes, ssrc: int) -> int:
    """The address of a session: to send as `ssrc`, or for 0 to receive from anybody."""
    kind = Policy.SSRC_SPECIFIC if ssrc else Policy.SSRC_ANY_INBOUND
    session = Session(Policy(bytes.fromhex(key.decode()), kind, ssrc, PROFILES[suite.decode()]))
    _KEPT.append(session)
    return int(ffi.cast("uintptr_t", session._srtp[0]))


def main() -> int:
    """Lend it libsrtp, and let it run."""
    name, *rest = sys.argv[1:]
    generator = ctypes.CDLL(str(build_library(name)))
    functions = [
        ctypes.c_void_p(int(ffi.cast("uintptr_t", ffi.addressof(lib, name))))
        for name in ("srtp_protect", "srtp_unprotect")
    ]
    generator.lend_srtp(*functions, make_session)
    words = [word.encode() for word in (name, *rest)]
    arguments = (ctypes.c_char_p * (len(words) + 1))(*words, None)
    return int(generator.main(len(words), arguments))


if __name__ == "__main__":
    sys.exit(main())
