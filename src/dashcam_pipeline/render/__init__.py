"""`dashcam render`: a video again, with what was found in it drawn, or with what must not be seen blurred."""
