"""Calls, legs and what can be done with them: the switch between the protocol below and the stories above."""
