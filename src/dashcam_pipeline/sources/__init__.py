"""Where frames come from: video files, later cameras and uploads."""
