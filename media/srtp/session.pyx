"""Makes and frees SRTP sessions, on the Python thread; see `session.pxd` for who may use one when."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from pylibsrtp import Policy
from pylibsrtp._binding import ffi, lib

from media.srtp.session cimport (
    SRTP_TRAILER, SrtpSession, srtp_session_make, srtp_session_open, srtp_session_seal, srtp_transform,
)

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 10),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 4),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 16),
}
WINDOW = 128                 # packets of the replay list; RFC 3711 3.3.2 asks for 64 at least
LONG_WINDOW = 1024           # where video is among them
_SOURCES = {
    (True, False): Policy.SSRC_SPECIFIC,
    (True, True): Policy.SSRC_ANY_OUTBOUND,
    (False, False): Policy.SSRC_ANY_INBOUND,
    (False, True): Policy.SSRC_ANY_INBOUND,
}
_STEP = 0x7000               # sequence numbers a sender may advance at once without going backwards in the receiver's eyes
_MOST_ROC = 4096             # carried over at most: 62 days of 20 ms packets
_ERRORS = {-1: "forged", -2: "replayed", -3: "malformed"}


cdef uintptr_t _function(name):
    return <uintptr_t> int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))


cdef class SrtpDirection:
    """One direction of one key. Receiving, any source is accepted; sending, `ssrc` alone.

    `any_source`: for video beside the audio. Sending, every source has its own numbering under the key, which no second
    session may have then; and either way the replay list is long enough for a burst of a key frame.
    """

    cdef SrtpSession* session
    cdef object _handle
    cdef readonly SrtpDirection twin
    cdef readonly bint sends
    cdef readonly uint32_t ssrc
    cdef readonly bint any_source

    def __cinit__(self, material not None, *, bint sends, uint32_t ssrc=0, bint any_source=False):
        self.sends = sends
        self.any_source = any_source
        self.ssrc = ssrc
        self.session = srtp_session_make()
        if self.session == NULL:
            raise MemoryError("no memory for an SRTP session")
        profile, tag = PROFILES[material.suite]
        policy = Policy(
            key=material.key_salt, ssrc_type=_SOURCES[sends, any_source], ssrc_value=ssrc, srtp_profile=profile,
        )
        policy.window_size = LONG_WINDOW if any_source else WINDOW
        # A number used twice would be a key stream used twice (RFC 3711 9.1; with GCM it gives the key away).
        policy.allow_repeat_tx = False
        handle = ffi.new("srtp_t *")
        try:
            status = lib.srtp_create(handle, policy._policy)
        finally:
            ffi.memmove(policy._policy.key, bytes(len(material.key_salt)), len(material.key_salt))
        if status:
            raise MemoryError(f"libsrtp made no session for {material.suite}: status {status}")
        self._handle = handle
        self.session.session = <void*> <uintptr_t> int(ffi.cast("uintptr_t", handle[0]))
        self.session.rtp = <srtp_transform> <void*> _function("srtp_protect" if sends else "srtp_unprotect")
        self.session.rtcp = <srtp_transform> <void*> _function("srtp_protect_rtcp" if sends else "srtp_unprotect_rtcp")
        self.session.forget = <int (*)(void*, uint32_t) noexcept nogil> <void*> _function("srtp_remove_stream")
        self.session.tag = tag

    def __dealloc__(self):
        if self._handle is not None:
            lib.srtp_dealloc(self._handle[0])
        if self.session != NULL:
            memset(self.session, 0, sizeof(SrtpSession))
        free(self.session)

    @property
    def address(self):
        return <uintptr_t> self.session

    def carry_over(self, material, uint32_t ssrc, uint32_t roc, uint16_t sequence):
        """Be ready, too, for a sender that keeps its rollover counter over a new key (RFC 3711 3.3.1), where others begin
        at zero (RFC 4568 6.4): whichever authenticates first is what the far end does. `sequence`: its newest number.

        Before the worker has the session.
        """
        if self.sends or not 0 < roc <= _MOST_ROC:
            return
        self.twin = SrtpDirection(material, sends=False)
        sender = SrtpDirection(material, sends=True, ssrc=ssrc)
        wind(sender, self.twin, ssrc, <int64_t> roc << 16 | sequence)
        self.session.twin = self.twin.session

    def open(self, bytes packet not None, *, bint rtcp=False):
        """The plain packet, or "forged", "replayed", "malformed". For tests and tools."""
        return self._run(packet, rtcp, False)

    def seal(self, bytes packet not None, *, bint rtcp=False):
        """The protected packet, or why there is none. For tests and tools."""
        return self._run(packet, rtcp, True)

    cdef object _run(self, bytes packet, bint rtcp, bint seal):
        cdef bytearray room = bytearray(packet) + bytearray(SRTP_TRAILER)
        cdef uint8_t* data = room
        cdef int length = <int> len(packet)
        length = srtp_session_seal(self.session, data, length, rtcp) if seal else srtp_session_open(
            self.session, data, length, rtcp
        )
        return bytes(room[:length]) if length >= 0 else _ERRORS.get(length)


cdef int wind(SrtpDirection sender, SrtpDirection receiver, uint32_t ssrc, int64_t last) except -1:
    """Wind a receiver forward to packet index `last`, with packets of nothing that nobody ever sends.

    They carry a header alone, so no key stream is used up.
    """
    cdef uint8_t packet[12 + 32]
    cdef int64_t number = 0
    cdef int length
    while True:
        memset(packet, 0, sizeof(packet))
        packet[0] = 0x80
        packet[2] = (number >> 8) & 0xFF
        packet[3] = number & 0xFF
        packet[8] = ssrc >> 24
        packet[9] = (ssrc >> 16) & 0xFF
        packet[10] = (ssrc >> 8) & 0xFF
        packet[11] = ssrc & 0xFF
        length = srtp_session_seal(sender.session, packet, 12, False)
        if length < 0 or srtp_session_open(receiver.session, packet, length, False) < 0:
            raise RuntimeError("an SRTP session could not be wound forward")
        if number == last:
            return 0
        number = min(number + _STEP, last)
