"""What outlives the process: call records in a SQL database. Nothing in the path of a call waits for it."""
