"""INVITE sessions, one verb a file: the directory is the list of what can be done with a call."""
