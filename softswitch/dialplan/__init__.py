"""Where a call goes: ordered rules over who calls, what was dialled and when. Pure: no clock, no IO, no SIP."""
