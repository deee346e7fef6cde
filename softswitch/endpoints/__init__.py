"""Who the switch talks to: trunks known by their address, phones known by their registration. Default deny."""
