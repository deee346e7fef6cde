"""The rules of a contact centre: decisions without SIP, sockets or a clock of their own."""
