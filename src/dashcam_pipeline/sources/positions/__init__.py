"""Where the camera was: tracks beside a video and inside it, cleaned and laid on the video's time."""
