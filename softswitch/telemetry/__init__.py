"""What the outside may learn of the switch: events, ladders, call records, metrics. Imports nothing of the switch."""
