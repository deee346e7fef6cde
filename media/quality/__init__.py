"""How good a call sounded: ITU-T G.107 on measured loss, discards and delay, with the codec's own limit beside it."""
