"""Where frames come from: finding, probing and decoding video files."""
