"""Audio codecs: tables and bindings, without any knowledge of RTP."""
