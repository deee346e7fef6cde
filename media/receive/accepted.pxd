"""What an accepted packet counts as, and where it goes: its sender may speak, and it is plain by now."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from audiocodecs.registry cimport CODEC_CN, CODEC_TELEPHONE_EVENT
from media.leg cimport (
    BESIDE, DROP_FOREIGN_SSRC, DROP_UNKNOWN_PAYLOAD, NO_FORMAT, NOWHERE, TRANSCODE, Format, Leg,
)
from media.mix.bridge cimport bridge_packet
from media.mix.silence cimport silence_end, silence_packet
from media.mix.transcode cimport transcode_beside, transcode_packet
from media.net.latch cimport LOCKED_NOW, Admission
from media.receive.statistics cimport DUPLICATE, FRESH, JUMPED, Verdict, stream_sequence, stream_timing
from media.record.tap cimport tap_push
from media.rtp.packet cimport RtpPacket
from media.rtp.rtcp cimport RtcpCompound
from media.send.keys cimport keys_event, keys_listen
from media.send.sender_report cimport report_read
from media.voice cimport voice_put, voice_reported
from media.worker cimport Worker, drop, tell_started

cdef enum:
    SSRC_QUIET = 60000        # the old SSRC must have been silent so long (microseconds) before two packets of
    SSRC_SILENT = 200000      # a new one count, and so long before one does


cdef inline bint _ssrc_changes(Leg* leg, uint32_t ssrc, int64_t now) noexcept nogil:
    """Whether a new SSRC from the locked source takes over. One that speaks between the packets of the old is foreign."""
    cdef int64_t silent = now - leg.heard_at
    if ssrc != leg.foreign_ssrc:
        leg.foreign_ssrc = ssrc
        leg.foreign_packets = 0
    leg.foreign_packets += 1
    return silent >= SSRC_SILENT or (leg.foreign_packets >= 2 and silent >= SSRC_QUIET)


cdef inline void rtp_accepted(
    Worker* w, Leg* leg, RtpPacket* packet, Admission admission, bint repaired
) noexcept nogil:
    """`repaired`: it was lost, and is known from another one: reports go on counting it as lost."""
    cdef Verdict verdict
    cdef Format* format
    cdef bint pressed_anew = False
    cdef uint8_t index
    if leg.received.started and packet.ssrc != leg.received.ssrc:
        if admission != LOCKED_NOW and not _ssrc_changes(leg, packet.ssrc, w.now):
            drop(w, leg, DROP_FOREIGN_SSRC)
            return
    leg.heard_at = w.now
    leg.timeout_told = 0
    if not repaired:
        leg.received.packets += 1
        leg.received.octets += packet.payload_length
    if admission == LOCKED_NOW:
        tell_started(w, leg)
    verdict = stream_sequence(&leg.received, packet.ssrc, packet.sequence)
    if repaired:
        leg.received.received -= 1
    index = leg.format_of[packet.payload_type]
    if index == NO_FORMAT:
        drop(w, leg, DROP_UNKNOWN_PAYLOAD)
        return
    format = &leg.formats[index]
    leg.quiet_codec = format.codec == CODEC_CN
    if format.codec == CODEC_TELEPHONE_EVENT:
        pressed_anew = keys_event(w, leg, format, packet)
    elif verdict != DUPLICATE and verdict != JUMPED:
        if not repaired:
            stream_timing(&leg.received, packet.timestamp, format.rate, w.now)
        if packet.payload_length and not leg.quiet_codec:
            leg.received.payload_type = packet.payload_type
            leg.received.first_octet = packet.payload[0]
    if not leg.may_receive:
        return
    if leg.tap != NULL:
        if not tap_push(
            leg.tap, w.now_ns, packet.ssrc, packet.timestamp, packet.sequence, packet.payload_type, format.codec,
            <uint16_t> (format.rate // 1000), packet.payload, <uint16_t> packet.payload_length,
        ):
            leg.tap_overruns += 1
    if pressed_anew:
        return
    if leg.keys.listener != NULL and verdict != DUPLICATE and verdict != JUMPED:
        keys_listen(w, leg, format, packet)
    if leg.voice != NULL:
        if leg.voice.playout != NULL:
            voice_put(w, leg, index, packet)
        if leg.voice.pause and verdict == FRESH and format.translation < NOWHERE and format.codec != CODEC_TELEPHONE_EVENT:
            silence_end(w, leg)
    if format.translation < NOWHERE:
        bridge_packet(w, leg, format, packet)
    elif format.translation == TRANSCODE:
        transcode_packet(w, leg, index, verdict, packet)
    elif format.translation == NOWHERE and leg.quiet_codec:
        silence_packet(w, leg, packet)
    elif format.translation != BESIDE or not transcode_beside(w, leg, format, verdict, packet):
        bridge_packet(w, leg, format, packet)


cdef inline void rtcp_accepted(Worker* w, Leg* leg, const RtcpCompound* compound) noexcept nogil:
    w.rtcp_received += 1
    report_read(&leg.reports, compound, &leg.sent, &leg.received, w.now, w.ntp_start)
    if leg.voice != NULL:
        voice_reported(leg)
