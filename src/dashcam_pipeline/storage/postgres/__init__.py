"""The server, the connection to it, and the tables."""
