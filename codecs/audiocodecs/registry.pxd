# Codec numbers shared by the engine, the recorder and the player.
#
# Static payload types keep their RFC 3551 number, codecs that only have dynamic payload types start at 128.
# A number names a codec, never the payload type of one call: PCMA stays CODEC_PCMA when a far end maps it to 96.
# The Python side (`audiocodecs.registry`) gives name, clock rate and samples per millisecond for each.

cdef extern from *:
    """
    #ifndef SOFTSWITCH_CODEC_NUMBERS
    #define SOFTSWITCH_CODEC_NUMBERS
    enum {
        CODEC_PCMU = 0, CODEC_GSM = 3, CODEC_PCMA = 8, CODEC_G722 = 9, CODEC_CN = 13, CODEC_G729 = 18,
        CODEC_TELEPHONE_EVENT = 128, CODEC_OPUS = 129, CODEC_L16 = 130, CODEC_AMR_WB = 131,
        CODEC_UNKNOWN = 255
    };
    #endif
    """
    enum:
        CODEC_PCMU
        CODEC_GSM
        CODEC_PCMA
        CODEC_G722
        CODEC_CN
        CODEC_G729
        CODEC_TELEPHONE_EVENT
        CODEC_OPUS
        CODEC_L16
        CODEC_AMR_WB
        CODEC_UNKNOWN
