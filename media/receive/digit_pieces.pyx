"""Digits one piece at a time, with time as an argument: for tests and tools, not for calls."""

from libc.stdint cimport int16_t, uint32_t
from libc.string cimport memset

from media.receive.tone_detector cimport (
    TONE_BEGAN, TONE_ENDED, ToneDetector, tone_feed, tone_init, tone_skip, tone_suspected,
)
from media.send.dual_tone cimport DualTone, dual_tone_begin, dual_tone_run
from media.send.telephone_event cimport (
    EventPacket, PressSender, press_hold, press_packet, press_queue, press_release,
)


cdef class InBandDigits:
    """The compiled tone detector. Times are milliseconds since the first sample."""

    cdef ToneDetector detector

    def __cinit__(self, int rate):
        if rate != 8000 and rate != 16000:
            raise ValueError(f"in-band digits are detected at 8000 or 16000 Hz, not {rate}")
        tone_init(&self.detector, rate)

    def feed(self, const int16_t[::1] pcm):
        """[(event, began, ended)] of the keys released meanwhile."""
        cdef list told = []
        cdef int at = 0, most = self.detector.rate // 50, count, news
        cdef long long began
        while at < pcm.shape[0]:
            count = <int> min(pcm.shape[0] - at, most)
            began = self.detector.began_at
            news = tone_feed(&self.detector, &pcm[at], count)
            if news & TONE_ENDED:
                if not news & TONE_BEGAN:
                    began = self.detector.began_at
                told.append((
                    self.detector.ended, began * 1000 / self.detector.rate,
                    self.detector.ended_at * 1000 / self.detector.rate,
                ))
            at += count
        return told

    def skip(self, int samples):
        """So many samples are lost."""
        tone_skip(&self.detector, samples)

    @property
    def down(self):
        """The event of the key that is down, -1: none."""
        return self.detector.down

    @property
    def suspected(self):
        """Whether a key is down or about to be."""
        return bool(tone_suspected(&self.detector))

    @property
    def powers(self):
        """Mean squares of the newest window's tones: low, high."""
        return self.detector.low_power, self.detector.high_power


def key_sound(int event, int rate, int16_t[::1] pcm, pieces):
    """Fill `pcm` with the sound of a key, made in pieces of so many samples each."""
    cdef DualTone tone
    cdef int at = 0
    dual_tone_begin(&tone, event, rate)
    for count in pieces:
        dual_tone_run(&tone, &pcm[0], at, count, <int> pcm.shape[0] - at)
        at += count


cdef class PressedKeys:
    """What is sent of keys pressed one after the other."""

    cdef PressSender sender
    cdef uint32_t rate

    def __cinit__(self, uint32_t rate):
        memset(&self.sender, 0, sizeof(self.sender))
        self.rate = rate

    def press(self, int event, int duration_ms, int gap_ms):
        """Duration 0: until `release`. False when too many wait."""
        return bool(press_queue(&self.sender, event, duration_ms, gap_ms))

    def hold(self, int known_ms):
        """It has been down for so long."""
        press_hold(&self.sender, known_ms)

    def release(self, int duration_ms):
        """It was down for so long."""
        press_release(&self.sender, duration_ms)

    def next(self):
        """((payload, units behind the press's timestamp, marker) | None, press, milliseconds until the next call)."""
        cdef EventPacket packet
        cdef bint send
        cdef int wait = press_packet(&self.sender, self.rate, &packet, &send)
        told = (bytes(packet.payload[:4]), packet.ahead, bool(packet.marker)) if send else None
        return told, self.sender.presses, wait
